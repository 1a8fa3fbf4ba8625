"""A server that moves is whole afterwards, whoever leaves or answers late, and whatever was changed of it since."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.acts import ConfirmResize, DetachVolume, Edit, Reboot, RevertResize, Start, builtins_of
from actors.api.act_messages import ActOnServer, EditServer
from actors.api.messages import CreateFlavor, Evacuated, EvacuateNode, EvacuateServer
from actors.clock import SystemClock
from actors.cluster.evacuation import evacuate_all
from actors.compute.simulated_guests import BUILT, DEFINED
from actors.conductor.migrating import BACK_S
from actors.conductor.service import Conductor
from actors.errors import CallerError, HostError, HostFault, value_of
from actors.messages import BlockDevice, ConnectionInfo, ServerView
from actors.network.messages import CreateSecurityGroup, Reference, UpdatePort
from actors.records import Aggregate
from tests.acts.test_acts import act, shown
from tests.acts.test_migrate import OTHER, ask, begin, broken, claimed, lose, migrate, seen, states
from tests.acts.test_migrate_crashes import RESIZED, Gate, conductor, go, rooms
from tests.world import HOUR_S, NODE_NAME, World, in_world


async def as_it_is(world: World, server: ServerView) -> ServerView:
    [view] = await world.conductor.show([server.id])
    assert isinstance(view, ServerView)
    return view


def test_one_that_has_arrived_stays_where_its_first_node_is_lost_before_that_is_heard(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        whole = other.act

        async def is_not_heard(orders: Any) -> Any:
            await whole(orders)
            raise ConnectionError("the answer is lost")

        other.act = is_not_heard  # type: ignore[method-assign]
        await ask(world, server)
        await world.settled()
        other.act = whole  # type: ignore[method-assign]
        other._acts._over.clear()
        await lose(world, NODE_NAME)
        await other.start()  # its next life
        await world.conductor.settled()
        assert seen(await as_it_is(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)

    in_world(tmp_path, play)


class Later(SystemClock):
    """After every token has ended."""

    def now(self) -> float:
        return super().now() + 2 * HOUR_S


@pytest.mark.parametrize("fails", [False, True])
def test_a_token_that_ends_on_the_way_ends_nothing(tmp_path: Path, fails: bool) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world, block_devices=(world.root_volume(),), image="")
        if fails:
            broken(other, "take")
        offer = world.hypervisor.guests.offer_disks

        async def takes_long(*asked: Any) -> Any:
            world.network._clock = world.volumes._clock = Later()
            return await offer(*asked)

        world.hypervisor.guests.offer_disks = takes_long  # type: ignore[method-assign]
        await ask(world, server)
        await world.settled()
        there = ("ACTIVE", None, "RUNNING", NODE_NAME) if fails else ("VERIFY_RESIZE", None, "RUNNING", OTHER)
        assert seen(await as_it_is(world, server)) == there, await world.conductor.actions(server.id)

    in_world(tmp_path, play)


@pytest.mark.parametrize("end", ["confirmed", "reset"])
def test_the_first_host_s_disk_is_kept_while_the_other_s_node_is_gone(tmp_path: Path, end: str) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)
        await lose(world, OTHER)
        edit = Edit(instance_id=server.id, vm_state="error")
        with pytest.raises(CallerError) as refused:
            if end == "reset":
                await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=edit))
            else:
                await act(world, server, ConfirmResize())
        assert refused.value.fault.status == 409
        await world.settled()
        assert (await world.compute.world())["root_disk"] == [server.id]
        await lose(world, NODE_NAME)  # now there is nothing to lose
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=edit))

    in_world(tmp_path, play)


@RESIZED
def test_one_whose_other_disk_is_thrown_away_stays_nowhere_else(tmp_path: Path, resized: bool) -> None:
    """The conductor dies in a revert, and the first node, which has the last disk, is away for a while."""

    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        await go(world, server, resized)
        gate, destroy = Gate(), other.destroy
        await conductor(world, rooms(world, gate), world.ledger)

        async def dies(orders: Any) -> Any:
            replies = await destroy(orders)
            gate.shut.set()
            return replies

        other.destroy = dies  # type: ignore[method-assign]
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=RevertResize()))
        await gate.shut.wait()
        other.destroy = destroy  # type: ignore[method-assign]
        assert "root_disk" not in await other.world()
        successor = Conductor(world._cloud, world.ledger, rooms(world), SystemClock())
        await successor.start()
        world.conductor = world.api._conductor = world.compute.conductor = world.compute.standing._conductor = successor
        await lose_before_it_goes_on(world, NODE_NAME)
        assert (await as_it_is(world, server)).status == "REVERT_RESIZE"
        await world.compute.start()  # its next life
        assert await world.conductor.strangers(NODE_NAME, [server.id]) == []
        await world.settled()
        view = await shown(world, server)
        assert (*seen(view), view.flavor) == ("ACTIVE", None, "RUNNING", NODE_NAME, "tiny")

    in_world(tmp_path, play)


async def lose_before_it_goes_on(world: World, node: str) -> None:
    """The conductor, which has just started."""
    hosts = await world.conductor.node_left(node)
    await world.scheduler.forget_hosts(hosts)
    world.conductor.resume()
    await world.conductor.settled()


@pytest.mark.parametrize("end", ["confirmed", "reset"])
def test_one_whose_revert_the_other_node_s_loss_ended_only_goes_back(tmp_path: Path, end: str) -> None:
    """Its disk there may be gone."""

    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        await migrate(world, server)
        destroy = other.destroy

        async def leaves(orders: Any) -> Any:
            await destroy(orders)
            raise ConnectionError("nobody answers")

        other.destroy = leaves  # type: ignore[method-assign]
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=RevertResize()))
        await world.conductor.settled()
        await world.conductor.node_left(OTHER)
        await world.conductor.settled()
        assert (await as_it_is(world, server)).status == "VERIFY_RESIZE"
        other.destroy = destroy  # type: ignore[method-assign]
        await other.start()  # its next life
        edit = Edit(instance_id=server.id, vm_state="error")
        with pytest.raises(CallerError) as refused:
            if end == "reset":
                await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=edit))
            else:
                await act(world, server, ConfirmResize())
        assert refused.value.fault.status == 409
        assert seen(await act(world, server, RevertResize())) == ("ACTIVE", None, "RUNNING", NODE_NAME)

    in_world(tmp_path, play)


def test_one_is_not_confirmed_while_both_its_nodes_are_gone(tmp_path: Path) -> None:
    """Whichever comes back has the last whole disk."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)
        await lose(world, NODE_NAME)
        await lose(world, OTHER)
        with pytest.raises(CallerError, match="is down"):
            await act(world, server, ConfirmResize())
        await world.compute.start()  # its next life
        assert await world.conductor.strangers(NODE_NAME, [server.id]) == []
        assert seen(await act(world, server, RevertResize(), world.admin)) == ("ACTIVE", None, "RUNNING", NODE_NAME)

    in_world(tmp_path, play)


