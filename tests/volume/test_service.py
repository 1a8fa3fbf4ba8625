"""The volume room by its messages: attach and detach, once and twice, tenants, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.errors import HostError, HostFault, value_of
from actors.messages import BlockDevice
from actors.records import drop
from actors.volume.backend import BackendError, MemoryBackend, Source
from actors.volume.kinds import DEFAULT_TYPE
from actors.volume.messages import (
    CreateSnapshot,
    CreateVolume,
    CreateVolumeType,
    ListVolumes,
    SnapshotRequest,
    VolumeRequest,
)
from actors.volume.plan import as_ordered_today, id_of
from actors.volume.service import VolumeRoom
from tests.volume.rooms import (
    WAIT_S,
    House,
    attach_request,
    attached,
    blank,
    detach_request,
    field_of,
    status_of,
    use,
    volume,
)


def play(home: Path, story: Callable[[House, VolumeRoom], Awaitable[None]]) -> None:
    async def run() -> None:
        house = House(home)
        room = await house.room()
        await story(house, room)
        await room.close()

    asyncio.run(run())


def test_a_volume_is_created_available_and_deleted(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        empty = await room.world()
        request = CreateVolume(token="ann", name="data", size_gib=2)
        assert value_of((await room.create([request]))[0]).status == "creating"
        first, second = await room.create([request, request])
        assert first == second
        asked = VolumeRequest(token="ann", volume_id=request.volume_id)
        assert value_of((await room.wait([asked], WAIT_S))[0]).status == "available"
        assert len(value_of((await room.list_volumes([ListVolumes(token="ann")]))[0])) == 1
        assert await room.delete([asked]) == [None]
        assert status_of((await room.delete([asked]))[0]) == 404
        assert await room.world() == empty

    play(tmp_path, story)


def test_bad_creations_name_their_field(tmp_path: Path) -> None:
    bad: dict[str, CreateVolume] = {
        "size_gib": CreateVolume(token="ann"),
        "volume_id": CreateVolume(token="ann", size_gib=1, volume_id="../x"),
        "name": CreateVolume(token="ann", size_gib=1, name="\n"),
        "image_id": CreateVolume(token="ann", size_gib=1, image_id="none"),
        "snapshot_id": CreateVolume(token="ann", size_gib=1, snapshot_id="none"),
    }

    async def story(house: House, room: VolumeRoom) -> None:
        replies = await room.create(list(bad.values()))
        assert [field_of(reply) for reply in replies] == list(bad)
        small = (await room.create([CreateVolume(token="ann", size_gib=2, image_id="img")]))[0]
        assert field_of(small) == "size_gib"
        assert status_of((await room.create([CreateVolume(token="who", size_gib=1)]))[0]) == 401
        assert house.ledger.commits == 0

    play(tmp_path, story)


def test_a_volume_of_an_image_has_its_size_and_boots(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        made = await volume(room, size_gib=0, image_id="img")
        assert (made.size_gib, made.bootable, made.status) == (3, True, "available")

    play(tmp_path, story)


def test_attach_twice_is_attach_once(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        before = await room.world()
        request = attach_request(use(mine))
        commits = house.ledger.commits
        first = await attached(room, request)
        assert house.ledger.commits == commits + 1
        world = await room.world()
        assert await attached(room, request) == first
        assert await room.world() == world
        assert (first[0].serial, first[0].export) == (mine.id, mine.id)
        assert world["exports"] == [mine.id]
        await room.detach([detach_request()])
        await room.detach([detach_request()])
        assert await room.world() == before

    play(tmp_path, story)


def test_connections_come_in_the_order_of_devices(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room, size_gib=7)
        root = BlockDevice(source_type="image", destination_type="volume", source_id="img", boot_index=0)
        request = attach_request(root, use(mine), blank(2))
        connections = await attached(room, request)
        ids = [id_of(root, "vm-1", 0), mine.id, id_of(blank(2), "vm-1", 2)]
        assert [connection.volume_id for connection in connections] == ids
        assert [connection.size_gib for connection in connections] == [3, 7, 2]
        assert [connection.bootable for connection in connections] == [True, False, False]
        world = await room.world()
        assert await attached(room, request) == connections
        assert await room.world() == world

    play(tmp_path, story)


def test_one_volume_belongs_to_one_instance_also_within_a_batch(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        requests = [attach_request(use(mine), instance=name) for name in ("vm-1", "vm-2")]
        first, second = await room.attach(requests)
        assert isinstance(first, tuple) and status_of(second) == 409
        assert status_of((await room.validate([requests[1]]))[0]) == 409
        assert await room.validate([requests[0]]) == [None]
        assert status_of((await room.delete([VolumeRequest(token="ann", volume_id=mine.id)]))[0]) == 400

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("device", "field", "status"),
    [
        (BlockDevice(source_type="volume", destination_type="volume", source_id="none"), "source_id", 404),
        (BlockDevice(source_type="image", destination_type="volume", source_id="none"), "image_id", 404),
        (BlockDevice(source_type="snapshot", destination_type="volume", source_id="none"), "source_id", 404),
        (BlockDevice(source_type="image", destination_type="volume", source_id="img", size_gib=1), "size_gib", 400),
        (BlockDevice(source_type="blank", destination_type="volume"), "size_gib", 400),
        (BlockDevice(source_type="blank", destination_type="volume", size_gib=1, boot_index=0), "boot_index", 400),
        (BlockDevice(source_type="tape", destination_type="volume"), "source_type", 400),
    ],
)
def test_bad_devices_are_refused_and_change_nothing(
    tmp_path: Path, device: BlockDevice, field: str, status: int
) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        request = attach_request(blank(), device)
        for reply in [(await room.validate([request]))[0], (await room.attach([request]))[0]]:
            assert status_of(reply) == status and field_of(reply).endswith(field)
        assert house.ledger.commits == 0

    play(tmp_path, story)


def test_another_tenants_volume_is_not_there(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        assert status_of((await room.attach([attach_request(use(mine), token="bob")]))[0]) == 404
        assert status_of((await room.show([VolumeRequest(token="bob", volume_id=mine.id)]))[0]) == 404
        assert await room.list_volumes([ListVolumes(token="bob")]) == [[]]
        image = BlockDevice(source_type="image", destination_type="volume", source_id="img")
        replies = await room.attach([attach_request(image), attach_request(image, instance="vm-2", token="bob")])
        assert isinstance(replies[0], tuple) and status_of(replies[1]) == 404

    play(tmp_path, story)


def test_a_failed_boot_takes_its_own_volumes_and_spares_the_users(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        before = await room.world()
        await attached(room, attach_request(use(mine, delete_on_termination=True), blank(), blank(delete=True)))
        await room.detach([detach_request(failed_boot=True)])
        assert await room.world() == before

    play(tmp_path, story)


def test_an_ended_instance_takes_what_is_marked(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        await attached(room, attach_request(use(mine, delete_on_termination=True), blank(), blank(delete=True)))
        await room.detach([detach_request()])
        world = await room.world()
        assert world["volume_files"] == [id_of(blank(), "vm-1", 1)]
        assert world["attachments"] == world["exports"] == []
        assert "available" in world["volumes"][0] and len(world["volumes"]) == 1

    play(tmp_path, story)


def test_the_next_attempt_takes_over_and_a_late_detach_is_harmless(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        await attached(room, attach_request(use(mine)))
        await attached(room, attach_request(use(mine), attempt=2, host="h2"))
        world = await room.world()
        await room.detach([detach_request(host="h1")])
        assert status_of((await room.attach([attach_request(use(mine), attempt=1)]))[0]) == 409
        assert await room.world() == world

    play(tmp_path, story)


def test_an_attachment_whose_volume_is_gone_keeps_no_room_from_starting(tmp_path: Path) -> None:
    """As it was left once where an administrator's word had a volume in use deleted."""

    async def story(house: House, room: VolumeRoom) -> None:
        mine, gone = await volume(room), await volume(room)
        await attached(room, attach_request(use(mine), use(gone)))
        await house.ledger.commit([drop(gone)])
        later = await house.room()
        assert (await later.world())["exports"] == [mine.id]
        await later.detach([detach_request()])
        assert (await (await house.room()).world())["attachments"] == []
        assert house.ledger.rows["VolumeAttachment"] == {}

    play(tmp_path, story)


