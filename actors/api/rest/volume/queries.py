"""What a list is asked for, read into the volume room's query. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from starlette.datastructures import QueryParams

from actors.api.rest.context import Caller
from actors.api.rest.microversions import Version
from actors.api.rest.volume.bodies import FALSE, TRUE
from actors.api.rest.volume.paths import service_url
from actors.errors import CallerError, bad_request
from actors.volume.messages import RowQuery
from actors.volume.query import COMPARISONS

PAGE_LIMIT = 1_000  # rows of one answer, Cinder's osapi_max_limit
LITERAL_LIMIT = 65_536  # characters of a filter that is a list or a dictionary
TIMES = ("created_at", "updated_at")
VOLUME_FILTERS = (
    *("id", "name", "display_name", "description", "status", "user_id", "size", "availability_zone", "bootable"),
    *("snapshot_id", "source_volid", "volume_type_id"),
)
SNAPSHOT_FILTERS = ("id", "name", "display_name", "description", "status", "volume_id", "user_id")
TRANSFER_FILTERS = ("id", "name", "volume_id")
MESSAGE_FILTERS = ("id", "resource_uuid", "event_id", "request_id")
ATTACHMENT_FILTERS = ("id", "volume_id", "instance_id", "status", "attach_status")


def query_of(asked: QueryParams, filters: Iterable[str], spoken: Version) -> RowQuery:
    """Raises `CallerError` 400."""
    return RowQuery(
        texts={name: _texts(name, asked[name], spoken) for name in filters if name in asked},
        like={name: asked[f"{name}~"] for name in filters if f"{name}~" in asked and spoken >= (3, 34)},
        user_metadata=_metadata(asked.get("metadata", "")),
        all_projects=flag("all_tenants", asked.get("all_tenants", "0")),
        project_id=asked.get("project_id", ""),
        times=tuple(_bound(name, asked[name]) for name in TIMES if name in asked and spoken >= (3, 60)),
        order=_order(asked),
        marker=asked.get("marker", ""),
        offset=_whole("offset", asked.get("offset", "0")),
        limit=min(_whole("limit", asked.get("limit", str(PAGE_LIMIT))), PAGE_LIMIT),
    )


def page_parts(
    request: Request, caller: Caller, noun: str, page: tuple[list[str], int, bool], spoken: Version
) -> dict[str, Any]:
    """What stands beside the rows of a page: (their ids, rows of all pages, whether more follow)."""
    ids, total, more = page
    parts: dict[str, Any] = {}
    if more and ids:
        asked = request.url.remove_query_params("offset").include_query_params(marker=ids[-1])
        path = request.url.path.rpartition(f"/{noun}")
        parts[f"{noun}_links"] = [
            {"rel": "next", "href": f"{service_url(request, caller)}/{noun}{path[2]}?{asked.query}"}
        ]
    if spoken >= (3, 45) and flag("with_count", request.query_params.get("with_count", "false")):
        parts["count"] = total
    return parts


def flag(name: str, said: str) -> bool:
    """Raises `CallerError` 400 for what is neither true nor false."""
    if said.lower() not in (*TRUE, *FALSE, "none", ""):
        raise CallerError(bad_request(name, f"{said[:40]!r} is neither true nor false"))
    return said.lower() in TRUE


def _texts(name: str, said: str, spoken: Version) -> tuple[str, ...]:
    """One value, or several as Python writes a list: ['one', 'two'], which is what clients make of one."""
    values = _literal(said) if said.startswith("[") else None
    if isinstance(values, list) and all(isinstance(value, str | int) for value in values):
        return tuple(_text(name, str(value), spoken) for value in values)
    return (_text(name, said, spoken),)


def _text(name: str, said: str, spoken: Version) -> str:
    if name != "bootable":
        return said
    if spoken < (3, 2):
        return str(said.lower() not in FALSE).lower()
    return str(flag(name, said)).lower()


def _order(asked: QueryParams) -> tuple[tuple[str, str], ...]:
    if "sort" in asked:
        pairs = [(key.strip(), direction or "desc") for key, _, direction in map(_split, asked["sort"].split(","))]
    else:
        pairs = [(asked.get("sort_key", "created_at"), asked.get("sort_dir", "desc"))]
    keys = [key for key, _ in pairs]
    last = pairs[-1][1]
    return (*pairs, *((key, last) for key in ("created_at", "id") if key not in keys))


def _split(part: str) -> tuple[str, str, str]:
    return part.strip().partition(":")


def _metadata(said: str) -> dict[str, str]:
    """Clients send a dictionary as Python writes it: {'key': 'value'}."""
    if not said:
        return {}
    value = _literal(said)
    if not isinstance(value, dict) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise CallerError(bad_request("metadata", "a dictionary of texts is expected"))
    return value


def _literal(said: str) -> Any:
    """None for what is no value as Python writes it, or too long."""
    try:
        return ast.literal_eval(said) if len(said) <= LITERAL_LIMIT else None
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _whole(name: str, said: str) -> int:
    if not said.isascii() or not said.isdigit() or len(said) > 18:
        raise CallerError(bad_request(name, f"{said[:40]!r} is no whole number from 0 on"))
    return int(said)


def _bound(field: str, said: str) -> tuple[str, str, float]:
    comparison, colon, rest = said.partition(":")
    if not colon or comparison not in COMPARISONS:
        comparison, rest = "eq", said
    try:
        at = datetime.fromisoformat(rest)
    except ValueError:
        raise CallerError(bad_request(field, f"{rest[:40]!r} is no time of ISO 8601")) from None
    return field, comparison, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
