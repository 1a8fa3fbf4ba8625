"""Queries of lists (numbers, flags and pages), and what is said of what their version has not. Pure."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from starlette.datastructures import QueryParams

from actors.api.rest.microversions import Spoken
from actors.api.rest.paging import Paging
from actors.errors import CallerError, bad_request, not_found

STRICT_SINCE = (2, 75)
TRUE, FALSE = ("1", "t", "true", "on", "y", "yes"), ("0", "f", "false", "off", "n", "no")


def flag(field: str, text: str) -> bool:
    """Raises `CallerError` 400 for what is neither."""
    word = text.strip().lower()
    if word not in TRUE + FALSE:
        allowed = ", ".join(f"'{one}'" for one in sorted(TRUE + FALSE))
        raise CallerError(bad_request(field, f"Unrecognized value '{text[:64]}', acceptable values are: {allowed}"))
    return word in TRUE


def whole(query: QueryParams, field: str) -> int | None:
    """None where it isn't said; raises `CallerError` 400."""
    text = query.get(field)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise CallerError(bad_request(field, f"{field} must be an integer that is not negative"))
    return int(text)


def in_order(query: QueryParams) -> Paging:
    """A page of a list that has its order already."""
    return Paging(limit=whole(query, "limit"), marker=query.get("marker", ""))


async def _some_id(request: Request) -> None:
    if request.scope["raw_path"].endswith(b"/"):
        raise CallerError(not_found("", "The resource could not be found."))


NOT_OF_EMPTY_ID = Depends(_some_id)
"""Of a list's route: a slash at its end is one of many whose id is empty, and not there, as Nova's routes have it."""


def known_only(*names: str) -> Any:
    """A route's dependency: from 2.75 on a query that says something else is a 400, before that it says nothing."""

    async def check(request: Request, spoken: Spoken) -> None:
        for name in request.query_params:
            if spoken >= STRICT_SINCE and name not in names:
                raise unknown_parameter(name)

    return Depends(check)


def unknown_parameter(name: str) -> CallerError:
    return CallerError(
        bad_request("", f"Invalid input for query parameters {name[:64]}: Additional properties are not allowed")
    )


def missing(parent: str, field: str) -> CallerError:
    """For a body that lacks what its version needs."""
    return CallerError(bad_request("", f"Invalid input for field/attribute {parent}: '{field}' is a required property"))


def unexpected(field: str) -> CallerError:
    """For a body that has what its version has not."""
    return CallerError(bad_request("", f"Additional properties are not allowed ('{field}' was unexpected)"))
