"""What was accepted is done or recorded as failed, whoever dies on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from actors.acts import ActDone, ActOrder, Reboot, Start, Stop
from actors.api.act_messages import ActOnServer
from actors.clock import SystemClock
from actors.cluster.config import CloudConfig
from actors.compute.build import Build
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.errors import Fault, HostFault
from actors.messages import Hello, ServerView
from actors.records import InstanceAction
from actors.states import Power
from tests.world import NODE_NAME, World, in_world


class Away:
    """A compute actor that can't be reached."""

    async def act(self, orders: list[ActOrder]) -> list[ActDone | Fault]:
        raise ConnectionError("compute@node-1 did not answer")


async def shown(conductor: Conductor, server: ServerView) -> ServerView:
    [view] = await conductor.show([server.id])
    assert isinstance(view, ServerView)
    return view


async def ask_in_vain(world: World, server: ServerView) -> InstanceAction:
    """Stop a server whose compute actor is away."""
    there = world.conductor.compute
    world.conductor.compute = lambda host: Away()  # type: ignore[assignment,return-value]
    action = await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=Stop(wait_s=0)))
    await world.conductor.settled()
    world.conductor.compute = there
    return action


def test_an_act_whose_compute_was_away_is_done_when_it_says_hello(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await ask_in_vain(world, server)
        view = await shown(world.conductor, server)
        assert (view.status, view.task_state) == ("ACTIVE", "powering-off")
        await world.conductor.hello(Hello(node=NODE_NAME, hosts=(NODE_NAME,)))
        await world.settled()
        view = await shown(world.conductor, server)
        assert (view.status, view.task_state) == ("SHUTOFF", None)
        assert await world.hypervisor.guests.power(server.id) is Power.SHUTDOWN

    in_world(tmp_path, play)


def test_an_act_that_the_conductor_died_in_is_done_by_the_next(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        action = await ask_in_vain(world, server)
        cloud = CloudConfig(home=tmp_path, hypervisor="simulated")
        rooms = ConductorRooms(world.scheduler, world.network, world.volumes, lambda host: world.compute, world.images)
        heir = Conductor(cloud, world.ledger, rooms, SystemClock())
        await heir.start()
        assert (await shown(heir, server)).task_state == "powering-off"
        heir.resume()
        await heir.settled()
        assert (await shown(heir, server)).status == "SHUTOFF"
        [row] = await world.ledger.load(InstanceAction)
        assert (row.id, row.message, row.act) == (action.id, "", {})
        assert row.finished_at

    in_world(tmp_path, play)


def test_acts_on_a_node_that_left_have_failed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        action = await ask_in_vain(world, server)
        await world.conductor.node_left(NODE_NAME)
        assert (await shown(world.conductor, server)).task_state is None
        newest = (await world.api.instance_actions(world.member, server.id))[0]
        assert (newest.id, newest.message) == (action.id, "Error")

    in_world(tmp_path, play)


def test_acts_on_a_node_that_is_back_when_its_loss_is_dealt_with_are_done(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        action = await ask_in_vain(world, server)
        await world.conductor.nodes.leave(NODE_NAME)
        await world.compute.start()
        await world.conductor._acts.node_left(NODE_NAME)
        await world.settled()
        assert (await shown(world.conductor, server)).status == "SHUTOFF"
        newest = (await world.api.instance_actions(world.member, server.id))[0]
        assert (newest.id, newest.message) == (action.id, "")

    in_world(tmp_path, play)


def test_a_hard_reboot_takes_over_from_a_soft_one(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        asked = [ActOnServer(token=world.member, server_id=server.id, act=Reboot(hard=one)) for one in (False, True)]
        await asyncio.gather(*(world.api.act(one) for one in asked))
        await world.settled()
        view = await shown(world.conductor, server)
        assert (view.status, view.task_state) == ("ACTIVE", None)
        assert all(one.finished_at for one in await world.ledger.load(InstanceAction))

    in_world(tmp_path, play)


def test_every_act_done_twice_is_as_once(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        told: list[ActOrder] = []
        once = world.compute.act

        async def twice(orders: list[ActOrder]) -> list[ActDone | Fault]:
            told.extend(orders)
            await once(orders)
            return await once(orders)

        running = await world.state()
        world.compute.act = twice  # type: ignore[method-assign]
        for what, status in ((Stop(wait_s=0), "SHUTOFF"), (Start(), "ACTIVE")):
            action = await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=what))
            await world.conductor.acted([action.id], 20.0)
            assert (await shown(world.conductor, server)).status == status
        assert len(told) == 2
        assert await world.state() == running

    in_world(tmp_path, play)


def test_a_compute_actor_that_starts_tells_how_its_guests_are(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        world.hypervisor.guests._power[server.id] = Power.SHUTDOWN  # while nobody listened
        await world.compute.start()
        await world.settled()
        assert (await shown(world.conductor, server)).status == "SHUTOFF"

    in_world(tmp_path, play)


def test_what_is_over_is_on_disk_with_what_begins_next(tmp_path: Path) -> None:
    """Else a conductor that starts then would do it again, after what was done since."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        commit, locked, over = world.ledger.commit, [True], asyncio.Event()

        async def commits(changes: list[Any]) -> None:
            actions = {one.name: one for one in changes if isinstance(one, InstanceAction)}
            if locked[0] and list(actions) == ["stop"] and actions["stop"].finished_at:
                over.set()
                raise ConnectionError("the database is locked")
            await commit(changes)

        world.ledger.commit = commits  # type: ignore[method-assign]
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=Stop(wait_s=0)))
        async with asyncio.timeout(5.0):
            await over.wait()
        assert [row.finished_at for row in await world.ledger.load(InstanceAction)] == [0.0]
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=Start()))
        rows = {row.name: row for row in await world.ledger.load(InstanceAction)}
        assert (rows["stop"].finished_at > 0.0, set(rows)) == (True, {"stop", "start"})
        locked[0] = False
        await world.settled()
        assert (await shown(world.conductor, server)).status == "ACTIVE"

    in_world(tmp_path, play)


def test_an_act_that_comes_after_its_server_was_deleted_brings_nothing_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        [server] = await world.boot(world.request())
        spec = (await world.conductor.instance(server.id)).spec
        order = ActOrder(
            id="late",
            instance_id=server.id,
            attempt=0,
            host=server.host,
            spec=spec,
            vifs=server.addresses,
            act=Reboot(hard=True),
        )
        unplug = world.hypervisor.unplug
        replies: list[Any] = []

        async def meanwhile(builds: list[Build]) -> None:
            replies.extend(await world.compute.act([order]))
            await unplug(builds)

        world.hypervisor.unplug = meanwhile  # type: ignore[method-assign]
        await world.delete(server)
        replies.extend(await world.compute.act([order]))
        assert replies == [HostFault("reboot_hard", server.host, "the server is being deleted")] * 2
        assert await world.state() == before

    in_world(tmp_path, play)
