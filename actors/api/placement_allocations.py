"""Who may hold what of Placement's providers that are no hosts: the rules of an allocation. Pure.

Used by `placement.py`. Invariant: what is held of a provider is never more than its capacity when it is given, and
several consumers that are written together are so all or none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set

from msgspec.structs import replace

from actors.api.placement_books import CONCURRENT_UPDATE, Books, Hosts, inventory_view, of_a_host
from actors.api.placement_messages import Allocation
from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden
from actors.records import Change, Consumer, ResourceProvider, drop

CONSUMERS_LIMIT = 1_000_000  # that hold something

Taken = dict[str, Counter[str]]  # provider's id → resource class → amount


def allocated(books: Books, hosts: Hosts, wanted: tuple[Allocation, ...], classes: Set[str]) -> list[Change]:
    """The rows that shall be there next. Raises `CallerError`: 400, 403 for hosts of this cloud, 409."""
    rows: list[Change] = []
    before, after = Taken(), Taken()
    for one in wanted:
        _check_providers(books, hosts, one, classes)
        known = books.consumers.get(one.consumer_id)
        _check_generation(known, one)
        for provider_id, resources in (known.allocations if known else {}).items():
            before.setdefault(provider_id, Counter()).update(resources)
        for provider_id, resources in one.resources.items():
            after.setdefault(provider_id, Counter()).update(resources)
        if one.resources:
            rows.append(_consumer(known, one))
        elif known:
            rows.append(drop(known))
    if len(books.consumers) + len(rows) > CONSUMERS_LIMIT:
        raise CallerError(conflict("", f"at most {CONSUMERS_LIMIT} consumers hold something"))
    for one in wanted:
        for provider_id, resources in one.resources.items():
            _check_units(books.providers[provider_id], resources)
    for provider_id, total in after.items():
        _check_room(books, books.providers[provider_id], before.get(provider_id, Counter()), total)
    touched = [books.providers[provider_id] for provider_id in before | after]
    return [*rows, *(replace(row, generation=row.generation + 1) for row in touched)]


def released(books: Books, consumer: Consumer) -> list[Change]:
    touched = [books.providers[provider_id] for provider_id in consumer.allocations]
    return [drop(consumer), *(replace(row, generation=row.generation + 1) for row in touched)]


def of_a_server(consumer_id: str) -> CallerFault:
    text = f"Consumer {consumer_id} is a server of this cloud, for which its scheduler alone allocates"
    return forbidden(text)


def _consumer(known: Consumer | None, one: Allocation) -> Consumer:
    kept = known.type if known else ""
    return Consumer(
        id=one.consumer_id,
        project_id=one.project_id,
        user_id=one.user_id,
        generation=known.generation + 1 if known else 1,
        type=kept if one.type is None else one.type,
        allocations=one.resources,
    )


def _check_providers(books: Books, hosts: Hosts, one: Allocation, classes: Set[str]) -> None:
    for provider_id, resources in one.resources.items():
        if provider_id in hosts:
            raise CallerError(of_a_host(provider_id, hosts))
        if provider_id not in books.providers:
            text = f"Allocation for resource provider '{provider_id}' that does not exist."
            raise CallerError(bad_request("", text))
        for name in resources.keys() - classes:
            text = f"Unable to allocate inventory for consumer {one.consumer_id}: No such resource class {name[:255]}."
            raise CallerError(bad_request("", text))


def _check_generation(known: Consumer | None, one: Allocation) -> None:
    expected = known.generation if known else None
    if one.checked and one.generation != expected:
        shown = "null" if expected is None else expected
        got = "null" if one.generation is None else one.generation
        text = f"consumer generation conflict - expected {shown} but got {got}"
        raise CallerError(conflict("", text, CONCURRENT_UPDATE))


def _check_units(row: ResourceProvider, resources: dict[str, int]) -> None:
    for name, amount in resources.items():
        one = row.inventories.get(name)
        if one is None:
            text = f"Inventory for '{name}' on resource provider '{row.id}' invalid."
            raise CallerError(conflict("", f"Unable to allocate inventory: {text}"))
        if not one.min_unit <= amount <= one.max_unit or amount % one.step_size:
            text = f"Inventory on '{row.id}' for '{name}': the requested amount would violate its unit constraints."
            raise CallerError(conflict("", f"Unable to allocate inventory: {text}"))


def _check_room(books: Books, row: ResourceProvider, before: Counter[str], after: Counter[str]) -> None:
    used = books.used(row.id)
    for name, amount in after.items():
        capacity = inventory_view(row.inventories[name], 0).capacity
        if used[name] - before[name] + amount > capacity:
            text = f"Unable to create allocation for '{name}' on resource provider '{row.id}'."
            raise CallerError(
                conflict("", f"Unable to allocate inventory: {text} The requested amount would exceed the capacity.")
            )
