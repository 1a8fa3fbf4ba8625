"""Lists as Nova's first version had them: so many, from a place on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from starlette.datastructures import QueryParams

from actors.api.rest.compute.queries import whole
from actors.api.rest.paging import PAGE_LIMIT

Row = TypeVar("Row")


def limited(rows: Sequence[Row], query: QueryParams) -> Sequence[Row]:
    """By `limit` and `offset`; raises `CallerError` 400 for what is no number."""
    begin, wanted = whole(query, "offset") or 0, whole(query, "limit")
    return rows[begin : begin + min(PAGE_LIMIT if wanted is None else wanted, PAGE_LIMIT)]
