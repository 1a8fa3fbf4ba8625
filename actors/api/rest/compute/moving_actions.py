"""Actions by which a server gets other room: another flavor, another host, none, or one again.

Named in the table of `actions.py`. What may be said of them has changed with the microversions.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from actors.api.act_messages import MigrateServer, ResizeServer, ShelveServer, UnshelveServer
from actors.api.messages import EvacuateServer, ServersRequest
from actors.api.rest.answers import Json
from actors.api.rest.bodies import Name, Strict
from actors.api.rest.compute.asked_action import ACCEPTED, Asked, parsed
from actors.api.rest.microversions import Version
from actors.api.rest.rules.compute import API
from actors.errors import CallerError, bad_request, value_of

MIGRATED_TO_HOST_SINCE = (2, 56)
MIGRATES = "os_compute_api:os-migrate-server:migrate"  # the rule
MIGRATES_TO_HOST = f"{MIGRATES}:host"
TO_HOST = f"{API}:os-shelve:unshelve_to_host"
UNSHELVED_IN_ZONE_SINCE, UNSHELVED_TO_HOST_SINCE = (2, 77), (2, 91)
SHARED_STORAGE_BEFORE, FORCE_SINCE, FORCE_BEFORE, STOPPED_SINCE = (2, 14), (2, 29), (2, 68), (2, 95)
SAID_OF_EVACUATION = {  # in which versions, from and before
    "onSharedStorage": ((2, 1), SHARED_STORAGE_BEFORE),
    "force": (FORCE_SINCE, FORCE_BEFORE),
}


class Evacuate(Strict):
    """What may be said has changed with the versions: see `SAID_OF_EVACUATION`."""

    host: Name | None = None
    adminPass: Annotated[str, Field(max_length=255)] | None = None
    onSharedStorage: bool | None = None
    force: bool | None = None


async def evacuate(asked: Asked, how: Any) -> Response:
    """On another host, with its volumes and addresses; a root disk that went with the host is made anew."""
    wanted = parsed(Evacuate, how)
    for field, (first, last) in SAID_OF_EVACUATION.items():
        if field in wanted.model_fields_set and not first <= asked.version < last:
            raise CallerError(bad_request("", f"Invalid input for field/attribute evacuate: '{field}' was unexpected"))
    if asked.version < SHARED_STORAGE_BEFORE and wanted.onSharedStorage is None:
        raise CallerError(bad_request("", "Invalid input for field/attribute evacuate: 'onSharedStorage' is required"))
    [server] = await asked.rooms.api.show(ServersRequest(token=asked.caller.token, server_ids=(asked.server_id,)))
    await asked.rooms.api.evacuate(
        EvacuateServer(
            token=asked.caller.token,
            server_id=value_of(server).id,
            host=wanted.host or "",
            stop=asked.version >= STOPPED_SINCE,
            request_id=asked.caller.request_id,
        )
    )
    if asked.version < SHARED_STORAGE_BEFORE:
        return Json({"adminPass": wanted.adminPass or secrets.token_urlsafe(9)})
    return Response(status_code=200)


class ResizeIn(Strict):
    flavorRef: Annotated[str, Field(min_length=1, max_length=255)] | Annotated[int, Field(ge=0, strict=True)]
    disk_config: Literal["AUTO", "MANUAL"] = Field(default="MANUAL", alias="OS-DCF:diskConfig")


async def resize(asked: Asked, how: Any) -> Response:
    """To another flavor, where it is or where there is room; then it waits for `confirmResize` or `revertResize`."""
    wanted = parsed(ResizeIn, how)
    await asked.rooms.api.resize(
        ResizeServer(
            token=asked.caller.token,
            server_id=asked.server_id,
            flavor=str(wanted.flavorRef),
            disk_config=wanted.disk_config if "disk_config" in wanted.model_fields_set else None,
            request_id=asked.caller.request_id,
        )
    )
    return Response(status_code=ACCEPTED)


class MigrateIn(Strict):
    host: Name | None = None


async def migrate(asked: Asked, how: Any) -> Response:
    """To another host with its disks; then it waits for `confirmResize` or `revertResize`. Which host may be said since
    2.56; before, what is said counts for nothing."""
    wanted = MigrateIn()
    if asked.version >= MIGRATED_TO_HOST_SINCE and how is not None:
        wanted = parsed(MigrateIn, how)
        if "host" in wanted.model_fields_set and wanted.host is None:
            raise CallerError(bad_request("", "Invalid input for field/attribute host: it is the name of a host"))
    await asked.rooms.api.migrate(
        MigrateServer(
            token=asked.caller.token,
            server_id=asked.server_id,
            host=wanted.host or "",
            may=asked.policy.gives(MIGRATES, asked.caller.context),
            may_choose=asked.policy.gives(MIGRATES_TO_HOST, asked.caller.context),
            request_id=asked.caller.request_id,
        )
    )
    return Response(status_code=ACCEPTED)


async def shelve(asked: Asked, how: Any) -> Response:
    """Its host gives its room back; it keeps its ports, its volumes and what is on its disk."""
    await asked.rooms.api.shelve(_plain(asked))
    return Response(status_code=ACCEPTED)


async def shelve_offload(asked: Asked, how: Any) -> Response:
    await asked.rooms.api.shelve_offload(_plain(asked))
    return Response(status_code=ACCEPTED)


def _plain(asked: Asked) -> ShelveServer:
    return ShelveServer(token=asked.caller.token, server_id=asked.server_id, request_id=asked.caller.request_id)


class UnshelveIn(Strict):
    """Where it shall run; what is not said is as it was."""

    availability_zone: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    host: Name | None = None


async def unshelve(asked: Asked, how: Any) -> Response:
    """Before 2.77 nothing may be said of it, and what is said counts for nothing; the host since 2.91."""
    wanted = UnshelveIn()
    if asked.version >= UNSHELVED_IN_ZONE_SINCE and how is not None:
        wanted = _where(asked.version, parsed(UnshelveIn, how))
    zone = (wanted.availability_zone or "") if "availability_zone" in wanted.model_fields_set else None
    await asked.rooms.api.unshelve(
        UnshelveServer(
            token=asked.caller.token,
            server_id=asked.server_id,
            zone=zone,
            host=wanted.host or "",
            may_choose=asked.policy.gives(TO_HOST, asked.caller.context),
            request_id=asked.caller.request_id,
        )
    )
    return Response(status_code=ACCEPTED)


def _where(version: Version, wanted: UnshelveIn) -> UnshelveIn:
    """Raises `CallerError` 400."""
    given = wanted.model_fields_set
    if version < UNSHELVED_TO_HOST_SINCE and (given != {"availability_zone"} or not wanted.availability_zone):
        raise CallerError(
            bad_request("", "Invalid input for field/attribute unshelve: it needs availability_zone alone")
        )
    if not given or ("host" in given and not wanted.host):
        raise CallerError(bad_request("", "Invalid input for field/attribute unshelve: availability_zone or host"))
    return wanted
