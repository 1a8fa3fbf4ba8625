"""A resize that fails, or is told again: the guest is what its order says, with all that it has written."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from actors.acts import ActOrder, ConfirmResize, Edit, Reboot, RevertResize, Start, Stop
from actors.api.act_messages import EditServer
from actors.compute.build import ResizeMark
from actors.errors import CallerError, HostError, HostFault
from actors.messages import Claim
from actors.states import Power
from tests.acts.test_acts import act, shown
from tests.acts.test_rescue_crashes import Death
from tests.acts.test_resize import TINY, ask, claims, flavor, last_cause, resize
from tests.world import NODE_NAME, World, in_world


@pytest.mark.parametrize("off", [False, True])
@pytest.mark.parametrize("step", ["check_sizes", "shut_down", "keep_disks", "fit", "start_paused"])
def test_where_it_fails_the_guest_is_what_it_was(tmp_path: Path, step: str, off: bool) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        if off:
            await act(world, server, Stop(wait_s=0))
        before, guests = await world.state(), world.hypervisor.guests
        real, left = getattr(guests, step), [1]

        async def fails_once(*asked: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise HostError(HostFault(step, NODE_NAME, "no room for a copy"))
            return await real(*asked)

        setattr(guests, step, fails_once)
        view = await resize(world, server, "big")
        if step == "start_paused" and off:
            assert view.status == "VERIFY_RESIZE"  # it is not started
            return
        assert (view.status, view.task_state, view.flavor) == ("SHUTOFF" if off else "ACTIVE", None, "tiny")
        assert await last_cause(world, server) == f"{step} on node-1: no room for a copy"
        assert await world.state() == before
        assert await claims(world, server) == (TINY, TINY)
        assert (await resize(world, server, "big")).status == "VERIFY_RESIZE"

    in_world(tmp_path, play)


def test_one_that_failed_and_is_told_twice_has_failed(tmp_path: Path) -> None:
    """The second order waits for the first, whose end is the conductor's by then."""

    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        before, whole, check = await world.state(), world.compute.act, world.hypervisor.guests.check_sizes

        async def twice(orders: list[ActOrder]) -> Any:
            first, _ = await asyncio.gather(whole(orders), whole(orders))
            return first

        async def fails_once(*_: Any) -> None:
            world.hypervisor.guests.check_sizes = check  # type: ignore[method-assign]
            raise HostError(HostFault("check_sizes", NODE_NAME, "no room for a copy"))

        world.compute.act = twice  # type: ignore[method-assign]
        world.hypervisor.guests.check_sizes = fails_once  # type: ignore[method-assign]
        assert (await resize(world, server, "big")).status == "ACTIVE"
        assert await world.state() == before
        assert await claims(world, server) == (TINY, TINY)

    in_world(tmp_path, play)


@pytest.mark.parametrize("died", ["after its start", "before its start", "before its definition"])
def test_told_again_and_refused_then_the_guest_is_what_its_order_says(tmp_path: Path, died: str) -> None:
    """The compute actor dies in the resize, and what it looks at first fails when the conductor tells it again."""

    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        once, guests = world.compute.act, world.hypervisor.guests
        start, keep, look = guests.start_paused, guests.keep_disks, guests.check_sizes

        async def fails(*asked: Any) -> Any:
            raise HostError(HostFault("resize", NODE_NAME, "it took too long"))

        async def dies(*asked: Any) -> None:
            raise Death

        async def does_and_dies(orders: list[ActOrder]) -> list[Any]:
            with suppress(Death):
                await once(orders)
            raise ConnectionError("the actor died")

        if died == "before its start":
            guests.start_paused = dies  # type: ignore[method-assign]
        if died == "before its definition":
            guests.keep_disks = dies  # type: ignore[method-assign]
        world.compute.act = does_and_dies  # type: ignore[method-assign]
        await ask(world, server, "big")
        await world.conductor.settled()
        mark = await guests.resized(server.id)
        assert (mark is None) == (died == "before its definition")
        world.compute.act = once  # type: ignore[method-assign]
        guests.start_paused, guests.keep_disks = start, keep  # type: ignore[method-assign]
        world.compute._acts._over.clear()  # as of another life
        guests.check_sizes = fails  # type: ignore[method-assign]
        await world.compute.start()
        await world.settled()
        guests.check_sizes = look  # type: ignore[method-assign]
        view, found = await shown(world, server), await guests.resized(server.id)
        assert await guests.power(server.id) is Power.RUNNING
        if died == "after its start":
            assert (view.status, view.flavor, found) == ("VERIFY_RESIZE", "big", mark)
            assert await claims(world, server) == ((2, 256, 3), (2, 256, 3))
        else:
            assert (view.status, view.flavor, found) == ("ACTIVE", "tiny", None)
            assert "it took too long" in await last_cause(world, server)
            assert await claims(world, server) == (TINY, TINY)

    in_world(tmp_path, play)


