"""A server gives its host's room back and runs again: what is kept, what is refused, who may die on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.acts import Edit, Pause, Resume, Start, Stop, Suspend
from actors.api.act_messages import (
    ActOnServer,
    AttachVolumeTo,
    EditServer,
    ImageOfServer,
    ResizeServer,
    ShelveServer,
    UnshelveServer,
)
from actors.api.messages import CreateFlavor, EvacuateServer, ForceDown
from actors.clock import SystemClock
from actors.cluster.config import CloudConfig, SimulatedConfig
from actors.compute.build import Build
from actors.compute.simulated_disk import simulated_disk
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.errors import CallerError, HostError, HostFault, value_of
from actors.image.messages import ImageQuery, ListImages
from actors.image.upload import send
from actors.messages import BlockDevice, Hello, ImageRequest, NetworkRequest, ServerView
from actors.network.messages import CreatePort, PortQuery, Reference, UpdatePort
from actors.records import Image
from actors.states import Power
from tests.acts.test_acts import act, shown
from tests.world import HOUR_S, NODE_NAME, World, in_world, token

AWAY = ("SHELVED_OFFLOADED", "shelved_offloaded", None, "SHUTDOWN", "", "")


async def ask(world: World, server: ServerView, by: str = "") -> str:
    """The id of the action."""
    return (await world.api.shelve(ShelveServer(token=by or world.member, server_id=server.id))).id


async def shelve(world: World, server: ServerView) -> ServerView:
    """Ask for it, and wait until all is over."""
    await ask(world, server)
    await world.settled()
    return await shown(world, server)


async def ask_back(world: World, server: ServerView, by: str = "", **changes: Any) -> None:
    await world.api.unshelve(UnshelveServer(token=by or world.member, server_id=server.id, **changes))


async def unshelve(world: World, server: ServerView, by: str = "", **changes: Any) -> ServerView:
    await ask_back(world, server, by, **changes)
    [view] = await world.conductor.wait([server.id], 20.0)
    assert isinstance(view, ServerView)
    await world.settled()
    return await shown(world, server)


async def images(world: World) -> list[Image]:
    """Besides the one that servers are made of."""
    [found] = await world.images.list_images([ListImages(token=world.admin, query=ImageQuery())])
    return [image for image in value_of(found) if image.id != world.image.id]


def seen(view: ServerView) -> tuple[Any, ...]:
    return view.status, view.vm_state, view.task_state, view.power_state, view.host, view.node


async def told(world: World) -> list[str]:
    return [one.event_type for one in await world.conductor.notifications(0, 100, 0.0)]


def test_shelved_it_holds_no_host_and_comes_back_as_it_was(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        empty = await world.state()
        [server] = await world.boot(world.request())
        running, held = await world.state(), await world.held_by(server.id)
        away = await shelve(world, server)
        assert seen(away) == AWAY
        assert (away.name, away.addresses, away.image_id) == (server.name, server.addresses, server.image_id)
        state = await world.state()
        assert [state[room] for room in ("scheduler", "compute", "volume", "dataplane")] == [
            empty[room] for room in ("scheduler", "compute", "volume", "dataplane")
        ]
        [port] = state["network"]["ports"]  # nobody serves DHCP where no guest is
        assert port.replace("host=", f"host={NODE_NAME}") in running["network"]["ports"]
        [image] = await images(world)
        assert (image.name, image.status, image.project_id) == ("vm-shelved", "active", "demo")
        assert (image.properties["image_type"], image.properties["instance_uuid"]) == ("snapshot", server.id)
        [quota] = await world.conductor.quotas(["demo"])
        assert quota.used == {"instances": 1, "cores": 1, "ram": 128}
        back = await unshelve(world, server)
        assert (back.status, back.vm_state, back.task_state, back.power_state) == ("ACTIVE", "active", None, "RUNNING")
        assert (back.addresses, back.image_id, back.host) == (server.addresses, server.image_id, server.host)
        state = await world.state()
        assert (state["scheduler"], state["compute"]) == (running["scheduler"], running["compute"])
        assert await world.held_by(server.id) == held
        assert await images(world) == []
        actions = await world.api.instance_actions(world.member, server.id)
        assert [(one.name, one.message, one.events[0].event) for one in actions[:2]] == [
            ("unshelve", "", "compute_unshelve_instance"),
            ("shelve", "", "compute_shelve_instance"),
        ]
        names = ("shelve", "shelve_offload", "unshelve")
        wanted = [f"instance.{name}.{phase}" for name in names for phase in ("start", "end")]
        assert [one for one in await told(world) if "shelve" in one] == wanted
        await world.delete(server)
        assert await world.state() == empty

    in_world(tmp_path, play)


async def stopped(world: World, server: ServerView) -> None:
    await act(world, server, Stop(wait_s=0))


async def paused(world: World, server: ServerView) -> None:
    await act(world, server, Pause())


async def suspended(world: World, server: ServerView) -> None:
    await act(world, server, Suspend())


@pytest.mark.parametrize("first", [stopped, paused, suspended])
def test_also_one_that_does_not_run(tmp_path: Path, first: Callable[[World, ServerView], Awaitable[None]]) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await first(world, server)
        assert seen(await shelve(world, server)) == AWAY
        assert (await unshelve(world, server)).status == "ACTIVE"
        assert await world.hypervisor.guests.power(server.id) is Power.RUNNING

    in_world(tmp_path, play)


async def statuses(world: World, server: ServerView) -> list[str]:
    return sorted([await world.volume_status(device.source_id) for device in server.volumes])


async def exports(world: World) -> int:
    return len((await world.state())["volume"]["exports"])


def test_its_volumes_are_kept_for_it_and_reached_from_nowhere(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        data, late = await world.volume(), await world.volume()
        own = BlockDevice(source_type="volume", destination_type="volume", source_id=data)
        [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(), own)))
        [other] = await world.boot(world.request())
        assert (await statuses(world, server), await exports(world)) == (["in-use"] * 2, 2)
        away = await shelve(world, server)
        assert (seen(away), away.volumes, await images(world)) == (AWAY, server.volumes, [])
        assert (await statuses(world, server), await exports(world)) == (["in-use"] * 2, 0)
        with pytest.raises(CallerError) as refused:
            await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=other.id, volume_id=data))
        assert refused.value.fault.status == 400
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=late))
        await world.settled()
        assert (await world.volume_status(late), await exports(world)) == ("in-use", 0)
        await world.api.detach_volume(world.member, server.id, data)
        await world.settled()
        assert await world.volume_status(data) == "available"
        back = await unshelve(world, server)
        assert (back.status, back.image_id, len(back.volumes)) == ("ACTIVE", "", 2)
        assert (await statuses(world, back), await exports(world)) == (["in-use"] * 2, 2)
        assert late in {device.source_id for device in back.volumes}

    in_world(tmp_path, play)


def test_deleted_while_it_is_shelved_it_gives_back_all(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        empty = await world.state()
        blank = BlockDevice(source_type="blank", destination_type="volume", size_gib=1, delete_on_termination=True)
        [server] = await world.boot(world.request(block_devices=(blank,)))
        await shelve(world, server)
        assert len(await images(world)) == 1
        await world.delete(server)
        assert await world.state() == empty
        assert await images(world) == []
        [quota] = await world.conductor.quotas(["demo"])
        assert quota.used["instances"] == 0

    in_world(tmp_path, play)


def test_what_is_refused_has_changed_nothing(tmp_path: Path) -> None:
    async def refused(world: World, asked: Awaitable[Any]) -> int:
        before = await images(world)
        with pytest.raises(CallerError) as error:
            await asked
        assert await images(world) == before
        return error.value.fault.status

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        lock = Edit(instance_id="", locked=True)
        await world.api.edit(EditServer(token=world.member, server_id=server.id, edit=lock))
        assert await refused(world, ask(world, server)) == 409
        unlock = Edit(instance_id="", locked=False)
        await world.api.edit(EditServer(token=world.member, server_id=server.id, edit=unlock))
        assert await refused(world, ask_back(world, server)) == 409
        assert await refused(world, ask(world, server, token("other"))) == 404
        offload = ShelveServer(token=world.admin, server_id=server.id)
        assert await refused(world, world.api.shelve_offload(offload)) == 409
        await shelve(world, server)
        assert await refused(world, world.api.shelve_offload(offload)) == 409
        assert await refused(world, ask(world, server)) == 409
        for each in (Start(), Stop(wait_s=0), Pause(), Resume()):
            asked = ActOnServer(token=world.member, server_id=server.id, act=each)
            assert await refused(world, world.api.act(asked)) == 409, each
        edit = Edit(instance_id="", vm_state="active")
        reset = EditServer(token=world.admin, server_id=server.id, edit=edit)
        assert await refused(world, world.api.edit(reset)) == 409
        assert await refused(world, ask_back(world, server, token("other"))) == 404
        assert await refused(world, ask_back(world, server, zone="nowhere")) == 400
        assert await refused(world, ask_back(world, server, host=NODE_NAME)) == 403
        assert await refused(world, ask_back(world, server, world.admin, host="nobody")) == 400
        assert seen(await shown(world, server)) == AWAY
        back = await unshelve(world, server, world.admin, host=NODE_NAME, zone="nova")
        assert (back.status, back.pinned_zone) == ("ACTIVE", "nova")

    in_world(tmp_path, play)


def test_an_administrator_s_image_is_the_server_s_project_s(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await ask(world, server, world.admin)
        await world.settled()
        [image] = await images(world)
        assert image.project_id == "demo"
        assert (await unshelve(world, server)).status == "ACTIVE"

    in_world(tmp_path, play)


def test_where_no_host_has_room_it_stays_shelved_and_says_why(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await shelve(world, server)
        before = await world.held_by(server.id)
        [other] = await world.boot(world.request())
        assert other.status == "ACTIVE"
        assert seen(await unshelve(world, server)) == AWAY
        [action, *_] = await world.api.instance_actions(world.member, server.id)
        assert (action.name, action.message) == ("unshelve", "Error")
        assert "No valid host" in action.events[0].traceback
        assert (await told(world))[-1] == "instance.unshelve.error"
        assert (await world.held_by(server.id), len(await images(world))) == (before, 1)
        await world.delete(other)
        assert (await unshelve(world, server)).status == "ACTIVE"

    in_world(tmp_path, play, simulated=SimulatedConfig(hosts=1, vcpus=1, ram_mib=200))


def test_it_comes_up_without_a_port_that_was_deleted_meanwhile(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        asked = [
            CreatePort(token=world.member, network_id=world.net.id, name=name) for name in ("kept", "gone", "lent")
        ]
        kept, gone, lent = map(value_of, await world.network.create_ports(asked))
        networks = tuple(NetworkRequest(port_id=port.id) for port in (kept, gone, lent))
        [server] = await world.boot(world.request(networks=networks))
        assert len(server.addresses) == 3
        await shelve(world, server)
        assert await world.network.delete_ports([Reference(token=world.member, id=gone.id)]) == [None]
        other = UpdatePort(token=world.member, id=lent.id, device_id="somebody", device_owner="")
        value_of((await world.network.update_ports([other]))[0])
        back = await unshelve(world, server)
        assert (back.status, [vif.port_id for vif in back.addresses]) == ("ACTIVE", [kept.id])
        await world.delete(server)
        left = await world.network.list_ports(PortQuery(token=world.member))
        assert {port.id for port in left} == {kept.id, lent.id}

    in_world(tmp_path, play)


def test_an_attempt_that_fails_takes_nothing_away(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        blank = BlockDevice(source_type="blank", destination_type="volume", size_gib=1)
        [server] = await world.boot(world.request(block_devices=(blank,)))
        await shelve(world, server)
        before = await world.held_by(server.id)

        async def fails(builds: list[Build]) -> dict[str, Any]:
            return {build.id: HostFault("define", NODE_NAME, "no such machine type") for build in builds}

        define, world.hypervisor.define = world.hypervisor.define, fails  # type: ignore[method-assign]
        assert seen(await unshelve(world, server)) == AWAY
        assert [line[:36] for line in await world.held_by(server.id)] == [line[:36] for line in before]
        assert (await statuses(world, server), await exports(world)) == (["in-use"], 0)
        assert len(await images(world)) == 1
        world.hypervisor.define = define  # type: ignore[method-assign]
        assert (await unshelve(world, server)).status == "ACTIVE"
        assert await statuses(world, server) == ["in-use"]

    in_world(tmp_path, play)


@pytest.mark.parametrize("step", ["shut_down", "copy_root_disk"])
def test_where_its_disk_can_t_be_kept_it_runs_on(tmp_path: Path, step: str) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        before, guests = await world.state(), world.hypervisor.guests
        real = getattr(guests, step)

        async def fails(*asked: Any) -> Any:
            raise HostError(HostFault(step, NODE_NAME, "no room for a copy"))

        setattr(guests, step, fails)
        view = await shelve(world, server)
        assert (view.status, view.task_state, view.power_state) == ("ACTIVE", None, "RUNNING")
        assert await guests.power(server.id) is Power.RUNNING
        assert (await world.state(), await images(world)) == (before, [])
        [action, *_] = await world.api.instance_actions(world.member, server.id)
        assert (action.message, action.events[0].traceback) == ("Error", f"{step} on node-1: no room for a copy")
        setattr(guests, step, real)
        assert seen(await shelve(world, server)) == AWAY

    in_world(tmp_path, play)


def test_one_that_can_t_be_started_again_either_is_off(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        guests = world.hypervisor.guests

        async def fails(*asked: Any) -> Any:
            raise HostError(HostFault("disk", NODE_NAME, "the disk is broken"))

        guests.copy_root_disk = guests.start_paused = fails  # type: ignore[method-assign]
        view = await shelve(world, server)
        assert (view.status, view.power_state) == ("SHUTOFF", "SHUTDOWN")
        assert await images(world) == []

    in_world(tmp_path, play)


def test_deleted_while_its_disk_is_sent(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        empty = await world.state()
        [server] = await world.boot(world.request())
        sending = asyncio.Event()

        async def never_ends(chunks: list[Any]) -> Any:
            sending.set()
            await asyncio.Event().wait()

        world.images.upload_chunk = never_ends  # type: ignore[method-assign]
        await ask(world, server)
        await sending.wait()
        assert (await shown(world, server)).task_state == "shelving"
        await world.delete(server)
        assert (await world.state(), await images(world)) == (empty, [])

    in_world(tmp_path, play)


def test_the_old_host_s_rest_is_a_stray_and_the_ports_stay(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await shelve(world, server)
        ports = (await world.state())["network"]["ports"]
        world.hypervisor._things["define"].add(server.id)  # what a node that was away has still
        world.compute.config = msgspec.structs.replace(world.compute.config, strays="remove")
        await world.compute.strays.sweep()
        assert await world.compute.strays.sweep() == [server.id]
        assert server.id not in await world.hypervisor.instances()
        assert (await world.state())["network"]["ports"] == ports
        assert (await unshelve(world, server)).addresses == server.addresses

    in_world(tmp_path, play)


class Later(SystemClock):
    """After the members' token has ended."""

    def now(self) -> float:
        return super().now() + 2 * HOUR_S


