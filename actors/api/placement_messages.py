"""What the compute API's room is asked of Placement's providers that are no hosts. Each carries the caller's token."""

from __future__ import annotations

import msgspec

from actors.records import Consumer, Inventory


class CreateProvider(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    name: str
    id: str = ""  # '' = made up
    parent_id: str = ""


class ChangeProvider(msgspec.Struct, frozen=True, kw_only=True):
    """`parent_id`: None = as it was, '' = a root. `moves`: one with a parent may get another (microversion 1.37)."""

    token: str
    provider_id: str
    name: str
    parent_id: str | None = None
    moves: bool = False


class SetInventories(msgspec.Struct, frozen=True, kw_only=True):
    """All that a provider has. `may_be_empty`: all of a class may be reserved (microversion 1.26)."""

    token: str
    provider_id: str
    inventories: dict[str, Inventory]
    generation: int | None  # None = whichever it has
    may_be_empty: bool


class SetInventory(msgspec.Struct, frozen=True, kw_only=True):
    """One class of what a provider has. `is_new`: it has none of it, or else it has."""

    token: str
    provider_id: str
    resource_class: str
    inventory: Inventory
    generation: int | None
    may_be_empty: bool
    is_new: bool


class SetNames(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's traits, or its aggregates. `grows`: its generation does (before 1.19 not, by aggregates)."""

    token: str
    provider_id: str
    names: tuple[str, ...]
    generation: int | None
    grows: bool = True


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """What a consumer shall hold, in place of all that it held; nothing = it holds nothing more."""

    consumer_id: str
    project_id: str
    user_id: str
    resources: dict[str, dict[str, int]]  # provider's id → resource class → amount
    generation: int | None = None  # None = it holds nothing yet
    checked: bool = False  # whether `generation` was said (microversion 1.28)
    type: str | None = None  # None = as it was


class Allocate(msgspec.Struct, frozen=True, kw_only=True):
    """All of them or none."""

    token: str
    allocations: tuple[Allocation, ...]


class Reshape(msgspec.Struct, frozen=True, kw_only=True):
    """Inventories of some providers, and what some consumers hold: all of it together or nothing."""

    token: str
    inventories: tuple[SetInventories, ...]
    allocations: tuple[Allocation, ...]


class CustomNames(msgspec.Struct, frozen=True, kw_only=True):
    """Traits and resource classes that are not OpenStack's own."""

    traits: tuple[str, ...]
    classes: tuple[str, ...]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds something, and the generations of the providers that it holds it of."""

    consumer: Consumer
    generations: dict[str, int]
