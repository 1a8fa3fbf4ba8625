"""Which flavors a server holds room and quota for, as its order says: one, but while it is resized. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from actors.messages import BootSpec, KeptPlace, Moving
from actors.records import Flavor


def held(spec: BootSpec) -> tuple[Flavor, ...]:
    """The flavors for each of which its host has room."""
    other = spec.resized.other if spec.resized else None
    return (spec.flavor, other) if other else (spec.flavor,)


def possible(spec: BootSpec) -> tuple[Flavor, ...]:
    """The flavors of each of which it may be without being asked again, on its host or on another."""
    other = spec.moving.other if spec.moving else None
    return (*held(spec), other) if other else held(spec)


def counted(spec: BootSpec) -> Flavor:
    """What its project is charged for: of each resource the most that it may have without being asked again."""
    if spec.resized is None:
        return spec.flavor
    flavors = (*possible(spec), spec.resized.to or spec.flavor)
    return replace(
        spec.flavor,
        vcpus=max(flavor.vcpus for flavor in flavors),
        ram_mib=max(flavor.ram_mib for flavor in flavors),
    )


def is_between(spec: BootSpec) -> bool:
    """Whether it may yet be of another flavor."""
    return spec.resized is not None and (spec.resized.to or spec.resized.other) is not None


def edition(spec: BootSpec) -> int:
    return spec.resized.edition if spec.resized else 0


def is_elsewhere(spec: BootSpec) -> bool:
    """Whether it may have places on other hosts than its own."""
    return spec.moving is not None or bool(spec.left_behind)


def kept_places(spec: BootSpec, host: str) -> tuple[KeptPlace, ...]:
    """Hosts beside its own, which is `host`, where room is held for it: one that it goes to, came from, or left."""
    other = other_place(spec.moving, host) if spec.moving is not None else None
    return (other, *spec.left_behind) if other else spec.left_behind


def other_place(moving: Moving, host: str) -> KeptPlace | None:
    """Of the two hosts between which it goes, the one where its row does not say that it is; None = not found yet."""
    if host != moving.host:
        return KeptPlace(host=moving.host, node=moving.node, claim_id=moving.claim_id, flavor=moving.other)
    if not moving.target_host:
        return None
    return KeptPlace(host=moving.target_host, node=moving.target_node, claim_id=moving.claim_id, flavor=moving.other)