@pytest.mark.parametrize("step", ["confirm_resize", "check_sizes", "shut_down", "keep_disks", "fit"])
def test_after_a_reset_a_resize_that_fails_leaves_the_guest_what_it_was_then(tmp_path: Path, step: str) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 96, 3)
        await flavor(world, "bigger", 3, 512, 4)
        [server] = await world.boot(world.request())
        await resize(world, server, "big")
        reset = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        guests = world.hypervisor.guests
        real, real_unresize, undone = getattr(guests, step), guests.unresize, set()

        async def fails(*asked: Any) -> None:
            raise HostError(HostFault(step, NODE_NAME, "the daemon is away"))

        async def noted(instance_id: str, mark: ResizeMark | None, keep: bool = False) -> None:
            if (found := await guests.resized(instance_id)) is not None:
                undone.add(found.flavor_id)
            await real_unresize(instance_id, mark, keep)

        guests.unresize = noted  # type: ignore[method-assign]
        setattr(guests, step, fails)
        view = await resize(world, server, "bigger")
        assert (view.status, view.flavor, view.power_state) == ("ACTIVE", "big", "RUNNING")
        assert await last_cause(world, server) == f"{step} on node-1: the daemon is away"
        assert (await claims(world, server))[0] == (2, 96, 3)
        assert undone == ({"bigger"} if step == "fit" else set())
        setattr(guests, step, real)
        assert (await resize(world, server, "bigger")).status == "VERIFY_RESIZE"
        assert (await act(world, server, RevertResize())).flavor == "big"
        assert undone - {"bigger"} == set()

    in_world(tmp_path, play)


def test_one_that_can_t_be_put_back_is_in_error_and_a_hard_reboot_puts_it_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        running, guests = await world.state(), world.hypervisor.guests
        start, unresize = guests.start_paused, guests.unresize

        async def fails(*asked: Any) -> None:
            raise HostError(HostFault("start", NODE_NAME, "the daemon is away"))

        guests.start_paused = guests.unresize = fails  # type: ignore[method-assign]
        view = await resize(world, server, "big")
        assert (view.status, view.flavor) == ("ERROR", "tiny")
        assert view.fault is not None and "it was to be put back after: start on node-1" in view.fault.message
        guests.start_paused, guests.unresize = start, unresize  # type: ignore[method-assign]
        assert (await act(world, server, Reboot(hard=True))).status == "ACTIVE"
        assert await world.state() == running
        assert await claims(world, server) == (TINY, TINY)

    in_world(tmp_path, play)


def test_one_that_was_not_put_back_is_so_before_it_is_resized_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        await flavor(world, "bigger", 3, 512, 4)
        [server] = await world.boot(world.request())
        running, guests = await world.state(), world.hypervisor.guests
        start, unresize = guests.start_paused, guests.unresize

        async def fails(*asked: Any) -> None:
            raise HostError(HostFault("start", NODE_NAME, "the daemon is away"))

        guests.start_paused = guests.unresize = fails  # type: ignore[method-assign]
        assert (await resize(world, server, "big")).status == "ERROR"
        guests.start_paused, guests.unresize = start, unresize  # type: ignore[method-assign]
        reset = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        undone: list[ResizeMark | None] = []

        async def noted(instance_id: str, mark: ResizeMark | None, keep: bool = False) -> None:
            undone.append(mark)
            await unresize(instance_id, mark, keep)

        guests.unresize = noted  # type: ignore[method-assign]
        assert (await resize(world, server, "bigger")).status == "VERIFY_RESIZE"
        assert [mark and mark.flavor_id for mark in undone] == ["big"]
        assert (await act(world, server, RevertResize())).flavor == "tiny"
        assert await world.state() == running

    in_world(tmp_path, play)


