"""POST /servers/{id}/action: one key of the body names what is to be done, its value how.

`ACTIONS` is the table of the names. What this cloud does not do is refused as such, never attempted.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from msgspec.structs import replace
from pydantic import Field, RootModel
from starlette.responses import Response

from actors.acts import (
    ConfirmResize,
    Edit,
    Pause,
    Reboot,
    Resume,
    RevertResize,
    Start,
    Stop,
    Suspend,
    Unpause,
    Unrescue,
)
from actors.api.act_messages import GroupOfServer, ImageOfServer, RescueServer
from actors.api.messages import ServersRequest
from actors.api.rest.answers import Json
from actors.api.rest.bodies import Name, Strict
from actors.api.rest.compute.asked_action import ACCEPTED, NO_CONTENT, Action, Asked, parsed, plainly
from actors.api.rest.compute.backups import keep_newest
from actors.api.rest.compute.consoles import open_console
from actors.api.rest.compute.moving_actions import evacuate, migrate, resize, shelve, shelve_offload, unshelve
from actors.api.rest.compute.proxies import floating_ips
from actors.api.rest.compute.rebuild_bodies import (
    REIMAGED_SINCE,
    RebuildIn,
    after_rebuild,
    rebuild_request,
    refuse_strange_rebuild,
)
from actors.api.rest.compute.server_bodies import Text
from actors.api.rest.compute.showing import Shown
from actors.api.rest.context import Asking, Rooms, base_url
from actors.api.rest.microversions import Spoken
from actors.errors import CallerError, CallerFault, bad_request, conflict, not_found, value_of

router = APIRouter(prefix="/v2.1/servers/{server_id}")

CONSOLE_LINES = 100_000  # asked for where all are wanted; the node has its own limit
IMAGE_ID_SINCE = (2, 45)
REASON_SINCE = (2, 73)
VOLUMES_RESCUED_SINCE = (2, 87)
SHUT_DOWN_S = 0.0  # what a guest has to shut down is the compute API's to say
NOT_DONE = (
    "addFixedIp", "changePassword",
    "injectNetworkInfo", "os-migrateLive", "os-start-rescue", "removeFixedIp",
    "resetNetwork", "trigger_crash_dump", "os-getRDPConsole", "os-getSerialConsole", "os-getSPICEConsole",
)  # fmt: skip
NEVER = (3, 0)
GONE_SINCE = {  # what this cloud does not do, and Nova neither from then on
    "addFixedIp": (2, 44), "removeFixedIp": (2, 44),
    "os-getRDPConsole": (2, 6), "os-getSerialConsole": (2, 6), "os-getSPICEConsole": (2, 6),
}  # fmt: skip
FLOATING_BEFORE = (2, 44)


class How(Strict):
    type: Literal["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]


class State(Strict):
    state: Literal["active", "error"]


class Reason(Strict):
    locked_reason: Annotated[str, Field(min_length=1, max_length=255)]


class Length(Strict):
    length: Annotated[int, Field(ge=-1, lt=2**63)] | None = None


Metadata = dict[Annotated[str, Field(min_length=1, max_length=255)], Annotated[str, Field(max_length=255)]]


class NewImage(Strict):
    name: Name
    metadata: Metadata = Field(default_factory=dict)


class NewBackup(NewImage):
    backup_type: Annotated[str, Field(max_length=255)]  # '' is one, and what the command line sends by itself
    rotation: Annotated[int, Field(ge=1, lt=2**31)]


class Body(RootModel[dict[str, Any]]):
    """One action by its name."""


@router.post("/action")
async def act_on_server(
    server_id: str, body: Body, request: Request, rooms: Rooms, caller: Asking, version: Spoken, showing: Shown
) -> Response:
    if len(body.root) != 1:
        raise CallerError(bad_request("", "There must be exactly one action in the body."))
    [(name, how)] = body.root.items()
    action = ACTIONS.get(name)
    if action is None:
        if version >= GONE_SINCE.get(name, NEVER):
            raise CallerError(not_found("", "The resource could not be found."))
        if name in NOT_DONE:
            await rooms.api.server(caller.token, server_id)  # 404 for whoever may not know of it
        raise CallerError(_unknown(name))
    return await action(
        Asked(rooms, caller, version, server_id, base_url(request), showing, request.app.state.policy), how
    )


def _unknown(name: str) -> CallerFault:
    if name in NOT_DONE:
        return CallerFault(501, f"This cloud does not do the action '{name}'.")
    return bad_request("", f"There is no such action: {name[:64]}")


async def reboot(asked: Asked, how: Any) -> Response:
    return await asked.act(Reboot(hard=parsed(How, how).type.upper() == "HARD"))


async def lock(asked: Asked, how: Any) -> Response:
    reason = ""
    if asked.version >= REASON_SINCE and how is not None:
        reason = parsed(Reason, how).locked_reason
    return await asked.edit(Edit(instance_id="", locked=True, locked_reason=reason, record="lock"))


async def unlock(asked: Asked, how: Any) -> Response:
    return await asked.edit(Edit(instance_id="", locked=False, record="unlock"))


async def reset_state(asked: Asked, how: Any) -> Response:
    return await asked.edit(Edit(instance_id="", vm_state=parsed(State, how).state))


async def console_output(asked: Asked, how: Any) -> Response:
    """The whole of what is kept where no length is said."""
    length = parsed(Length, how or {}).length
    lines = CONSOLE_LINES if length in (None, -1) else length
    [server] = await asked.rooms.api.show(ServersRequest(token=asked.caller.token, server_ids=(asked.server_id,)))
    if not (value_of(server).launched_at and value_of(server).host):
        raise CallerError(conflict("", f"Instance {asked.server_id} is not ready"))
    return Json({"output": await asked.rooms.api.console(asked.caller.token, asked.server_id, lines)})


async def vnc_console(asked: Asked, how: Any) -> Response:
    """As it was asked for before there were remote consoles."""
    if asked.version >= (2, 6):
        raise CallerError(not_found("", "The resource could not be found."))
    kind = parsed(VncKind, how).type
    url = await open_console(asked.rooms, asked.caller, asked.server_id, asked.url)
    return Json({"console": {"type": kind, "url": url}})


class Group(Strict):
    name: Annotated[str, Field(min_length=1, max_length=255)]


async def add_security_group(asked: Asked, how: Any) -> Response:
    await asked.rooms.api.add_security_group(_group(asked, how))
    return Response(status_code=ACCEPTED)


async def remove_security_group(asked: Asked, how: Any) -> Response:
    await asked.rooms.api.remove_security_group(_group(asked, how))
    return Response(status_code=ACCEPTED)


def _group(asked: Asked, how: Any) -> GroupOfServer:
    return GroupOfServer(
        token=asked.caller.token,
        server_id=asked.server_id,
        group=parsed(Group, how).name,
        request_id=asked.caller.request_id,
    )


async def add_floating_ip(asked: Asked, how: Any) -> Response:
    _refuse_floating(asked)
    wanted = parsed(floating_ips.Association, how)
    server = await asked.rooms.api.server(asked.caller.token, asked.server_id)
    await floating_ips.associate(asked.rooms, asked.caller, server.id, wanted)
    return Response(status_code=ACCEPTED)


async def remove_floating_ip(asked: Asked, how: Any) -> Response:
    _refuse_floating(asked)
    wanted = parsed(floating_ips.Address, how)
    server = await asked.rooms.api.server(asked.caller.token, asked.server_id)
    await floating_ips.disassociate(asked.rooms, asked.caller, server.id, wanted)
    return Response(status_code=ACCEPTED)


def _refuse_floating(asked: Asked) -> None:
    if asked.version >= FLOATING_BEFORE:
        raise CallerError(not_found("", "The resource could not be found."))


class VncKind(Strict):
    type: Literal["novnc", "xvpvnc"]


async def create_image(asked: Asked, how: Any) -> Response:
    wanted = parsed(NewImage, how)
    image_id = await asked.rooms.api.create_image(
        ImageOfServer(
            token=asked.caller.token,
            server_id=asked.server_id,
            name=wanted.name,
            properties=wanted.metadata,
            request_id=asked.caller.request_id,
        )
    )
    return _image_answer(asked, image_id)


async def create_backup(asked: Asked, how: Any) -> Response:
    """An image, of which so many of a kind are kept."""
    wanted = parsed(NewBackup, how)
    kind = {"image_type": "backup", "backup_type": wanted.backup_type}
    image_id = await asked.rooms.api.create_image(
        ImageOfServer(
            token=asked.caller.token,
            server_id=asked.server_id,
            name=wanted.name,
            properties=wanted.metadata | kind,
            backup=True,
            request_id=asked.caller.request_id,
        )
    )
    await keep_newest(asked.rooms.image, asked.caller.token, kind | {"instance_uuid": asked.server_id}, wanted.rotation)
    return _image_answer(asked, image_id)


def _image_answer(asked: Asked, image_id: str) -> Response:
    if asked.version >= IMAGE_ID_SINCE:
        return Json({"image_id": image_id}, status_code=ACCEPTED)
    return Response(status_code=ACCEPTED, headers={"Location": f"{asked.url}/image/v2/images/{image_id}"})


async def rebuild(asked: Asked, how: Any) -> Response:
    """Its guest is made anew from an image; the answer shows the server, with the password that is new."""
    wanted: RebuildIn = parsed(RebuildIn, how)
    refuse_strange_rebuild(wanted, asked.version)
    password = wanted.adminPass or secrets.token_urlsafe(9)
    given = asked.caller.token, asked.server_id, asked.caller.request_id
    request = rebuild_request(wanted, *given, password)
    await asked.rooms.api.rebuild(replace(request, reimage=asked.version >= REIMAGED_SINCE))
    view = await asked.rooms.api.server(asked.caller.token, asked.server_id)
    server = after_rebuild(view, asked.showing, password)
    location = {"Location": f"{asked.showing.url}/v2.1/servers/{view.id}"}
    return Json({"server": server}, status_code=ACCEPTED, headers=location)


class RescueIn(Strict):
    adminPass: Text = ""
    rescue_image_ref: Text = ""


async def rescue(asked: Asked, how: Any) -> Response:
    """From an image's disk, its own beside it. Answered with 200, as Nova does, though it is not done yet."""
    wanted = parsed(RescueIn, {} if how is None else how)
    password = wanted.adminPass or secrets.token_urlsafe(9)
    await asked.rooms.api.rescue(
        RescueServer(
            token=asked.caller.token,
            server_id=asked.server_id,
            image=wanted.rescue_image_ref,
            admin_password=password,
            volumes_too=asked.version >= VOLUMES_RESCUED_SINCE,
            request_id=asked.caller.request_id,
        )
    )
    return Json({"adminPass": password})


