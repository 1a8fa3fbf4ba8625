"""Placement's providers that are no hosts of this cloud: their part of the compute API's room, the one writer of them.

What hosts have and what servers hold of them is the scheduler's alone, so whoever writes those here is refused; the
scheduler in turn places nothing on what is here. Invariant: what is answered for is on disk, and one change is decided
after another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from random import Random

from actors.api import placement_books as books_of
from actors.api.administration import Administration
from actors.api.placement_allocations import allocated, of_a_server, released
from actors.api.placement_books import CLASS, TRAIT, Books, Hosts
from actors.api.placement_messages import (
    Allocate,
    ChangeProvider,
    CreateProvider,
    CustomNames,
    Held,
    Reshape,
    SetInventories,
    SetInventory,
    SetNames,
)
from actors.api.placement_reshape import reshaped
from actors.clock import Clock
from actors.errors import CallerError, CallerFault, forbidden, not_found
from actors.faces import ConductorFace, TokenVerifier
from actors.messages import HostSeen
from actors.records import Change, Consumer, PlacementName, ResourceProvider, drop
from actors.scheduler.messages import ProviderView
from actors.scheduler.providers import provider_id


class Placement(Administration):
    def __init__(self, conductor: ConductorFace, verifier: TokenVerifier, clock: Clock, random: Random) -> None:
        super().__init__(conductor, verifier, clock, random)
        self._books = Books([])
        self._one_by_one = asyncio.Lock()

    async def start(self) -> None:
        await super().start()
        load = self._conductor.load
        self._books = Books([*await load(ResourceProvider), *await load(PlacementName), *await load(Consumer)])

    # ------------------------------------------------------------ what is there

    async def providers(self, token: str) -> list[ProviderView]:
        """By name; none of them is a host."""
        self._administrator(token)
        rows = sorted(self._books.providers.values(), key=lambda row: row.name)
        return [self._books.view(row) for row in rows]

    async def custom_names(self, token: str) -> CustomNames:
        self._administrator(token)
        traits, classes = (tuple(sorted(self._books.custom(kind))) for kind in (TRAIT, CLASS))
        return CustomNames(traits=traits, classes=classes)

    async def consumer(self, token: str, consumer_id: str) -> Held | None:
        """None for one that holds nothing of these providers."""
        self._administrator(token)
        row = self._books.consumers.get(consumer_id)
        if row is None:
            return None
        generations = {each: self._books.providers[each].generation for each in row.allocations}
        return Held(consumer=row, generations=generations)

    async def consumers_of(self, token: str, of_provider: str) -> list[Consumer]:
        self._administrator(token)
        return [row for row in self._books.consumers.values() if of_provider in row.allocations]

    async def consumers(self, token: str, project_id: str, user_id: str = "") -> list[Consumer]:
        """A project's, or those of one of its users. Raises `CallerError` 403 for another project's."""
        context = self._context(token)
        if not context.is_admin and context.project_id != project_id:
            raise CallerError(forbidden("only an administrator sees the usages of another project"))
        rows = [row for row in self._books.consumers.values() if row.project_id == project_id]
        return [row for row in rows if user_id in ("", row.user_id)]

    # ------------------------------------------------------------ providers

    async def create_provider(self, request: CreateProvider) -> ProviderView:
        """Raises `CallerError`, as all that follow."""
        self._administrator(request.token)
        async with self._one_by_one:
            hosts, _ = await self._hosts()
            row = ResourceProvider(id=request.id or self._uuid(), name=request.name, parent_id=request.parent_id)
            return await self._provider(books_of.created(self._books, hosts, row))

    async def change_provider(self, request: ChangeProvider) -> ProviderView:
        self._administrator(request.token)
        async with self._one_by_one:
            hosts, _ = await self._hosts()
            return await self._provider(books_of.changed(self._books, hosts, request))

    async def delete_provider(self, token: str, of_provider: str) -> None:
        self._administrator(token)
        async with self._one_by_one:
            hosts, _ = await self._hosts()
            await self._commit([drop(books_of.deletable(self._books, hosts, of_provider))])

    # ------------------------------------------------------------ what they have

    async def set_inventories(self, request: SetInventories) -> ProviderView:
        self._administrator(request.token)
        async with self._one_by_one:
            row = await self._writable(request.provider_id)
            return await self._provider(books_of.with_inventories(self._books, row, request, self._classes()))

    async def set_inventory(self, request: SetInventory) -> ProviderView:
        self._administrator(request.token)
        async with self._one_by_one:
            row = await self._writable(request.provider_id)
            return await self._provider(books_of.with_inventory(row, request, self._classes()))

    async def delete_inventory(self, token: str, of_provider: str, resource_class: str) -> None:
        self._administrator(token)
        async with self._one_by_one:
            row = await self._writable(of_provider)
            await self._provider(books_of.without_inventory(self._books, row, resource_class))

    async def set_traits(self, request: SetNames) -> ProviderView:
        self._administrator(request.token)
        async with self._one_by_one:
            hosts, seen = await self._hosts()
            row = books_of.found(self._books, hosts, request.provider_id)
            known = standard(TRAIT) | self._books.custom(TRAIT) | traits_of(seen)
            return await self._provider(books_of.with_traits(row, request, known))

    async def set_provider_aggregates(self, request: SetNames) -> ProviderView:
        self._administrator(request.token)
        async with self._one_by_one:
            row = await self._writable(request.provider_id)
            return await self._provider(books_of.with_aggregates(row, request))

    # ------------------------------------------------------------ traits and resource classes

    async def create_name(self, token: str, kind: str, name: str) -> bool:
        """Of a trait or a class; False where it is there already."""
        self._administrator(token)
        async with self._one_by_one:
            row = books_of.new_name(self._books, kind, name)
            await self._commit([row] if row else [])
            return row is not None

    async def rename_class(self, token: str, name: str, new_name: str) -> None:
        """With it go the inventories and allocations of the class."""
        self._administrator(token)
        async with self._one_by_one:
            await self._commit(books_of.renamed_class(self._books, name, new_name, standard(CLASS)))

    async def delete_name(self, token: str, kind: str, name: str) -> None:
        self._administrator(token)
        async with self._one_by_one:
            _, seen = await self._hosts()
            of_hosts = traits_of(seen) if kind == TRAIT else frozenset[str]()
            await self._commit([drop(books_of.unused_name(self._books, kind, name, standard(kind), of_hosts))])

    # ------------------------------------------------------------ allocations

    async def allocate(self, request: Allocate) -> None:
        """All or none. Raises `CallerError` 403 for a server of this cloud or one of its hosts."""
        self._administrator(request.token)
        async with self._one_by_one:
            await self._check_consumers([one.consumer_id for one in request.allocations])
            hosts, _ = await self._hosts()
            await self._commit(allocated(self._books, hosts, request.allocations, self._classes()))

    async def release(self, token: str, consumer_id: str) -> None:
        self._administrator(token)
        async with self._one_by_one:
            await self._check_consumers([consumer_id])
            row = self._books.consumers.get(consumer_id)
            if row is None:
                raise CallerError(not_found("", f"No allocations for consumer '{consumer_id[:64]}'"))
            await self._commit(released(self._books, row))

    async def reshape(self, request: Reshape) -> None:
        """All or none, as `allocate`, and inventories with it."""
        self._administrator(request.token)
        async with self._one_by_one:
            await self._check_consumers([one.consumer_id for one in request.allocations])
            hosts, _ = await self._hosts()
            await self._commit(reshaped(self._books, hosts, request, self._classes()))

    async def _check_consumers(self, ids: list[str]) -> None:
        for consumer_id, view in zip(ids, await self._conductor.show(ids), strict=True):
            if not isinstance(view, CallerFault):
                raise CallerError(of_a_server(consumer_id))

    # ------------------------------------------------------------ for all of these

    async def _writable(self, of_provider: str) -> ResourceProvider:
        hosts, _ = await self._hosts()
        return books_of.found(self._books, hosts, of_provider)

    async def _hosts(self) -> tuple[Hosts, Sequence[HostSeen]]:
        seen = await self._conductor.hosts()
        return {provider_id(one.report.host): one.report.host for one in seen}, seen

    def _classes(self) -> frozenset[str]:
        return standard(CLASS) | self._books.custom(CLASS)

    async def _provider(self, row: ResourceProvider) -> ProviderView:
        if row != self._books.providers.get(row.id):
            await self._commit([row])
        return self._books.view(row)

    async def _commit(self, changes: list[Change]) -> None:
        if changes:
            await self._conductor.commit(changes)
            self._books.apply(changes)


@cache
def standard(kind: str) -> frozenset[str]:
    """OpenStack's own names; loaded when they are asked for, since few clouds write here."""
    if kind == TRAIT:
        from os_traits import get_traits

        return frozenset(get_traits())
    from os_resource_classes import STANDARDS

    return frozenset(STANDARDS)


def traits_of(seen: Sequence[HostSeen]) -> frozenset[str]:
    return frozenset(name for one in seen for name in one.report.traits)
