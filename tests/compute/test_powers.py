"""What is told of guests that are gone, and how they are brought back."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from actors.acts import Act, ConfirmResize, Reboot, RevertResize, Start, Stop, Unrescue
from actors.api.act_messages import AttachVolumeTo, ImageOfServer
from actors.clock import SystemClock
from actors.compute.bringing_back import NO_PLACE
from actors.compute.build import Build
from actors.compute.service import Compute, Rooms
from actors.compute.simulated import SimulatedHypervisor
from actors.errors import value_of
from actors.messages import ImageRequest, ServerView
from actors.states import Power
from tests.acts.test_acts import act, shown
from tests.acts.test_migrate import OTHER, begin, migrate, seen
from tests.acts.test_rescue import rescue
from tests.acts.test_resize import flavor, resize
from tests.world import NODE_NAME, World, in_world


async def another_life(world: World, of_machine: bool = True) -> Compute:
    """The actor's process ended, and another follows that knows of no guest; `of_machine`: so did its machine."""
    if of_machine:
        world.taps.remove(list(world.taps.there()))
        await world.agent.look()
    world.hypervisor = SimulatedHypervisor(world.node, world.taps, Random(2))
    rooms = Rooms(world.conductor, world.scheduler, world.images, world.network, world.volumes)
    compute = world.compute = world._computes[NODE_NAME].room = Compute(
        world.node, world.hypervisor, rooms, SystemClock()
    )
    await compute.start()
    await compute.settled()
    return compute


async def are_up(world: World, server: ServerView) -> list[bool]:
    return await world.network.ports_active([vif.port_id for vif in server.addresses])


@pytest.mark.parametrize("what", [Start(), Reboot(hard=True)], ids=["start", "hard reboot"])
def test_a_server_whose_guest_is_gone_is_off_and_can_be_started(tmp_path: Path, what: Act) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id))
        await world.settled()
        await another_life(world)
        off = await shown(world, server)
        assert (off.status, off.power_state, off.addresses) == ("SHUTOFF", "SHUTDOWN", server.addresses)
        assert await are_up(world, server) == [False]

        again = await act(world, server, what)
        assert (again.status, again.power_state, again.addresses) == ("ACTIVE", "RUNNING", server.addresses)
        await world.settled()
        assert await are_up(world, server) == [True]
        assert await world.hypervisor.guests.power(server.id) is Power.RUNNING
        assert await world.volume_status(volume_id) == "in-use"
        await world.delete(server)

    in_world(tmp_path, play)


def test_a_simulated_guest_outlives_its_actor_as_a_real_one_does(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        one, other = await world.boot(world.request("one"), world.request("other"))
        await act(world, other, Stop(wait_s=0.0))
        await another_life(world, of_machine=False)
        await world.compute.powers.sync()
        await world.settled()
        assert [(await shown(world, server)).status for server in (one, other)] == ["ACTIVE", "SHUTOFF"]
        assert await are_up(world, one) == [True]

        volume_id = await world.volume()
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=one.id, volume_id=volume_id))
        await world.settled()
        await world.compute.powers.sync()
        await world.settled()
        assert (await shown(world, one)).status == "ACTIVE"
        assert await world.volume_status(volume_id) == "in-use"
        assert (await act(world, one, Stop(wait_s=0.0))).status == "SHUTOFF"
        assert [(await act(world, server, Start())).status for server in (one, other)] == ["ACTIVE", "ACTIVE"]
        await world.compute.powers.sync()
        await world.settled()
        assert (await shown(world, one)).power_state == "RUNNING"

    in_world(tmp_path, play)


def test_one_that_boots_from_a_volume_comes_back_with_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        before = await world.state()
        await another_life(world)
        assert (await act(world, server, Start())).status == "ACTIVE"
        assert await world.state() == before  # its config drive is made anew

    in_world(tmp_path, play)


def test_an_image_can_be_made_of_one_that_is_gone(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await another_life(world)
        asked = ImageOfServer(token=world.member, server_id=server.id, name="copy")
        made = ImageRequest(token=world.member, image_id=await world.api.create_image(asked))
        await world.settled()
        assert value_of((await world.images.show([made]))[0]).status == "active"

    in_world(tmp_path, play)


def take_away(world: World, server: ServerView) -> None:
    """As an operator may, beside the actor."""
    for kind in ("start_paused", "define"):
        world.hypervisor._things[kind].discard(server.id)


def test_a_guest_that_is_taken_away_is_missed_at_the_next_look(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        one, other = await world.boot(world.request("one"), world.request("other"))
        take_away(world, one)
        await world.compute.powers.sync()
        await world.settled()
        assert [(await shown(world, server)).status for server in (one, other)] == ["SHUTOFF", "ACTIVE"]

    in_world(tmp_path, play)


def test_one_that_has_no_guest_while_it_is_worked_on_is_not_missed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        take_away(world, server)
        with world.compute.taking_away([Build(world.conductor._boots[server.id].build_order(1))]):
            await world.compute.powers.sync()
            await world.compute.powers.drained()
        assert (await shown(world, server)).status == "ACTIVE"

    in_world(tmp_path, play)


def test_what_its_host_holds_nothing_for_is_not_brought_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        take_away(world, server)
        world.compute.hosts.drop(server.host, server.id)
        await act(world, server, Reboot(hard=True))
        [action] = [one for one in await world.api.instance_actions(world.member, server.id) if one.name == "reboot"]
        assert [NO_PLACE in event.traceback for event in action.events] == [True]
        assert await world.hypervisor.guests.power(server.id) is None

    in_world(tmp_path, play)


@pytest.mark.parametrize("end", ["reverted", "reverted after a volume came", "confirmed", "another resize"])
def test_one_whose_resize_waits_is_brought_back_so_that_it_can_be_reverted(tmp_path: Path, end: str) -> None:
    async def play(world: World) -> None:
        big = await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        if end != "another resize":
            await resize(world, server, "big")
        await another_life(world)
        if end == "another resize":
            assert (await resize(world, server, "big")).status == "VERIFY_RESIZE"
        if end == "reverted after a volume came":
            volume_id = await world.volume()
            await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id))
            await world.settled()
            assert await world.volume_status(volume_id) == "in-use"
        view = await act(world, server, ConfirmResize() if end == "confirmed" else RevertResize())
        guests, own = world.hypervisor.guests, big if end == "confirmed" else server.embedded_flavor
        assert (view.flavor, view.status) == (own.name, "ACTIVE" if end.startswith("reverted") else "SHUTOFF")
        assert await guests.resized(server.id) is None
        assert await guests.is_of(server.id, own)

    in_world(tmp_path, play)


def test_one_that_is_rescued_is_brought_back_on_its_own_disk(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await rescue(world, server)
        await another_life(world)
        view = await act(world, server, Unrescue())
        assert (view.status, view.power_state) == ("ACTIVE", "RUNNING")
        assert await world.hypervisor.guests.rescued_by(server.id) == ""

    in_world(tmp_path, play)


@pytest.mark.parametrize("how", ["forgotten", "taken away"])
def test_one_that_goes_back_to_a_host_that_has_no_guest_of_it_any_more_runs_there(tmp_path: Path, how: str) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        assert (await migrate(world, server)).host == OTHER
        if how == "forgotten":
            await another_life(world)
        else:
            take_away(world, server)
        assert seen(await act(world, server, RevertResize())) == ("ACTIVE", None, "RUNNING", NODE_NAME)
        assert await world.hypervisor.guests.power(server.id) is Power.RUNNING

    in_world(tmp_path, play)
