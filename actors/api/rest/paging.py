"""Lists in pages: sort, begin after a marker, end at a limit, and say where the next page is.

Pure but for the link, which is made from the request's own URL. A marker that isn't there is a 400.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.datastructures import URL

from actors.errors import CallerError, bad_request

PAGE_LIMIT = 1_000  # rows of one answer, as Nova's `max_limit`

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Paging:
    """`sort` holds (key, descending) pairs, the first counts most. `limit` None = as many as an answer may have."""

    limit: int | None = None
    marker: str = ""
    sort: Sequence[tuple[str, bool]] = field(default_factory=tuple)


def page_of(
    rows: Sequence[Row], paging: Paging, id_of: Callable[[Row], str], key_of: Callable[[Row, str], Any]
) -> tuple[list[Row], str]:
    """The page, and the marker of the next one ('' = this is the last). `key_of(row, key)` is what is sorted by."""
    ordered = list(rows)
    for key, descending in reversed(paging.sort):
        ordered.sort(key=lambda row: _orderable(key_of(row, key)), reverse=descending)
    begin = 0
    if paging.marker:
        places = [place for place, row in enumerate(ordered) if id_of(row) == paging.marker]
        if not places:
            raise CallerError(bad_request("marker", f"marker [{paging.marker[:64]}] not found"))
        begin = places[0] + 1
    limit = PAGE_LIMIT if paging.limit is None else paging.limit
    if limit < 0:
        raise CallerError(bad_request("limit", "limit must be an integer that is not negative"))
    page = ordered[begin : begin + min(limit, PAGE_LIMIT)]
    more = bool(page) and begin + len(page) < len(ordered)
    return page, id_of(page[-1]) if more else ""


def next_link(url: URL, marker: str) -> str:
    """The same question, asked from `marker` on."""
    return str(url.include_query_params(marker=marker))


def _orderable(value: Any) -> tuple[bool, Any]:
    """Nothing comes before everything."""
    return (value is not None, value if value is not None else 0)
