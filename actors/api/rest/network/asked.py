"""What the requests of all nouns have in common: lists, expected revisions, one row or many in a body."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from actors.api.rest.answers import Json
from actors.api.rest.network.listing import Listing
from actors.errors import CallerError, CallerFault, bad_request, value_of

_IF_MATCH = re.compile(r"revision_number=(\d{1,18})")

Item = TypeVar("Item")
Made = TypeVar("Made")


def listing(request: Request, known: Collection[str]) -> Listing:
    return Listing(request.url, request.query_params, known)


def revision_of(request: Request) -> int | None:
    """The revision that a change has in mind (If-Match); raises `CallerError` 400 for what is none."""
    text = request.headers.get("if-match")
    if text is None:
        return None
    match = _IF_MATCH.fullmatch(text.strip())
    if match is None:
        raise CallerError(bad_request("", f"Invalid If-Match header: {text[:64]!r}", "HTTPBadRequest"))
    return int(match[1])


async def _expected(request: Request) -> int | None:
    return revision_of(request)


Expected = Annotated[int | None, Depends(_expected)]


def items(one: Item | None, many: list[Item] | None, noun: str) -> list[Item]:
    """The rows that a body asks for: one, or a list of them."""
    if (one is None) == (many is None):
        raise CallerError(bad_request("", f"Unable to find {noun!r} in request body", "HTTPBadRequest"))
    return [one] if one is not None else many or []


def all_made(replies: Sequence[Made | CallerFault]) -> list[Made]:
    """Every row, or the fault of the one that was refused (the others were not made then) raised."""
    for reply in replies:
        if isinstance(reply, CallerFault):
            raise CallerError(reply)
    return [value_of(reply) for reply in replies]


def created(noun: str, collection: str, bodies: list[Any], single: bool) -> Json:
    return Json({noun: bodies[0]} if single else {collection: bodies}, status_code=201)


def deleted(replies: Sequence[CallerFault | None]) -> Json:
    all_made(replies)
    return Json(None, status_code=204)


def told(value: Item | None, make: Callable[[Item], Made], nothing: Made) -> Made:
    """What a field says; `nothing` where it says null."""
    return nothing if value is None else make(value)
