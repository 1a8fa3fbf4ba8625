"""Natural batching: at once when idle, together under load, bounded, each its own answer."""

from __future__ import annotations

import asyncio

import pytest

from actors.errors import CallerError, CallerFault
from actors.outbox import SAMPLE, Outbox


class Receiver:
    """Answers doubled numbers when its gate is open; refuses odd ones if asked to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.refuse_odd = False

    async def __call__(self, items: list[int]) -> list[int | CallerFault]:
        self.batches.append(items)
        await self.gate.wait()
        return [CallerFault(400, "odd") if self.refuse_odd and item % 2 else item * 2 for item in items]


def test_idle_sends_one_at_once_and_load_gathers() -> None:
    async def play() -> tuple[list[list[int]], list[int]]:
        receiver = Receiver()
        outbox: Outbox[int, int] = Outbox(receiver)
        asks = [asyncio.create_task(outbox.ask(n)) for n in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asks += [asyncio.create_task(outbox.ask(n)) for n in range(3, 6)]
        receiver.gate.set()
        return receiver.batches, await asyncio.gather(*asks)

    batches, answers = asyncio.run(play())
    assert answers == [0, 2, 4, 6, 8, 10]
    assert len(batches) == 2
    assert batches[1] == [3, 4, 5]


def test_who_asks_in_a_crowd_waits_for_company() -> None:
    """The first few go one by one; then there are so many a second that the rest go together."""

    async def play() -> tuple[list[list[int]], list[int]]:
        receiver = Receiver()
        receiver.gate.set()
        outbox: Outbox[int, int] = Outbox(receiver, linger_s=0.05, busy_from=1)
        alone = [await outbox.ask(n) for n in range(SAMPLE)]
        together = await asyncio.gather(*(outbox.ask(n) for n in range(SAMPLE, SAMPLE + 3)))
        return receiver.batches, alone + together

    batches, answers = asyncio.run(play())
    assert answers == [2 * n for n in range(SAMPLE + 3)]
    assert batches == [*([n] for n in range(SAMPLE)), [SAMPLE, SAMPLE + 1, SAMPLE + 2]]


def test_who_asks_seldom_goes_at_once() -> None:
    async def play() -> list[int]:
        receiver = Receiver()
        receiver.gate.set()
        outbox: Outbox[int, int] = Outbox(receiver, linger_s=3600.0, busy_from=1_000_000_000)
        async with asyncio.timeout(10.0):
            return [await outbox.ask(n) for n in range(2 * SAMPLE)]

    assert asyncio.run(play()) == [2 * n for n in range(2 * SAMPLE)]


def test_a_refused_item_does_not_spoil_its_batch() -> None:
    async def play() -> list[object]:
        receiver = Receiver()
        receiver.refuse_odd = True
        receiver.gate.set()
        outbox: Outbox[int, int] = Outbox(receiver)
        return await asyncio.gather(*(outbox.ask(n) for n in range(3)), return_exceptions=True)

    zero, one, two = asyncio.run(play())
    assert (zero, two) == (0, 4)
    assert isinstance(one, CallerError) and one.fault.message == "odd"


def test_a_full_outbox_refuses_at_the_door_and_forgets_nothing() -> None:
    async def play() -> list[int]:
        receiver = Receiver()
        outbox: Outbox[int, int] = Outbox(receiver, limit=2)
        asks = [asyncio.create_task(outbox.ask(n)) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(CallerError) as refused:
            await outbox.ask(9)
        assert refused.value.fault.status == 503
        receiver.gate.set()
        return await asyncio.gather(*asks)

    assert asyncio.run(play()) == [0, 2]


def test_a_send_that_fails_is_told_to_all_of_its_batch_and_the_next_goes_on() -> None:
    async def play() -> tuple[list[object], int]:
        fails = [True]

        async def send(items: list[int]) -> list[int | CallerFault]:
            if fails.pop() if fails else False:
                raise ConnectionError("away")
            return list(items)

        outbox: Outbox[int, int] = Outbox(send)
        first = await asyncio.gather(outbox.ask(1), outbox.ask(2), return_exceptions=True)
        return first, await outbox.ask(3)

    first, third = asyncio.run(play())
    assert all(isinstance(answer, ConnectionError) for answer in first)
    assert third == 3


def test_batches_are_bounded() -> None:
    async def play() -> list[int]:
        receiver = Receiver()
        receiver.gate.set()
        outbox: Outbox[int, int] = Outbox(receiver, batch_limit=4)
        await asyncio.gather(*(outbox.ask(n) for n in range(10)))
        return [len(batch) for batch in receiver.batches]

    assert max(asyncio.run(play())) == 4


def test_drained_waits_for_casts() -> None:
    async def play() -> list[list[int]]:
        receiver = Receiver()
        receiver.gate.set()
        outbox: Outbox[int, int] = Outbox(receiver)
        for n in range(5):
            outbox.cast(n)
        await outbox.drained()
        return receiver.batches

    assert [n for batch in asyncio.run(play()) for n in batch] == [0, 1, 2, 3, 4]


def test_what_may_wait_goes_with_what_may_not_or_when_its_time_is_up() -> None:
    async def play() -> None:
        sent: list[list[str]] = []
        came = asyncio.Event()

        async def send(items: list[str]) -> list[None]:
            sent.append(items)
            came.set()
            return [None] * len(items)

        box: Outbox[str, None] = Outbox(send, linger_s=60.0)  # type: ignore[arg-type]
        box.cast("a", by_and_by=True)
        box.cast("b", by_and_by=True)
        await asyncio.sleep(0)
        assert sent == []
        await box.ask("c")
        assert sent == [["a", "b", "c"]]
        box.cast("d", by_and_by=True)
        await box.drained()
        assert sent[1:] == [["d"]]
        soon: Outbox[str, None] = Outbox(send, linger_s=0.001)  # type: ignore[arg-type]
        came.clear()
        soon.cast("e", by_and_by=True)
        async with asyncio.timeout(5.0):
            await came.wait()
        assert sent[2:] == [["e"]]

    asyncio.run(play())


def test_who_was_alone_in_a_crowd_does_not_wait_again_soon() -> None:
    """A client that asks one thing after another is quick, and no crowd."""

    async def play() -> float:
        receiver, loop = Receiver(), asyncio.get_running_loop()
        receiver.gate.set()
        outbox: Outbox[int, int] = Outbox(receiver, linger_s=0.2, busy_from=1)
        for n in range(SAMPLE + 1):  # the last of them waits, for nobody
            await outbox.ask(n)
        began = loop.time()
        for n in range(3 * SAMPLE):
            await outbox.ask(n)
        return loop.time() - began

    assert asyncio.run(play()) < 1.0  # each that waited would wait 25 ms


def test_a_crowd_that_pauses_is_waited_for_when_it_comes_again() -> None:
    async def play() -> list[list[int]]:
        receiver = Receiver()
        receiver.gate.set()
        outbox: Outbox[int, int] = Outbox(receiver, linger_s=4.0, busy_from=100)
        await asyncio.gather(*(outbox.ask(n) for n in range(2 * SAMPLE)))
        receiver.batches.clear()
        await asyncio.sleep(0.2)  # longer than so many asks may take where it is busy
        first = asyncio.create_task(outbox.ask(100))
        await asyncio.sleep(0.01)
        await asyncio.gather(first, *(outbox.ask(n) for n in range(101, 104)))
        return receiver.batches

    assert asyncio.run(play()) == [[100, 101, 102, 103]]


def test_a_full_batch_goes_abreast_of_others_and_one_that_is_not_waits() -> None:
    async def play() -> list[list[int]]:
        receiver = Receiver()
        outbox: Outbox[int, int] = Outbox(receiver, batch_limit=2, abreast=2)
        asks = [asyncio.create_task(outbox.ask(n)) for n in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert receiver.batches == [[0, 1]]  # the third is no full batch
        asks += [asyncio.create_task(outbox.ask(n)) for n in range(3, 6)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert receiver.batches == [[0, 1], [2, 3]]  # and a third one is one too many
        receiver.gate.set()
        assert await asyncio.gather(*asks) == [2 * n for n in range(6)]
        assert len(outbox) == 0
        await outbox.drained()
        return receiver.batches

    assert asyncio.run(play()) == [[0, 1], [2, 3], [4, 5]]
