"""A server gets another flavor on its host, and the one before again: what is refused, what it holds, who may die."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.acts import ActDone, ActOrder, ConfirmResize, Edit, Pause, Reboot, RevertResize, Start, Stop, Suspend
from actors.api.act_messages import ActOnServer, AttachVolumeTo, EditServer, RebuildServer, ResizeServer
from actors.api.messages import CreateFlavor
from actors.clock import SystemClock
from actors.cluster.config import CloudConfig
from actors.conductor.quotas import UNLIMITED
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.errors import CallerError, value_of
from actors.messages import Claim, ClaimChange, EvacuateRequest, Hello, NoHostFound, Placed, ServerView
from actors.records import Flavor
from actors.states import Power
from tests.acts.test_acts import act, shown
from tests.acts.test_crashes import Away
from tests.world import NODE_NAME, World, in_world, token

TINY = (1, 128, 1)
Amounts = tuple[int, int, int]  # vCPUs, MiB of RAM, GiB of disk


async def flavor(world: World, name: str, vcpus: int, ram_mib: int, disk_gib: int, **more: Any) -> Flavor:
    request = CreateFlavor(
        token=world.admin, name=name, vcpus=vcpus, ram_mib=ram_mib, disk_gib=disk_gib, id=name, **more
    )
    return value_of(await world.api.create_flavor(request))


async def ask(world: World, server: ServerView, to: str, by: str = "", **changes: Any) -> str:
    """The id of the action."""
    request = ResizeServer(token=by or world.member, server_id=server.id, flavor=to, **changes)
    return (await world.api.resize(request)).id


async def resize(world: World, server: ServerView, to: str, **changes: Any) -> ServerView:
    """Ask for it, and wait until it is over."""
    await world.conductor.acted([await ask(world, server, to, **changes)], 20.0)
    await world.settled()
    return await shown(world, server)


async def claims(world: World, server: ServerView) -> tuple[Amounts, Amounts]:
    """What it holds in the scheduler's books and in its host's."""
    await world.settled()
    [of_scheduler] = [one for one in await world.scheduler.claims() if one.instance_id == server.id]
    of_host = world.compute.hosts.claim_of(server.host, server.id)
    assert of_host is not None
    return amounts(of_scheduler), amounts(of_host)


def amounts(claim: Claim) -> Amounts:
    return claim.vcpus, claim.ram_mib, claim.disk_gib


async def used(world: World) -> dict[str, int]:
    [quota] = await world.conductor.quotas(["demo"])
    return quota.used


async def last_cause(world: World, server: ServerView) -> str:
    [action, *_] = await world.api.instance_actions(world.member, server.id)
    return action.events[0].traceback


def test_resized_confirmed_and_resized_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 96, 3)
        before = await world.state()
        [server] = await world.boot(world.request())
        running = await world.state()
        view = await resize(world, server, "big", disk_config="AUTO")
        seen = (view.status, view.vm_state, view.task_state, view.power_state, view.flavor, view.disk_config)
        assert seen == ("VERIFY_RESIZE", "resized", None, "RUNNING", "big", "AUTO")
        assert (view.addresses, view.host) == (server.addresses, server.host)
        assert await claims(world, server) == ((2, 128, 3), (2, 128, 3))
        assert await used(world) == {"instances": 1, "cores": 2, "ram": 128}
        [action, *_] = await world.api.instance_actions(world.member, server.id)
        assert (action.name, action.events[0].event, action.message) == ("resize", "compute_finish_resize", "")
        view = await act(world, server, ConfirmResize())
        assert (view.status, view.flavor) == ("ACTIVE", "big")
        assert await claims(world, server) == ((2, 96, 3), (2, 96, 3))
        assert await used(world) == {"instances": 1, "cores": 2, "ram": 96}
        assert await world.state() == running  # names alone: no mark, no copies
        told = [one.event_type for one in await world.conductor.notifications(0, 100, 0.0)]
        names = ("resize", "resize_confirm")
        assert told[-4:] == [f"instance.{name}.{phase}" for name in names for phase in ("start", "end")]
        await world.delete(server)
        assert await world.state() == before
        assert await used(world) == {"instances": 0, "cores": 0, "ram": 0}

    in_world(tmp_path, play)


def test_reverted_it_is_what_it_was(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        running = await world.state()
        for _ in range(2):
            await resize(world, server, "big")
            assert (await world.state())["compute"]["resized"] == [f"{server.id} big"]
            view = await act(world, server, RevertResize())
            assert (view.status, view.flavor, view.power_state) == ("ACTIVE", "tiny", "RUNNING")
            assert await claims(world, server) == (TINY, TINY)
            assert await used(world) == {"instances": 1, "cores": 1, "ram": 128}
            assert await world.state() == running
        told = [one.event_type for one in await world.conductor.notifications(0, 100, 0.0)]
        assert told[-2:] == ["instance.resize_revert.start", "instance.resize_revert.end"]

    in_world(tmp_path, play)


@pytest.mark.parametrize("end", [ConfirmResize, RevertResize])
def test_one_that_was_off_is_off_all_the_time(tmp_path: Path, end: type[Any]) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        await act(world, server, Stop(wait_s=0))
        view = await resize(world, server, "big")
        assert (view.status, view.power_state) == ("VERIFY_RESIZE", "SHUTDOWN")
        assert await world.hypervisor.guests.power(server.id) is Power.SHUTDOWN
        view = await act(world, server, end())
        assert (view.status, view.power_state) == ("SHUTOFF", "SHUTDOWN")
        assert await world.hypervisor.guests.power(server.id) is Power.SHUTDOWN
        assert (await act(world, server, Start())).status == "ACTIVE"

    in_world(tmp_path, play)


def test_what_is_refused_has_changed_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "roomy", 1, 128, 2, ephemeral_gib=2)
        await flavor(world, "big", 2, 256, 3, ephemeral_gib=2)
        await flavor(world, "diskless", 2, 256, 0, ephemeral_gib=2)
        await flavor(world, "low", 2, 256, 1, ephemeral_gib=2)
        await flavor(world, "short", 2, 256, 3, ephemeral_gib=1)
        hidden = CreateFlavor(token=world.admin, name="hidden", vcpus=1, ram_mib=1, disk_gib=9, is_public=False)
        value_of(await world.api.create_flavor(hidden))
        [server, paused] = await world.boot(world.request(flavor="roomy"), world.request(flavor="roomy"))
        await act(world, paused, Pause())
        cannot = "Server disk was unable to be resized because: "
        for on, to, changes, status, text in (
            (server, "nowhere", {}, 400, "Flavor nowhere could not be found."),
            (server, "hidden", {}, 400, "Flavor hidden could not be found."),
            (server, "roomy", {}, 400, "When resizing, instances must change flavor!"),
            (server, "diskless", {}, 400, f"{cannot}Resize to zero disk flavor is not allowed."),
            (server, "low", {}, 400, f"{cannot}Unable to resize disk down."),
            (server, "short", {}, 400, f"{cannot}Unable to resize disk down."),
            (server, "big", {"by": token("other")}, 404, "could not be found"),
            (server, "big", {"by": token(roles=("reader",))}, 403, "needs the role"),
            (paused, "nowhere", {}, 409, "vm_state paused"),
            (paused, "big", {}, 409, f"Cannot 'resize' instance {paused.id} while it is in vm_state paused"),
        ):
            was, state = await shown(world, on), await world.state()
            with pytest.raises(CallerError, match=text) as refused:
                await ask(world, on, to, **changes)
            assert refused.value.fault.status == status, to
            assert (await shown(world, on), await world.state()) == (was, state)
        for end in (ConfirmResize(), RevertResize()):
            with pytest.raises(CallerError, match=r"Cannot .(confirm|revert)Resize. .* vm_state active") as refused:
                await act(world, server, end)
            assert refused.value.fault.status == 409

    in_world(tmp_path, play)


def test_a_quota_is_of_the_larger_of_both_until_it_is_confirmed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "wide", 3, 64, 1)
        await flavor(world, "deep", 1, 512, 1)
        [server] = await world.boot(world.request())
        await world.conductor.set_quota("demo", {**UNLIMITED, "cores": 3, "ram": 300})
        text = r"Quota exceeded for ram: Requested 384, but already used 128 of 300 ram"
        with pytest.raises(CallerError, match=text) as refused:
            await ask(world, server, "deep")
        assert refused.value.fault.status == 403
        assert (await resize(world, server, "wide")).status == "VERIFY_RESIZE"
        with pytest.raises(CallerError, match="Quota exceeded for cores"):
            await world.boot(world.request())
        assert await used(world) == {"instances": 1, "cores": 3, "ram": 128}
        heir = await _heir(world, tmp_path)
        [quota] = await heir.quotas(["demo"])
        assert quota.used == {"instances": 1, "cores": 3, "ram": 128}
        await act(world, server, RevertResize())
        [second] = await world.boot(world.request())
        assert second.status == "ACTIVE"

    in_world(tmp_path, play)


def test_where_its_host_has_no_room_it_stays_what_it_is_and_its_action_says_so(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "huge", 2, 1 << 30, 1)
        [server] = await world.boot(world.request())
        running = await world.state()
        view = await resize(world, server, "huge")
        assert (view.status, view.task_state, view.flavor, view.fault) == ("ACTIVE", None, "tiny", None)
        cause = await last_cause(world, server)
        assert cause.startswith("resize on node-1: No valid host was found")
        assert "MiB of RAM short" in cause
        assert "; elsewhere: No valid host was found" in cause
        assert await world.state() == running
        assert await claims(world, server) == (TINY, TINY)
        assert await used(world) == {"instances": 1, "cores": 1, "ram": 128}
        told = [one.event_type for one in await world.conductor.notifications(0, 100, 0.0)]
        assert told[-1] == "instance.resize.error"

    in_world(tmp_path, play)


def test_a_filter_refuses_as_at_a_boot(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        await world.compute.set_enabled(False)
        assert (await resize(world, server, "big")).status == "ACTIVE"
        assert "No valid host was found" in await last_cause(world, server)
        await world.compute.set_enabled(True)
        assert (await resize(world, server, "big")).status == "VERIFY_RESIZE"

    in_world(tmp_path, play)


def test_meanwhile_room_for_both_is_nobody_else_s(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [host] = await world.scheduler.hosts()
        half = host.report.ram_mib // 2
        await flavor(world, "half", 1, half, 1)
        await flavor(world, "rest", 1, half - 64, 1)
        await flavor(world, "little", 1, 64, 1)
        [server] = await world.boot(world.request(flavor="half"))
        assert (await resize(world, server, "little")).status == "VERIFY_RESIZE"
        [other] = await world.boot(world.request(flavor="half"))
        assert other.status == "ACTIVE"
        [third] = await world.boot(world.request(flavor="rest"))
        assert third.status == "ERROR"
        await act(world, server, ConfirmResize())
        [third] = await world.boot(world.request(flavor="rest"))
        assert third.status == "ACTIVE"
        assert (await resize(world, server, "half")).status == "ACTIVE"
        assert "No valid host was found" in await last_cause(world, server)

    in_world(tmp_path, play)


def test_volumes_come_and_go_while_it_waits_and_keep_their_names(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "swapping", 2, 256, 3, swap_mib=64, ephemeral_gib=1)
        [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        first, second = await world.volume(), await world.volume()
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=first))
        view = await resize(world, server, "swapping")
        assert [one.device_name for one in view.volumes] == ["/dev/vda", "/dev/vdb"]
        device = await world.api.attach_volume(
            AttachVolumeTo(token=world.member, server_id=server.id, volume_id=second)
        )
        assert device.device_name == "/dev/vde"  # beside its swap and its ephemeral disk
        view = await act(world, server, RevertResize())
        assert view.status == "ACTIVE"
        assert {one.device_name for one in view.volumes} == {"/dev/vda", "/dev/vdb", "/dev/vde"}
        await world.delete(server)

    in_world(tmp_path, play)


def test_meanwhile_it_can_be_looked_at_and_deleted_and_hardly_more(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        await flavor(world, "bigger", 2, 256, 4)
        before = await world.state()
        [server] = await world.boot(world.request())
        await resize(world, server, "big")
        for what in (Stop(wait_s=0), Start(), Reboot(hard=True), Reboot(hard=False), Pause(), Suspend()):
            with pytest.raises(CallerError, match="while it is in vm_state resized") as refused:
                await act(world, server, what)
            assert refused.value.fault.status == 409
        with pytest.raises(CallerError, match=r"Cannot 'resize' .* vm_state resized"):
            await ask(world, server, "bigger")
        await world.delete(server)
        assert await world.state() == before
        assert await used(world) == {"instances": 0, "cores": 0, "ram": 0}
        [server] = await world.boot(world.request())
        await ask(world, server, "big")  # and is not waited for
        await world.delete(server)
        assert await world.state() == before
        assert await used(world) == {"instances": 0, "cores": 0, "ram": 0}

    in_world(tmp_path, play)


def test_a_reset_ends_the_waiting_and_its_next_start_forgets_what_was_kept(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 96, 3)
        [server] = await world.boot(world.request())
        running = await world.state()
        await resize(world, server, "big")
        reset = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        await world.settled()
        assert await used(world) == {"instances": 1, "cores": 2, "ram": 96}
        assert (await claims(world, server))[0] == (2, 96, 3)
        assert (await act(world, server, Reboot(hard=True))).status == "ACTIVE"
        assert await world.state() == running
        with pytest.raises(CallerError, match="vm_state active"):
            await act(world, server, RevertResize())

    in_world(tmp_path, play)


# ---------------------------------------------------------------- who dies


async def _heir(world: World, folder: Path) -> Conductor:
    """The conductor after one that died."""
    rooms = ConductorRooms(world.scheduler, world.network, world.volumes, lambda host: world.compute, world.images)
    heir = Conductor(CloudConfig(home=folder, hypervisor="simulated"), world.ledger, rooms, SystemClock())
    await heir.start()
    return heir


@pytest.mark.parametrize("dies", ["compute", "conductor", "scheduler"])
@pytest.mark.parametrize("name", ["resize", "confirmResize", "revertResize"])
def test_what_was_accepted_is_done_whoever_dies(tmp_path: Path, name: str, dies: str) -> None:
    ends = {"resize": ("VERIFY_RESIZE", (2, 128, 3)), "confirmResize": ("ACTIVE", (2, 96, 3))}
    status, holds = ends.get(name, ("ACTIVE", TINY))
    shows = {"resize": ("RESIZE", "resize_migrating"), "confirmResize": ("VERIFY_RESIZE", "resize_confirming")}

    async def play(world: World) -> None:
        await flavor(world, "big", 2, 96, 3)
        [server] = await world.boot(world.request())
        if name != "resize":
            await resize(world, server, "big")
        there = world.conductor.compute
        world.conductor.compute = lambda host: Away()  # type: ignore[assignment,return-value]
        if name == "resize":
            await ask(world, server, "big")
        else:
            what = ConfirmResize() if name == "confirmResize" else RevertResize()
            await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=what))
        await world.conductor.settled()
        world.conductor.compute = there
        view = await shown(world, server)
        assert (view.status, view.task_state) == shows.get(name, ("REVERT_RESIZE", "resize_reverting"))
        conductor = world.conductor
        if dies == "scheduler":
            told = await world.conductor.claims()
            assert [amounts(one) for one in told] == [(2, 128, 3)]
            await world.scheduler.release([server.id])
            await world.scheduler.restore(told)
        if dies == "conductor":
            conductor = await _heir(world, tmp_path)
            conductor.resume()
            await conductor.settled()
        else:
            await conductor.hello(Hello(node=NODE_NAME, hosts=(NODE_NAME,)))
            await world.settled()
        [view] = await conductor.show([server.id])  # type: ignore[list-item]
        assert isinstance(view, ServerView)
        assert (view.status, view.task_state) == (status, None)
        assert await claims(world, server) == (holds, holds)

    in_world(tmp_path, play)


def test_a_scheduler_that_answered_and_died_is_asked_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        grow, asked = world.scheduler.grow, [0]

        async def answers_and_dies(changes: list[ClaimChange]) -> list[Any]:
            asked[0] += 1
            replies = await grow(changes)
            if asked[0] == 1:
                told = await world.conductor.claims()
                assert [amounts(one) for one in told] == [TINY]  # its order has not the flavor yet
                await world.scheduler.release([server.id])
                await world.scheduler.restore(told)
            return replies

        world.scheduler.grow = answers_and_dies  # type: ignore[method-assign]
        assert (await resize(world, server, "big")).status == "VERIFY_RESIZE"
        assert asked[0] == 2
        assert await claims(world, server) == ((2, 256, 3), (2, 256, 3))

    in_world(tmp_path, play)


def test_a_scheduler_that_is_away_is_asked_later_and_told_later(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 96, 3)
        [server] = await world.boot(world.request())
        grow, shrink, away = world.scheduler.grow, world.scheduler.shrink, [2]

        async def grows(changes: list[ClaimChange]) -> list[Any]:
            if away[0]:
                away[0] -= 1
                raise ConnectionError("the scheduler did not answer")
            return await grow(changes)

        async def is_away(changes: list[ClaimChange]) -> None:
            raise ConnectionError("the scheduler did not answer")

        world.scheduler.grow, world.scheduler.shrink = grows, is_away  # type: ignore[method-assign]
        assert (await resize(world, server, "big")).status == "VERIFY_RESIZE"
        assert (await act(world, server, ConfirmResize())).status == "ACTIVE"
        assert (await claims(world, server))[0] == (2, 128, 3)
        world.scheduler.shrink = shrink  # type: ignore[method-assign]
        await world.conductor.tend()
        assert (await claims(world, server))[0] == (2, 96, 3)

    in_world(tmp_path, play)


def test_what_comes_late_or_twice_changes_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        grow, shrink = world.scheduler.grow, world.scheduler.shrink
        told: list[tuple[str, list[ClaimChange]]] = []

        async def grows(changes: list[ClaimChange]) -> list[Any]:
            told.append(("grow", changes))
            return await grow(changes)

        async def shrinks(changes: list[ClaimChange]) -> None:
            told.append(("shrink", changes))
            await shrink(changes)

        world.scheduler.grow, world.scheduler.shrink = grows, shrinks  # type: ignore[method-assign]
        for _ in range(2):
            await resize(world, server, "big")
            held = await claims(world, server)
            for what, changes in tuple(told):
                await (grow(changes) if what == "grow" else shrink(changes))
                assert await claims(world, server) == held == ((2, 256, 3), (2, 256, 3))
            await act(world, server, RevertResize())
            for what, changes in tuple(told):
                await (grow(changes) if what == "grow" else shrink(changes))
                assert await claims(world, server) == (TINY, TINY)
        assert [what for what, _ in told] == ["grow", "shrink"] * 2

    in_world(tmp_path, play)


def test_the_scheduler_knows_nothing_of_what_is_not_there(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        boot = world.conductor.boot(server.id)
        assert boot is not None
        change = ClaimChange(asked=boot.place_request(), host="node-9", edition=1)
        state = await world.state()
        [reply] = await world.scheduler.grow([change])
        assert not isinstance(reply, Placed | NoHostFound) and reply.status == 409
        await world.scheduler.shrink([change])
        gone = msgspec.structs.replace(change.asked, instance_id="nobody")
        [reply] = await world.scheduler.grow([msgspec.structs.replace(change, asked=gone, host=NODE_NAME)])
        assert not isinstance(reply, Placed | NoHostFound) and reply.status == 409
        assert await world.state() == state

    in_world(tmp_path, play)


def test_one_that_was_built_elsewhere_since_is_left_alone(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        there = world.conductor.compute
        world.conductor.compute = lambda host: Away()  # type: ignore[assignment,return-value]
        await ask(world, server, "big")
        await world.conductor.settled()
        world.conductor.compute = there
        reset = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        boot = world.conductor.boot(server.id)
        assert boot is not None
        boot.change(attempt=boot.instance.attempt + 1)
        await world.conductor.hello(Hello(node=NODE_NAME, hosts=(NODE_NAME,)))
        await world.settled()
        assert (await shown(world, server)).status == "ACTIVE"
        assert await world.hypervisor.guests.resized(server.id) is None
        assert await last_cause(world, server) == "resize on node-1: the server was built again elsewhere"

    in_world(tmp_path, play)


def test_told_again_it_does_not_start_the_guest_again(tmp_path: Path) -> None:
    """A conductor that was away when it ended tells it again, perhaps to another life of the compute actor."""

    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        orders: list[ActOrder] = []
        once, guests, offs = world.compute.act, world.hypervisor.guests, [0]
        shut_down = guests.shut_down

        async def noted(told: list[ActOrder]) -> list[Any]:
            orders.extend(told)
            return await once(told)

        async def counted(instance_id: str, wait_s: float, hurry: asyncio.Event) -> None:
            offs[0] += 1
            await shut_down(instance_id, wait_s, hurry)

        world.compute.act, guests.shut_down = noted, counted  # type: ignore[method-assign]
        await resize(world, server, "big")
        for _ in range(2):
            [reply] = await once(orders)
            assert isinstance(reply, ActDone)
            assert (await guests.power(server.id), offs[0]) == (Power.RUNNING, 1)
            world.compute._acts._over.clear()  # as of another life
        assert await claims(world, server) == ((2, 256, 3), (2, 256, 3))

    in_world(tmp_path, play)


def test_where_its_node_leaves_it_is_of_its_flavor_and_put_back_when_the_node_is_there_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        running, once = await world.state(), world.compute.act

        async def does_and_leaves(orders: list[ActOrder]) -> list[Any]:
            await once(orders)
            raise ConnectionError("the node is gone")

        world.compute.act = does_and_leaves  # type: ignore[method-assign]
        await ask(world, server, "big")
        await world.conductor.settled()
        await world.conductor.node_left(NODE_NAME)
        view = await shown(world, server)
        assert (view.task_state, view.flavor) == (None, "tiny")
        assert await last_cause(world, server) == "resize on node-1: the host left the cluster"
        assert await used(world) == {"instances": 1, "cores": 1, "ram": 128}
        [held] = await world.scheduler.claims()
        assert amounts(held) == TINY
        world.compute.act = once  # type: ignore[method-assign]
        await world.compute.start()
        guests = world.hypervisor.guests
        assert await guests.resized(server.id) is None and await guests.power(server.id) is Power.RUNNING
        assert await claims(world, server) == (TINY, TINY)
        assert (await act(world, server, Reboot(hard=True))).status == "ACTIVE"
        assert await world.state() == running
        assert await claims(world, server) == (TINY, TINY)

    in_world(tmp_path, play)


def test_one_that_was_resized_is_not_evacuated_until_that_is_ended(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 96, 3)
        [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        await resize(world, server, "big")
        await world.join("node-2")
        await world.conductor.node_left(NODE_NAME)
        evacuate = EvacuateRequest(
            id="e1", instance_id=server.id, token=world.admin, user_id="admin", request_id="", from_image=True
        )
        [refused] = await world.conductor.evacuate([evacuate])
        assert refused is not None
        assert refused.status == 409
        assert "vm_state resized" in refused.message
        reset = Edit(instance_id="", vm_state="error")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        assert await world.conductor.evacuate([msgspec.structs.replace(evacuate, id="e2")]) == [None]
        await world.settled()
        view = await shown(world, server)
        assert (view.status, view.host, view.flavor) == ("ACTIVE", "node-2", "big")
        assert await used(world) == {"instances": 1, "cores": 2, "ram": 96}
        [held] = [one for one in await world.scheduler.claims() if one.instance_id == server.id]
        assert (held.host, amounts(held)) == ("node-2", (2, 96, 0))

    in_world(tmp_path, play)


def test_one_that_was_reset_and_is_made_anew_holds_what_its_flavor_needs(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "lean", 1, 64, 1)
        [server] = await world.boot(world.request())
        await resize(world, server, "lean")
        edit = Edit(instance_id=server.id, vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=edit))
        rebuild = await world.api.rebuild(RebuildServer(token=world.member, server_id=server.id, image=world.image.id))
        await world.conductor.acted([rebuild.id], 20.0)
        assert (await shown(world, server)).status == "ACTIVE"
        assert await claims(world, server) == ((1, 64, 1), (1, 64, 1))

    in_world(tmp_path, play)


def test_a_guest_that_is_defined_anew_has_its_volumes_by_its_definition(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        asked = AttachVolumeTo(token=world.member, server_id=server.id, volume_id=await world.volume())
        await world.api.attach_volume(asked)
        await world.settled()
        assert "hot_disks" in await world.hypervisor.world()
        await resize(world, server, "big")
        assert "hot_disks" not in await world.hypervisor.world()

    in_world(tmp_path, play)
