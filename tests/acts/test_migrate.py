"""A server goes to another host with its disks, and back: what is refused, what it holds, what fails, who may die."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.acts import ConfirmResize, Edit, RevertResize, Stop
from actors.api.act_messages import EditServer, MigrateServer
from actors.clock import SystemClock
from actors.compute.service import Compute
from actors.errors import CallerError, HostError, HostFault
from actors.messages import ServerView
from tests.acts.test_acts import act, shown
from tests.acts.test_resize import flavor
from tests.conductor.test_moves import told
from tests.world import NODE_NAME, World, in_world

OTHER = "node-2"
TOO_MUCH_MIB = 300 * 1024  # for the first node


async def begin(world: World, **changes: Any) -> tuple[ServerView, Compute, list[dict[str, Any]]]:
    """A server that runs, one more node, which alone has room for `big` and `wider`, and what there was before."""
    for name, vcpus in (("big", 2), ("wider", 3)):
        await flavor(world, name, vcpus, TOO_MUCH_MIB, 3, ephemeral_gib=1, swap_mib=64)
    [empty] = await states(world)
    [server] = await world.boot(world.request(**changes))
    other = await world.join(OTHER, ram_mib=2 * TOO_MUCH_MIB)
    return server, other, [empty, await other.world()]


async def ask(world: World, server: ServerView, host: str = "", by: str = "") -> str:
    """The id of the action."""
    request = MigrateServer(token=by or world.admin, server_id=server.id, host=host)
    return (await world.api.migrate(request)).id


async def migrate(world: World, server: ServerView, host: str = "") -> ServerView:
    """Ask for it, and wait until it is over."""
    await world.conductor.acted([await ask(world, server, host)], 20.0)
    await world.settled()
    return await shown(world, server)


async def states(world: World, *others: Compute) -> list[dict[str, Any]]:
    """The rooms and the other nodes; a network that nobody uses for a moment gets another port for DHCP."""
    here = await world.state()
    dhcp = {line.split(" ")[0] for line in here["network"]["ports"] if "owner=network:dhcp" in line}
    for kind in ("ports", "up"):
        here["network"][kind] = [line for line in here["network"].get(kind, []) if line.split(" ")[0] not in dhcp]
    return [here, *[await other.world() for other in others]]


async def claimed(world: World, server: ServerView) -> dict[str, list[bool]]:
    """By host, for each claim there whether it is by the server's own id."""
    await world.settled()
    found: dict[str, list[bool]] = {}
    for claim in await world.scheduler.claims():
        found.setdefault(claim.host, []).append(claim.instance_id == server.id)
    return found


async def last_cause(world: World, server: ServerView) -> str:
    [action, *_] = await world.api.instance_actions(world.member, server.id)
    assert (action.name, action.message) == ("migrate", "Error")
    return action.events[0].traceback


def seen(view: ServerView) -> tuple[str, str | None, str, str]:
    return view.status, view.task_state, view.power_state, view.host


def test_it_goes_and_stays(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, empty = await begin(world)
        view = await migrate(world, server)
        assert seen(view) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)
        assert [one.port_id for one in view.addresses] == [one.port_id for one in server.addresses]
        assert [one.fixed_ips for one in view.addresses] == [one.fixed_ips for one in server.addresses]
        assert await claimed(world, server) == {NODE_NAME: [False], OTHER: [True]}
        assert {one.host for one in (*world.compute.hosts.claims(), *other.hosts.claims())} == {NODE_NAME, OTHER}
        assert await told(world, server) == [("migration", "finished", NODE_NAME, OTHER)]
        [action, *_] = await world.api.instance_actions(world.member, server.id)
        assert (action.name, action.events[0].event, action.message) == ("migrate", "compute_finish_resize", "")
        [quota] = await world.conductor.quotas(["demo"])
        assert quota.used == {"instances": 1, "cores": 1, "ram": 128}
        assert seen(await act(world, server, ConfirmResize())) == ("ACTIVE", None, "RUNNING", OTHER)
        await world.settled()
        assert await claimed(world, server) == {OTHER: [True]}
        assert await told(world, server) == [("migration", "confirmed", NODE_NAME, OTHER)]
        assert (await world.compute.world(), (await shown(world, server)).kept_places) == (empty[0]["compute"], ())
        await world.delete(view)
        assert await states(world, other) == empty

    in_world(tmp_path, play)


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_it_goes_back_and_is_what_it_was(tmp_path: Path, stopped: bool) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        if stopped:
            await act(world, server, Stop(wait_s=0.0))
        power, status = ("SHUTDOWN", "SHUTOFF") if stopped else ("RUNNING", "ACTIVE")
        before = await states(world, other)
        for _ in range(2):
            assert seen(await migrate(world, server)) == ("VERIFY_RESIZE", None, power, OTHER)
            view = await act(world, server, RevertResize())
            assert seen(view) == (status, None, power, NODE_NAME)
            assert await claimed(world, server) == {NODE_NAME: [True]}
            after = await states(world, other)
            if not stopped:
                assert after == before
            assert after[1] == before[1]
        assert [status for _, status, *_ in await told(world, server)] == ["reverted", "reverted"]

    in_world(tmp_path, play)


