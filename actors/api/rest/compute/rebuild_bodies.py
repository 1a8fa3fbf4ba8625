"""The body of the action `rebuild`: its fields, and the microversions that have them. Pure; used by `actions.py`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from actors.api.act_messages import RebuildServer
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.queries import unexpected
from actors.api.rest.compute.server_bodies import (
    LIST_LIMIT,
    Address4,
    Address6,
    DiskConfig,
    HostName,
    Key,
    PersonalityIn,
    ServerName,
    Text,
    refuse_domain,
)
from actors.api.rest.compute.server_view import Showing, after_change
from actors.api.rest.microversions import Version
from actors.messages import ServerView

REIMAGED_SINCE = (2, 93)  # what a server boots from is written anew, also where that is a volume
SINCE = {
    "description": (2, 19),
    "key_name": (2, 54),
    "user_data": (2, 57),
    "trusted_image_certificates": (2, 63),
    "hostname": (2, 90),
}
UNTIL = {"personality": (2, 56)}
KEY_SHOWN_SINCE, DATA_SHOWN_SINCE = SINCE["key_name"], SINCE["user_data"]


class RebuildIn(Strict):
    imageRef: Text
    name: ServerName | None = None
    adminPass: Text | None = None
    metadata: dict[Key, Text] | None = None
    preserve_ephemeral: bool = False
    disk_config: DiskConfig | None = Field(None, alias="OS-DCF:diskConfig")
    accessIPv4: Address4 | None = None
    accessIPv6: Address6 | None = None
    personality: Annotated[list[PersonalityIn], Field(max_length=LIST_LIMIT)] | None = None
    description: Text | None = None
    key_name: Text | None = None
    user_data: Annotated[str, StringConstraints(max_length=65_535)] | None = None
    trusted_image_certificates: Annotated[list[Text], Field(max_length=50)] | None = None
    hostname: HostName | None = None


def refuse_strange_rebuild(wanted: RebuildIn, version: Version) -> None:
    """Raises `CallerError` 400 for a field that the version spoken has not."""
    for field in wanted.model_fields_set:
        if version < SINCE.get(field, version) or version > UNTIL.get(field, version):
            raise unexpected(field)
    refuse_domain(wanted.hostname, version)


def rebuild_request(wanted: RebuildIn, token: str, server_id: str, request_id: str, password: str) -> RebuildServer:
    files = None if wanted.personality is None else tuple((one.path, one.contents) for one in wanted.personality)
    return RebuildServer(
        token=token,
        server_id=server_id,
        image=wanted.imageRef.rpartition("/")[2],
        name=wanted.name,
        hostname=wanted.hostname,
        description=_said(wanted, "description"),
        key_name=_said(wanted, "key_name"),
        user_data=_said(wanted, "user_data"),
        metadata=wanted.metadata,
        disk_config=wanted.disk_config,
        access_ip_v4=wanted.accessIPv4,
        access_ip_v6=wanted.accessIPv6,
        admin_password=password,
        files=files,
        preserve_ephemeral=wanted.preserve_ephemeral,
        request_id=request_id,
    )


def _said(wanted: RebuildIn, field: str) -> str | None:
    """What is said to be null is taken away; what is not said stays."""
    return (getattr(wanted, field) or "") if field in wanted.model_fields_set else None


def after_rebuild(view: ServerView, showing: Showing, password: str) -> dict[str, Any]:
    """As after a change, with what a rebuild may have changed besides."""
    body = after_change(view, showing) | {"adminPass": password}
    if showing.version >= KEY_SHOWN_SINCE:
        body["key_name"] = view.key_name or None
    if showing.version >= DATA_SHOWN_SINCE:
        body.pop("OS-EXT-SRV-ATTR:user_data", None)  # it stands under its plain name instead
        body["user_data"] = view.user_data or None
    return body