async def force_delete(asked: Asked, how: Any) -> Response:
    await asked.rooms.api.delete_one(asked.caller.token, asked.server_id, asked.caller.request_id)
    return Response(status_code=ACCEPTED)


async def restore(asked: Asked, how: Any) -> Response:
    """A server that is deleted is gone at once, so there is none that waits to be reclaimed."""
    server = await asked.rooms.api.server(asked.caller.token, asked.server_id)
    raise CallerError(conflict("", f"Cannot 'restore' instance {server.id} while it is in vm_state {server.vm_state}"))


ACTIONS: dict[str, Action] = {
    "os-start": plainly(Start()),
    "os-stop": plainly(Stop(wait_s=SHUT_DOWN_S)),
    "reboot": reboot,
    "pause": plainly(Pause()),
    "unpause": plainly(Unpause()),
    "suspend": plainly(Suspend()),
    "resume": plainly(Resume()),
    "lock": lock,
    "unlock": unlock,
    "os-resetState": reset_state,
    "os-getConsoleOutput": console_output,
    "os-getVNCConsole": vnc_console,
    "createImage": create_image,
    "createBackup": create_backup,
    "evacuate": evacuate,
    "rebuild": rebuild,
    "rescue": rescue,
    "unrescue": plainly(Unrescue()),
    "resize": resize,
    "confirmResize": plainly(ConfirmResize(), NO_CONTENT),
    "revertResize": plainly(RevertResize()),
    "migrate": migrate,
    "shelve": shelve,
    "shelveOffload": shelve_offload,
    "unshelve": unshelve,
    "forceDelete": force_delete,
    "restore": restore,
    "addSecurityGroup": add_security_group,
    "removeSecurityGroup": remove_security_group,
    "addFloatingIp": add_floating_ip,
    "removeFloatingIp": remove_floating_ip,
}