def test_volumes_of_one_instance_are_detached_in_one_batch(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        one, two, three = [await volume(room) for _ in range(3)]
        await attached(room, attach_request(use(one), use(two), use(three)))
        await room.detach([replace(detach_request(), volume_ids=(row.id,)) for row in (one, two)])
        world = await room.world()
        assert world["exports"] == [three.id] and world["attachments"] == [f"{three.id}:vm-1 h1"]

    play(tmp_path, story)


def test_a_snapshot_makes_volumes_and_holds_its_volume(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room, size_gib=4)
        await attached(room, attach_request(use(mine)))
        request = CreateSnapshot(token="ann", volume_id=mine.id)
        assert status_of((await room.create_snapshot([request]))[0]) == 400
        forced = CreateSnapshot(token="ann", volume_id=mine.id, force=True)
        snapshot = value_of((await room.create_snapshot([forced, forced]))[1])
        assert (snapshot.status, snapshot.size_gib) == ("available", 4)
        device = BlockDevice(source_type="snapshot", destination_type="volume", source_id=snapshot.id)
        assert (await attached(room, attach_request(device, instance="vm-2")))[0].size_gib == 4
        await room.detach([detach_request()])
        asked = VolumeRequest(token="ann", volume_id=mine.id)
        assert status_of((await room.delete([asked]))[0]) == 400
        assert await room.delete_snapshot([SnapshotRequest(token="ann", snapshot_id=snapshot.id)]) == [None]
        assert await room.delete([asked]) == [None]

    play(tmp_path, story)


def test_a_boot_chooses_the_type_of_the_volumes_that_it_makes(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        gold, far, hidden = [
            value_of(reply)
            for reply in await room.create_type(
                [
                    CreateVolumeType(token="root", name="gold"),
                    CreateVolumeType(token="root", name="far", extra_specs={"volume_backend_name": "ceph"}),
                    CreateVolumeType(token="root", name="hidden", is_public=False),
                ]
            )
        ]
        before = await room.world()
        for name in ("none", far.id, hidden.name):
            refused = attach_request(blank(), replace(blank(), volume_type=name))
            for reply in [(await room.validate([refused]))[0], (await room.attach([refused]))[0]]:
                assert (status_of(reply), field_of(reply)) == (400, "block_device_mapping_v2[1].volume_type")
        assert await room.world() == before
        chosen = attach_request(replace(blank(), volume_type="gold"), replace(blank(), volume_type=gold.id), blank())
        ids = [connection.volume_id for connection in await attached(room, chosen)]
        assert await types_of(room, ids) == [gold.id, gold.id, DEFAULT_TYPE.id]
        [snapshot] = await room.create_snapshot([CreateSnapshot(token="ann", volume_id=ids[0], force=True)])
        copy = BlockDevice(source_type="snapshot", destination_type="volume", source_id=value_of(snapshot).id)
        [copied] = await attached(room, attach_request(copy, instance="vm-2"))
        assert await types_of(room, [copied.volume_id]) == [gold.id]  # as of what it is a copy of

    play(tmp_path, story)


async def types_of(room: VolumeRoom, ids: list[str]) -> list[str]:
    shown = await room.show([VolumeRequest(token="ann", volume_id=one) for one in ids])
    return [value_of(one).volume_type for one in shown]


class Stuck(MemoryBackend):
    """Can't delete the data of some volumes."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck: set[str] = set()

    async def delete(self, volume_id: str) -> None:
        if volume_id in self.stuck:
            raise BackendError("its file is locked")
        await super().delete(volume_id)


def test_what_cannot_be_deleted_now_holds_up_nothing_else(tmp_path: Path) -> None:
    async def run() -> None:
        backend = Stuck()
        house = House(tmp_path, backend)
        room = await house.room()
        empty = await room.world()
        stuck, free = await volume(room), await volume(room)
        backend.stuck.add(stuck.id)
        asked = VolumeRequest(token="ann", volume_id=stuck.id)
        with pytest.raises(HostError, match="locked"):
            await room.delete([asked])
        assert await room.delete([VolumeRequest(token="ann", volume_id=free.id)]) == [None]
        await room.close()
        again = await house.room()  # a room starts with it, too
        assert value_of((await again.wait([asked], 0.0))[0]).status == "deleting"
        backend.stuck.clear()
        await again.close()
        last = await house.room()
        assert await last.world() == empty
        await last.close()

    asyncio.run(run())


class SlowBackend(MemoryBackend):
    """Makes data when told, or fails."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.made = 0
        self.fails = False

    async def create(self, volume_id: str, size_gib: int, source: Source) -> None:
        self.begun.set()
        await self.go.wait()
        if self.fails:
            raise BackendError("the disk is full")
        self.made += 1
        await super().create(volume_id, size_gib, source)


def test_concurrent_attaches_make_data_once_and_others_are_not_held_up(tmp_path: Path) -> None:
    async def run() -> None:
        backend = SlowBackend()
        room = await House(tmp_path, backend).room()
        request = attach_request(blank())
        twice = [asyncio.create_task(attached(room, request)) for _ in range(2)]
        await backend.begun.wait()
        assert "creating" in (await room.world())["volumes"][0]
        assert status_of((await room.attach([attach_request(blank(0), instance="vm-2")]))[0]) == 400
        backend.go.set()
        first, second = await asyncio.gather(*twice)
        assert first == second and backend.made == 1
        await room.close()

    asyncio.run(run())


def test_detach_ends_a_copy_under_way(tmp_path: Path) -> None:
    async def run() -> None:
        backend = SlowBackend()
        house = House(tmp_path, backend)
        room = await house.room()
        empty = await room.world()
        attaching = asyncio.create_task(room.attach([attach_request(blank())]))
        await backend.begun.wait()
        await room.detach([detach_request(failed_boot=True)])
        assert status_of((await attaching)[0]) == 409
        assert await room.world() == empty
        await room.close()

    asyncio.run(run())


def test_what_was_never_made_whole_goes_with_its_server(tmp_path: Path) -> None:
    async def run() -> None:
        backend = SlowBackend()
        house = House(tmp_path, backend)
        room = await house.room()
        empty = await room.world()
        attaching = asyncio.create_task(room.attach([attach_request(blank())]))
        await backend.begun.wait()
        attaching.cancel()
        await room.close()
        again = await house.room()
        await again.detach([detach_request()])
        assert await again.world() == empty
        await again.close()

    asyncio.run(run())


def test_what_cannot_be_made_is_the_hosts_fault_and_can_be_undone_or_tried_again(tmp_path: Path) -> None:
    async def run() -> None:
        backend = SlowBackend()
        room = await House(tmp_path, backend).room()
        empty = await room.world()
        backend.go.set()
        backend.fails = True
        request = attach_request(blank(), host="h7")
        reply = (await room.attach([request]))[0]
        assert isinstance(reply, HostFault) and reply.host == "h7" and "disk is full" in reply.cause
        backend.fails = False
        await attached(room, request)
        await room.detach([detach_request(host="h7", failed_boot=True)])
        assert await room.world() == empty
        await room.close()

    asyncio.run(run())


def test_a_creation_cut_off_by_a_restart_is_an_error_and_can_be_deleted(tmp_path: Path) -> None:
    async def run() -> None:
        backend = SlowBackend()
        house = House(tmp_path, backend)
        room = await house.room()
        request = CreateVolume(token="ann", size_gib=1)
        await room.create([request])
        await room.close()
        again = await house.room()
        asked = VolumeRequest(token="ann", volume_id=request.volume_id)
        assert value_of((await again.show([asked]))[0]).status == "error"
        assert await again.delete([asked]) == [None]
        await again.close()

    asyncio.run(run())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["attach", "detach", "failed", "restart"]), st.integers(1, 2), st.integers(0, 2)),
        max_size=12,
    )
)
def test_any_history_twice_over_and_restarted_is_the_same(tmp_path: Path, history: list[tuple[str, int, int]]) -> None:
    """Every message sent twice and a room restarted anywhere end in the world of the plain history."""

    async def run(times: int, restarts: bool) -> dict[str, list[str]]:
        house = House(tmp_path)
        room = await house.room()
        ids = [f"00000000-0000-4000-8000-00000000000{place}" for place in range(3)]
        await room.create([CreateVolume(token="ann", size_gib=1, volume_id=volume_id) for volume_id in ids])
        volumes = await room.wait([VolumeRequest(token="ann", volume_id=volume_id) for volume_id in ids], WAIT_S)
        for act, instance, place in history:
            name = f"vm-{instance}"
            for _ in range(times):
                if act == "attach":
                    await room.attach([attach_request(use(value_of(volumes[place])), blank(), instance=name)])
                elif act != "restart":
                    await room.detach([detach_request(name, failed_boot=act == "failed")])
            if restarts and act == "restart":
                await room.close()
                room = await house.room()
        world = await room.world()
        await room.close()
        return world

    plain = asyncio.run(run(1, restarts=False))
    assert asyncio.run(run(2, restarts=True)) == plain
    assert [line.split(":")[0] for line in plain["attachments"]] == plain["exports"]


def test_what_orders_of_before_had_made_is_found_under_its_id() -> None:
    assert id_of(blank(), "vm-1", 1) == "c5efc886-8fa1-537f-b555-0aba66a57d96"
    assert UUID(id_of(as_ordered_today(blank()), "vm-1", 1)).version == 4
    mine = BlockDevice(source_type="volume", destination_type="volume", source_id="mine")
    assert as_ordered_today(mine) == mine