def test_it_goes_with_its_volumes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        [volume] = server.volumes
        for end, host in ((RevertResize(), NODE_NAME), (ConfirmResize(), OTHER)):
            await migrate(world, server)
            [row] = world.volumes._rows.attachments.values()
            assert (row.volume_id, row.host, await world.volume_status(row.volume_id)) == (
                volume.source_id,
                OTHER,
                "in-use",
            )
            await act(world, server, end)
            [row] = world.volumes._rows.attachments.values()
            assert (row.host, await world.volume_status(row.volume_id)) == (host, "in-use")
        await world.delete(server)
        assert await world.held_by(server.id) == []

    in_world(tmp_path, play)


def test_where_it_may_go(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        for host, text in (
            (NODE_NAME, "Cannot migrate to the host where the server exists."),
            ("nowhere", "Compute host nowhere could not be found."),
        ):
            with pytest.raises(CallerError) as refused:
                await ask(world, server, host)
            assert (refused.value.fault.status, refused.value.fault.message) == (400, text)
        with pytest.raises(CallerError) as refused:
            await ask(world, server, by=world.member)
        assert refused.value.fault.status == 403
        running = await world.state()
        assert seen(await migrate(world, server)) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        assert "No valid host was found" in await last_cause(world, server)
        assert await world.state() == running
        assert await told(world, server) == [("migration", "error", NODE_NAME, "")]
        await world.join(OTHER)
        await world.join("node-3")
        assert (await migrate(world, server, "node-3")).host == "node-3"
        with pytest.raises(CallerError) as refused:
            await ask(world, server)
        assert refused.value.fault.status == 409

    in_world(tmp_path, play)


def broken(compute: Compute, part: str) -> Callable[[], None]:
    """From now on this part fails on that node, until it is healed."""

    async def fails(*_: Any) -> Any:
        raise HostError(HostFault(part, OTHER, "it is broken"))

    where: dict[str, tuple[Any, str]] = {
        "take": (compute.hypervisor.guests, "take_disks"),
        "fit": (compute.hypervisor.guests, "fit"),
        "define": (compute.hypervisor, "define"),
        "start": (compute.hypervisor.guests, "start_paused"),
        "plug": (compute.hypervisor.guests, "plug"),
        "shut_down": (compute.hypervisor.guests, "shut_down"),
        "offer": (compute.hypervisor.guests, "offer_disks"),
        "unplug": (compute.hypervisor, "unplug"),
    }
    owner, name = where[part]
    whole = getattr(owner, name)
    setattr(owner, name, fails)
    return lambda: setattr(owner, name, whole)


@pytest.mark.parametrize("part", ["take", "define", "plug", "start"])
def test_where_it_can_t_arrive_it_runs_on(tmp_path: Path, part: str) -> None:
    async def play(world: World) -> None:
        [on_volume] = await world.boot(world.request("v", image="", block_devices=(world.root_volume(),)))
        server, other, _ = await begin(world)
        before = await states(world, other)
        broken(other, part)
        for one in (server, on_volume):
            assert seen(await migrate(world, one)) == ("ACTIVE", None, "RUNNING", NODE_NAME)
            assert "it is broken" in await last_cause(world, one)
            assert await told(world, one) == [("migration", "error", NODE_NAME, OTHER)]
        assert await states(world, other) == before

    in_world(tmp_path, play)


@pytest.mark.parametrize("part", ["shut_down", "offer", "unplug"])
def test_where_it_can_t_leave_it_runs_on(tmp_path: Path, part: str) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        before = await states(world, other)
        broken(world.compute, part)
        assert seen(await migrate(world, server)) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        assert "it is broken" in await last_cause(world, server)
        assert await states(world, other) == before

    in_world(tmp_path, play)


@pytest.mark.parametrize("end", ["deleted", "reset"])
def test_one_that_waits_may_be_deleted_or_reset(tmp_path: Path, end: str) -> None:
    async def play(world: World) -> None:
        server, other, empty = await begin(world)
        await migrate(world, server)
        if end == "reset":
            edit = Edit(instance_id=server.id, vm_state="active")
            await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=edit))
            await world.settled()
            assert await claimed(world, server) == {OTHER: [True]}
            assert await world.compute.world() == empty[0]["compute"]
        await world.delete(server)
        assert await states(world, other) == empty
        assert await told(world, server) == [("migration", "confirmed", NODE_NAME, OTHER)]

    in_world(tmp_path, play)