def test_a_revert_that_fails_leaves_it_in_error_of_the_flavor_before(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        running, guests = await world.state(), world.hypervisor.guests
        await resize(world, server, "big")
        unresize = guests.unresize

        async def fails(*asked: Any) -> None:
            raise HostError(HostFault("resize", NODE_NAME, "the disk is broken"))

        guests.unresize = fails  # type: ignore[method-assign]
        view = await act(world, server, RevertResize())
        assert (view.status, view.flavor) == ("ERROR", "tiny")
        assert view.fault is not None and view.fault.message == "resize on node-1: the disk is broken"
        guests.unresize = unresize  # type: ignore[method-assign]
        assert (await act(world, server, Reboot(hard=True))).status == "ACTIVE"
        assert await world.state() == running

    in_world(tmp_path, play)


def test_a_revert_after_a_confirm_whose_end_was_lost_is_not_done(tmp_path: Path) -> None:
    """The disks before are gone: the guest is what it was confirmed to be, whatever its order says."""

    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        await resize(world, server, "big")
        guests = world.hypervisor.guests
        await guests.confirm_resize(server.id, None)
        view = await act(world, server, RevertResize())
        assert (view.status, await guests.power(server.id)) == ("ERROR", Power.RUNNING)
        assert "the resize was confirmed" in await last_cause(world, server)

    in_world(tmp_path, play)


def test_two_resets_of_a_resize_that_fails_then_leave_the_books_right(tmp_path: Path) -> None:
    """The second reset comes to a server that shows no task, while its resize is at work."""

    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        guests, begun, may = world.hypervisor.guests, asyncio.Event(), asyncio.Event()

        async def fails_late(*asked: Any) -> None:
            begun.set()
            await may.wait()
            raise HostError(HostFault("resize", NODE_NAME, "no room for a copy"))

        guests.keep_disks = fails_late  # type: ignore[method-assign]
        action = await ask(world, server, "big")
        await begun.wait()
        for _ in range(2):
            reset = Edit(instance_id="", vm_state="active")
            await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        may.set()
        await world.conductor.acted([action], 20.0)
        view = await shown(world, server)
        assert (view.status, view.flavor) == ("ACTIVE", "tiny")
        assert await claims(world, server) == (TINY, TINY)

    in_world(tmp_path, play)


def test_a_confirm_whose_end_was_lost_is_confirmed_again_and_never_reverted(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        await resize(world, server, "big")
        guests = world.hypervisor.guests
        real = guests.confirm_resize

        async def does_and_fails(instance_id: str, claim: Claim | None) -> None:
            await real(instance_id, claim)
            raise HostError(HostFault("resize", NODE_NAME, "one of the copies could not be removed"))

        guests.confirm_resize = does_and_fails  # type: ignore[method-assign]
        assert (await act(world, server, ConfirmResize())).status == "VERIFY_RESIZE"
        guests.confirm_resize = real  # type: ignore[method-assign]
        with pytest.raises(CallerError, match="has not been resized"):
            await act(world, server, RevertResize())
        view = await act(world, server, ConfirmResize())
        assert (view.status, view.flavor) == ("ACTIVE", "big")
        assert await claims(world, server) == ((2, 256, 3), (2, 256, 3))

    in_world(tmp_path, play)


@pytest.mark.parametrize("step", ["shut_down", "keep_disks", "fit"])
@pytest.mark.parametrize("to", ["lean", "big"])
def test_a_hard_reboot_in_the_middle_of_one_that_was_reset_leaves_books_and_guest_alike(
    tmp_path: Path, to: str, step: str
) -> None:
    async def play(world: World) -> None:
        was = await flavor(world, "was", 2, 256, 3)
        other = await flavor(world, to, *{"lean": (1, 96, 3), "big": (3, 512, 4)}[to])
        [server] = await world.boot(world.request(flavor="was"))
        before, guests, begun = await world.state(), world.hypervisor.guests, asyncio.Event()
        real, may, boot = getattr(guests, step), asyncio.Event(), world.conductor.boot(server.id)
        assert boot is not None

        async def goes_on_until_hurried(*asked: Any) -> None:
            setattr(guests, step, real)
            hurry = next((one for one in asked if isinstance(one, asyncio.Event)), None)
            begun.set()
            await (hurry or may).wait()
            await real(*asked)

        setattr(guests, step, goes_on_until_hurried)
        await ask(world, server, to)
        await begun.wait()
        reset = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        rebooting = asyncio.create_task(act(world, server, Reboot(hard=True)))
        while not boot.task:  # noqa: ASYNC110 - nobody tells that it has begun
            await asyncio.sleep(0)
        may.set()
        await rebooting
        await world.settled()
        view = await shown(world, server)
        found = was if view.flavor == "was" else other
        assert (view.status, found in (was, other)) == ("ACTIVE", True)
        assert await guests.is_of(server.id, found) and await guests.resized(server.id) is None
        assert await claims(world, server) == ((found.vcpus, found.ram_mib, found.disk_gib),) * 2
        assert step == "fit" or await world.state() == before

    in_world(tmp_path, play)


@pytest.mark.parametrize("first", [Reboot(hard=True), Stop(wait_s=0)])
@pytest.mark.parametrize("runs", [True, False])
def test_one_that_runs_on_since_it_could_not_be_put_back_keeps_what_it_writes(
    tmp_path: Path, first: Any, runs: bool
) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        running, guests = await world.state(), world.hypervisor.guests
        fit, off, unresize = guests.fit, guests.switch_off, guests.unresize

        async def fails(*asked: Any) -> None:
            if runs:  # whoever is asked does not answer, and the guest has been started
                await guests.start_paused(server.id)
                await guests.unpause(server.id)
            raise HostError(HostFault("resize", NODE_NAME, "the daemon is away"))

        guests.fit, guests.switch_off = fails, fails  # type: ignore[method-assign]
        assert (await resize(world, server, "big")).status == "ERROR"
        guests.fit, guests.switch_off = fit, off  # type: ignore[method-assign]
        kept: list[bool] = []

        async def noted(instance_id: str, mark: ResizeMark | None, keep: bool = False) -> None:
            if mark is not None:
                kept.append(keep)
            await unresize(instance_id, mark, keep)

        guests.unresize = noted  # type: ignore[method-assign]
        await act(world, server, first)
        if (await shown(world, server)).status == "SHUTOFF":
            await act(world, server, Start())
        assert kept == [runs]
        assert (await world.state(), (await shown(world, server)).flavor) == (running, "tiny")

    in_world(tmp_path, play)
