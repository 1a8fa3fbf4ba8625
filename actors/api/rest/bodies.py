"""How much a request may carry, and what every body model of the edge has in common.

Invariant: a body that is too big is refused before it is held, one that stops coming is given up.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

BODY_LIMIT_BYTES = 512 * 1024  # of a JSON body; image data is streamed and has the image's own limit
BODY_PAUSE_S = 30.0  # longest wait for the next piece of a body
BODY_LIMIT_S = 60.0  # for a whole JSON body
STREAMED = ("application/octet-stream",)  # kinds of body that are not held in memory

Name = Annotated[str, Field(min_length=1, max_length=255)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # what the database holds


class Strict(BaseModel):
    """A body whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Lenient(BaseModel):
    """A body of a service that ignores what it doesn't know (identity does)."""

    model_config = ConfigDict(extra="ignore")


def limited(scope: Scope, receive: Receive, pause_s: float = BODY_PAUSE_S, whole_s: float = BODY_LIMIT_S) -> Receive:
    """`receive` that refuses more than the limit with 413 and gives up on a body that stops or trickles with 408."""
    headers = dict(scope["headers"])
    if headers.get(b"content-type", b"").decode("latin-1").partition(";")[0] in STREAMED:
        return receive
    if scope["method"] in ("GET", "HEAD", "DELETE") and b"content-length" not in headers:
        return receive
    announced = headers.get(b"content-length", b"")
    received = int(announced) if announced.isdigit() and len(announced) < 20 else 0
    counted, ended = 0, False
    began = 0.0  # when its first piece was waited for

    async def counting() -> Message:
        nonlocal counted, ended, began
        if ended:
            return await receive()  # whoever asks now waits for the client to leave
        if received > BODY_LIMIT_BYTES:
            raise HTTPException(413, f"A request body has at most {BODY_LIMIT_BYTES} bytes.")
        now = asyncio.get_running_loop().time()
        began = began or now
        try:
            message = await asyncio.wait_for(receive(), min(pause_s, began + whole_s - now))
        except TimeoutError:
            raise HTTPException(408, "The request body stopped coming.") from None
        counted += len(message.get("body", b""))
        ended = not message.get("more_body", False)
        if counted > BODY_LIMIT_BYTES:
            raise HTTPException(413, f"A request body has at most {BODY_LIMIT_BYTES} bytes.")
        return message

    return counting
