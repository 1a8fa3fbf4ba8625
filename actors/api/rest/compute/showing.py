"""To whom a request is answered and how: the dependency of every route that shows something."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from actors.api.rest.compute.server_view import Showing
from actors.api.rest.context import Asking, base_url


async def showing_of(request: Request, caller: Asking) -> Showing:
    url = f"{base_url(request)}{request.scope['root_path']}"
    return Showing(request.state.microversion, url, caller.context.is_admin)


Shown = Annotated[Showing, Depends(showing_of)]
