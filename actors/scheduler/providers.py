"""The fleet's hosts as Placement's resource providers, and who could take a request. Pure; changes nothing.

Called by `service.py`. To the scheduler a host is one provider, so every group of a request has to fit it; what
somebody made below one is the compute API's (`actors/api/placement.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from actors.scheduler.messages import AllocationView, CandidateGroup, CandidateQuery, InventoryView, ProviderView

if TYPE_CHECKING:
    from placement import Claim, Fleet, HostState  # numpy: the REST edge asks `takes`, and has no fleet

HOSTS = UUID("a8bd0a7c-1a0f-4d54-9d8c-9b0a0b7f7e11")  # the namespace of ids that are made from hosts' names
AGGREGATES = UUID("3f0d1d0e-5be4-4a35-8a27-51c1b5d0e9c4")  # the same for aggregates
DISABLED = "COMPUTE_STATUS_DISABLED"  # the trait by which Placement's users know a host that takes nothing new
REMEMBERED = 100_000  # ids of hosts: as many as a fleet may have


@lru_cache(maxsize=REMEMBERED)
def provider_id(host: str) -> str:
    """A host's id, the same in every cloud and after every restart."""
    return str(uuid5(HOSTS, host))


def aggregate_id(name: str) -> str:
    """Of one that stands in the hosts' configuration; one that an administrator made has an id of its own."""
    return str(uuid5(AGGREGATES, name))


def providers(fleet: Fleet, made: Mapping[str, str]) -> Iterator[ProviderView]:
    """`made`: the ids of aggregates that administrators made, by name."""
    return (provider(fleet, row, made) for row in fleet.row_of.values())


def provider(fleet: Fleet, row: int, made: Mapping[str, str]) -> ProviderView:
    state = fleet.state(row)
    return ProviderView(
        id=provider_id(state.name),
        name=state.name,
        generation=fleet.generation.at[row],
        inventories=_inventories(fleet, row, state),
        traits=state.traits | ({DISABLED} if not (state.enabled and state.up) else frozenset()),
        aggregates=frozenset(made.get(one.name) or aggregate_id(one.name) for one in state.aggregates),
    )


def _inventories(fleet: Fleet, row: int, state: HostState) -> dict[str, InventoryView]:
    found = {}
    for stock in state.stocks:
        if stock.total <= 0:
            continue  # Placement knows no inventory of nothing
        _, least, most, step = stock.units
        found[stock.resource_class] = InventoryView(
            total=stock.total,
            reserved=stock.reserved,
            min_unit=least,
            max_unit=most,
            step_size=step,
            allocation_ratio=stock.allocation_ratio,
            used=fleet.inventory[stock.resource_class].used.at[row],
        )
    return found


def allocation(claim: Claim) -> AllocationView:
    resources = {name: amount for name, amount in claim.resources if amount}
    return AllocationView(consumer_id=claim.instance_id, provider_id=provider_id(claim.host), resources=resources)


def candidates(fleet: Fleet, query: CandidateQuery, made: Mapping[str, str]) -> list[ProviderView]:
    """The providers that could take all of it, in the fleet's order, no more than the limit."""
    if query.isolate and len([suffix for suffix in query.groups if suffix]) > 1:
        return []  # a host is one provider: what must not share one has nowhere to go
    found: list[ProviderView] = []
    for each in providers(fleet, made):
        if takes(each, query):
            found.append(each)
            if len(found) == query.limit:
                break
    return found


def takes(each: ProviderView, query: CandidateQuery) -> bool:
    """Whether each group fits by its own bounds, and all of them together by what is free."""
    if not all(suits(each, group) for group in (*query.groups.values(), query.root)):
        return False
    amounts = [pair for group in query.groups.values() for pair in group.resources.items()]
    totals: dict[str, int] = {}
    for name, amount in amounts:
        inventory = each.inventories.get(name)
        if inventory is None or not inventory.takes(amount):
            return False
        totals[name] = totals.get(name, 0) + amount
    return all(each.inventories[name].used + total <= each.inventories[name].capacity for name, total in totals.items())


def suits(each: ProviderView, group: CandidateGroup) -> bool:
    has, among = each.traits, each.aggregates
    required = all(not wanted.isdisjoint(has) for wanted in group.required) and group.forbidden.isdisjoint(has)
    member = all(not wanted.isdisjoint(among) for wanted in group.member_of) and group.not_member_of.isdisjoint(among)
    return required and member and group.in_tree in ("", each.root)
