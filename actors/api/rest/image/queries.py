"""What a list of images is asked for, read into the image room's query. Pure.

Names that Glance knows have their meaning; any other name is a property of the owner's.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from actors.errors import CallerError, bad_request
from actors.image.messages import ImageQuery, TimeBound
from actors.image.query import COMPARISONS, TEXT_FIELDS, TIME_FIELDS, WHOLE_FIELDS

PAGE_LIMIT = 1_000  # images of one answer, Glance's api_limit_max
DEFAULT_LIMIT = 25  # where the question has none, Glance's limit_param_default
LISTED = ("id", "name", "status", "container_format", "disk_format")  # that take 'in:' and several values
OWN_NAMES = (
    *("limit", "marker", "sort", "sort_key", "sort_dir", "tag", "visibility", "member_status"),
    *("os_hidden", "protected", "size_min", "size_max"),
)
TRUE, FALSE = ("true", "1", "t", "yes", "on"), ("false", "0", "f", "no", "off")
WHOLE_LIMIT = 2**63


def query_of(asked: QueryParams) -> ImageQuery:
    """Raises `CallerError` 400."""
    return ImageQuery(
        texts={name: _values(name, asked[name]) for name in TEXT_FIELDS if name in asked},
        wholes={name: _whole(name, asked[name]) for name in WHOLE_FIELDS if name in asked},
        properties={name: value for name, value in asked.items() if not _is_known(name)},
        tags=tuple(asked.getlist("tag")),
        times=tuple(_bound(name, value) for name in TIME_FIELDS for value in asked.getlist(name)),
        visibility=asked.get("visibility", ""),
        member_status=asked.get("member_status", "accepted"),
        hidden=_flag("os_hidden", asked.get("os_hidden", "false")),
        protected=_flag("protected", asked["protected"]) if "protected" in asked else None,
        size_min=_whole("size_min", asked.get("size_min", "0")),
        size_max=_whole("size_max", asked["size_max"]) if "size_max" in asked else -1,
        order=_order(asked),
        marker=asked.get("marker", ""),
        limit=min(_whole("limit", asked.get("limit", str(DEFAULT_LIMIT))), PAGE_LIMIT),
    )


def _is_known(name: str) -> bool:
    return name in OWN_NAMES or name in TEXT_FIELDS or name in WHOLE_FIELDS or name in TIME_FIELDS


def _values(name: str, said: str) -> tuple[str, ...]:
    """One value, or of `in:a,"b,c"` two."""
    if name not in LISTED or not said.startswith("in:"):
        return (said,)
    try:
        rows = list(csv.reader([said.removeprefix("in:")], strict=True))
    except csv.Error:
        raise CallerError(bad_request(name, "the list after 'in:' has an odd quote")) from None
    return tuple(rows[0]) if rows else ("",)


def _order(asked: QueryParams) -> tuple[tuple[str, str], ...]:
    if "sort" in asked and ("sort_key" in asked or "sort_dir" in asked):
        raise CallerError(bad_request("sort", "it is either sort, or sort_key with sort_dir"))
    if "sort" in asked:
        pairs = [_pair(part) for part in asked["sort"].split(",")]
    else:
        pairs = list(_paired(asked.getlist("sort_key") or ["created_at"], asked.getlist("sort_dir")))
    keys = [key for key, _ in pairs]
    last = pairs[-1][1]
    return (*pairs, *((key, last) for key in ("created_at", "id") if key not in keys))


def _pair(part: str) -> tuple[str, str]:
    key, _, direction = part.strip().partition(":")
    return key, direction or "desc"


def _paired(keys: list[str], directions: list[str]) -> Iterable[tuple[str, str]]:
    if len(directions) > 1 and len(directions) != len(keys):
        raise CallerError(bad_request("sort_dir", "is given once, or for each sort_key"))
    shared = directions[0] if len(directions) == 1 else "desc"
    return zip(keys, directions if len(directions) == len(keys) else [shared] * len(keys), strict=True)


def _whole(name: str, said: str) -> int:
    if not said.isascii() or not said.isdigit() or len(said) > 19 or int(said) >= WHOLE_LIMIT:
        raise CallerError(bad_request(name, f"{said[:40]!r} is no whole number from 0 on"))
    return int(said)


def _flag(name: str, said: str) -> bool:
    if said.lower() not in (*TRUE, *FALSE):
        raise CallerError(bad_request(name, f"{said[:40]!r} is neither true nor false"))
    return said.lower() in TRUE


def _bound(field: str, said: str) -> TimeBound:
    """`gt:2026-01-02T03:04:05Z`; without a comparison, that moment."""
    comparison, colon, rest = said.partition(":")
    if not colon or comparison not in COMPARISONS:
        comparison, rest = "eq", said
    try:
        at = datetime.fromisoformat(rest)
    except ValueError:
        raise CallerError(bad_request(field, f"{rest[:40]!r} is no time of ISO 8601")) from None
    return TimeBound(field, comparison, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
