"""Shared images, tags, deactivation, protection, imports and reads by the room's messages."""

from __future__ import annotations

from pathlib import Path

from actors.errors import CallerFault, value_of
from actors.image.messages import (
    ImageChange,
    ImageMemberRequest,
    ListImages,
    OpenUpload,
    PatchImage,
    ReadImage,
    SetImageActive,
    TagImage,
)
from actors.image.service import ImageRoom
from actors.messages import ImageRequest
from actors.records import Image
from tests.image.test_service import House, create, draft, play, send, status_of, with_data


def member(token: str, image: Image, project: str = "p-bob", status: str = "") -> ImageMemberRequest:
    return ImageMemberRequest(token=token, image_id=image.id, member=project, status=status)


def asked(token: str, image: Image) -> ImageRequest:
    return ImageRequest(token=token, image_id=image.id)


async def names(room: ImageRoom, token: str) -> list[str]:
    return [image.id for image in value_of((await room.list_images([ListImages(token=token)]))[0])]


def test_an_offer_is_made_taken_and_withdrawn(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft(visibility="shared"))
        assert status_of((await room.show([asked("bob", image)]))[0]) == 404
        assert status_of((await room.add_member([member("bob", image)]))[0]) == 404
        offer = value_of((await room.add_member([member("ann", image)]))[0])
        assert offer.status == "pending"
        assert status_of((await room.add_member([member("ann", image)]))[0]) == 409
        assert value_of((await room.show([asked("bob", image)]))[0]) == image
        assert await names(room, "bob") == []
        assert status_of((await room.update_member([member("ann", image, status="accepted")]))[0]) == 403
        assert status_of((await room.update_member([member("bob", image, status="maybe")]))[0]) == 400
        assert value_of((await room.update_member([member("bob", image, status="accepted")]))[0]).status == "accepted"
        assert await names(room, "bob") == [image.id]
        assert status_of((await room.remove_member([member("bob", image)]))[0]) == 403
        async with house.room() as restarted:
            assert await names(restarted, "bob") == [image.id]
        assert await room.remove_member([member("ann", image)]) == [None]
        assert status_of((await room.show([asked("bob", image)]))[0]) == 404
        assert house.ledger.rows["ImageMember"] == {}

    play(tmp_path, story)


def test_a_member_sees_no_other_member_and_changes_nothing(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft(visibility="shared"))
        await room.add_member([member("ann", image), member("ann", image, "p-eve")])
        [to_owner, to_bob] = await room.list_members([asked("ann", image), asked("bob", image)])
        assert [row.project_id for row in value_of(to_owner)] == ["p-bob", "p-eve"]
        assert [row.project_id for row in value_of(to_bob)] == ["p-bob"]
        rename = PatchImage(
            token="bob", image_id=image.id, changes=(ImageChange(act="replace", name="name", value="mine now"),)
        )
        assert status_of((await room.patch([rename]))[0]) == 403
        assert status_of((await room.delete([asked("bob", image)]))[0]) == 403
        assert await room.delete([asked("ann", image)]) == [None]
        assert house.ledger.rows["ImageMember"] == house.ledger.rows["Image"] == {}

    play(tmp_path, story)


def test_only_shared_images_have_members(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft())
        assert status_of((await room.add_member([member("ann", image)]))[0]) == 403
        assert status_of((await room.list_members([asked("ann", image)]))[0]) == 403

    play(tmp_path, story)


def test_tags_come_and_go_once(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft())
        add = TagImage(token="ann", image_id=image.id, tag="blue")
        remove = TagImage(token="ann", image_id=image.id, tag="blue", remove=True)
        first, second, gone, missing = await room.tag([add, add, remove, remove])
        assert value_of(first).tags == value_of(second).tags == ("blue",)
        assert value_of(gone).tags == ()
        assert status_of(missing) == 404
        assert house.ledger.commits == 3

    play(tmp_path, story)


def test_a_deactivated_image_gives_no_data_but_to_an_administrator(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await with_data(room, tmp_path, b"data" * 100)
        off = SetImageActive(token="ann", image_id=image.id, active=False)
        assert value_of((await room.set_active([off, off]))[1]).status == "deactivated"
        assert status_of((await room.locate([asked("ann", image)]))[0]) == 403
        by_ann, by_root = await room.read(
            [ReadImage(token=token, image_id=image.id, offset=0, length=4) for token in ("ann", "root")]
        )
        assert status_of(by_ann) == 403 and by_root == b"data"
        on = SetImageActive(token="ann", image_id=image.id, active=True)
        assert value_of((await room.set_active([on]))[0]).status == "active"
        queued = await create(room, draft())
        assert (
            status_of((await room.set_active([SetImageActive(token="ann", image_id=queued.id, active=False)]))[0])
            == 403
        )

    play(tmp_path, story)


def test_a_protected_image_stays(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft(protected=True))
        assert status_of((await room.delete([asked("ann", image)]))[0]) == 403
        free = ImageChange(act="replace", name="protected", value=False)
        await room.patch([PatchImage(token="ann", image_id=image.id, changes=(free,))])
        assert await room.delete([asked("ann", image)]) == [None]

    play(tmp_path, story)


def opened(image: Image, staging: bool = False) -> OpenUpload:
    return OpenUpload(token="ann", image_id=image.id, staging=staging)


async def status(room: ImageRoom, image: Image) -> str:
    return value_of((await room.show([asked("ann", image)]))[0]).status


def test_an_upload_that_breaks_off_leaves_its_image_queued(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft())
        before = room.world()
        assert await room.open_upload([opened(image)]) == [None]
        assert status_of((await room.open_upload([opened(image)]))[0]) == 409
        await send(room, image, b"half")
        assert await room.cancel_upload([asked("ann", image)]) == [None]
        assert room.world() == before
        assert await room.open_upload([opened(image)]) == [None]

    play(tmp_path, story)


def test_staged_data_becomes_the_images_when_imported(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft())
        assert status_of((await room.import_staged([asked("ann", image)]))[0]) == 409
        assert await room.open_upload([opened(image, staging=True)]) == [None]
        await send(room, image, b"whole")
        assert await status(room, image) == "uploading"
        assert await room.import_staged([asked("ann", image)]) == [None]
        await room.imported()
        assert await status(room, image) == "active"
        [data] = await room.read([ReadImage(token="ann", image_id=image.id, offset=1, length=100)])
        assert data == b"hole"

    play(tmp_path, story)


def test_staged_data_that_is_refused_leaves_its_image_queued(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft(disk_format="qcow2"))
        before = room.world()
        await room.open_upload([opened(image, staging=True)])
        await send(room, image, b"no")
        await room.import_staged([asked("ann", image)])
        await room.imported()
        assert room.world() == before

    play(tmp_path, story)


def test_data_comes_only_for_an_image_whose_format_is_said(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        image = await create(room, draft(disk_format=""))
        reply = (await room.open_upload([opened(image)]))[0]
        assert isinstance(reply, CallerFault) and (reply.status, reply.field) == (400, "disk_format")

    play(tmp_path, story)
