"""What would write into Placement: refused, because every provider here is a host of this cloud.

The scheduler is the one writer of what hosts have and of what instances hold of them; whoever could write here as well
could make it give the same room twice. Clients hear that, rather than that the method does not exist.
"""

from __future__ import annotations

from fastapi import APIRouter

from actors.api.rest.answers import Json
from actors.api.rest.context import Rooms
from actors.api.rest.placement.asked import Administrator
from actors.api.rest.placement.providers import found_provider
from actors.errors import CallerError, forbidden

router = APIRouter()

OF_A_PROVIDER = {  # path below a provider → methods that write there
    "": ["PUT", "DELETE"],
    "/inventories": ["PUT", "POST", "DELETE"],
    "/inventories/{resource_class}": ["PUT", "DELETE"],
    "/traits": ["PUT", "DELETE"],
    "/aggregates": ["PUT"],
}
OF_ALL = {
    "/resource_providers": ["POST"],
    "/allocations": ["POST"],
    "/allocations/{consumer_id}": ["PUT", "DELETE"],
    "/reshaper": ["POST"],
}


async def refuse_provider(provider_id: str, rooms: Rooms, caller: Administrator) -> Json:
    each = await found_provider(rooms, provider_id)
    text = f"Resource provider {each.id} is the host {each.name} of this cloud: what it has, its own heartbeats say"
    raise CallerError(forbidden(text))


async def refuse(rooms: Rooms, caller: Administrator) -> Json:
    raise CallerError(forbidden("all providers here are hosts of this cloud, and its scheduler alone allocates them"))


for _path, _methods in OF_A_PROVIDER.items():
    router.add_api_route(f"/resource_providers/{{provider_id}}{_path}", refuse_provider, methods=_methods)
for _path, _methods in OF_ALL.items():
    router.add_api_route(_path, refuse, methods=_methods)