async def make_image(world: World, server: ServerView) -> str:
    return await world.api.create_image(ImageOfServer(token=world.member, server_id=server.id, name="kept"))


@pytest.mark.parametrize("asks", [ask, make_image])
def test_a_token_that_ends_while_the_disk_is_copied_ends_nothing(
    tmp_path: Path, asks: Callable[[World, ServerView], Awaitable[str]]
) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        copy, clock = world.hypervisor.guests.copy_root_disk, world.images._clock

        async def takes_long(instance_id: str) -> Path:
            world.images._clock = Later()
            return await copy(instance_id)

        world.hypervisor.guests.copy_root_disk = takes_long  # type: ignore[method-assign]
        await asks(world, server)
        await world.settled()
        late = ImageRequest(token=world.member, image_id=world.image.id)
        [refused] = await world.images.begin_upload([late])
        assert refused is not None and refused.status == 401  # who is no service is not let in
        world.images._clock = clock
        [image] = await images(world)
        assert image.status == "active"

    in_world(tmp_path, play)


@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("asks", [ask, make_image])
def test_an_image_whose_act_was_never_begun_goes(
    tmp_path: Path, asks: Callable[[World, ServerView], Awaitable[str]], heard: bool
) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        begin = world.conductor.act

        async def is_lost(asked: list[Any]) -> Any:
            if heard:
                await begin(asked)
            raise ConnectionError("conductor did not answer")

        world.conductor.act = is_lost  # type: ignore[method-assign]
        world.api.leftovers.pause_s = 0.0
        with pytest.raises(ConnectionError):
            await asks(world, server)
        await world.settled()
        await world.api.leftovers.settled()
        assert [image.status for image in await images(world)] == (["active"] if heard else [])

    in_world(tmp_path, play)


