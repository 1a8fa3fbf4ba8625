"""Which requests go against the grain of a fleet, and the profile that places those.

The grain is the resource that the fleet runs out of first. A shape that asks mostly for the *other* one can be put
where that would be left over anyway, which costs the fleet nothing; put where it fits best, it would leave behind
what the fleet is short of. Used by `place.py` and `explain.py`, which so agree. Pure; costs a few divisions.
"""

from __future__ import annotations

from placement.fleet import Fleet
from placement.host import MEMORY_MB, VCPU
from placement.profile import Profile
from placement.request import Shape


def suited(fleet: Fleet, profile: Profile, shape: Shape) -> Profile:
    """The profile by which a shape is to be weighed now."""
    return profile.across.get(against(fleet, shape), profile) if profile.across else profile


def against(fleet: Fleet, shape: Shape) -> str:
    """The resource class of which the shape asks most while the fleet runs out of the other; '' = along the grain."""
    cpu, ram = fleet.inventory[VCPU], fleet.inventory[MEMORY_MB]
    if not cpu.offered or not ram.offered:
        return ""
    vcpus = ram_mib = 0
    for name, amount in shape.resources:
        if name == VCPU:
            vcpus = amount
        elif name == MEMORY_MB:
            ram_mib = amount
    asks = ram_mib / ram.offered - vcpus / cpu.offered
    runs_out = ram.taken / ram.offered - cpu.taken / cpu.offered
    if asks * runs_out >= 0:
        return ""
    return MEMORY_MB if asks > 0 else VCPU