def test_one_that_was_evacuated_goes_to_its_old_host_when_that_is_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        await lose(world, NODE_NAME)
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
        await world.settled()
        await world.compute.start()  # its next life
        assert (await as_it_is(world, server)).host == OTHER
        assert seen(await migrate(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", NODE_NAME)

    in_world(tmp_path, play)


def test_a_revert_that_waits_while_the_first_node_is_lost_takes_nothing_from_the_other(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        await migrate(world, server)
        whole = other.destroy

        async def is_away(orders: Any) -> Any:
            raise ConnectionError("it is away")

        other.destroy = is_away  # type: ignore[method-assign]
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=RevertResize()))
        await world.conductor.settled()
        await lose(world, NODE_NAME)
        other.destroy = whole  # type: ignore[method-assign]
        await other.start()
        await world.conductor.settled()
        assert (await other.world())["root_disk"] == [server.id]
        assert (await as_it_is(world, server)).status == "REVERT_RESIZE"
        world.conductor.nodes._lost_after_s = 0.0
        await world.conductor.tend()
        await world.conductor.settled()
        assert (await other.world())["root_disk"] == [server.id]
        assert (await as_it_is(world, server)).status == "VERIFY_RESIZE"

    in_world(tmp_path, play)


def test_a_volume_that_can_t_be_let_go_of_is_tried_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        await migrate(world, server)
        await lose(world, OTHER)
        detach = world.volumes.detach

        async def fails(asked: Any) -> None:
            raise HostError(HostFault("detach", OTHER, "it is busy"))

        world.volumes.detach = fails  # type: ignore[method-assign]
        asking = ActOnServer(token=world.admin, server_id=server.id, act=RevertResize())
        await world.api.act(asking)
        await world.conductor.settled()
        world.volumes.detach = detach  # type: ignore[method-assign]
        await world.conductor.tend()
        await world.conductor.settled()
        assert seen(await as_it_is(world, server)) == ("ACTIVE", None, "RUNNING", NODE_NAME)

    in_world(tmp_path, play)


@pytest.mark.parametrize("end", ["fails", "reverted"])
@pytest.mark.parametrize("room", ["network", "volumes"])
def test_one_that_goes_back_while_a_room_is_away_waits_for_it(tmp_path: Path, room: str, end: str) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        before = await states(world, other)
        if end == "reverted":
            await migrate(world, server)
        owner, name = {"network": (world.network, "allocate"), "volumes": (world.volumes, "attach")}[room]
        whole, away = getattr(owner, name), 3

        async def is_away_at_first(asked: Any) -> Any:
            nonlocal away
            away -= 1
            if away >= 0:
                raise ConnectionError("it is away")
            return await whole(asked)

        setattr(owner, name, is_away_at_first)
        view = await (act(world, server, RevertResize()) if end == "reverted" else migrate(world, server))
        assert (seen(view), away) == (("ACTIVE", None, "RUNNING", NODE_NAME), -1)
        assert await states(world, other) == before

    in_world(tmp_path, play)


class Hasty(SystemClock):
    """Half an hour between any two looks at it."""

    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return super().monotonic() + self.looks * BACK_S


def test_one_that_goes_back_does_not_wait_for_ever(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)

        async def is_away(_: Any) -> Any:
            raise ConnectionError("it is away")

        allocate, world.network.allocate = world.network.allocate, is_away  # type: ignore[method-assign]
        world.conductor.clock = Hasty()
        view = await act(world, server, RevertResize())
        world.network.allocate = allocate  # type: ignore[method-assign]
        assert (view.status, view.host) == ("ERROR", NODE_NAME)
        assert view.fault is not None and "it is away" in view.fault.message
        assert (await act(world, server, Reboot(hard=True))).status == "ACTIVE"

    in_world(tmp_path, play)


def test_one_whose_host_name_was_changed_goes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        edit = Edit(instance_id=server.id, hostname="another")
        await world.api.edit(EditServer(token=world.member, server_id=server.id, edit=edit))
        assert seen(await migrate(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)

    in_world(tmp_path, play)


def test_a_claim_that_is_held_is_not_given_back_late(tmp_path: Path) -> None:
    """A conductor that starts while the scheduler is away, too."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        place, release = world.scheduler.place, world.scheduler.release

        async def is_away(*_: Any) -> Any:
            raise ConnectionError("it is away")

        world.scheduler.place = is_away  # type: ignore[method-assign]
        await ask(world, server)
        migrating = world.conductor._acts.migrating
        world.scheduler.release = is_away  # type: ignore[method-assign]
        migrating.begin(world.conductor.all_boots())  # as a next conductor does
        await migrating.tend()
        world.scheduler.place, world.scheduler.release = place, release  # type: ignore[method-assign]
        await world.settled()
        await migrating.tend()
        assert await claimed(world, server) == {NODE_NAME: [False], OTHER: [True]}
        assert not world.scheduler._provisional
        assert (await shown(world, server)).host == OTHER

    in_world(tmp_path, play)


def test_a_host_that_began_anew_before_anything_came_books_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        offer = world.hypervisor.guests.offer_disks

        async def fails(*_: Any) -> Any:
            await other.start()  # its next life
            world.hypervisor.guests.offer_disks = offer  # type: ignore[method-assign]
            raise HostError(HostFault("offer", NODE_NAME, "it is broken"))

        world.hypervisor.guests.offer_disks = fails  # type: ignore[method-assign]
        assert seen(await migrate(world, server)) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        assert other.hosts.claims() == []

    in_world(tmp_path, play)


def test_one_whose_ports_and_groups_were_changed_goes(tmp_path: Path) -> None:
    """Their names, and what they are of, are nobody's to ask for when it moves."""

    async def play(world: World) -> None:
        [made] = await world.network.create_security_groups([CreateSecurityGroup(token=world.member, name="web")])
        web = value_of(made)
        server, _, _ = await begin(world, security_groups=("web",))
        [vif] = server.addresses
        change = UpdatePort(token=world.member, id=vif.port_id, security_groups=(), fixed_ips=())
        value_of((await world.network.update_ports([change]))[0])
        value_of((await world.network.delete_security_groups([Reference(token=world.member, id=web.id)]))[0])
        assert seen(await migrate(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)

    in_world(tmp_path, play)


@pytest.mark.parametrize("end", ["is not put back", "its node leaves and comes back"])
def test_one_that_left_and_is_off_has_its_ports_and_volumes_when_it_starts(tmp_path: Path, end: str) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        before = await states(world, other)
        take = other.hypervisor.guests.take_disks
        heal = broken(world.compute, "define")

        async def fails(*_: Any) -> Any:
            if end != "is not put back":
                await world.conductor.node_left(NODE_NAME)
            raise HostError(HostFault("take", OTHER, "it is broken"))

        other.hypervisor.guests.take_disks = fails  # type: ignore[method-assign]
        await ask(world, server)
        await world.settled()
        other.hypervisor.guests.take_disks = take  # type: ignore[method-assign]
        heal()
        if end != "is not put back":
            await world.compute.start()  # its next life
            await world.settled()
        again: Any = Reboot(hard=True) if end == "is not put back" else Start()
        assert seen(await act(world, server, again)) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        assert (await states(world, other))[0]["volume"] == before[0]["volume"]
        assert (await states(world, other))[0]["network"] == before[0]["network"]
        boot = world.conductor.boot(server.id)
        assert boot is not None and not boot.spec().adrift
        assert "offered_disks" not in await world.compute.world()

    in_world(tmp_path, play)


def test_the_host_that_is_chosen_passes_every_filter(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        specs, hosts = {"aggregate_instance_extra_specs:licence": "yes"}, (NODE_NAME, "node-3")
        made = CreateFlavor(token=world.admin, name="licensed", vcpus=1, ram_mib=128, disk_gib=1, extra_specs=specs)
        await world.api.create_flavor(made)
        licensed = Aggregate(id="1", number=1, name="licensed", hosts=hosts, properties={"licence": "yes"})
        await world.scheduler.arrange([licensed])
        server, _, _ = await begin(world, flavor="licensed")
        assert seen(await migrate(world, server, OTHER)) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        await world.join("node-3")
        assert (await migrate(world, server, "node-3")).host == "node-3"

    in_world(tmp_path, play)


@pytest.mark.parametrize("end", [ConfirmResize(), RevertResize()], ids=["confirmed", "reverted"])
def test_what_is_on_disk_before_its_action_has_ended_well(tmp_path: Path, end: Any) -> None:
    """The conductor dies between: its next one finds the action that was done already."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)
        view = await act(world, server, end)
        [action] = [one for one in world.conductor._actions.of(server.id) if one.name != "migrate"]
        world.conductor._actions.put(msgspec.structs.replace(action, act=builtins_of(end), finished_at=0.0))
        world.conductor._acts.resume()
        await world.settled()
        action = world.conductor._actions.of(server.id)[-1]
        assert (bool(action.finished_at), action.message) == (True, "")
        assert seen(await shown(world, server)) == seen(view)

    in_world(tmp_path, play)


def test_it_is_in_the_zone_of_its_host_and_the_first_one_keeps_no_copies(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        zone = Aggregate(id="1", number=1, name="north", hosts=(OTHER,), properties={"availability_zone": "north"})
        await world.scheduler.arrange([zone])
        assert (await migrate(world, server)).availability_zone == "north"
        assert "offered_disks" not in await world.compute.world()
        assert (await act(world, server, RevertResize())).availability_zone == server.availability_zone != "north"

    in_world(tmp_path, play)


def watched(world: World) -> list[tuple[ConnectionInfo, ...]]:
    """The volumes of each guest that is defined from now on."""
    define, found = world.hypervisor.define, list[tuple[ConnectionInfo, ...]]()

    async def watching(builds: Any) -> Any:
        found.extend(build.connections for build in builds)
        return await define(builds)

    world.hypervisor.define = watching  # type: ignore[method-assign]
    return found


def test_one_that_is_adrift_and_forgotten_is_defined_with_its_volumes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        broken(other, "take")
        attach = world.volumes.attach

        async def fails(_: Any) -> Any:
            raise HostError(HostFault("attach", NODE_NAME, "it is busy"))

        world.volumes.attach = fails  # type: ignore[method-assign]
        assert (await migrate(world, server)).status == "ERROR"
        world.volumes.attach = attach  # type: ignore[method-assign]
        for kind in (BUILT, DEFINED):
            world.hypervisor._things[kind].discard(server.id)
        defined = watched(world)
        assert seen(await act(world, server, Reboot(hard=True))) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        assert {len(connections) for connections in defined} == {1}

    in_world(tmp_path, play)


def test_one_that_is_adrift_starts_without_what_was_detached_where_it_was(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        data = BlockDevice(source_type="blank", destination_type="volume", size_gib=1)
        server, _, _ = await begin(world, image="", block_devices=(world.root_volume(), data))
        [_, volume] = (await migrate(world, server)).volumes
        await act(world, server, DetachVolume(volume_id=volume.source_id, device_name=""))
        attach = world.volumes.attach

        async def fails(_: Any) -> Any:
            raise HostError(HostFault("attach", NODE_NAME, "it is busy"))

        world.volumes.attach = fails  # type: ignore[method-assign]
        assert (await act(world, server, RevertResize())).status == "ERROR"
        world.volumes.attach = attach  # type: ignore[method-assign]
        defined = watched(world)
        assert seen(await act(world, server, Reboot(hard=True))) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        [connections] = defined
        assert [one.volume_id for one in connections] == [one.source_id for one in (await shown(world, server)).volumes]

    in_world(tmp_path, play)


def test_nobody_goes_on_with_what_has_ended_meanwhile(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its node leaves while the database is told that it goes back there."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        broken(world.compute, "offer")
        write = world.conductor.write

        async def leaves(boots: Any, *asked: Any) -> None:
            if any(boot.spec().moving and boot.spec().moving.back for boot in boots):
                world.conductor.write = write  # type: ignore[method-assign]
                await world.conductor.node_left(NODE_NAME)
            await write(boots, *asked)

        world.conductor.write = leaves  # type: ignore[method-assign]
        await ask(world, server)
        await world.settled()
        assert (await as_it_is(world, server)).task_state is None
        gc.collect()
        assert "never retrieved" not in caplog.text

    in_world(tmp_path, play)


def test_one_that_falls_back_late_to_a_node_that_is_lost_is_evacuated_by_policy(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        take, looked, seen_first = other.hypervisor.guests.take_disks, asyncio.Event(), []

        async def fails_late(*_: Any) -> Any:
            await world.conductor.node_left(NODE_NAME)
            evacuating.append(asyncio.create_task(evacuate_all(evacuate, NODE_NAME, lambda: False, 0.0)))
            await looked.wait()
            raise HostError(HostFault("take", OTHER, "what it came from is gone"))

        async def evacuate() -> list[Evacuated]:
            other.hypervisor.guests.take_disks = take  # type: ignore[method-assign]
            found = await world.api.evacuate_node(EvacuateNode(token=world.admin, node=NODE_NAME))
            seen_first.append([one.may_come for one in found])
            looked.set()
            return found

        evacuating: list[asyncio.Task[None]] = []
        other.hypervisor.guests.take_disks = fails_late  # type: ignore[method-assign]
        await ask(world, server)
        await world.settled()
        await asyncio.gather(*evacuating)
        await world.settled()
        assert seen_first[0] == [True]
        assert seen(await shown(world, server)) == ("ACTIVE", None, "RUNNING", OTHER)
        assert (await shown(world, server)).kept_places == ()

    in_world(tmp_path, play)


def test_the_scheduler_knows_where_one_is_whose_first_node_is_lost_as_it_is_there_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await migrate(world, server)
        exchange = world.scheduler.exchange

        async def is_away(asked: Any) -> None:
            raise ConnectionError("it is away")

        world.scheduler.exchange = is_away  # type: ignore[method-assign]
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=RevertResize()))
        await world.conductor.settled()
        assert (await as_it_is(world, server)).host == NODE_NAME
        world.scheduler.exchange = exchange  # type: ignore[method-assign]
        await lose(world, NODE_NAME)
        await world.conductor.settled()
        assert [one.host for one in await world.scheduler.claims() if one.instance_id == server.id] == [NODE_NAME]

    in_world(tmp_path, play)
