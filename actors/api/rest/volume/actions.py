"""What is done to one volume by name: POST /v3/volumes/{id}/action with one of the names below.

A name that Cinder knows and this cloud has no use for is refused clearly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.rooms import EdgeRooms
from actors.api.rest.volume.bodies import Flag, Metadata, Open, Size, read
from actors.api.rest.volume.paths import of_own_project
from actors.api.rest.volume.views import time_of
from actors.errors import CallerError, bad_request, value_of
from actors.volume.messages import (
    ChangeMetadata,
    CreateAttachment,
    DeleteVolume,
    DetachVolume,
    ExtendVolume,
    MoveVolume,
    ReimageVolume,
    ResetVolume,
    RevertVolume,
    UpdateVolume,
    UploadVolume,
    VolumeRequest,
)

router = APIRouter(prefix="/v3/volumes", dependencies=[Depends(of_own_project)])


class Attach(Open):
    instance_uuid: str | None = None
    mountpoint: str | None = None
    mode: str | None = None
    host_name: str | None = None


class Detach(Open):
    attachment_id: str | None = None


class Extend(Open):
    new_size: Size


class Bootable(Open):
    bootable: Flag


class Readonly(Open):
    readonly: Flag


class Reset(Open):
    status: str | None = None
    attach_status: str | None = None


class Retype(Open):
    new_type: str


class ImageItems(Open):
    metadata: Metadata


class ImageItem(Open):
    key: str


class Revert(Open):
    snapshot_id: str


class Reimage(Strict):
    image_id: str
    reimage_reserved: Flag = False


class Upload(Open):
    image_name: str
    force: Flag = False
    disk_format: str = "raw"
    container_format: str = "bare"
    visibility: str | None = None
    protected: Flag | None = None


class Asked:
    """One action: who asks for what to be done to which volume."""

    def __init__(self, rooms: EdgeRooms, caller: Caller, spoken: Version, volume_id: str, said: Any) -> None:
        self.volume = rooms.volume
        self.token, self.spoken, self.volume_id = caller.token, spoken, volume_id
        self.request_id = caller.request_id
        self.said: Any = {} if said is None else said


async def _reserve(asked: Asked) -> Any:
    return await asked.volume.move([MoveVolume(token=asked.token, volume_id=asked.volume_id, event="reserve")])


async def _unreserve(asked: Asked) -> Any:
    return await asked.volume.move([MoveVolume(token=asked.token, volume_id=asked.volume_id, event="unreserve")])


async def _begin_detaching(asked: Asked) -> Any:
    move = MoveVolume(token=asked.token, volume_id=asked.volume_id, event="begin detaching")
    return await asked.volume.move([move])


async def _roll_detaching(asked: Asked) -> Any:
    return await asked.volume.move([MoveVolume(token=asked.token, volume_id=asked.volume_id, event="roll detaching")])


async def _attach(asked: Asked) -> Any:
    body = read(Attach, asked.said, "os-attach")
    if not body.instance_uuid and not body.host_name:
        raise CallerError(bad_request("instance_uuid", "an instance or a host attaches a volume"))
    wanted = CreateAttachment(
        token=asked.token,
        volume_id=asked.volume_id,
        instance_id=body.instance_uuid or "",
        device=body.mountpoint or "",
        mode=body.mode or "rw",
        attached=True,
    )
    return await asked.volume.create_attachment([wanted])


async def _detach(asked: Asked) -> Any:
    body = read(Detach, asked.said, "os-detach")
    wanted = DetachVolume(token=asked.token, volume_id=asked.volume_id, attachment_id=body.attachment_id or "")
    return await asked.volume.detach_volume([wanted])


async def _force_detach(asked: Asked) -> Any:
    """Whatever the status is; what a server uses is detached there."""
    body = read(Detach, asked.said, "os-force_detach")
    return await asked.volume.detach_volume(
        [DetachVolume(token=asked.token, volume_id=asked.volume_id, attachment_id=body.attachment_id or "", force=True)]
    )


async def _extend(asked: Asked) -> Any:
    body = read(Extend, asked.said, "os-extend")
    return await asked.volume.extend(
        [ExtendVolume(token=asked.token, volume_id=asked.volume_id, size_gib=body.new_size)]
    )


async def _set_bootable(asked: Asked) -> Any:
    body = read(Bootable, asked.said, "os-set_bootable")
    return await asked.volume.update(
        [UpdateVolume(token=asked.token, volume_id=asked.volume_id, bootable=body.bootable)]
    )


async def _set_readonly(asked: Asked) -> Any:
    body = read(Readonly, asked.said, "os-update_readonly_flag")
    return await asked.volume.update(
        [UpdateVolume(token=asked.token, volume_id=asked.volume_id, readonly=body.readonly)]
    )


async def _reset(asked: Asked) -> Any:
    body = read(Reset, asked.said, "os-reset_status")
    if body.attach_status not in (None, "attached", "detached"):
        raise CallerError(bad_request("attach_status", "attached or detached"))
    if not body.status and not body.attach_status:
        raise CallerError(bad_request("status", "nothing is to be reset"))
    wanted = ResetVolume(
        token=asked.token, id=asked.volume_id, status=body.status or "", detach=body.attach_status == "detached"
    )
    return await asked.volume.reset([wanted])


async def _force_delete(asked: Asked) -> Any:
    return await asked.volume.remove([DeleteVolume(token=asked.token, volume_id=asked.volume_id, force=True)])


async def _retype(asked: Asked) -> Any:
    body = read(Retype, asked.said, "os-retype")
    return await asked.volume.update(
        [UpdateVolume(token=asked.token, volume_id=asked.volume_id, volume_type=body.new_type)]
    )


async def _set_image_metadata(asked: Asked) -> Any:
    body = read(ImageItems, asked.said, "os-set_image_metadata")
    change = ChangeMetadata(token=asked.token, id=asked.volume_id, put=body.metadata, of_image=True)
    volume = value_of((await asked.volume.change_metadata([change]))[0])
    return Json({"metadata": volume.image_metadata})


async def _unset_image_metadata(asked: Asked) -> Any:
    body = read(ImageItem, asked.said, "os-unset_image_metadata")
    change = ChangeMetadata(token=asked.token, id=asked.volume_id, drop=(body.key,), of_image=True)
    value_of((await asked.volume.change_metadata([change]))[0])
    return Response(status_code=200)


async def _show_image_metadata(asked: Asked) -> Any:
    [reply] = await asked.volume.show([VolumeRequest(token=asked.token, volume_id=asked.volume_id)])
    return Json({"metadata": value_of(reply).image_metadata})


async def _revert(asked: Asked) -> Any:
    if asked.spoken < (3, 40):
        raise CallerError(bad_request("", "There is no such action: revert"))
    body = read(Revert, asked.said, "revert")
    wanted = RevertVolume(token=asked.token, volume_id=asked.volume_id, snapshot_id=body.snapshot_id)
    return await asked.volume.revert([wanted])


async def _reimage(asked: Asked) -> Any:
    if asked.spoken < (3, 68):
        raise CallerError(bad_request("", "There is no such action: os-reimage"))
    body = read(Reimage, asked.said, "os-reimage")
    wanted = ReimageVolume(
        token=asked.token,
        volume_id=asked.volume_id,
        image_id=body.image_id,
        reserved_too=body.reimage_reserved,
        request_id=asked.request_id,
    )
    return await asked.volume.reimage([wanted])


async def _upload(asked: Asked) -> Any:
    body = read(Upload, asked.said, "os-volume_upload_image")
    wanted = UploadVolume(
        token=asked.token,
        volume_id=asked.volume_id,
        name=body.image_name,
        disk_format=body.disk_format,
        container_format=body.container_format,
        visibility=body.visibility or "private",
        protected=bool(body.protected),
        request_id=asked.request_id,
    )
    image = value_of((await asked.volume.upload_to_image([wanted]))[0])
    view = value_of((await asked.volume.view([VolumeRequest(token=asked.token, volume_id=asked.volume_id)]))[0])
    volume = view.volume
    said = {
        "id": volume.id,
        "updated_at": time_of(volume.updated_at),
        "status": "uploading",
        "display_description": volume.description or None,
        "size": volume.size_gib,
        "volume_type": view.type.name,
        "image_id": image.id,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "image_name": image.name,
        "visibility": image.visibility,
        "protected": image.protected,
    }
    return Json({"os-volume_upload_image": said}, status_code=202)


ACTIONS: dict[str, Callable[[Asked], Awaitable[Any]]] = {
    "os-reserve": _reserve,
    "os-unreserve": _unreserve,
    "os-begin_detaching": _begin_detaching,
    "os-roll_detaching": _roll_detaching,
    "os-attach": _attach,
    "os-detach": _detach,
    "os-force_detach": _force_detach,
    "os-extend": _extend,
    "os-set_bootable": _set_bootable,
    "os-update_readonly_flag": _set_readonly,
    "os-reset_status": _reset,
    "os-force_delete": _force_delete,
    "os-retype": _retype,
    "os-set_image_metadata": _set_image_metadata,
    "os-unset_image_metadata": _unset_image_metadata,
    "os-show_image_metadata": _show_image_metadata,
    "revert": _revert,
    "os-reimage": _reimage,
    "os-volume_upload_image": _upload,
}
AT_ONCE = ("os-set_bootable",)  # answered with 200, the others with 202


@router.post("/{volume_id}/action", status_code=202)
async def act(
    volume_id: str, body: Annotated[dict[str, Any], Body()], caller: Asking, rooms: Rooms, spoken: Spoken
) -> Response:
    if len(body) != 1:
        raise CallerError(bad_request("", "The body names one action."))
    [(name, said)] = body.items()
    value_of((await rooms.volume.show([VolumeRequest(token=caller.token, volume_id=volume_id)]))[0])
    action = ACTIONS.get(name)
    if action is None:
        raise CallerError(bad_request("", f"There is no such action: {name[:64]}"))
    done = await action(Asked(rooms, caller, spoken, volume_id, said))
    if isinstance(done, Response):
        return done
    value_of(done[0])
    return Response(status_code=200 if name in AT_ONCE else 202)
