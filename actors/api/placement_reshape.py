"""Inventories of several providers and what is held of them, changed together: the rules of POST /reshaper. Pure.

Used by `placement.py`. What moves from one provider to another would, one step after the other, be for a moment held
twice or of nobody. Invariant: all of it or none, and what is held when it is done fits what is there then. Facts:
docs.openstack.org/api-ref/placement, «Reshaper».
"""

from __future__ import annotations

from collections.abc import Set

from actors.api.placement_allocations import allocated
from actors.api.placement_books import Books, Hosts, check_unused, found, stocked
from actors.api.placement_messages import Reshape
from actors.errors import CallerError, bad_request
from actors.records import Change, ResourceProvider

NOT_FOUND = "placement.resource_provider.not_found"


def reshaped(books: Books, hosts: Hosts, wanted: Reshape, classes: Set[str]) -> list[Change]:
    """The rows that shall be there next. Raises `CallerError`: 400, 403 for hosts of this cloud, 409."""
    stock: dict[str, ResourceProvider] = {}
    for one in wanted.inventories:
        if one.provider_id not in books.providers and one.provider_id not in hosts:
            text = f"Resource provider {one.provider_id} in inventories not found"
            raise CallerError(bad_request("", text, NOT_FOUND))
        stock[one.provider_id] = stocked(found(books, hosts, one.provider_id), one, classes)
    then = books.copy()
    then.apply(stock.values())
    changes = allocated(then, hosts, wanted.allocations, classes)
    then.apply(changes)
    for row in stock.values():
        check_unused(then, row, row.inventories.keys())
    touched = {change.id for change in changes if isinstance(change, ResourceProvider)}
    return [*(row for row in stock.values() if row.id not in touched), *changes]
