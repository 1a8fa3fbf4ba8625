"""One action of a server as it was asked for, and what all of them do with that.

Used by `actions.py`, whose table names them, and `moving_actions.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from actors.acts import AnyAct, Edit
from actors.api.act_messages import ActOnServer, EditServer
from actors.api.rest.compute.server_view import Showing
from actors.api.rest.context import Caller
from actors.api.rest.microversions import Version
from actors.api.rest.policy import Policy
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request

ACCEPTED, NO_CONTENT = 202, 204


@dataclass(frozen=True, slots=True)
class Asked:
    """One action as it came."""

    rooms: EdgeRooms
    caller: Caller
    version: Version
    server_id: str
    url: str  # of the edge
    showing: Showing
    policy: Policy

    async def act(self, act: AnyAct, status: int = ACCEPTED) -> Response:
        await self.rooms.api.act(
            ActOnServer(token=self.caller.token, server_id=self.server_id, act=act, request_id=self.caller.request_id)
        )
        return Response(status_code=status)

    async def edit(self, edit: Edit) -> Response:
        await self.rooms.api.edit(
            EditServer(token=self.caller.token, server_id=self.server_id, edit=edit, request_id=self.caller.request_id)
        )
        return Response(status_code=ACCEPTED)


Action = Callable[[Asked, Any], Awaitable[Response]]


def parsed(model: type[BaseModel], how: Any) -> Any:
    """What was said of an action. Raises `CallerError` 400."""
    try:
        return model.model_validate(how)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise CallerError(bad_request("", f"Invalid input for field/attribute {where}: {first['msg']}")) from None


def plainly(act: AnyAct, status: int = ACCEPTED) -> Action:
    """Of this act there is nothing to say."""

    async def action(asked: Asked, how: Any) -> Response:
        return await asked.act(act, status)

    return action
