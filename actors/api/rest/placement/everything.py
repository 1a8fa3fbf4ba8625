"""All resource providers: this cloud's hosts, which the scheduler has, and those that the compute API's room has."""

from __future__ import annotations

from actors.api.rest.context import Caller
from actors.api.rest.placement.asked import no_provider
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError
from actors.scheduler.messages import ProviderView


async def hosts_and_others(rooms: EdgeRooms, caller: Caller) -> tuple[list[ProviderView], list[ProviderView]]:
    """Where a host has the id of a provider that was made before it came, it is the host."""
    hosts = await rooms.scheduler.providers()
    ids = {each.id for each in hosts}
    return hosts, [each for each in await rooms.api.providers(caller.token) if each.id not in ids]


async def all_providers(rooms: EdgeRooms, caller: Caller) -> list[ProviderView]:
    """Hosts first."""
    hosts, others = await hosts_and_others(rooms, caller)
    return [*hosts, *others]


async def found_provider(rooms: EdgeRooms, caller: Caller, provider_id: str) -> ProviderView:
    """Raises `CallerError` 404."""
    for each in await all_providers(rooms, caller):
        if each.id == provider_id:
            return each
    raise CallerError(no_provider(provider_id))
