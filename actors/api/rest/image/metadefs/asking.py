"""How the routes of definitions ask the image room, and what their queries may hold."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from actors.api.rest.context import Caller
from actors.api.rest.image.queries import PAGE_LIMIT
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request, value_of
from actors.image.metadefs.messages import ChangeMetadef, Edit, MetadefRequest
from actors.records import MetadefNamespace

NAMESPACES = "/v2/metadefs/namespaces"
NAMESPACE = f"{NAMESPACES}/{{namespace}}"
SCHEMAS = "/v2/schemas/metadefs"


async def shown(rooms: EdgeRooms, caller: Caller, namespace: str) -> MetadefNamespace:
    """Raises `CallerError` 404 for whoever may not know of it."""
    asked = MetadefRequest(token=caller.token, namespace=namespace)
    return value_of((await rooms.image.show_metadefs([asked]))[0])


async def changed(rooms: EdgeRooms, caller: Caller, namespace: str, edit: Edit) -> MetadefNamespace:
    asked = ChangeMetadef(token=caller.token, namespace=namespace, edit=edit)
    return value_of((await rooms.image.change_metadefs([asked]))[0])


def limit_of(asked: QueryParams, default: int, least: int = 0) -> int:
    said = asked.get("limit")
    if said is None:
        return default
    if not said.isascii() or not said.isdigit() or len(said) > 18:
        raise CallerError(bad_request("limit", "limit param must be an integer that is not negative"))
    if int(said) < least:
        raise CallerError(bad_request("limit", "limit param must be positive"))
    return min(int(said), PAGE_LIMIT)
