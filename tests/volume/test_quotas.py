"""Quotas: exact whatever comes together, and given back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.errors import CallerFault, value_of
from actors.messages import BlockDevice
from actors.volume.messages import (
    CreateSnapshot,
    CreateVolume,
    CreateVolumeType,
    ExtendVolume,
    QuotaRequest,
    UpdateVolume,
    UpdateVolumeType,
    VolumeRequest,
)
from actors.volume.service import VolumeRoom
from tests.volume.rooms import House, attach_request, blank, detach_request, field_of, status_of, volume
from tests.volume.test_service import play


async def limit(room: VolumeRoom, **limits: int) -> None:
    reply = await room.change_quota([QuotaRequest(token="root", project_id="p-ann", limits=limits)])
    assert reply == [None]


async def used(room: VolumeRoom) -> dict[str, int]:
    view = value_of((await room.show_quota([QuotaRequest(token="ann", project_id="p-ann")]))[0])
    return {name: view.used[name] for name in ("volumes", "snapshots", "gigabytes")}


def test_of_many_at_once_exactly_so_many_as_there_is_room_for(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        await limit(room, volumes=5)
        one_by_one = [room.create([CreateVolume(token="ann", size_gib=1)]) for _ in range(8)]
        together = room.create([CreateVolume(token="ann", size_gib=1) for _ in range(8)])
        boots = room.attach([attach_request(blank(), instance=f"vm-{n}") for n in range(8)])
        replies = [reply for batch in await asyncio.gather(*one_by_one, together, boots) for reply in batch]
        refused = [reply for reply in replies if isinstance(reply, CallerFault)]
        assert len(replies) - len(refused) == 5
        assert {(fault.status, fault.field) for fault in refused} == {(413, "volumes")}
        assert (await used(room))["volumes"] == 5

    play(tmp_path, story)


def test_what_goes_is_given_back_also_after_a_restart(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        await limit(room, volumes=2, gigabytes=6, snapshots=1)
        mine = await volume(room, size_gib=2)
        shot = value_of((await room.create_snapshot([CreateSnapshot(token="ann", volume_id=mine.id)]))[0])
        assert (
            field_of((await room.create_snapshot([CreateSnapshot(token="ann", volume_id=mine.id)]))[0]) == "snapshots"
        )
        assert await used(room) == {"volumes": 1, "snapshots": 1, "gigabytes": 4}
        assert field_of((await room.create([CreateVolume(token="ann", size_gib=3)]))[0]) == "gigabytes"
        again = await house.room()
        assert await used(again) == {"volumes": 1, "snapshots": 1, "gigabytes": 4}
        [grown] = await room.extend([ExtendVolume(token="ann", volume_id=mine.id, size_gib=5)])
        assert field_of(grown) == "gigabytes"
        [grown] = await room.extend([ExtendVolume(token="ann", volume_id=mine.id, size_gib=4)])
        assert value_of(grown).size_gib == 4
        assert (await used(room))["gigabytes"] == 6
        assert shot.status == "available"

    play(tmp_path, story)


def test_a_failed_boot_leaves_no_use(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        before = await used(room)
        await room.attach([attach_request(blank(), blank(2))])
        assert (await used(room))["gigabytes"] == 3
        await room.detach([detach_request(failed_boot=True)])
        assert await used(room) == before

    play(tmp_path, story)


def test_a_boot_that_is_refused_for_another_reason_takes_nothing_of_the_others(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        await limit(room, volumes=1)
        bad = BlockDevice(source_type="tape", destination_type="volume")
        first, second = await room.attach([attach_request(blank(), bad), attach_request(blank(), instance="vm-2")])
        assert status_of(first) == 400 and isinstance(second, tuple)

    play(tmp_path, story)


@pytest.mark.parametrize("limits", [{"horses": 1}, {"volumes": -2}, {"volumes": 2**31}])
def test_bad_limits_are_refused(tmp_path: Path, limits: dict[str, int]) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        request = QuotaRequest(token="root", project_id="p-ann", limits=limits)
        assert status_of((await room.change_quota([request]))[0]) == 400
        assert house.ledger.commits == 0

    play(tmp_path, story)


def test_quotas_are_an_administrators_to_change_and_others_are_not_seen(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        request = QuotaRequest(token="bob", project_id="p-ann", limits={"volumes": 1})
        assert status_of((await room.change_quota([request]))[0]) == 403
        assert status_of((await room.show_quota([request]))[0]) == 403
        await limit(room, volumes=0)
        assert status_of((await room.create([CreateVolume(token="ann", size_gib=1)]))[0]) == 413
        assert await room.change_quota([QuotaRequest(token="root", project_id="p-ann", reset=True)]) == [None]
        made = value_of((await room.create([CreateVolume(token="ann", size_gib=1)]))[0])
        await room.wait([VolumeRequest(token="ann", volume_id=made.id)], 5.0)

    play(tmp_path, story)


def test_a_type_has_limits_of_its_own_whatever_its_name_becomes(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        await room.create_type([CreateVolumeType(token="root", type_id="t-1", name="fast")])
        await limit(room, volumes_fast=2, gigabytes_fast=5)
        first = await volume(room, size_gib=2, volume_type="fast")
        plain = await volume(room, size_gib=2)
        await room.create_snapshot([CreateSnapshot(token="ann", volume_id=first.id)])
        assert field_of((await room.create([CreateVolume(token="ann", size_gib=2, volume_type="fast")]))[0]) == (
            "gigabytes_fast"
        )
        [grown] = await room.extend([ExtendVolume(token="ann", volume_id=first.id, size_gib=4)])
        assert field_of(grown) == "gigabytes_fast"
        [retyped] = await room.update([UpdateVolume(token="ann", volume_id=plain.id, volume_type="fast")])
        assert field_of(retyped) == "gigabytes_fast"
        await room.update_type([UpdateVolumeType(token="root", type_id="t-1", name="quick")])
        for once in (room, await house.room()):
            view = value_of((await once.show_quota([QuotaRequest(token="ann", project_id="p-ann")]))[0])
            assert (view.limits["volumes_quick"], view.limits["gigabytes_quick"]) == (2, 5)
            assert (view.used["volumes_quick"], view.used["snapshots_quick"], view.used["gigabytes_quick"]) == (1, 1, 4)
            assert (view.used["volumes___DEFAULT__"], view.used["gigabytes"]) == (1, 6)
            assert "volumes_fast" not in view.limits

    play(tmp_path, story)


def test_what_becomes_of_another_type_is_counted_there_with_its_snapshots(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        await room.create_type([CreateVolumeType(token="root", type_id="t-1", name="fast")])
        mine = await volume(room, size_gib=2)
        await room.create_snapshot([CreateSnapshot(token="ann", volume_id=mine.id)])
        value_of((await room.update([UpdateVolume(token="ann", volume_id=mine.id, volume_type="fast")]))[0])
        for once in (room, await house.room()):
            view = value_of((await once.show_quota([QuotaRequest(token="ann", project_id="p-ann")]))[0])
            assert {name: used for name, used in view.used.items() if used} == {
                "volumes": 1,
                "snapshots": 1,
                "gigabytes": 4,
                "volumes_fast": 1,
                "snapshots_fast": 1,
                "gigabytes_fast": 4,
            }

    play(tmp_path, story)
