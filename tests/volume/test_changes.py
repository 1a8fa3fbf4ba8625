"""Volumes and snapshots changed by their owner and by an administrator, cloned, extended, copied into images; types."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.errors import value_of
from actors.records import Volume
from actors.volume.backend import BLOCK_BYTES, BackendError, MemoryBackend
from actors.volume.kinds import DEFAULT_TYPE
from actors.volume.messages import (
    ChangeMetadata,
    CreateSnapshot,
    CreateVolume,
    CreateVolumeType,
    DeleteVolume,
    ExtendVolume,
    ListRows,
    MoveVolume,
    ResetVolume,
    RevertVolume,
    RowQuery,
    UpdateVolume,
    UpdateVolumeType,
    UploadVolume,
    VolumeRequest,
    VolumeTypeRequest,
)
from actors.volume.service import VolumeRoom
from actors.volume.user_messages import NOT_COPIED
from tests.image.doors import Falters
from tests.volume.rooms import (
    WAIT_S,
    Gallery,
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
from tests.volume.test_service import play


async def make(room: VolumeRoom, **fields: Any) -> Volume:
    made = value_of((await room.create([CreateVolume(**({"token": "ann"} | fields))]))[0])
    return value_of((await room.wait([VolumeRequest(token="ann", volume_id=made.id)], WAIT_S))[0])


async def status(room: VolumeRoom, row: Volume) -> str:
    return value_of((await room.show([VolumeRequest(token="ann", volume_id=row.id)]))[0]).status


def test_what_its_owner_says_of_a_volume(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await make(room, size_gib=1, name="a", description="b", user_metadata={"k": "v"})
        assert (mine.description, mine.user_metadata, mine.user_id) == ("b", {"k": "v"}, "ann")
        new = UpdateVolume(token="ann", volume_id=mine.id, name="c", bootable=True, readonly=True)
        changed, by_bob = await room.update([new, UpdateVolume(token="bob", volume_id=mine.id, name="x")])
        row = value_of(changed)
        assert (row.name, row.description, row.bootable, row.readonly) == ("c", "b", True, True)
        assert status_of(by_bob) == 404
        held = MoveVolume(token="ann", volume_id=mine.id, event="reserve")
        assert value_of((await room.move([held]))[0]).status == "attaching"
        writable = UpdateVolume(token="ann", volume_id=mine.id, readonly=False)
        assert status_of((await room.update([writable]))[0]) == 400
        put = ChangeMetadata(token="ann", id=mine.id, put={"x": "y"}, drop=("k",))
        again = ChangeMetadata(token="ann", id=mine.id, drop=("k",))
        of_image = ChangeMetadata(token="ann", id=mine.id, put={"os": "debian"}, of_image=True)
        changed, missing, with_os = await room.change_metadata([put, again, of_image])
        assert value_of(changed).user_metadata == {"x": "y"}
        assert status_of(missing) == 404
        assert value_of(with_os).image_metadata == {"os": "debian"}

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "x" * 256}),
        ("description", {"description": "x" * 256}),
        ("metadata", {"user_metadata": {"": "x"}}),
        ("metadata", {"user_metadata": {"k": "x" * 256}}),
        ("metadata", {"image_metadata": {str(n): "" for n in range(129)}}),
        ("volume_type", {"volume_type": "gold"}),
    ],
)
def test_what_cannot_be_said_is_named(tmp_path: Path, field: str, changes: dict[str, Any]) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await make(room, size_gib=1)
        [reply] = await room.update([UpdateVolume(token="ann", volume_id=mine.id, **changes)])
        assert field_of(reply) == field
        assert value_of((await room.show([VolumeRequest(token="ann", volume_id=mine.id)]))[0]) == mine

    play(tmp_path, story)


def test_a_clone_is_as_large_and_boots_as_its_source_does(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        source = await make(room, image_id="img")
        await attached(room, attach_request(use(source)))
        clone = await make(room, source_volume_id=source.id)
        assert (clone.size_gib, clone.bootable, clone.image_metadata["image_id"]) == (3, True, "img")
        foreign = CreateVolume(token="bob", source_volume_id=source.id)
        both = CreateVolume(token="ann", source_volume_id=source.id, image_id="img")
        replies = await room.create([foreign, both])
        assert [status_of(reply) for reply in replies] == [404, 400]

    play(tmp_path, story)


def test_a_reservation_is_made_and_taken_back(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await make(room, size_gib=1)
        move = MoveVolume(token="ann", volume_id=mine.id, event="reserve")
        first, second = await room.move([move, move])
        assert value_of(first).status == "attaching" and status_of(second) == 400
        back = MoveVolume(token="ann", volume_id=mine.id, event="unreserve")
        assert value_of((await room.move([back]))[0]).status == "available"
        await attached(room, attach_request(use(mine)))
        detaching = MoveVolume(token="ann", volume_id=mine.id, event="begin detaching")
        assert status_of((await room.move([detaching]))[0]) == 409  # its server decides

    play(tmp_path, story)


class FullBackend(MemoryBackend):
    async def resize(self, volume_id: str, size_gib: int) -> None:
        raise BackendError("the disk is full")


def test_a_volume_is_extended_or_says_that_it_is_not(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await make(room, size_gib=2)
        same, grown = await room.extend([ExtendVolume(token="ann", volume_id=mine.id, size_gib=n) for n in (2, 3)])
        assert field_of(same) == "new_size"
        assert (value_of(grown).size_gib, value_of(grown).status) == (3, "available")
        await attached(room, attach_request(use(mine)))
        assert status_of((await room.extend([ExtendVolume(token="ann", volume_id=mine.id, size_gib=9)]))[0]) == 400
        full = await House(tmp_path, FullBackend()).room()
        small = await make(full, size_gib=1)
        [stuck] = await full.extend([ExtendVolume(token="ann", volume_id=small.id, size_gib=2)])
        assert (value_of(stuck).size_gib, value_of(stuck).status) == (1, "error_extending")
        assert await full.delete([VolumeRequest(token="ann", volume_id=small.id)]) == [None]

    play(tmp_path, story)


def test_a_volume_is_again_what_its_newest_snapshot_is(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine, other = await make(room, size_gib=1), await make(room, size_gib=1)
        wanted = [CreateSnapshot(token="ann", volume_id=row.id) for row in (mine, mine, other)]
        taken = value_of((await room.create_snapshot(wanted[:1]))[0])
        house.clock.at += 1
        newer, others = map(value_of, await room.create_snapshot(wanted[1:]))
        back = [RevertVolume(token="ann", volume_id=mine.id, snapshot_id=row.id) for row in (taken, others, newer)]
        older, foreign, done = await room.revert(back)
        assert (field_of(older), field_of(foreign), value_of(done).status) == (
            "snapshot_id",
            "snapshot_id",
            "available",
        )
        by_bob = RevertVolume(token="bob", volume_id=mine.id, snapshot_id=newer.id)
        assert status_of((await room.revert([by_bob]))[0]) == 404
        await attached(room, attach_request(use(mine)))
        assert status_of((await room.revert(back[2:]))[0]) == 400

    play(tmp_path, story)


def test_an_administrator_resets_a_status_and_deletes_by_force(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await make(room, size_gib=1)
        by_ann, odd, done = await room.reset(
            [
                ResetVolume(token="ann", id=mine.id, status="error"),
                ResetVolume(token="root", id=mine.id, status="odd"),
                ResetVolume(token="root", id=mine.id, status="maintenance"),
            ]
        )
        assert (status_of(by_ann), status_of(odd), value_of(done).status) == (403, 400, "maintenance")
        assert status_of((await room.delete([VolumeRequest(token="ann", volume_id=mine.id)]))[0]) == 400
        by_force = [DeleteVolume(token=token, volume_id=mine.id, force=True) for token in ("ann", "root")]
        refused, gone = await room.remove(by_force)
        assert status_of(refused) == 403 and gone is None

    play(tmp_path, story)


def test_a_volume_in_use_stays_whatever_an_administrator_says(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await make(room, size_gib=1)
        await attached(room, attach_request(use(mine)))
        await room.reset([ResetVolume(token="root", id=mine.id, status="available")])
        forced = DeleteVolume(token="root", volume_id=mine.id, force=True)
        assert status_of((await room.remove([forced]))[0]) == 400
        assert status_of((await room.reset([ResetVolume(token="root", id=mine.id, detach=True)]))[0]) == 400
        await room.reset([ResetVolume(token="root", id=mine.id, status="deleting")])
        other = await make(room, size_gib=1)
        assert await room.delete([VolumeRequest(token="ann", volume_id=other.id)]) == [None]
        room = await house.room()
        assert mine.id in (await room.world())["volume_files"]
        await room.detach([detach_request()])
        assert await room.delete([VolumeRequest(token="ann", volume_id=mine.id)]) == [None]

    play(tmp_path, story)


def test_a_cascade_takes_the_snapshots_too(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        empty = await room.world()
        mine = await make(room, size_gib=1)
        await room.create_snapshot([CreateSnapshot(token="ann", volume_id=mine.id) for _ in range(2)])
        assert await room.remove([DeleteVolume(token="ann", volume_id=mine.id, cascade=True)]) == [None]
        assert await room.world() == empty

    play(tmp_path, story)


def test_types_are_an_administrators_and_the_default_one_stays(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        spaced = CreateVolumeType(token="root", name="spaced", extra_specs={"a b": "c"})
        assert status_of((await room.create_type([spaced]))[0]) == 400
        gold = CreateVolumeType(token="root", name="gold", is_public=False, extra_specs={"a": "b"})
        by_ann = CreateVolumeType(token="ann", name="mine")
        made, refused, twice = await room.create_type([gold, by_ann, CreateVolumeType(token="root", name="gold")])
        assert (status_of(refused), status_of(twice)) == (403, 409)
        kind = value_of(made)
        assert [row.name for row in value_of(await room.list_types("ann"))] == ["__DEFAULT__"]
        assert status_of((await room.create([CreateVolume(token="ann", size_gib=1, volume_type="gold")]))[0]) == 404
        let_in = UpdateVolumeType(token="root", type_id=kind.id, add_project="p-ann", drop_specs=("a",))
        changed = value_of((await room.update_type([let_in]))[0])
        assert (changed.projects, changed.extra_specs) == (("p-ann",), {})
        mine = await make(room, size_gib=1, volume_type="gold")
        assert value_of((await room.view([VolumeRequest(token="ann", volume_id=mine.id)]))[0]).type == changed
        again = await house.room()
        assert value_of((await again.show_type([VolumeTypeRequest(token="ann", type_id=kind.id)]))[0]) == changed
        for type_id in (kind.id, DEFAULT_TYPE.id):
            assert status_of((await room.delete_type([VolumeTypeRequest(token="root", type_id=type_id)]))[0]) == 400
        await room.delete([VolumeRequest(token="ann", volume_id=mine.id)])
        assert await room.delete_type([VolumeTypeRequest(token="root", type_id=kind.id)]) == [None]

    play(tmp_path, story)


def test_a_volume_is_copied_into_an_image(tmp_path: Path) -> None:
    async def story(house: House, _: VolumeRoom) -> None:
        gallery = Gallery()
        room = await House(tmp_path, registry=gallery).room()
        mine = await make(room, size_gib=1)
        wanted = UploadVolume(token="ann", volume_id=mine.id, name="copy", request_id="req-1")
        image = value_of((await room.upload_to_image([wanted]))[0])
        assert (image.name, await status(room, mine)) == ("copy", "uploading")
        assert status_of((await room.delete([VolumeRequest(token="ann", volume_id=mine.id)]))[0]) == 400
        await room.uploaded()
        assert gallery.data[image.id] == bytes(BLOCK_BYTES)
        assert gallery.deleted == [image.id]  # its end was refused, so nothing is left of it
        [told] = value_of((await room.page_messages([ListRows(token="ann")]))[0]).rows
        assert (told.event, told.volume_id, told.request_id) == (NOT_COPIED, mine.id, "req-1")
        assert await status(room, mine) == "available"
        odd = UploadVolume(token="ann", volume_id=mine.id, name="copy", disk_format="ploop")
        assert status_of((await room.upload_to_image([odd]))[0]) == 400
        gallery.refused = True
        assert status_of((await room.upload_to_image([wanted]))[0]) == 403
        assert await status(room, mine) == "available"
        await room.close()

    play(tmp_path, story)


def test_lists_have_filters_order_and_pages(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        rows = [await volume(room, size_gib=size) for size in (3, 1, 2)]
        await volume(room, token="bob")
        by_size = RowQuery(order=(("size", "asc"),), limit=2)
        page = value_of((await room.list_views([ListRows(token="ann", query=by_size)]))[0])
        assert [view.volume.size_gib for view in page.views] == [1, 2]
        assert (page.total, page.more) == (3, True)
        after_it = RowQuery(order=(("size", "asc"),), limit=2, marker=rows[2].id)
        last = value_of((await room.list_views([ListRows(token="ann", query=after_it)]))[0])
        assert ([view.volume.id for view in last.views], last.more) == ([rows[0].id], False)
        for token, query, count in (
            ("ann", RowQuery(all_projects=True), 3),
            ("root", RowQuery(all_projects=True), 4),
            ("root", RowQuery(), 0),
            ("root", RowQuery(all_projects=True, project_id="p-bob"), 1),
            ("ann", RowQuery(texts={"size": ("3",)}), 1),
            ("ann", RowQuery(texts={"bootable": ("true",)}), 0),
            ("ann", RowQuery(like={"name": "at"}), 3),
            ("ann", RowQuery(user_metadata={"no": "such"}), 0),
        ):
            assert value_of((await room.list_views([ListRows(token=token, query=query)]))[0]).total == count
        for wrong, code in ((RowQuery(order=(("mood", "asc"),)), 400), (RowQuery(marker="nobody"), 404)):
            assert status_of((await room.list_views([ListRows(token="ann", query=wrong)]))[0]) == code

    play(tmp_path, story)


def test_what_was_cut_off_is_usable_or_says_so(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        rows = {cut_off: await make(room, size_gib=1) for cut_off in ("uploading", "extending")}
        await room.reset([ResetVolume(token="root", id=row.id, status=cut_off) for cut_off, row in rows.items()])
        again = await house.room()
        assert await status(again, rows["uploading"]) == "available"
        assert await status(again, rows["extending"]) == "error_extending"

    play(tmp_path, story)


def test_what_was_begun_ends_though_the_ledger_is_away(tmp_path: Path) -> None:
    async def run() -> None:
        house = House(tmp_path)
        house.ledger = ledger = Falters()
        room = await house.room()
        ledger.away = 2
        mine = await make(room, size_gib=1)
        assert mine.status == "available"
        ledger.away = 2
        larger = value_of((await room.extend([ExtendVolume(token="ann", volume_id=mine.id, size_gib=2)]))[0])
        assert (larger.status, larger.size_gib) == ("available", 2)
        ledger.away = 2
        made = value_of((await room.create_snapshot([CreateSnapshot(token="ann", volume_id=mine.id)]))[0])
        assert made.status == "available"
        await room.close()

    asyncio.run(run())


def test_an_attachment_of_which_nobody_knows_whether_it_was_written_does_not_stay(tmp_path: Path) -> None:
    async def run() -> None:
        house = House(tmp_path)
        house.ledger = ledger = Falters()
        room = await house.room()
        mine = await make(room, size_gib=1)
        before = await room.world()
        ledger.away, ledger.written = 1, True
        with pytest.raises(ConnectionError):
            await room.attach([attach_request(blank(), use(mine))])
        await room.detach([detach_request(failed_boot=True)])
        await room.update([UpdateVolume(token="ann", volume_id=mine.id, description="x")])
        later = await house.room()
        assert await later.world() == before
        await later.close()

    asyncio.run(run())


def test_a_boots_own_volume_is_shown_with_its_server(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        [connection] = await attached(room, attach_request(blank()))
        view = value_of((await room.view([VolumeRequest(token="ann", volume_id=connection.volume_id)]))[0])
        assert view.attachment is not None
        assert (view.attachment.instance_id, view.attachment.host, view.volume.user_id) == ("vm-1", "h1", "ann")

    play(tmp_path, story)