# ---------------------------------------------------------------- who dies


def heir_of(world: World, folder: Path) -> Conductor:
    cloud = CloudConfig(home=folder, hypervisor="simulated")
    rooms = ConductorRooms(world.scheduler, world.network, world.volumes, lambda host: world.compute, world.images)
    return Conductor(cloud, world.ledger, rooms, SystemClock())


def test_a_conductor_that_dies_before_the_host_let_go_is_followed_by_one_that_has_it_do_so(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        real = world.compute.destroy

        async def is_away(orders: list[Any]) -> Any:
            raise ConnectionError("compute@node-1 did not answer")

        world.compute.destroy = is_away  # type: ignore[method-assign]
        view = await shelve(world, server)
        assert (view.status, view.task_state, view.host) == ("SHELVED", "shelving_offloading", NODE_NAME)
        world.compute.destroy = real  # type: ignore[method-assign]
        heir = heir_of(world, tmp_path)
        await heir.start()
        heir.resume()
        await heir.settled()
        [after] = await heir.show([server.id])
        assert isinstance(after, ServerView)
        assert seen(after) == AWAY
        assert await world.scheduler.claims() == []
        assert await world.hypervisor.instances() == set()

    in_world(tmp_path, play)


def test_a_conductor_that_dies_before_the_image_is_deleted_is_followed_by_one_that_does_so(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await shelve(world, server)
        real = world.images.discard

        async def is_away(image_ids: list[str]) -> None:
            raise ConnectionError("image did not answer")

        world.images.discard = is_away  # type: ignore[method-assign]
        assert (await unshelve(world, server)).status == "ACTIVE"
        assert len(await images(world)) == 1
        world.images.discard = real  # type: ignore[method-assign]
        heir = heir_of(world, tmp_path)
        await heir.start()
        heir.resume()
        await heir.settled()
        assert await images(world) == []

    in_world(tmp_path, play)


def test_told_again_to_an_actor_that_forgot_it_the_image_is_as_it_was(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        once = world.compute.act

        async def does_and_dies(orders: list[Any]) -> Any:
            await once(orders)
            raise ConnectionError("the actor died")

        world.compute.act = does_and_dies  # type: ignore[method-assign]
        await ask(world, server)
        await world.settled()
        [image] = await images(world)
        assert image.status == "active"
        world.compute.act = once  # type: ignore[method-assign]
        world.compute._acts._over.clear()  # as of another life
        await world.compute.start()
        await world.settled()
        assert seen(await shown(world, server)) == AWAY
        assert await images(world) == [image]

    in_world(tmp_path, play)


def test_an_image_with_other_data_is_no_reason_to_let_go_of_the_disk(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        guests = world.hypervisor.guests
        shut_down = guests.shut_down

        async def meanwhile(*how: Any) -> Any:
            [image] = await images(world)
            request = ImageRequest(token=world.member, image_id=image.id)
            await send(world.images, request, disk(tmp_path / "foreign"))
            return await shut_down(*how)

        guests.shut_down = meanwhile  # type: ignore[method-assign]  # a user who knows of the image
        view = await shelve(world, server)
        assert (view.status, view.power_state, view.host) == ("ACTIVE", "RUNNING", server.host)
        assert await images(world) == []
        [action, *_] = await world.api.instance_actions(world.member, server.id)
        assert "has other data than the root disk" in action.events[0].traceback

    in_world(tmp_path, play)


def disk(path: Path) -> Path:
    path.write_bytes(simulated_disk("another"))
    return path


def test_one_that_is_off_is_put_back_whole_before_its_disk_is_kept(tmp_path: Path) -> None:
    """A resize of it was begun by a node that left, and it is of the old flavor again."""

    async def play(world: World) -> None:
        big = CreateFlavor(token=world.admin, name="big", vcpus=2, ram_mib=256, disk_gib=2, id="big")
        await world.api.create_flavor(big)
        [server] = await world.boot(world.request())
        await act(world, server, Stop(wait_s=0.0))
        once = world.compute.act

        async def does_and_dies(orders: list[Any]) -> Any:
            await once(orders)
            raise ConnectionError("the actor died")

        world.compute.act = does_and_dies  # type: ignore[method-assign]  # a node that leaves before its answer is heard
        await world.api.resize(ResizeServer(token=world.member, server_id=server.id, flavor="big"))
        await world.settled()
        await world.conductor.node_left(NODE_NAME)
        world.compute.act = once  # type: ignore[method-assign]
        welcome = await world.conductor.hello(Hello(node=NODE_NAME, hosts=(NODE_NAME,)))
        world.compute.standing.epoch = welcome.epoch
        guests, calls = world.hypervisor.guests, []
        copy, put_back = guests.copy_root_disk, guests.unresize

        async def copied(*what: Any) -> Any:
            calls.append("copied")
            return await copy(*what)

        async def whole(*what: Any) -> Any:
            calls.append("put back")
            return await put_back(*what)

        guests.copy_root_disk, guests.unresize = copied, whole  # type: ignore[method-assign]  # who looks on
        await shelve(world, server)
        assert calls[:2] == ["put back", "copied"]

    in_world(tmp_path, play)


def test_one_that_is_evacuated_while_it_was_to_be_shelved_is_not_made_of_half_an_image(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await world.join("node-2")
        sending, over = asyncio.Event(), asyncio.Event()
        real = world.images.upload_chunk

        async def hangs(chunks: list[Any]) -> Any:
            sending.set()
            await over.wait()
            return await real(chunks)

        world.images.upload_chunk = hangs  # type: ignore[method-assign]  # a disk that takes long to be sent
        await ask(world, server)
        await sending.wait()
        edit = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=edit))
        await world.api.force_down(ForceDown(token=world.admin, node=NODE_NAME, down=True))
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id, from_image=True))
        [view] = await world.conductor.wait([server.id], 20.0)
        over.set()
        await world.settled()
        view = await shown(world, server)
        assert (view.status, view.node) == ("ACTIVE", "node-2")
        assert await images(world) == []

    in_world(tmp_path, play)


def test_one_that_failed_and_is_told_twice_has_failed(tmp_path: Path) -> None:
    """The second order waits for the first, whose end is the conductor's by then."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        before, whole, shut_down = await world.state(), world.compute.act, world.hypervisor.guests.shut_down

        async def twice(orders: Any) -> Any:
            first, _ = await asyncio.gather(whole(orders), whole(orders))
            return first

        async def fails_once(*_: Any) -> None:
            world.hypervisor.guests.shut_down = shut_down  # type: ignore[method-assign]
            raise HostError(HostFault("shelve", NODE_NAME, "it is busy"))

        world.compute.act = twice  # type: ignore[method-assign]
        world.hypervisor.guests.shut_down = fails_once  # type: ignore[method-assign]
        assert (await shelve(world, server)).status == "ACTIVE"
        assert await world.state() == before

    in_world(tmp_path, play)
