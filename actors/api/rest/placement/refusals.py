"""POST /reshaper: moving what is held from one provider of a tree to others, which this cloud does not do.

Its own hosts are no trees whose resources could move, and the scheduler alone writes them.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends

from actors.api.rest.answers import Json
from actors.api.rest.placement.asked import Administrator, since
from actors.errors import CallerError, CallerFault

router = APIRouter()


@router.post("/reshaper", dependencies=[Depends(since(30))])
async def reshape(caller: Administrator) -> Json:
    raise CallerError(CallerFault(501, "This cloud does not reshape resource providers."))
