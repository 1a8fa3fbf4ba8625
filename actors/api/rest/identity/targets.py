"""What a rule of identity may look at beside the caller: whom a request is about, by Keystone's names for it.

`target.user.id` or `target.project.domain_id` is of the row that the path names or the body makes,
`target.token.user_id` of the token that is asked about, `user_id` the path's own, `user.name` the body's. It is asked
for only where the file gives the rule: otherwise the room decides by its rows. What is not there has no target, so that
a rule about it says no.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

from fastapi import Request

from actors.api.rest.context import Caller
from actors.api.rest.identity.rows import COLLECTIONS
from actors.api.rest.identity.tokens import SUBJECT
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, CallerFault, value_of
from actors.identity.messages import Find, Lend
from actors.records import Role

NOUNS = {each.plural: each.noun for each in COLLECTIONS} | {
    "application_credentials": "application_credential",
    "credentials": "credential",
    "trusts": "trust",
}
IN_DOMAINS = ("project", "user", "group")
OF_TRUSTS = ("trustor_user_id", "trustee_user_id")  # which a list of them names in its query
FIELDS = ("id", "name", "domain_id", "parent_id", "user_id", "project_id", *OF_TRUSTS)  # as far as a row has them
NO_DOMAIN = "None"  # what Keystone's rules compare with, of a role that is good everywhere
FIRST_DOMAIN = "default"  # where the room puts what says no domain


async def target_of(request: Request, caller: Caller, path: str, body: Any) -> dict[str, str]:
    """`path` is the route's, with its parameters' names in braces."""
    rooms: EdgeRooms = request.app.state.rooms
    found = {"target.domain_id": caller.context.domain_id} if caller.context.domain_id else {}
    named = rows_named(path, request.path_params)
    found |= {f"{noun}_id": row_id for noun, row_id in named.items()} | _of_body(path, body)
    if path.endswith("/trusts"):
        found |= {f"target.trust.{name}": who for name in OF_TRUSTS if (who := request.query_params.get(name))}
    for noun, row in (await _rows(rooms, caller, named)).items() if named else ():
        found |= {f"target.{noun}.{name}": getattr(row, name) for name in FIELDS if getattr(row, name, "")}
        if isinstance(row, Role):
            found["target.role.domain_id"] = row.domain_id or NO_DOMAIN
    if SUBJECT in request.headers:
        with suppress(CallerError):  # its route says so
            asked = rooms.verifier.verify(request.headers[SUBJECT], rooms.clock.now())
            found["target.token.user_id"] = asked.user_id
    return found


def rows_named(path: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Ids by noun: of `/v3/projects/{scope_id}/users/{actor_id}/roles` a project's and a user's. Pure."""
    parts = path.split("/")
    return {
        NOUNS[before]: str(params[part[1:-1]])
        for before, part in pairwise(parts)
        if part.startswith("{") and before in NOUNS
    }


def _of_body(path: str, body: Any) -> dict[str, str]:
    """The fields of the one noun that a body has; they are the target where the row is yet to be made.

    Of the names of a noun and its fields alone: a body could else say what it is about.
    """
    if not isinstance(body, dict):
        return {}
    found: dict[str, str] = {}
    makes = NOUNS.get(path.rpartition("/")[2], "")
    for noun in NOUNS.values():
        fields = body.get(noun)
        if not isinstance(fields, dict):
            continue
        said = {name: value for name, value in fields.items() if isinstance(value, str) and name.isidentifier()}
        found |= {f"{noun}.{name}": value for name, value in said.items()}
        if noun == makes:
            inside = {"domain_id": FIRST_DOMAIN} if noun in IN_DOMAINS else {}
            found |= {f"target.{noun}.{name}": value for name, value in (inside | said).items()}
    return found


async def _rows(rooms: EdgeRooms, caller: Caller, named: Mapping[str, str]) -> dict[str, Any]:
    """Those that are there. An administrator looks: whether the caller may is yet to be said."""
    token = value_of((await rooms.identity.lend([Lend(token=caller.token, role="admin")]))[0])
    replies = await rooms.identity.find([Find(token=token, kind=noun, id=row_id) for noun, row_id in named.items()])
    return {
        noun: reply[0]
        for noun, reply in zip(named, replies, strict=True)
        if not isinstance(reply, CallerFault) and reply
    }
