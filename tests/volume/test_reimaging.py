"""Images written over volumes that are there: which may be, what they are meanwhile, and whoever dies on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.errors import HostFault, value_of
from actors.image.messages import DEVICES
from actors.messages import ReimageRequest
from actors.records import Volume
from actors.volume.backend import BackendError, MemoryBackend, OfImage, Source
from actors.volume.messages import (
    AttachmentRequest,
    CreateAttachment,
    CreateSnapshot,
    DeleteVolume,
    DetachVolume,
    ListRows,
    ReimageVolume,
    SnapshotRequest,
    VolumeRequest,
)
from actors.volume.service import VolumeRoom
from actors.volume.user_messages import NOT_IMAGED
from tests.volume.rooms import (
    GIB,
    WAIT_S,
    House,
    Registry,
    attach_request,
    attached,
    detach_request,
    image,
    status_of,
    use,
    volume,
)

VM = "11111111-2222-4333-8444-555555555555"


class Writes(MemoryBackend):
    """Says what it writes, and does it when it is let; `broken`: it can't."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.busy, self.may = asyncio.Event(), asyncio.Event()
        self.may.set()
        self.broken = False
        self.under_way = 0

    async def rewrite(self, volume_id: str, size_gib: int, source: Source) -> None:
        assert isinstance(source, OfImage)
        self.begun.append(volume_id)
        self.busy.set()
        self.under_way += 1
        try:
            await self.may.wait()
        finally:
            self.under_way -= 1
        if self.broken:
            raise BackendError("the disk is full")


def house(home: Path) -> tuple[House, Writes]:
    backend = Writes()
    images = (image("img", GIB), image("other", GIB), image("large", 3 * GIB))
    of_volumes = msgspec.structs.replace(image("volumes", GIB), properties={DEVICES: "[]"})
    return House(home, backend, Registry(*images, of_volumes)), backend


def play(home: Path, story: Any) -> None:
    async def run() -> None:
        made, backend = house(home)
        room = await made.room()
        await story(made, room, backend)
        await room.close()

    asyncio.run(run())


async def shown(room: VolumeRoom, row: Volume, wait_s: float = 0.0) -> Volume:
    return value_of((await room.wait([VolumeRequest(token="ann", volume_id=row.id)], wait_s))[0])


async def asked(room: VolumeRoom, row: Volume, image_id: str = "img", **more: Any) -> Any:
    return (await room.reimage([ReimageVolume(token="ann", volume_id=row.id, image_id=image_id, **more)]))[0]


def of_server(row: Volume, act: str = "act-1", image_id: str = "img", host: str = "h1") -> ReimageRequest:
    fields = {"act_id": act, "token": "ann", "instance_id": VM, "image_id": image_id, "host": host}
    return ReimageRequest(volume_id=row.id, **fields)


# ---------------------------------------------------------------- on an owner's word


