"""What is there of Placement's providers that are no hosts, and the rules of changing it. Pure.

Used by `placement.py`, which owns the books and writes their rows. A rule looks, and says which row shall be there
next; it raises `CallerError` where there shall be none. Facts: docs.openstack.org/api-ref/placement.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from typing import TypeVar

from msgspec.structs import replace

from actors.api.placement_messages import ChangeProvider, SetInventories, SetInventory, SetNames
from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found
from actors.records import Change, Consumer, Drop, Inventory, PlacementName, ResourceProvider, drop
from actors.scheduler.messages import InventoryView, ProviderView

TRAIT, CLASS = "trait", "class"
CUSTOM = re.compile(r"CUSTOM_[A-Z0-9_]{1,248}")
PROVIDERS_LIMIT = 100_000
NAMES_LIMIT = 100_000  # of traits and resource classes together
CONCURRENT_UPDATE = "placement.concurrent_update"
DUPLICATE_NAME = "placement.duplicate_name"
INVENTORY_IN_USE = "placement.inventory.inuse"
PROVIDER_IN_USE = "placement.resource_provider.inuse"
HAS_CHILDREN = "placement.resource_provider.cannot_delete_parent"

Amount = TypeVar("Amount")
Hosts = Mapping[str, str]  # this cloud's hosts: provider's id → name


class Books:
    def __init__(self, rows: Iterable[ResourceProvider | Consumer | PlacementName]) -> None:
        self.providers: dict[str, ResourceProvider] = {}
        self.consumers: dict[str, Consumer] = {}
        self.names: dict[str, PlacementName] = {}
        self._used: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.apply(rows)

    def apply(self, changes: Iterable[Change]) -> None:
        for change in changes:
            match change:
                case ResourceProvider():
                    self.providers[change.id] = change
                case PlacementName():
                    self.names[change.id] = change
                case Consumer():
                    self._count(self.consumers.get(change.id), -1)
                    self.consumers[change.id] = change
                    self._count(change, 1)
                case Drop(kind="ResourceProvider"):
                    self.providers.pop(change.id, None)
                case Drop(kind="PlacementName"):
                    self.names.pop(change.id, None)
                case Drop(kind="Consumer"):
                    self._count(self.consumers.pop(change.id, None), -1)

    def _count(self, consumer: Consumer | None, sign: int) -> None:
        for provider_id, resources in consumer.allocations.items() if consumer else ():
            used = self._used[provider_id]
            for name, amount in resources.items():
                used[name] += sign * amount
                if not used[name]:
                    del used[name]
            if not used:
                del self._used[provider_id]

    def copy(self) -> Books:
        """To try a change on."""
        return Books([*self.providers.values(), *self.consumers.values(), *self.names.values()])

    def used(self, provider_id: str) -> Counter[str]:
        return Counter(self._used.get(provider_id, {}))

    def root(self, provider_id: str) -> str:
        """The top of its tree: perhaps a host of this cloud."""
        row = self.providers.get(provider_id)
        while row is not None and row.parent_id:
            provider_id = row.parent_id
            row = self.providers.get(provider_id)
        return provider_id

    def custom(self, kind: str) -> set[str]:
        return {row.name for row in self.names.values() if row.kind == kind}

    def view(self, row: ResourceProvider) -> ProviderView:
        used = self.used(row.id)
        return ProviderView(
            id=row.id,
            name=row.name,
            generation=row.generation,
            inventories={name: inventory_view(one, used[name]) for name, one in row.inventories.items()},
            traits=frozenset(row.traits),
            aggregates=frozenset(row.aggregates),
            parent_id=row.parent_id,
            root_id=self.root(row.id),
        )


def inventory_view(one: Inventory, used: int) -> InventoryView:
    return InventoryView(
        total=one.total,
        reserved=one.reserved,
        min_unit=one.min_unit,
        max_unit=one.max_unit,
        step_size=one.step_size,
        allocation_ratio=one.allocation_ratio,
        used=used,
    )


def found(books: Books, hosts: Hosts, provider_id: str) -> ResourceProvider:
    """The provider that may be written. Raises `CallerError`: 403 for a host of this cloud, 404 for none."""
    if provider_id in hosts:
        raise CallerError(of_a_host(provider_id, hosts))
    row = books.providers.get(provider_id)
    if row is None:
        raise CallerError(not_found("", f"No resource provider with uuid {provider_id[:64]} found"))
    return row


def of_a_host(provider_id: str, hosts: Hosts) -> CallerFault:
    text = f"Resource provider {provider_id} is the host {hosts[provider_id]} of this cloud"
    return forbidden(f"{text}: what is there and who holds it, its scheduler alone writes")


# ---------------------------------------------------------------- the providers themselves


def created(books: Books, hosts: Hosts, row: ResourceProvider) -> ResourceProvider:
    if len(books.providers) >= PROVIDERS_LIMIT:
        raise CallerError(conflict("", f"there are {PROVIDERS_LIMIT} resource providers already"))
    if row.id in books.providers or row.id in hosts:
        text = f"Conflicting resource provider uuid: {row.id} already exists."
        raise CallerError(conflict("", text, DUPLICATE_NAME))
    _check_name(books, hosts, row)
    if row.parent_id:
        _check_parent(books, hosts, row)
    return row


def changed(books: Books, hosts: Hosts, change: ChangeProvider) -> ResourceProvider:
    """A new name or another parent; neither is part of what its generation counts."""
    row = found(books, hosts, change.provider_id)
    after = replace(row, name=change.name)
    if change.name != row.name:
        _check_name(books, hosts, after)
    if change.parent_id is None or change.parent_id == row.parent_id:
        return after
    if row.parent_id and not change.moves:
        text = f"Unable to save resource provider {row.id}: re-parenting a provider is not allowed before 1.37"
        raise CallerError(bad_request("", text))
    after = replace(after, parent_id=change.parent_id)
    if after.parent_id:
        _check_parent(books, hosts, after)
    return after


def _check_name(books: Books, hosts: Hosts, row: ResourceProvider) -> None:
    if row.name in hosts.values() or any(other.name == row.name for other in books.providers.values()):
        raise CallerError(
            conflict("", f"Conflicting resource provider name: {row.name} already exists.", DUPLICATE_NAME)
        )


def _check_parent(books: Books, hosts: Hosts, row: ResourceProvider) -> None:
    why = ""
    if row.parent_id not in books.providers and row.parent_id not in hosts and row.parent_id != row.id:
        why = f"parent provider {row.parent_id} does not exist"
    elif row.id in _ancestors(books, row.parent_id):
        why = "a provider can't be below itself"
    if why:
        raise CallerError(bad_request("", f"Unable to save resource provider {row.id}: {why}"))


def _ancestors(books: Books, provider_id: str) -> set[str]:
    """With itself."""
    ids: set[str] = set()
    while provider_id and provider_id not in ids:
        ids.add(provider_id)
        row = books.providers.get(provider_id)
        provider_id = row.parent_id if row else ""
    return ids


def deletable(books: Books, hosts: Hosts, provider_id: str) -> ResourceProvider:
    row = found(books, hosts, provider_id)
    if any(other.parent_id == row.id for other in books.providers.values()):
        text = f"Unable to delete parent resource provider {row.id}: It has child resource providers."
        raise CallerError(conflict("", text, HAS_CHILDREN))
    if books.used(row.id):
        text = f"Unable to delete resource provider {row.id}: Resource provider has allocations."
        raise CallerError(conflict("", text, PROVIDER_IN_USE))
    return row


# ---------------------------------------------------------------- what they have


def with_inventories(
    books: Books, row: ResourceProvider, change: SetInventories, classes: Set[str]
) -> ResourceProvider:
    after = stocked(row, change, classes)
    check_unused(books, row, change.inventories.keys())
    return after


def stocked(row: ResourceProvider, change: SetInventories, classes: Set[str]) -> ResourceProvider:
    """Whatever is held of it."""
    _check_generation(row, change.generation)
    if unknown := sorted(change.inventories.keys() - classes):
        text = f"Unknown resource class in inventory for resource provider {row.id}: {', '.join(unknown)[:255]}"
        raise CallerError(bad_request("", text))
    for name, one in change.inventories.items():
        _check_capacity(row, name, one, change.may_be_empty)
    return replace(row, inventories=change.inventories, generation=row.generation + 1)


def check_unused(books: Books, row: ResourceProvider, kept: Set[str]) -> None:
    """Nobody holds anything of the classes that are not kept. Raises `CallerError` 409."""
    if held := sorted(books.used(row.id).keys() - kept):
        raise CallerError(conflict("", _in_use(row, held), INVENTORY_IN_USE))


def with_inventory(row: ResourceProvider, change: SetInventory, classes: Set[str]) -> ResourceProvider:
    name = change.resource_class
    _check_generation(row, change.generation)
    _check_capacity(row, name, change.inventory, change.may_be_empty)
    if name not in classes:
        raise CallerError(bad_request("", f"Unknown resource class {name[:255]} for resource provider {row.id}"))
    if change.is_new and name in row.inventories:
        text = f"Update conflict: resource provider {row.id} has an inventory of class {name} already"
        raise CallerError(conflict("", text, CONCURRENT_UPDATE))
    if not change.is_new and name not in row.inventories:
        raise CallerError(bad_request("", f"No inventory record of class {name} for resource provider {row.id}"))
    inventories = row.inventories | {name: change.inventory}
    return replace(row, inventories=inventories, generation=row.generation + 1)


def without_inventory(books: Books, row: ResourceProvider, name: str) -> ResourceProvider:
    if name not in row.inventories:
        raise CallerError(not_found("", f"No inventory of class {name[:255]} found for delete"))
    if name in books.used(row.id):
        raise CallerError(conflict("", _in_use(row, [name]), CONCURRENT_UPDATE))
    kept = {other: one for other, one in row.inventories.items() if other != name}
    return replace(row, inventories=kept, generation=row.generation + 1)


def with_traits(row: ResourceProvider, change: SetNames, traits: Set[str]) -> ResourceProvider:
    _check_generation(row, change.generation)
    if unknown := sorted(set(change.names) - traits):
        raise CallerError(bad_request("", f"No such trait {', '.join(unknown)[:255]}"))
    return replace(row, traits=change.names, generation=row.generation + 1)


def with_aggregates(row: ResourceProvider, change: SetNames) -> ResourceProvider:
    _check_generation(row, change.generation)
    return replace(row, aggregates=change.names, generation=row.generation + change.grows)


def _check_generation(row: ResourceProvider, said: int | None) -> None:
    if said not in (None, row.generation):
        text = f"resource provider generation conflict: {row.id} is at {row.generation}, update it and try again"
        raise CallerError(conflict("", text, CONCURRENT_UPDATE))


def _check_capacity(row: ResourceProvider, name: str, one: Inventory, may_be_empty: bool) -> None:
    capacity = inventory_view(one, 0).capacity
    if capacity < 0 or (capacity == 0 and not may_be_empty):
        text = f"Invalid inventory for '{name[:255]}' on resource provider '{row.id}'. The reserved value is"
        least = "greater than" if may_be_empty else "greater than or equal to"
        raise CallerError(bad_request("", f"{text} {least} total."))


def _in_use(row: ResourceProvider, names: list[str]) -> str:
    return f"Inventory for '{', '.join(names)}' on resource provider '{row.id}' in use."


# ---------------------------------------------------------------- names


def custom_name(kind: str, name: str) -> PlacementName:
    if not CUSTOM.fullmatch(name):
        text = f"The name of a custom {_WORDS[kind]} has at most 255 characters: CUSTOM_ and then A-Z, 0-9 and _"
        raise CallerError(bad_request("", text))
    return PlacementName(id=f"{kind}:{name}", kind=kind, name=name)


def new_name(books: Books, kind: str, name: str) -> PlacementName | None:
    """None where there is such a name."""
    row = custom_name(kind, name)
    if row.id in books.names:
        return None
    if len(books.names) >= NAMES_LIMIT:
        raise CallerError(conflict("", f"there are {NAMES_LIMIT} traits and resource classes already"))
    return row


def renamed_class(books: Books, name: str, after: str, standard: Set[str]) -> list[Change]:
    """With its inventories and allocations. Raises `CallerError`: 400, 404, 409 where there is such a name."""
    if name in standard:
        raise CallerError(bad_request("", f"Cannot update standard resource class {name}"))
    row = books.names.get(f"{CLASS}:{name}")
    if row is None:
        raise CallerError(not_found("", f"No such resource class {name[:255]}."))
    if new_name(books, CLASS, after) is None:
        raise CallerError(conflict("", f"Resource class already exists: {after}"))
    providers = [
        replace(each, inventories=_renamed(each.inventories, name, after))
        for each in books.providers.values()
        if name in each.inventories
    ]
    consumers = [
        replace(each, allocations={one: _renamed(held, name, after) for one, held in each.allocations.items()})
        for each in books.consumers.values()
        if any(name in held for held in each.allocations.values())
    ]
    return [drop(row), custom_name(CLASS, after), *providers, *consumers]


def _renamed(amounts: dict[str, Amount], name: str, after: str) -> dict[str, Amount]:
    return {after if each == name else each: amount for each, amount in amounts.items()}


def unused_name(books: Books, kind: str, name: str, standard: Set[str], of_hosts: Set[str]) -> PlacementName:
    """One that may go. Raises `CallerError`: 400 for OpenStack's own, 404 for none, 409 for one that is in use."""
    if name in standard:
        raise CallerError(bad_request("", f"Cannot delete standard {_WORDS[kind]} {name}."))
    row = books.names.get(f"{kind}:{name}")
    if row is None and name not in of_hosts:
        raise CallerError(not_found("", f"No such {_WORDS[kind]}: {name[:255]}."))
    ours = (each.traits if kind == TRAIT else each.inventories for each in books.providers.values())
    if row is None or name in of_hosts or any(name in names for names in ours):
        raise CallerError(conflict("", f"The {_WORDS[kind]} {name} is in use by a resource provider."))
    return row


_WORDS = {TRAIT: "trait", CLASS: "resource class"}