async def lose(world: World, node: str) -> None:
    await world.settled()
    hosts = await world.conductor.node_left(node)
    await world.scheduler.forget_hosts(hosts)
    await world.network.forget_hosts([node])


@pytest.mark.parametrize("gone", [NODE_NAME, OTHER])
def test_one_of_its_nodes_leaves_while_it_waits(tmp_path: Path, gone: str) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)
        await lose(world, gone)
        if gone == NODE_NAME:
            with pytest.raises(CallerError, match="is down"):
                await act(world, server, RevertResize())
        end = ConfirmResize() if gone == NODE_NAME else RevertResize()
        view = await act(world, server, end, world.admin)
        there = OTHER if gone == NODE_NAME else NODE_NAME
        assert seen(view) == ("ACTIVE", None, "RUNNING", there)
        await world.settled()
        assert await claimed(world, server) == {there: [True]}

    in_world(tmp_path, play)


class Later(SystemClock):
    late_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.late_s


def test_from_a_node_that_is_lost_for_good_its_owner_has_it_go_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        await migrate(world, server)
        world.conductor.nodes._clock = clock = Later()
        await lose(world, OTHER)
        with pytest.raises(CallerError, match=r"can be reverted in (59|60) s") as refused:
            await act(world, server, RevertResize())
        assert refused.value.fault.status == 409
        clock.late_s = 61.0
        assert seen(await act(world, server, RevertResize())) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        await world.settled()
        assert await claimed(world, server) == {NODE_NAME: [True]}
        assert await told(world, server) == [("migration", "reverted", NODE_NAME, OTHER)]
        [row] = world.volumes._rows.attachments.values()
        assert (row.host, await world.volume_status(row.volume_id)) == (NODE_NAME, "in-use")

    in_world(tmp_path, play)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_from_a_node_that_only_just_left_an_administrator_has_it_go_back(tmp_path: Path, when: str) -> None:
    """Cut off, its guest may run on there."""

    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        await migrate(world, server)
        if when == "before":
            await lose(world, OTHER)
            with pytest.raises(CallerError, match="is down"):
                await act(world, server, RevertResize())
        else:
            destroy = other.destroy

            async def leaves(orders: Any) -> Any:
                await world.conductor.node_left(OTHER)
                return await destroy(orders)

            other.destroy = leaves  # type: ignore[method-assign]
            view = await act(world, server, RevertResize())
            assert seen(view) == ("VERIFY_RESIZE", None, "NOSTATE", OTHER)
            assert await told(world, server) == [("migration", "finished", NODE_NAME, OTHER)]
        assert seen(await act(world, server, RevertResize(), world.admin)) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        assert await told(world, server) == [("migration", "reverted", NODE_NAME, OTHER)]

    in_world(tmp_path, play)
