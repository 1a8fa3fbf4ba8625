"""Volumes and interfaces that come or go while something else happens to their server: it ends as they did."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.acts import ActDone, ActOrder, ActRequest, Edit, Reboot, RevertResize
from actors.api.act_messages import ActOnServer, AttachPort, AttachVolumeTo, EditServer, RescueServer, ShelveServer
from actors.api.messages import EvacuateServer
from actors.clock import SystemClock
from actors.compute.service import Compute, Rooms
from actors.errors import CallerError, Fault, HostError, HostFault
from actors.messages import DeallocateRequest, DetachRequest, Hello, ServerView
from tests.acts.test_acts import shown
from tests.acts.test_migrate import OTHER, begin, migrate
from tests.acts.test_plugging import attach
from tests.world import NODE_NAME, World, in_world


def cut_off(world: World, hears: bool) -> list[ActOrder]:
    """From now on nobody hears from the compute actor; it does what it is told, if it `hears`. What it was told."""
    does, told = world.compute.act, list[ActOrder]()

    async def act(orders: list[ActOrder]) -> list[ActDone | Fault]:
        told.extend(orders)
        if hears:
            await does(orders)
        raise ConnectionError("nobody answers")

    world.compute.act = act  # type: ignore[method-assign]
    return told


async def last_message(world: World, server: ServerView) -> str:
    [action, *_] = await world.api.instance_actions(world.member, server.id)
    assert action.finished_at
    return action.message


@pytest.mark.parametrize("gone", [True, False], ids=["had gone", "had not gone"])
def test_what_was_going_when_its_node_left_has_gone_or_stays(tmp_path: Path, gone: bool) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        await attach(world, server, volume_id)
        cut_off(world, hears=gone)
        await world.api.detach_volume(world.member, server.id, volume_id)
        await world.api.detach_interface(world.member, server.id, server.addresses[0].port_id)
        await world.settled()
        await world.conductor.node_left(NODE_NAME)
        await world.settled()
        view = await shown(world, server)
        volumes, addresses = ([], ()) if gone else ([volume_id], server.addresses)
        assert ([one.source_id for one in view.volumes], view.addresses) == (volumes, addresses)
        assert await last_message(world, server) == ("" if gone else "Error")

    in_world(tmp_path, play)


def test_what_was_coming_when_its_node_left_is_given_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        held = await world.held_by(server.id)
        cut_off(world, hears=True)
        await attach(world, server, volume_id)
        asked = AttachPort(token=world.member, server_id=server.id, network_id=world.net.id)
        attaching = asyncio.create_task(world.api.attach_interface(asked))
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(await world.held_by(server.id)) == len(held) + 2  # the volume, and the port
        away_once(world, "deallocate")
        await world.conductor.node_left(NODE_NAME)
        await world.settled()
        await world.conductor.tend()
        with pytest.raises(CallerError):
            await attaching
        view = await shown(world, server)
        assert (view.volumes, view.addresses) == ((), server.addresses)
        assert await world.volume_status(volume_id) == "available"
        assert await world.held_by(server.id) == held

    in_world(tmp_path, play)


def away_once(world: World, method: str) -> None:
    """The network room does not answer the first time."""
    does, asked = getattr(world.network, method), list[Any]()

    async def away(requests: list[DeallocateRequest]) -> None:
        asked.append(requests)
        if len(asked) == 1:
            raise ConnectionError("it is away")
        await does(requests)

    setattr(world.network, method, away)


def test_an_actor_whose_node_has_left_attaches_nothing_and_detaches_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id, other = await world.volume(), await world.volume()
        await attach(world, server, volume_id)
        does, told = world.compute.act, cut_off(world, hears=False)
        await world.api.detach_volume(world.member, server.id, volume_id)
        await world.api.detach_interface(world.member, server.id, server.addresses[0].port_id)
        await attach(world, server, other)
        await world.conductor.node_left(NODE_NAME)
        before = await world.held_by(server.id)
        await does(told)
        assert await world.held_by(server.id) == before
        assert len(told) == 3

    in_world(tmp_path, play)


def test_a_reboot_brings_no_interface_back_that_was_going(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        gives_back, may_go = world.network.deallocate, asyncio.Event()

        async def deallocate(requests: list[DeallocateRequest]) -> None:
            await may_go.wait()
            await gives_back(requests)

        world.network.deallocate = deallocate  # type: ignore[method-assign]
        await world.api.detach_interface(world.member, server.id, server.addresses[0].port_id)
        reboot = await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=Reboot(hard=True)))
        for _ in range(100):
            await asyncio.sleep(0)
        may_go.set()
        await world.conductor.acted([reboot.id], 20.0)
        assert (await shown(world, server)).status == "ACTIVE"
        assert await last_message(world, server) == ""
        assert "taps" not in {kind for kind, things in (await world.compute.world()).items() if things}

    in_world(tmp_path, play)


def test_an_interface_that_goes_is_not_brought_back_by_a_reboot_that_another_took_over_from(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        does, late = world.compute.act, asyncio.Event()

        async def act(orders: list[ActOrder]) -> list[ActDone | Fault]:
            if any(isinstance(order.act, Reboot) and not order.act.hard for order in orders):
                await late.wait()
            return await does(orders)

        world.compute.act = act  # type: ignore[method-assign]
        soft, hard = (
            ActOnServer(token=world.member, server_id=server.id, act=Reboot(hard=one)) for one in (False, True)
        )
        await world.api.act(soft)
        reboot = await world.api.act(hard)
        await world.conductor.acted([reboot.id], 20.0)
        await world.api.detach_interface(world.member, server.id, server.addresses[0].port_id)
        for _ in range(100):
            await asyncio.sleep(0)
        late.set()
        await world.settled()
        assert (await shown(world, server)).addresses == ()
        assert "taps" not in {kind for kind, things in (await world.compute.world()).items() if things}

    in_world(tmp_path, play)


def test_acts_that_wait_for_what_was_begun_before_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        attaches, may_come = world.volumes.attach, asyncio.Event()

        async def attach(requests: list[Any]) -> Any:
            await may_come.wait()
            return await attaches(requests)

        world.volumes.attach = attach  # type: ignore[method-assign]
        api = world.api
        await api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id))
        first = await api.rescue(RescueServer(token=world.member, server_id=server.id, admin_password="secret"))
        reset = EditServer(token=world.admin, server_id=server.id, edit=Edit(instance_id="", vm_state="active"))
        await api.edit(reset)
        second = await api.shelve(ShelveServer(token=world.member, server_id=server.id))
        may_come.set()
        await world.conductor.acted([first.id, second.id], 5.0)
        actions = {one.id: one for one in await api.instance_actions(world.member, server.id)}
        assert all(actions[one.id].finished_at for one in (first, second))

    in_world(tmp_path, play)


def test_who_asks_again_when_it_is_over_is_answered_as_the_first_time(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id, once = await world.volume(), world.conductor.act

        async def act(requests: list[ActRequest]) -> Any:
            """Its first answer is lost, and what was asked is over when it is asked again."""
            replies = await once(requests)
            await world.conductor.acted([reply.id for reply in replies], 20.0)
            return await once(requests)

        world.conductor.act = act  # type: ignore[method-assign]
        assert (await attach(world, server, volume_id)).device_name == "/dev/vdb"
        vif = await world.api.attach_interface(
            AttachPort(token=world.member, server_id=server.id, network_id=world.net.id)
        )
        assert vif in (await shown(world, server)).addresses

    in_world(tmp_path, play)


@pytest.mark.parametrize("evacuated", [False, True])
def test_volumes_of_a_server_that_could_not_be_put_back_are_free_when_it_is_deleted(
    tmp_path: Path, evacuated: bool
) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        await attach(world, server, volume_id)
        await world.volumes.detach([DetachRequest(instance_id=server.id, host=server.host, keep=True)])
        boot = world.conductor.boot(server.id)
        assert boot is not None
        boot.ask_anew(adrift=True)
        await world.conductor.node_left(NODE_NAME)
        if evacuated:  # to nowhere
            await world.scheduler.forget_hosts([NODE_NAME])
            await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
            await world.settled()
        await world.delete(server)
        assert await world.volume_status(volume_id) == "available"

    in_world(tmp_path, play)


def test_what_waited_for_a_device_of_a_node_that_left_ends_as_well(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        volume_id = await world.volume()
        await attach(world, server, volume_id)
        await migrate(world, server)

        async def hangs(orders: list[ActOrder]) -> list[ActDone | Fault]:
            return await asyncio.Event().wait() and []

        other.act, load = hangs, world.ledger.load_where  # type: ignore[method-assign]

        async def loads_slowly(*asked: Any) -> Any:
            for _ in range(20):
                await asyncio.sleep(0)
            return await load(*asked)

        world.ledger.load_where = loads_slowly  # type: ignore[method-assign]
        await world.api.detach_volume(world.member, server.id, volume_id)
        await world.api.act(ActOnServer(token=world.admin, server_id=server.id, act=RevertResize()))
        await world.conductor.node_left(OTHER)
        await world.conductor.settled()
        view = await shown(world, server)
        assert (view.status, view.task_state, view.host) == ("VERIFY_RESIZE", None, OTHER)
        assert [one.source_id for one in view.volumes] == [volume_id]
        assert all(one.finished_at for one in await world.api.instance_actions(world.member, server.id))

    in_world(tmp_path, play)


@pytest.mark.parametrize("begins", ["before", "meanwhile"])
def test_what_an_actor_says_that_is_stale_by_then_is_done_by_the_next(tmp_path: Path, begins: str) -> None:
    """Rooms do nothing that it asks: the device would be the server's for ever, which does not show it."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        await attach(world, server, volume_id)

        async def hello() -> None:
            await world.conductor.hello(Hello(node=NODE_NAME, hosts=(NODE_NAME,)))  # that of its start comes twice

        detach = world.hypervisor.guests.detach_disk

        async def slow(instance_id: str, volume_id: str) -> None:
            await detach(instance_id, volume_id)
            await hello()

        if begins == "before":
            await hello()
        else:
            world.hypervisor.guests.detach_disk = slow  # type: ignore[method-assign]
        await world.api.detach_volume(world.member, server.id, volume_id)
        await world.conductor.settled()
        assert world.compute.standing.over.is_set()
        assert await world.volume_status(volume_id) == "in-use"
        world.hypervisor.guests.detach_disk = detach  # type: ignore[method-assign]
        rooms = Rooms(world.conductor, world.scheduler, world.images, world.network, world.volumes)
        world.compute = world._computes[NODE_NAME].room = Compute(
            world.node, world.hypervisor, rooms, SystemClock(), world.node_table
        )
        await world.compute.start()
        await world.settled()
        assert ((await shown(world, server)).volumes, await world.volume_status(volume_id)) == ((), "available")
        assert await last_message(world, server) == ""

    in_world(tmp_path, play)


@pytest.mark.parametrize("kind", ["volume", "interface"])
def test_what_failed_to_come_and_is_told_twice_has_not_come(tmp_path: Path, kind: str) -> None:
    """The second order waits for the first, whose end is the conductor's by then."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        before, whole, guests = await world.state(), world.compute.act, world.hypervisor.guests
        step = "attach_disk" if kind == "volume" else "attach_interface"
        work = getattr(guests, step)

        async def twice(orders: list[ActOrder]) -> list[ActDone | Fault]:
            first, _ = await asyncio.gather(whole(orders), whole(orders))
            return first

        async def fails_once(*_: Any) -> None:
            setattr(guests, step, work)
            raise HostError(HostFault(step, NODE_NAME, "it is busy"))

        world.compute.act = twice  # type: ignore[method-assign]
        setattr(guests, step, fails_once)
        if kind == "volume":
            await attach(world, server, volume_id)
        else:
            with pytest.raises(CallerError, match="it is busy"):
                await world.api.attach_interface(AttachPort(token=world.member, server_id=server.id))
        assert await world.state() == before
        assert (await shown(world, server)).addresses == server.addresses

    in_world(tmp_path, play)
