"""Lists of volumes, snapshots and attachments: which rows, in which order, which page of them. Pure.

Of other projects' rows only an administrator who asks for all projects sees any.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from actors.errors import CallerError, bad_request, not_found
from actors.messages import AuthContext
from actors.records import Volume, VolumeMessage, VolumeSnapshot, VolumeTransfer
from actors.volume.messages import RowQuery
from actors.volume.rules import is_of

FILTERS: dict[str, Callable[[Any], str]] = {
    "id": lambda row: row.id,
    "name": lambda row: row.name,
    "display_name": lambda row: row.name,
    "description": lambda row: row.description,
    "status": lambda row: row.status,
    "user_id": lambda row: row.user_id,
    "size": lambda row: str(row.size_gib),
    "volume_id": lambda row: row.volume_id,
    "volume_type_id": lambda row: row.volume_type,
    "availability_zone": lambda row: row.availability_zone,
    "bootable": lambda row: str(row.bootable).lower(),
    "snapshot_id": lambda row: row.snapshot_id,
    "source_volid": lambda row: row.source_volume_id,
    "resource_uuid": lambda row: row.volume_id,
    "event_id": lambda row: row.event,
    "request_id": lambda row: row.request_id,
}
"""What a filter of that name compares; one that a row has no field for fits no row."""

SORT_KEYS: dict[str, Callable[[Any], Any]] = {
    "id": lambda row: row.id,
    "name": lambda row: getattr(row, "name", ""),
    "display_name": lambda row: getattr(row, "name", ""),
    "status": lambda row: getattr(row, "status", ""),
    "size": lambda row: getattr(row, "size_gib", 0),
    "created_at": lambda row: row.created_at,
    "updated_at": lambda row: getattr(row, "updated_at", 0.0),
    "availability_zone": lambda row: getattr(row, "availability_zone", ""),
    "bootable": lambda row: getattr(row, "bootable", False),
    "host": lambda row: "",
    "project_id": lambda row: row.project_id,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
Row = TypeVar("Row", Volume, VolumeSnapshot, VolumeTransfer, VolumeMessage)
Item = TypeVar("Item")


def is_own(project_id: str, who: AuthContext) -> bool:
    return who.is_admin or is_of(project_id, who)


def is_shown(project_id: str, query: RowQuery, who: AuthContext) -> bool:
    if query.all_projects and who.is_admin:
        return query.project_id in ("", project_id)
    return is_of(project_id, who)


def listed(rows: Iterable[Row], query: RowQuery, who: AuthContext) -> list[Row]:
    """All rows that fit, in order. Raises `CallerError` 400 for a key that can't be sorted by."""
    for key, direction in query.order:
        if key not in SORT_KEYS or direction not in ("asc", "desc"):
            raise CallerError(bad_request("sort", f"{key}:{direction}: keys are {', '.join(SORT_KEYS)}"))
    shown = [row for row in rows if is_shown(row.project_id, query, who) and _matches(row, query)]
    for key, direction in reversed(query.order):
        shown.sort(key=SORT_KEYS[key], reverse=direction == "desc")
    return shown


def page(items: Collection[Item], identify: Callable[[Item], str], query: RowQuery) -> tuple[list[Item], bool]:
    """The page that is asked for, and whether others may follow: it is full. Raises `CallerError` 404 for an unknown
    marker."""
    rows = list(items)
    start = query.offset
    if query.marker:
        places = [place for place, row in enumerate(rows) if identify(row) == query.marker]
        if not places:
            raise CallerError(not_found("marker", f"marker {query.marker!r} could not be found"))
        start += places[0] + 1
    if query.limit < 0:
        return rows[start:], False
    shown = rows[start : start + query.limit]
    return shown, 0 < len(shown) == query.limit


def _matches(row: Any, query: RowQuery) -> bool:
    return (
        all(_value(row, name) in wanted for name, wanted in query.texts.items())
        and all(part in (_value(row, name) or "") for name, part in query.like.items())
        and all(row.user_metadata.get(key) == value for key, value in query.user_metadata.items())
        and all(COMPARISONS[comparison](getattr(row, field), at) for field, comparison, at in query.times)
    )


def _value(row: Any, name: str) -> str | None:
    """None where a row has no such field."""
    try:
        return FILTERS[name](row)
    except (KeyError, AttributeError):
        return None
