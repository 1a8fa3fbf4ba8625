"""Claims that change in place, where an instance is: it gets another flavor, and may have the one before again.

Owned by the scheduler's `service.py`. What is asked beside what is held is judged by every filter, on that host alone,
as if the instance were not there; it then holds the most of both. Invariants: no change makes the claims on a host
exceed its capacity; of one instance's changes the newest edition stands, however late or often older ones come.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from msgspec.structs import replace

from actors.errors import CallerFault, busy, conflict
from actors.messages import Claim, ClaimChange, Exchange
from actors.scheduler import wire
from placement import Claim as Held
from placement import Fleet, NoHost, Placement, Placer, Request


class ClaimChanges:
    def __init__(self, fleet: Fleet, placer: Placer) -> None:
        self._fleet = fleet
        self._placer = placer
        self._editions: dict[str, int] = {}  # of instances whose claim was changed

    def restored(self, claim: Claim) -> None:
        """As the conductor tells it after a restart."""
        if claim.edition:
            self._editions[claim.instance_id] = claim.edition

    def forget(self, instance_id: str) -> None:
        self._editions.pop(instance_id, None)

    def exchange(self, asked: Exchange) -> bool:
        """Whether anything changed."""
        here, there = self._fleet.claims.get(asked.instance_id), self._fleet.claims.get(asked.claim_id)
        if here is None or there is None or here.host == asked.host or there.host != asked.host:
            return False
        for claim_id in (asked.instance_id, asked.claim_id):
            self._fleet.release(claim_id)
        self._fleet.claim(replace(there, instance_id=asked.instance_id, building=False))
        self._fleet.claim(replace(here, instance_id=asked.claim_id, building=False))
        return True

    @contextmanager
    def as_if_not_there(self, instance_id: str) -> Iterator[None]:
        """What it holds counts for nothing meanwhile, and is there again afterwards; '' = of none."""
        held = self._fleet.claims.get(instance_id)
        if held is not None:
            self._fleet.release(instance_id)
        try:
            yield
        finally:
            if held is not None:
                self._fleet.claim(held)

    def grow(self, change: ClaimChange, random: Random) -> Placement | NoHost | CallerFault:
        """Raises `BadRequest`."""
        instance_id = change.asked.instance_id
        held = self._fleet.claims.get(instance_id)
        if held is None or held.host != change.host:
            return conflict("host", f"instance {instance_id} holds nothing on {change.host}")
        row = self._fleet.row_of.get(held.host)
        if row is None:
            return busy(f"host {held.host} of instance {instance_id} has not reported yet; try again in a moment")
        if change.edition > self._editions.get(instance_id, 0):
            refused = self._more(held, self._request(change, held), random)
            if refused is not None:
                return refused
            self._editions[instance_id] = change.edition
        return Placement(instance_id, held.host, self._fleet.state(row).node)

    def _more(self, held: Held, request: Request, random: Random) -> NoHost | None:
        """Nobody else is served between giving back and taking."""
        self._fleet.release(held.instance_id)
        try:
            found = self._placer.place_one(request, random)
        finally:
            if held.instance_id not in self._fleet.claims:
                self._fleet.claim(held)
        if isinstance(found, NoHost):
            return found
        taken = self._fleet.claims[held.instance_id]
        self._fleet.claim(replace(taken, building=held.building))
        return None

    def _request(self, change: ClaimChange, held: Held) -> Request:
        """It stays where it is, and must pass every filter there."""
        request = wire.request_of(change.asked, self._fleet)
        most = _most(held.resources, request.shape.resources)
        return replace(request, shape=replace(request.shape, resources=most), destination_host=held.host)

    def shrink(self, change: ClaimChange) -> None:
        instance_id = change.asked.instance_id
        held = self._fleet.claims.get(instance_id)
        if held is None or held.host != change.host or change.edition < self._editions.get(instance_id, 0):
            return
        wanted = wire.request_of(change.asked, self._fleet).shape.resources
        self._editions[instance_id] = change.edition
        self._fleet.claim(replace(held, resources=wanted))


def _most(one: tuple[tuple[str, int], ...], other: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    """Of each resource class the larger amount, in the order of the first."""
    amounts = dict(one)
    for name, amount in other:
        amounts[name] = max(amount, amounts.get(name, 0))
    return tuple(amounts.items())
