"""A cold migration, or a resize elsewhere, in which anybody dies at any moment, or a node leaves, or the server is
deleted: it ends well, or its server runs on as it was, and nothing is left of it anywhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from actors.acts import ConfirmResize, RevertResize
from actors.api.act_messages import ActOnServer
from actors.audit.checks import audit
from actors.audit.gather import Witnesses, look
from actors.clock import SystemClock
from actors.cluster.config import CloudConfig
from actors.cluster.names import node_of
from actors.compute.service import Compute
from actors.conductor.moves import CONFIRMED, KEPT
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.errors import CallerError
from actors.messages import ServerView
from actors.records import Move
from actors.states import Power
from tests.acts.test_acts import act, shown
from tests.acts.test_migrate import OTHER, ask, begin, broken, claimed, migrate, seen, states
from tests.acts.test_rescue_crashes import Death, dies
from tests.acts.test_resize import ask as ask_to_resize
from tests.acts.test_resize import resize, used
from tests.world import NODE_NAME, World, in_world


class Gate:
    """Whatever goes through it never comes back once it is shut: so ends what a process that is killed was doing."""

    def __init__(self) -> None:
        self.shut = asyncio.Event()

    async def passes(self) -> None:
        if self.shut.is_set():
            await asyncio.Event().wait()

    def __call__(self, room: Any) -> Any:
        return _Gated(self, room)


class _Gated:
    def __init__(self, gate: Gate, room: Any) -> None:
        self._gate, self._room = gate, room

    def __getattr__(self, name: str) -> Any:
        known = getattr(self._room, name)
        if not callable(known):
            return known

        async def work(*asked: Any, **named: Any) -> Any:
            await self._gate.passes()
            reply = await known(*asked, **named)
            await self._gate.passes()
            return reply

        return work


class Mortal:
    """A database whose conductor dies with its `last` commit, before or after that is on disk."""

    def __init__(self, gate: Gate, ledger: Any, last: int, before: bool) -> None:
        self._gate, self._ledger, self._left, self._before = gate, ledger, last, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def commit(self, changes: Any) -> None:
        await self._gate.passes()
        self._left -= 1
        if self._left or not self._before:
            await self._ledger.commit(changes)
        if not self._left:
            self._gate.shut.set()
        await self._gate.passes()


def rooms(world: World, through: Callable[[Any], Any] = lambda room: room) -> ConductorRooms:
    gated = (through(world.scheduler), through(world.network), through(world.volumes))
    return ConductorRooms(*gated, lambda host: through(world._computes[node_of(host)]), through(world.images))


async def conductor(world: World, rooms: ConductorRooms, ledger: Any, life: int = 0) -> Conductor:
    """The next one; whoever asks or tells finds it."""
    config = CloudConfig(home=world.folder, hypervisor="simulated")
    made = Conductor(config, ledger, rooms, SystemClock(), life=life)
    await made.start()
    world.conductor = world.api._conductor = made
    for compute in world._computes.values():
        compute = getattr(compute, "room", compute)
        compute.conductor = compute.standing._conductor = made
    made.resume()
    await made.settled()
    return made


async def agree(world: World) -> None:
    nodes = {name: (world._computes[name], world._agents[name]) for name in (NODE_NAME, OTHER)}
    witnesses = Witnesses(world.conductor, world.scheduler, world.network, world.volumes, nodes)
    await world.settled()
    found = await look(witnesses)
    assert audit(found, found) == []


RESIZED = pytest.mark.parametrize("resized", [False, True], ids=["migrated", "resized"])


async def go(world: World, server: ServerView, resized: bool) -> ServerView:
    """To the other node. One that was resized there already is resized once more."""
    if not resized:
        return await migrate(world, server)
    return await resize(world, server, "big" if (await shown(world, server)).flavor == "tiny" else "wider")


async def ask_to_go(world: World, server: ServerView, resized: bool) -> None:
    await (ask_to_resize(world, server, "big") if resized else ask(world, server))


async def is_of(world: World, view: ServerView, resized: bool) -> None:
    """Of the flavor that it has there where it is, and its project is charged for the most that it may be."""
    assert view.flavor == ("big" if resized and view.host == OTHER else "tiny")
    cores = 2 if view.flavor == "big" else 1
    assert (await used(world))["cores"] == cores


PATHS = ("goes", "fails there", "is confirmed", "is reverted")
COMMITS = 7  # more than any of these takes


@RESIZED
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("last", range(1, COMMITS + 1))
def test_the_conductor_dies_with_each_of_its_commits(
    tmp_path: Path, path: str, before: bool, last: int, resized: bool
) -> None:
    async def play(world: World) -> None:
        devices = (world.root_volume(),) if last % 2 else ()
        server, other, empty = await begin(world, **({"image": "", "block_devices": devices} if devices else {}))
        at_first = await states(world, other)
        if path in PATHS[2:]:
            await go(world, server, resized)
        heal = broken(other, "start") if path == "fails there" else None
        await world.settled()
        gate = Gate()
        await conductor(world, rooms(world, gate), Mortal(gate, world.ledger, last, before))
        asking = asyncio.create_task(_ask(world, server, path, resized))
        dead = asyncio.create_task(gate.shut.wait())
        await asyncio.wait([asking, dead], return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        dead.cancel()
        gate.shut.set()
        await conductor(world, rooms(world), world.ledger)
        await agree(world)
        [view] = await world.conductor.show([server.id])
        assert isinstance(view, ServerView)
        accepted = not (before and last == 1)
        here, there = ("ACTIVE", None, "RUNNING", NODE_NAME), ("VERIFY_RESIZE", None, "RUNNING", OTHER)
        expected = {
            "goes": there if accepted else here,
            "fails there": here,
            "is confirmed": ("ACTIVE", None, "RUNNING", OTHER) if accepted else there,
            "is reverted": here if accepted else there,
        }
        cause = (await world.conductor.actions(server.id))[-1]
        assert seen(view) == expected[path], cause
        await is_of(world, view, resized)
        if view.host == NODE_NAME:
            assert await states(world, other) == at_first
        if heal is not None:
            heal()
        if view.status == "ACTIVE":
            assert await claimed(world, server) == {view.host: [True]}
            assert seen(await go(world, server, resized))[0] == "VERIFY_RESIZE"
        await world.delete(server)
        assert await states(world, other) == empty

    in_world(tmp_path, play)


async def _ask(world: World, server: ServerView, path: str, resized: bool) -> None:
    match path:
        case "is confirmed":
            await act(world, server, ConfirmResize())
        case "is reverted":
            await act(world, server, RevertResize())
        case _:
            await go(world, server, resized)
    await world.conductor.settled()


# ---------------------------------------------------------------- compute actors


MOMENTS = [
    *((NODE_NAME, "goes", name) for name in ("shut_down", "offer_disks", "unplug")),
    *((OTHER, "goes", name) for name in ("take_disks", "fit", "define", "plug", "start_paused", "unpause")),
    *((NODE_NAME, "fails", name) for name in ("keep_root_kind", "define", "plug", "unpause", "drop_offers")),
    *((NODE_NAME, "is reverted", name) for name in ("keep_root_kind", "define", "plug", "unpause", "drop_offers")),
    *((OTHER, "is reverted", name) for name in ("stop", "remove_root_disks")),
]


def at(compute: Compute, moment: str) -> tuple[Any, Any]:
    """Who does it, and how."""
    hypervisor = compute.hypervisor
    owner = hypervisor if moment in ("define", "unplug", "stop", "remove_root_disks") else hypervisor.guests
    return owner, getattr(owner, moment)


def mortal(compute: Compute) -> asyncio.Event:
    """Who calls it hears of its death as of any actor's, and then waits until the event says that the next life is
    there."""
    alive = asyncio.Event()
    alive.set()
    for name in ("act", "destroy"):
        whole = getattr(compute, name)

        async def work(orders: Any, whole: Any = whole) -> Any:
            await alive.wait()
            try:
                return await whole(orders)
            except Death:
                alive.clear()
                raise ConnectionError("the actor died") from None

        setattr(compute, name, work)
    return alive


@RESIZED
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("node", "path", "moment"), MOMENTS, ids=["-".join(one) for one in MOMENTS])
def test_a_compute_actor_dies_at_this_moment(
    tmp_path: Path, node: str, path: str, moment: str, before: bool, resized: bool
) -> None:
    async def play(world: World) -> None:
        server, other, empty = await begin(world)
        at_first = await states(world, other)
        if path == "is reverted":
            await go(world, server, resized)
        heal = broken(other, "start") if path == "fails" else None
        compute = {NODE_NAME: world.compute, OTHER: other}[node]
        alive = mortal(compute)
        owner, whole = at(compute, moment)
        setattr(owner, moment, dies(whole, before))
        if path == "is reverted":
            await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=RevertResize()))
        else:
            await ask_to_go(world, server, resized)
        await world.conductor.settled()
        setattr(owner, moment, whole)
        compute._acts._over.clear()
        compute._going.clear()
        await compute.settled()  # what its last life had to tell is told
        await compute.start()  # its next life
        alive.set()
        await world.conductor.tend()
        await world.settled()
        [view] = await world.conductor.show([server.id])
        assert isinstance(view, ServerView)
        there = ("VERIFY_RESIZE", None, "RUNNING", OTHER)
        assert seen(view) == (there if path == "goes" else ("ACTIVE", None, "RUNNING", NODE_NAME))
        await is_of(world, view, resized)
        await agree(world)
        if path != "goes":
            assert await states(world, other) == at_first
        if heal is not None:
            heal()
        await world.delete(server)
        assert await states(world, other) == empty

    in_world(tmp_path, play)


# ---------------------------------------------------------------- nodes that leave, and servers that are deleted


def when(compute: Compute, moment: str, happens: Callable[[], Awaitable[None]]) -> None:
    """The first time that it comes to this."""
    owner, whole = at(compute, moment)

    async def work(*asked: Any) -> Any:
        setattr(owner, moment, whole)
        await happens()
        return await whole(*asked)

    setattr(owner, moment, work)


@RESIZED
@pytest.mark.parametrize(
    ("node", "moment"), [(OTHER, "take_disks"), (NODE_NAME, "offer_disks"), (OTHER, "start_paused")]
)
def test_the_node_that_it_goes_to_leaves(tmp_path: Path, node: str, moment: str, resized: bool) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)

        async def leaves() -> None:
            asyncio.get_running_loop().create_task(world.conductor.node_left(OTHER))
            for _ in range(20):
                await asyncio.sleep(0)

        world.conductor.nodes._heard[OTHER] = world.conductor.nodes._began = -1_000.0  # no lease of it is left
        when({NODE_NAME: world.compute, OTHER: other}[node], moment, leaves)
        await ask_to_go(world, server, resized)
        await world.settled()
        [view] = await world.conductor.show([server.id])
        assert isinstance(view, ServerView)
        assert seen(view) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        await is_of(world, view, resized)
        assert await claimed(world, server) == {NODE_NAME: [True]}
        assert view.kept_places == ()

    in_world(tmp_path, play)


@RESIZED
def test_the_node_that_it_comes_from_leaves(tmp_path: Path, resized: bool) -> None:
    """What is on its disks went with it; as of any server of that node, an administrator says where it runs again."""

    async def play(world: World) -> None:
        server, other, _ = await begin(world)

        async def leaves() -> None:
            await world.conductor.node_left(NODE_NAME)

        when(other, "take_disks", leaves)
        broken(other, "define")
        await ask_to_go(world, server, resized)
        await world.settled()
        [view] = await world.conductor.show([server.id])
        assert isinstance(view, ServerView)
        assert (view.status, view.task_state, view.host, view.kept_places) == ("ACTIVE", None, NODE_NAME, ())
        await is_of(world, view, resized)
        assert (await other.world())["claims"] == []

    in_world(tmp_path, play)


DELETED_AT = [
    *((NODE_NAME, name) for name in ("shut_down", "offer_disks", "unplug")),
    *((OTHER, name) for name in ("take_disks", "define", "plug", "start_paused", "unpause")),
]


@RESIZED
@pytest.mark.parametrize(("node", "moment"), DELETED_AT)
def test_it_is_deleted_on_its_way(tmp_path: Path, node: str, moment: str, resized: bool) -> None:
    async def play(world: World) -> None:
        server, other, empty = await begin(world)
        going: list[asyncio.Task[None]] = []

        async def delete() -> None:
            going.append(asyncio.create_task(world.delete(server)))
            for _ in range(50):
                await asyncio.sleep(0)

        when({NODE_NAME: world.compute, OTHER: other}[node], moment, delete)
        await ask_to_go(world, server, resized)
        await world.settled()
        await asyncio.gather(*going)
        assert await states(world, other) == empty
        assert (await used(world))["cores"] == 0
        with pytest.raises(CallerError):
            await ask(world, server)

    in_world(tmp_path, play)


def test_a_scheduler_that_starts_is_told_of_both_hosts(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)
        held = await claimed(world, server)
        told = await world.conductor.claims()
        await world.scheduler.release([one.instance_id for one in told])
        assert await world.scheduler.claims() == []
        await world.scheduler.restore(told)
        assert await claimed(world, server) == held == {NODE_NAME: [False], OTHER: [True]}
        await act(world, server, RevertResize())
        assert await claimed(world, server) == {NODE_NAME: [True]}

    in_world(tmp_path, play)


def test_a_node_whose_actor_starts_keeps_room_for_what_may_come_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)
        world.compute.hosts.drop(NODE_NAME, server.id)
        await world.compute.start()  # its next life
        assert [one.instance_id for one in world.compute.hosts.claims()] == [server.id]
        assert await world.conductor.strangers(NODE_NAME, [server.id]) == []
        await act(world, server, ConfirmResize())
        await world.settled()
        assert world.compute.hosts.claims() == []
        assert await world.conductor.strangers(NODE_NAME, [server.id]) == [server.id]

    in_world(tmp_path, play)


def test_the_next_conductor_ends_a_move_however_many_are_newer(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)
        [move] = await world.ledger.load(Move)
        numbers = range(move.number + 1, move.number + 1 + KEPT)
        newer = [replace(move, id=str(one), number=one, instance_id="gone", status=CONFIRMED) for one in numbers]
        await world.ledger.commit([*newer])
        await conductor(world, rooms(world), world.ledger)
        await act(world, server, ConfirmResize())
        await world.settled()
        [row] = await world.ledger.load_where(Move, "id", [move.id])
        assert row.status == CONFIRMED

    in_world(tmp_path, play)


@pytest.mark.parametrize("last", ["leave", "destroy"])
def test_a_conductor_that_lives_on_though_another_took_over_orders_nothing_any_more(tmp_path: Path, last: str) -> None:
    """What it says comes late: after the server went and came back, or went for good."""

    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        owner, name = {"leave": (world.compute, "act"), "destroy": (other, "destroy")}[last]
        whole, late = getattr(owner, name), asyncio.Event()

        async def comes_late(orders: Any) -> Any:
            setattr(owner, name, whole)
            await late.wait()
            return await whole(orders)

        setattr(owner, name, comes_late)
        first = world.conductor
        await ask(world, server)
        for _ in range(50):
            await asyncio.sleep(0)
        await conductor(world, rooms(world), world.ledger, life=1)
        if last == "leave":
            await act(world, server, RevertResize())
        else:
            await act(world, server, ConfirmResize())
        await world.settled()
        [before] = await world.conductor.show([server.id])
        late.set()
        await first.settled()
        await world.settled()
        compute = world.compute if last == "leave" else other
        assert isinstance(before, ServerView) and (before.status, before.power_state) == ("ACTIVE", "RUNNING")
        assert await compute.hypervisor.guests.power(server.id) is Power.RUNNING
        await agree(world)

    in_world(tmp_path, play)


def test_what_a_dead_conductor_did_not_say_of_one_that_has_arrived_the_next_one_says(tmp_path: Path) -> None:
    """Else its guest runs on a lease, and copies of its disks are kept, as long as it waits."""

    async def play(world: World) -> None:
        server, other, _ = await begin(world)

        async def dies(*_: Any) -> None:
            return

        world.conductor._acts.migrating.heard = dies  # type: ignore[method-assign]
        assert seen(await migrate(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)
        assert (server.id in other._unheard, "offered_disks" in await world.compute.world()) == (True, True)
        await conductor(world, rooms(world), world.ledger)
        assert (server.id in other._unheard, "offered_disks" in await world.compute.world()) == (False, False)
        assert seen(await shown(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)
        assert seen(await act(world, server, RevertResize())) == ("ACTIVE", None, "RUNNING", NODE_NAME)

    in_world(tmp_path, play)
