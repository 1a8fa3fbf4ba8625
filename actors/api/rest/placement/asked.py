"""What Placement's requests have in common: who may ask, from which microversion on, and the language of its filters.

`required` and `member_of` name things with `in:` (one of these) and `!` (none of these); `resources` are amounts.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, Request

from actors.api.rest.context import Asking, Caller, base_url
from actors.api.rest.microversions import Spoken, Version
from actors.errors import CallerError, CallerFault, bad_request, forbidden, not_found
from actors.scheduler.messages import CandidateGroup

SUFFIX = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NUMBER = re.compile(r"[1-9]\d*")
NAME = re.compile(r"[A-Z][A-Z0-9_]{0,254}")
AMOUNT_LIMIT = 2**31 - 1
PARTS = ("resources", "required", "member_of", "in_tree")
BAD_VALUE = "placement.query.bad_value"
MISSING_VALUE = "placement.query.missing_value"


async def _administrator(caller: Asking) -> Caller:
    if not caller.context.is_admin:
        raise CallerError(forbidden("placement is for administrators"))
    return caller


Administrator = Annotated[Caller, Depends(_administrator)]
Sent = Annotated[Any, Body()]  # what it has to be, its microversion says: `bodies.py`


def location(request: Request, path: str) -> dict[str, str]:
    """The header that says where something new is, as a whole URL: clients go there as it stands."""
    return {"location": f"{base_url(request)}/placement{path}"}


def since(minor: int) -> Callable[[Version], Awaitable[None]]:
    """A dependency: the route is not there before version 1.`minor`."""

    async def check(spoken: Spoken) -> None:
        if spoken < (1, minor):
            raise CallerError(not_found("", "The resource could not be found."))

    return check


def check_parameters(request: Request, spoken: Version, known: dict[str, int]) -> None:
    """`known`: parameter → the minor version that brought it. Others are a 400."""
    for name in request.query_params:
        if spoken < (1, known.get(name, 1_000)):
            raise CallerError(
                bad_request("", f"Invalid query string parameters: {name[:64]!r} does not match", BAD_VALUE)
            )


def no_parameter(name: str) -> CallerFault:
    return bad_request("", f"Invalid query string parameters: {name[:64]!r} does not match", BAD_VALUE)


def identifier(text: str, field: str) -> str:
    """A UUID in its normal form."""
    try:
        return str(UUID(text))
    except ValueError:
        raise CallerError(bad_request(field, f"Invalid uuid value: {text[:64]!r}", BAD_VALUE)) from None


def amounts(text: str, field: str = "resources") -> dict[str, int]:
    """`VCPU:1,MEMORY_MB:512`."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, amount = part.partition(":")
        if not NAME.fullmatch(name) or not NUMBER.fullmatch(amount) or len(amount) > 10 or int(amount) > AMOUNT_LIMIT:
            why = "Badly formed resources parameter. Expected resources query string parameter in form: "
            raise CallerError(
                bad_request(field, f"{why}?resources=VCPU:2,MEMORY_MB:1024. Got: {text[:64]}.", BAD_VALUE)
            )
        if name in found:
            raise CallerError(bad_request(field, f"{name} stands there twice", "placement.query.duplicate_key"))
        found[name] = int(amount)
    return found


def group_of(request: Request, spoken: Version, suffix: str = "") -> CandidateGroup:
    """The parameters of one group; raises `CallerError` 400 for what the version does not know."""
    query = request.query_params
    required, forbidden_traits = _traits(query.getlist(f"required{suffix}"), spoken)
    member_of, not_member_of = _members(query.getlist(f"member_of{suffix}"), spoken)
    tree = query.get(f"in_tree{suffix}", "")
    text = query.get(f"resources{suffix}")
    return CandidateGroup(
        resources={} if text is None else amounts(text, f"resources{suffix}"),
        required=required,
        forbidden=forbidden_traits,
        member_of=member_of,
        not_member_of=not_member_of,
        in_tree=identifier(tree, "in_tree") if tree else "",
    )


def _traits(values: list[str], spoken: Version) -> tuple[tuple[frozenset[str], ...], frozenset[str]]:
    if len(values) > 1 and spoken < (1, 39):
        values = values[-1:]
    wanted: list[frozenset[str]] = []
    unwanted: set[str] = set()
    for value in values:
        if value.startswith("in:"):
            _need(spoken, 39, value)
            wanted.append(_names(value[3:]))
            continue
        for part in value.split(","):
            if part.startswith("!"):
                _need(spoken, 22, value)
                unwanted |= _names(part[1:])
            else:
                wanted.append(_names(part))
    if any(single <= unwanted for single in wanted):
        raise CallerError(bad_request("required", "the same trait is required and forbidden", BAD_VALUE))
    return tuple(wanted), frozenset(unwanted)


def _members(values: list[str], spoken: Version) -> tuple[tuple[frozenset[str], ...], frozenset[str]]:
    if len(values) > 1:
        _need(spoken, 24, "member_of more than once")
    wanted: list[frozenset[str]] = []
    unwanted: set[str] = set()
    for value in values:
        negated = value.startswith("!")
        if negated:
            _need(spoken, 32, value)
        text = value.removeprefix("!")
        ids = text[3:].split(",") if text.startswith("in:") else [text]
        found = frozenset(identifier(each, "member_of") for each in ids)
        if negated:
            unwanted |= found
        else:
            wanted.append(found)
    return tuple(wanted), frozenset(unwanted)


def _names(text: str) -> frozenset[str]:
    names = text.split(",")
    for name in names:
        if not NAME.fullmatch(name):
            raise CallerError(
                bad_request("required", f"Invalid query string parameters: no trait {name[:64]!r}", BAD_VALUE)
            )
    return frozenset(names)


def _need(spoken: Version, minor: int, what: str) -> None:
    if spoken < (1, minor):
        raise CallerError(bad_request("", f"{what[:64]!r} is known from version 1.{minor} on", BAD_VALUE))


def no_provider(provider_id: str) -> CallerFault:
    return not_found("", f"No resource provider with uuid {provider_id[:64]} found")
