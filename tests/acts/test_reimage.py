"""A server that boots from a volume, rebuilt from an image that is written over that, whoever dies on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.acts import ActDone, ActOrder, Edit, Reboot, Start, Stop
from actors.api.act_messages import AttachVolumeTo, RebuildServer
from actors.api.messages import BootRequest, EvacuateServer
from actors.clock import SystemClock
from actors.cluster.config import CloudConfig
from actors.compute.service import Compute, Rooms
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.errors import CallerError, Fault, HostFault, value_of
from actors.messages import BlockDevice, ReimageRequest, ServerView
from actors.records import Image, InstanceAction, Volume
from actors.volume.backend import BackendError, Source
from actors.volume.messages import CreateSnapshot, SnapshotRequest, VolumeRequest
from tests.acts.test_acts import act, shown
from tests.acts.test_rebuild import rebuild
from tests.world import NODE_NAME, World, in_world

GIB = 1 << 30


class Rewrites:
    """What the back end of a world writes over; it may be made to wait, or to fail."""

    def __init__(self, world: World) -> None:
        self.done: list[str] = []
        self.busy, self.may = asyncio.Event(), asyncio.Event()
        self.may.set()
        self.broken = False
        world.backend.rewrite = self  # type: ignore[method-assign]

    async def __call__(self, volume_id: str, size_gib: int, source: Source) -> None:
        self.busy.set()
        await self.may.wait()
        if self.broken:
            raise BackendError("the disk is full")
        self.done.append(volume_id)


Story = Callable[[World, ServerView, Image, Rewrites], Awaitable[None]]


def play(folder: Path, story: Story, goes: bool = True) -> None:
    """A server on a volume of the first image, which goes with it, and another image."""

    async def run(world: World) -> None:
        other = await world.upload("other", b"another disk")
        root = replace(world.root_volume(), delete_on_termination=goes)
        [server] = await world.boot(rooted(world, root))
        await story(world, server, other, Rewrites(world))

    in_world(folder, run)


def rooted(world: World, root: BlockDevice) -> BootRequest:
    return world.request(image="", block_devices=(root,))


async def root_of(world: World, server: ServerView) -> Volume:
    asked = VolumeRequest(token=world.admin, volume_id=server.volumes[0].source_id)
    return value_of((await world.volumes.show([asked]))[0])


async def ask(world: World, server: ServerView, image: Image) -> InstanceAction:
    return await world.api.rebuild(
        RebuildServer(token=world.member, server_id=server.id, image=image.id, name="again", reimage=True)
    )


def test_its_volume_is_the_new_image_and_everything_else_stays(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        running = await world.state()
        view = await rebuild(world, server, other.id, name="again", reimage=True)
        assert (view.status, view.power_state, view.task_state) == ("ACTIVE", "RUNNING", None)
        assert (view.name, view.image_id, view.volumes) == ("again", "", server.volumes)
        assert (view.addresses, view.host, view.fault) == (server.addresses, server.host, None)
        root = await root_of(world, server)
        assert (root.status, root.bootable, root.image_metadata["image_id"]) == ("in-use", True, other.id)
        assert await world.state() == running
        assert (await rebuild(world, server, other.id)).status == "ACTIVE"  # as before 2.93: it stays as it is
        assert rewrites.done == [root.id]
        assert (await rebuild(world, server, other.id, reimage=True)).status == "ACTIVE"
        assert rewrites.done == [root.id, root.id]  # the same image, but not what was written to it since
        with pytest.raises(CallerError, match="with a different image for a volume-backed server"):
            await rebuild(world, server, world.image.id)
        await world.delete(server)
        assert await world.held_by(server.id) == []
        assert (await world.volumes.world())["volumes"] == []

    play(tmp_path, story)


def test_one_that_is_off_is_off_afterwards_and_keeps_its_other_volumes(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        data = await world.volume()
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=data))
        await world.settled()
        await act(world, server, Stop(wait_s=1))
        view = await rebuild(world, server, other.id, reimage=True)
        assert (view.status, view.power_state) == ("SHUTOFF", "SHUTDOWN")
        assert [one.source_id for one in view.volumes] == [server.volumes[0].source_id, data]
        assert rewrites.done == [server.volumes[0].source_id]
        assert (await act(world, server, Start())).status == "ACTIVE"

    play(tmp_path, story)


def test_what_does_not_fit_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        for changes, why in (
            ({"min_disk_gib": 2}, "Volume is|smaller than the minimum size"),
            ({"min_ram_mib": 256}, "needs 256"),
            ({"status": "deactivated"}, "deactivated"),
            ({"properties": {"block_device_mapping": "[]"}}, "image of volumes|one of volumes"),
        ):
            await world.ledger.commit([replace(other, **changes)])
            await world.images.start()
            with pytest.raises(CallerError, match=why):
                await rebuild(world, server, other.id, reimage=True)
            view = await shown(world, server)
            assert (view.status, view.name, rewrites.done) == ("ACTIVE", server.name, [])

    play(tmp_path, story)


def test_the_flavor_s_disk_is_no_limit_of_a_volume(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        root = replace(world.root_volume(), size_gib=3)
        [server] = await world.boot(rooted(world, root))
        other = await world.upload("other", b"another disk")
        await world.ledger.commit([replace(other, min_disk_gib=3)])
        await world.images.start()
        assert (await rebuild(world, server, other.id, reimage=True)).status == "ACTIVE"

    in_world(tmp_path, play)


def test_snapshots_of_the_volume_stay(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        root = server.volumes[0].source_id
        asked = CreateSnapshot(token=world.member, volume_id=root, force=True)
        value_of((await world.volumes.create_snapshot([asked]))[0])
        assert (await rebuild(world, server, other.id, reimage=True)).status == "ACTIVE"
        kept = SnapshotRequest(token=world.member, snapshot_id=asked.snapshot_id)
        assert value_of((await world.volumes.show_snapshot([kept]))[0]).status == "available"

    play(tmp_path, story)


# ---------------------------------------------------------------- where it fails, and who dies on the way


@pytest.mark.parametrize("goes", [True, False])
def test_where_it_fails_the_server_is_in_error_and_can_be_rebuilt_or_deleted(tmp_path: Path, goes: bool) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        rewrites.broken = True
        view = await rebuild(world, server, other.id, reimage=True)
        assert (view.status, view.task_state) == ("ERROR", None)
        assert view.fault is not None and "the disk is full" in view.fault.message
        assert (await root_of(world, server)).status == "error"
        rewrites.broken = False
        assert (await rebuild(world, server, other.id, reimage=True)).status == "ACTIVE"
        assert (await root_of(world, server)).status == "in-use"
        rewrites.broken = True
        await rebuild(world, server, other.id, reimage=True)
        await world.delete(server)
        left = [] if goes else [f"{server.volumes[0].source_id}  1 GiB error"]  # what a user keeps is kept
        assert (await world.volumes.world())["volumes"] == left

    play(tmp_path, story, goes)


def test_told_twice_it_is_written_once(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        once = world.compute.act

        async def twice(orders: list[ActOrder]) -> list[ActDone | Fault]:
            await once(orders)
            world.compute._acts._over.clear()  # as if another compute actor were told
            return await once(orders)

        world.compute.act = twice  # type: ignore[method-assign]
        running = await world.state()
        assert (await rebuild(world, server, other.id, reimage=True)).status == "ACTIVE"
        assert await world.state() == running
        assert rewrites.done == [server.volumes[0].source_id]

    play(tmp_path, story)


class Dying:
    """A compute actor that dies while its volume is written, and answers nobody."""

    def __init__(self, world: World, rewrites: Rewrites) -> None:
        self._world, self._rewrites = world, rewrites

    async def act(self, orders: list[ActOrder]) -> list[ActDone | Fault]:
        self._rewrites.may.clear()
        acting = asyncio.create_task(self._world.compute.act(orders))
        await self._rewrites.busy.wait()
        acting.cancel()
        raise ConnectionError("compute@node-1 died")


async def next_life(world: World) -> None:
    """Another compute actor starts on the node, with its guests."""
    rooms = Rooms(world.conductor, world.scheduler, world.images, world.network, world.volumes)
    world.compute = Compute(world.node, world.hypervisor, rooms, SystemClock())
    world._computes[NODE_NAME].room = world.compute
    await world.compute.start()


@pytest.mark.parametrize("written_meanwhile", [True, False])
def test_where_its_compute_actor_dies_the_next_one_rebuilds_it(tmp_path: Path, written_meanwhile: bool) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        running = await world.state()
        there = world.conductor.compute
        world.conductor.compute = lambda host: Dying(world, rewrites)  # type: ignore[assignment,return-value]
        await ask(world, server, other)
        await world.conductor.settled()
        world.conductor.compute = there
        view = await shown(world, server)
        assert (view.status, view.task_state) == ("REBUILD", "rebuilding")
        rewrites.may.set()
        if written_meanwhile:
            wanted = VolumeRequest(token=world.member, volume_id=server.volumes[0].source_id)
            assert value_of((await world.volumes.wait([wanted], 5.0))[0]).status == "in-use"
        await next_life(world)
        await world.settled()
        view = await shown(world, server)
        assert (view.status, view.name, view.task_state) == ("ACTIVE", "again", None)
        root = await root_of(world, server)
        assert (root.status, root.image_metadata["image_id"]) == ("in-use", other.id)
        assert rewrites.done == [root.id]
        assert await world.state() == running

    play(tmp_path, story)


def test_where_the_conductor_dies_the_next_one_hears_of_its_end(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        there = world.conductor.compute
        world.conductor.compute = lambda host: Dying(world, rewrites)  # type: ignore[assignment,return-value]
        action = await ask(world, server, other)
        await world.conductor.settled()
        world.conductor.compute = there
        rewrites.may.set()
        rooms = ConductorRooms(world.scheduler, world.network, world.volumes, lambda host: world.compute, world.images)
        heir = Conductor(CloudConfig(home=tmp_path, hypervisor="simulated"), world.ledger, rooms, SystemClock())
        await heir.start()
        heir.resume()
        await heir.settled()
        [view] = await heir.show([server.id])
        assert isinstance(view, ServerView) and (view.status, view.name) == ("ACTIVE", "again")
        [row] = [one for one in await world.ledger.load(InstanceAction) if one.id == action.id]
        assert row.finished_at and not row.message
        assert (await root_of(world, server)).image_metadata["image_id"] == other.id

    play(tmp_path, story)


def test_one_that_is_deleted_while_it_is_written_leaves_nothing(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        rewrites.may.clear()
        await ask(world, server, other)
        await rewrites.busy.wait()
        await world.delete(server)
        assert rewrites.done == []
        left = await world.state()
        assert left["volume"]["volumes"] == left["volume"]["volume_files"] == left["volume"]["exports"] == []
        assert await world.held_by(server.id) == []

    play(tmp_path, story)


def test_what_was_asked_for_before_a_reboot_is_not_written_after_it(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        write, late, on_its_way = world.volumes.reimage_root, list[ReimageRequest](), asyncio.Event()

        async def slow(requests: list[ReimageRequest]) -> list[Fault | None]:
            late.extend(requests)
            on_its_way.set()
            return await asyncio.Event().wait()  # type: ignore[return-value]

        world.volumes.reimage_root = slow  # type: ignore[method-assign]
        await ask(world, server, other)
        await on_its_way.wait()
        [reset] = await world.conductor.edit([Edit(instance_id=server.id, vm_state="error", above_locks=True)])
        assert value_of(reset).status == "ERROR"
        assert (await act(world, server, Reboot(hard=True))).status == "ACTIVE"
        [fault] = await write(late)
        assert isinstance(fault, HostFault) and rewrites.done == []

    play(tmp_path, story)


def test_what_is_half_written_is_not_evacuated_as_if_it_were_whole(tmp_path: Path) -> None:
    async def story(world: World, server: ServerView, other: Image, rewrites: Rewrites) -> None:
        rewrites.broken = True
        await rebuild(world, server, other.id, reimage=True)
        there = await world.join("node-2")
        await world.conductor.node_left(NODE_NAME)
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
        await there.settled()
        await world.settled()
        view = await shown(world, server)
        assert view.status == "ERROR" and view.fault is not None and view.fault.message.endswith("is error")

    play(tmp_path, story)