def test_its_snapshots_stay_while_an_image_is_written(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await volume(room)
        made = value_of((await room.create_snapshot([CreateSnapshot(token="ann", volume_id=row.id)]))[0])
        backend.may.clear()
        assert (await asked(room, row)).status == "downloading"
        gone = SnapshotRequest(token="ann", snapshot_id=made.id)
        assert status_of((await room.delete_snapshot([gone]))[0]) == 409
        backend.may.set()
        await shown(room, row, WAIT_S)
        assert await room.delete_snapshot([gone]) == [None]

    play(tmp_path, story)


def test_a_free_volume_becomes_the_image_and_is_free_again(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await volume(room)
        backend.may.clear()
        assert (await asked(room, row)).status == "downloading"
        fresh = [
            (await asked(room, row)),
            (await room.attach([attach_request(use(row))]))[0],
            (await room.create_snapshot([CreateSnapshot(token="ann", volume_id=row.id)]))[0],
            (await room.delete([VolumeRequest(token="ann", volume_id=row.id)]))[0],
        ]
        assert [status_of(reply) for reply in fresh] == [400, 409, 400, 400]
        backend.may.set()
        after = await shown(room, row, WAIT_S)
        assert (after.status, after.bootable, after.image_metadata["image_id"]) == ("available", True, "img")
        assert backend.begun == [row.id]

    play(tmp_path, story)


def test_what_can_t_be_written_is_refused_and_stays(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        free, used, held = [await volume(room) for _ in range(3)]
        await attached(room, attach_request(use(used)))
        await room.create_attachment([CreateAttachment(token="ann", volume_id=held.id, instance_id=VM)])
        was = await room.world()
        for row, image_id, status in (
            (free, "large", 400),
            (free, "volumes", 400),
            (free, "nowhere", 404),
            (used, "img", 400),
            (held, "img", 400),
        ):
            assert status_of(await asked(room, row, image_id)) == status, image_id
        stranger = ReimageVolume(token="bob", volume_id=free.id, image_id="img")
        assert status_of((await room.reimage([stranger]))[0]) == 404
        assert (await room.world(), backend.begun) == (was, [])

    play(tmp_path, story)


def test_one_that_somebody_holds_is_written_where_that_is_said(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await volume(room)
        [held] = await room.create_attachment([CreateAttachment(token="ann", volume_id=row.id, instance_id=VM)])
        assert (await asked(room, row, reserved_too=True)).status == "downloading"
        assert (await shown(room, row, WAIT_S)).status == "reserved"
        connector = {"host": "h"}
        asks = AttachmentRequest(token="ann", attachment_id=value_of(held).id, connector=connector, attached=True)
        value_of((await room.update_attachment([asks]))[0])
        assert status_of(await asked(room, row, reserved_too=True)) == 400  # it is in use

    play(tmp_path, story)


def test_one_that_could_not_be_written_says_so_and_can_be_written_again(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await volume(room)
        backend.broken = True
        await asked(room, row, request_id="req-1")
        assert (await shown(room, row, WAIT_S)).status == "error"
        told = value_of((await room.page_messages([ListRows(token="ann")]))[0]).rows
        assert [(one.event, one.volume_id, one.request_id) for one in told] == [(NOT_IMAGED, row.id, "req-1")]
        backend.broken = False
        await asked(room, row)
        assert (await shown(room, row, WAIT_S)).status == "available"

    play(tmp_path, story)


def test_one_that_is_deleted_by_force_while_it_is_written_is_gone(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        empty = await room.world()
        row = await volume(room)
        backend.may.clear()
        await asked(room, row)
        assert await room.remove([DeleteVolume(token="root", volume_id=row.id, force=True)]) == [None]
        assert await room.world() == empty

    play(tmp_path, story)


def test_what_a_former_room_was_writing_is_in_error(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await volume(room)
        backend.may.clear()
        await asked(room, row)
        await room.close()
        later = await house.room()
        assert (await shown(later, row)).status == "error"
        await later.close()

    play(tmp_path, story)


# ---------------------------------------------------------------- for a server that is rebuilt


async def rooted(room: VolumeRoom) -> Volume:
    """A volume that a server has."""
    row = await volume(room)
    await attached(room, attach_request(use(row), instance=VM))
    return row


def test_a_server_s_volume_is_cut_off_written_and_in_use_again(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await rooted(room)
        was = await room.world()
        backend.may.clear()
        writing = asyncio.create_task(room.reimage_root([of_server(row)]))
        again = asyncio.create_task(room.reimage_root([of_server(row)]))  # the same message, twice
        await backend.busy.wait()
        world = await room.world()
        assert (await shown(room, row)).status == "downloading" and world["exports"] == []
        [refused] = await room.attach([attach_request(use(row), instance=VM)])
        assert status_of(refused) == 409
        backend.may.set()
        assert [await writing, await again] == [[None], [None]]
        assert await room.reimage_root([of_server(row)]) == [None]
        assert backend.begun == [row.id]
        assert (await shown(room, row)).status == "in-use"
        await attached(room, attach_request(use(row, boot_index=0), instance=VM))
        assert await room.world() == was
        assert await room.reimage_root([of_server(row, "act-2")]) == [None]
        assert backend.begun == [row.id, row.id]

    play(tmp_path, story)


def test_only_the_server_that_has_it_writes_it(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await rooted(room)
        await room.fence("h1", 7)
        was = await room.world()
        stale = msgspec.structs.replace(of_server(row), epoch=6)
        fresh = msgspec.structs.replace(of_server(row), epoch=7)
        for request, status in (
            (msgspec.structs.replace(fresh, instance_id="vm-2"), 409),
            (msgspec.structs.replace(fresh, host="h1/2"), 409),
            (msgspec.structs.replace(fresh, token="bob"), 404),
            (msgspec.structs.replace(fresh, image_id="large"), 400),
            (msgspec.structs.replace(fresh, image_id="nowhere"), 404),
        ):
            for method in (room.ready_root, room.reimage_root):
                assert status_of((await method([request]))[0]) == status, request
        assert (await room.reimage_root([stale])) != [None]
        assert (await room.world(), backend.begun) == (was, [])
        assert await room.ready_root([fresh]) == [None]
        assert (await room.world(), backend.begun) == (was, [])

    play(tmp_path, story)


def test_a_volume_that_is_written_over_is_not_reached(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await rooted(room)
        [of_it, of_nobody] = await room.connections([of_server(row).instance_id, "nobody"])
        assert [connection.volume_id for connection in value_of(of_it)] == [row.id] and of_nobody == ()
        backend.may.clear()
        writing = asyncio.create_task(room.reimage_root([of_server(row, "act-1")]))
        await backend.busy.wait()
        assert await room.connections([of_server(row).instance_id]) == [()]
        backend.may.set()
        assert await writing == [None]

    play(tmp_path, story)


def test_what_was_given_up_is_not_begun_late(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await rooted(room)
        was = await room.world()
        await room.give_up_root(["act-1"])
        [fault] = await room.reimage_root([of_server(row, "act-1")])
        assert isinstance(fault, HostFault) and (await room.world(), backend.begun) == (was, [])
        assert await room.reimage_root([of_server(row, "act-2")]) == [None]

    play(tmp_path, story)


def test_a_later_rebuild_takes_over_from_one_that_nobody_waits_for(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await rooted(room)
        backend.may.clear()
        first = asyncio.create_task(room.reimage_root([of_server(row, "act-1")]))
        await backend.busy.wait()
        second = asyncio.create_task(room.reimage_root([of_server(row, "act-2", "other")]))
        [fault] = await first
        assert isinstance(fault, HostFault) and "was taken away" in fault.cause
        backend.may.set()
        assert await second == [None]
        after = await shown(room, row)
        assert (after.status, after.image_metadata["image_id"]) == ("in-use", "other")

    play(tmp_path, story)


def test_where_it_fails_the_volume_is_not_given_to_anybody_until_it_is_written(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await rooted(room)
        backend.broken = True
        [fault] = await room.reimage_root([of_server(row)])
        assert isinstance(fault, HostFault) and "the disk is full" in fault.cause
        assert (await shown(room, row)).status == "error"
        [refused] = await room.attach([attach_request(use(row), instance=VM, attempt=2, host="h2")])
        assert status_of(refused) == 409
        backend.broken = False
        assert await room.reimage_root([of_server(row, "act-2")]) == [None]
        assert (await shown(room, row)).status == "in-use"
        await attached(room, attach_request(use(row), instance=VM))

    play(tmp_path, story)


@pytest.mark.parametrize("goes", [False, True])
def test_a_server_that_is_deleted_meanwhile_leaves_what_its_volume_is(tmp_path: Path, goes: bool) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await volume(room)
        await attached(room, attach_request(use(row, delete_on_termination=goes), instance=VM))
        backend.may.clear()
        writing = asyncio.create_task(room.reimage_root([of_server(row)]))
        await backend.busy.wait()
        await room.detach([detach_request(VM)])
        [fault] = await writing
        assert isinstance(fault, HostFault)
        world = await room.world()
        assert world["attachments"] == world["exports"] == []
        assert world["volumes"] == ([] if goes else [f"{row.id} data 1 GiB error"])

    play(tmp_path, story)


def test_a_new_room_writes_it_when_it_is_asked_again(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await rooted(room)
        backend.may.clear()
        writing = asyncio.create_task(room.reimage_root([of_server(row)]))
        await backend.busy.wait()
        await room.close()
        assert isinstance((await writing)[0], HostFault)  # of the old room, to which nobody listens
        backend.may.set()
        later = await house.room()
        assert (await shown(later, row)).status == "downloading"
        assert await later.reimage_root([of_server(row)]) == [None]
        assert (await shown(later, row)).status == "in-use"
        await later.close()

    play(tmp_path, story)


def test_one_that_is_detached_by_force_is_written_no_more(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom, backend: Writes) -> None:
        row = await volume(room, size_gib=5)
        await room.create_attachment([CreateAttachment(token="ann", volume_id=row.id, instance_id=VM)])
        backend.may.clear()
        await room.reimage([ReimageVolume(token="ann", volume_id=row.id, image_id="img", reserved_too=True)])
        await backend.busy.wait()
        assert backend.under_way == 1
        assert await room.detach_volume([DetachVolume(token="root", volume_id=row.id, force=True)]) == [None]
        assert backend.under_way == 0
        assert (await shown(room, row, WAIT_S)).status == "error"

    play(tmp_path, story)
