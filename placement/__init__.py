"""Placement: which host takes an instance, as a pure library. No I/O, no clock, no randomness of its own.

Hosts are rows of numpy columns (`fleet.py`), a request is immutable (`request.py`), filters and weighers are small
units over the whole fleet (`filters/`, `weighers/`), profiles say which of them run (`profiles.py`), and `place.py`
chooses and claims. Begin with `Fleet`, `Request`, `Placer`.
"""

from placement.errors import BadRequest
from placement.explain import explain
from placement.fleet import Fleet
from placement.host import Aggregate, HostState, Stock
from placement.outcome import Explanation, NoHost, Placement
from placement.place import Placer, place
from placement.profiles import PROFILES, Profile
from placement.request import Claim, Group, Request, Shape, resources_of

__all__ = [
    "PROFILES",
    "Aggregate",
    "BadRequest",
    "Claim",
    "Explanation",
    "Fleet",
    "Group",
    "HostState",
    "NoHost",
    "Placement",
    "Placer",
    "Profile",
    "Request",
    "Shape",
    "Stock",
    "explain",
    "place",
    "resources_of",
]
