"""What only the scheduler room says: the answer of a dry run."""

from __future__ import annotations

import msgspec


class CheckLine(msgspec.Struct, frozen=True, gc=False):
    """One check that removed hosts, in the order in which they run."""

    check: str
    before: int
    removed: int


class ScoredHost(msgspec.Struct, frozen=True, gc=False):
    host: str
    total: float
    weights: dict[str, float]  # weigher → what it gave, times its multiplier


class DroppedHost(msgspec.Struct, frozen=True, gc=False):
    host: str
    check: str
    lack: str


class PlacementExplained(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a request would land, and why: changes nothing.

    `best` are the hosts of greatest weight, best first; it would land on the first, or on one that weighs the same.
    """

    profile: str
    hosts: int
    checks: tuple[CheckLine, ...]
    passed: int
    best: tuple[ScoredHost, ...]
    dropped: tuple[DroppedHost, ...]
    nearest: tuple[str, ...]


# ---------------------------------------------------------------- what the scheduler holds, as Placement names it


LARGEST = 2**63 - 1  # capacity, however large its ratio


class InventoryView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One resource class of a provider; `used` is by instances, `reserved` is never given."""

    total: int
    reserved: int
    min_unit: int
    max_unit: int
    step_size: int
    allocation_ratio: float
    used: int

    @property
    def capacity(self) -> int:
        return min(int((self.total - self.reserved) * self.allocation_ratio), LARGEST)

    def takes(self, amount: int) -> bool:
        fits = self.used + amount <= self.capacity and self.min_unit <= amount <= self.max_unit
        return fits and amount % self.step_size == 0


class ProviderView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A host as a resource provider, or a provider that is none. `generation` grows with each change of it."""

    id: str
    name: str
    generation: int
    inventories: dict[str, InventoryView]
    traits: frozenset[str]
    aggregates: frozenset[str]  # ids
    parent_id: str = ""
    root_id: str = ""  # '' = it is one

    @property
    def root(self) -> str:
        return self.root_id or self.id


class AllocationView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one instance holds of one host."""

    consumer_id: str
    provider_id: str
    resources: dict[str, int]


class CandidateGroup(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is asked of one provider together. `required`: of each set, one trait at least."""

    resources: dict[str, int]
    required: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()
    member_of: tuple[frozenset[str], ...] = ()  # of each set, one aggregate at least
    not_member_of: frozenset[str] = frozenset()
    in_tree: str = ""  # a provider's id


class CandidateQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Groups by their suffix ('' = the one without). `isolate`: no two of the named ones of one provider.

    `root` is asked of the top of a tree; of each set of suffixes in `subtrees`, one provider has all others below it.
    """

    groups: dict[str, CandidateGroup]
    limit: int = 0  # 0 = all
    isolate: bool = False
    root: CandidateGroup = CandidateGroup(resources={})
    subtrees: tuple[frozenset[str], ...] = ()
