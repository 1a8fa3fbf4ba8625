"""Attachments that an API's user makes: held, connected, completed, ended; and servers' own, which stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from actors.errors import value_of
from actors.records import Volume
from actors.volume.messages import (
    AttachmentRequest,
    AttachmentView,
    CreateAttachment,
    DetachVolume,
    ListRows,
    MoveVolume,
    VolumeRequest,
    shown_id,
)
from actors.volume.service import VolumeRoom
from tests.volume.rooms import House, attach_request, attached, detach_request, status_of, use, volume
from tests.volume.test_service import play

SERVER = "11111111-2222-4333-8444-555555555555"
HOST = {"host": "metal-1", "ip": "192.0.2.7"}


async def hold(room: VolumeRoom, row: Volume, **fields: Any) -> AttachmentView:
    request = CreateAttachment(token="ann", volume_id=row.id, instance_id=SERVER, **fields)
    return value_of((await room.create_attachment([request]))[0])


async def status(room: VolumeRoom, row: Volume) -> str:
    return value_of((await room.show([VolumeRequest(token="ann", volume_id=row.id)]))[0]).status


def asked(view: AttachmentView, token: str = "ann", **fields: Any) -> AttachmentRequest:
    return AttachmentRequest(token=token, attachment_id=view.id, **fields)


def test_held_connected_completed_ended(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        before = await room.world()
        held = await hold(room, mine)
        assert (held.row.attach_status, held.connection, await status(room, mine)) == ("reserved", {}, "reserved")
        assert (await room.world())["exports"] == []
        assert status_of((await room.complete_attachment([asked(held)]))[0]) == 400
        connected = value_of((await room.update_attachment([asked(held, connector=HOST)]))[0])
        assert (connected.row.attach_status, connected.row.host) == ("attaching", "metal-1")
        assert connected.connection["export"] == mine.id and (await room.world())["exports"] == [mine.id]
        assert await room.complete_attachment([asked(held), asked(held)]) == [None, None]
        assert await status(room, mine) == "in-use"
        assert await room.delete_attachment([asked(held)]) == [None]
        assert status_of((await room.delete_attachment([asked(held)]))[0]) == 404
        assert await room.world() == before

    play(tmp_path, story)


def test_before_completion_existed_an_update_attached(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        held = await hold(room, mine, connector=HOST)
        assert await status(room, mine) == "attaching"
        done = value_of((await room.update_attachment([asked(held, connector=HOST, attached=True)]))[0])
        assert (done.row.attach_status, await status(room, mine)) == ("attached", "in-use")

    play(tmp_path, story)


def test_one_volume_has_one_holder_and_others_do_not_see_it(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        held = await hold(room, mine)
        again = CreateAttachment(token="ann", volume_id=mine.id, instance_id=SERVER)
        foreign = CreateAttachment(token="bob", volume_id=mine.id, instance_id=SERVER)
        assert [status_of(reply) for reply in await room.create_attachment([again, foreign])] == [400, 404]
        assert status_of((await room.attach([attach_request(use(mine))]))[0]) == 409
        assert status_of((await room.attach([attach_request(use(mine), instance=SERVER)]))[0]) == 409
        assert status_of((await room.show_attachment([asked(held, "bob")]))[0]) == 404
        assert value_of((await room.page_attachments([ListRows(token="bob")]))[0]).views == []
        assert [view.id for view in value_of((await room.page_attachments([ListRows(token="ann")]))[0]).views] == [
            held.id
        ]

    play(tmp_path, story)


def test_nobody_ends_a_servers_attachment_here(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        await attached(room, attach_request(use(mine)))
        view = value_of((await room.page_attachments([ListRows(token="ann")]))[0]).views[0]
        assert (view.id, view.connection) == (shown_id(view.row), {})
        world = await room.world()
        assert status_of((await room.delete_attachment([asked(view, "root")]))[0]) == 409
        assert status_of((await room.update_attachment([asked(view, connector=HOST)]))[0]) == 409
        assert status_of((await room.detach_volume([DetachVolume(token="ann", volume_id=mine.id)]))[0]) == 409
        assert await room.world() == world

    play(tmp_path, story)


def test_a_server_that_ends_leaves_what_its_user_holds_by_himself(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        await hold(room, mine, connector={"host": "h1"}, attached=True)
        world = await room.world()
        await room.detach([detach_request(SERVER, "h1")])
        assert await room.world() == world
        assert await room.detach_volume([DetachVolume(token="ann", volume_id=mine.id)]) == [None]
        assert await status(room, mine) == "available"
        assert await room.detach_volume([DetachVolume(token="ann", volume_id=mine.id)]) == [None]
        another = DetachVolume(token="ann", volume_id=mine.id, attachment_id=SERVER)
        assert status_of((await room.detach_volume([another]))[0]) == 400

    play(tmp_path, story)


def test_bad_holders_are_refused(tmp_path: Path) -> None:
    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        bad: list[dict[str, Any]] = [{"instance_id": "x"}, {"mode": "wo"}, {"connector": {"host": "x" * 70_000}}]
        for fields in bad:
            request = CreateAttachment(**({"token": "ann", "volume_id": mine.id, "instance_id": SERVER} | fields))
            assert status_of((await room.create_attachment([request]))[0]) == 400
        held = await hold(room, mine)
        assert status_of((await room.update_attachment([asked(held)]))[0]) == 400

    play(tmp_path, story)


def test_what_its_holder_uses_is_reached_after_a_restart(tmp_path: Path) -> None:
    """It was told where, though it has not completed the attachment, or has begun to detach and thought better."""

    async def story(house: House, room: VolumeRoom) -> None:
        connected, leaving, unheard = [await volume(room) for _ in range(3)]
        first = await hold(room, connected, connector=HOST)
        await hold(room, leaving, connector=HOST, attached=True)
        await hold(room, unheard, attached=True)
        move = [MoveVolume(token="ann", volume_id=leaving.id, event="begin detaching")]
        assert value_of((await room.move(move))[0]).status == "detaching"
        exports = (await room.world())["exports"]
        assert exports == sorted((connected.id, leaving.id))
        again = await house.room()
        assert (await again.world())["exports"] == exports
        assert await again.complete_attachment([asked(first)]) == [None]

    play(tmp_path, story)


def test_who_reserves_no_more_does_not_free_what_is_held(tmp_path: Path) -> None:
    """As in Cinder: its holder reaches it, so it must not be extended, given away or deleted."""

    async def story(house: House, room: VolumeRoom) -> None:
        mine = await volume(room)
        held = await hold(room, mine, connector=HOST)
        assert await status(room, mine) == "attaching"
        move = [MoveVolume(token="ann", volume_id=mine.id, event="unreserve")]
        assert value_of((await room.move(move))[0]).status == "in-use"
        assert await room.delete_attachment([asked(held)]) == [None]
        assert await status(room, mine) == "available"

    play(tmp_path, story)
