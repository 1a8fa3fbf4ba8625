"""UUIDs as text: random ones, and ones that are made of other ids. Pure; the randomness is an argument.

The standard library makes an object of each on the way, which costs five times as much, and a boot has four of them
(RFC 9562, sections 5.4 and 5.5).
"""

from __future__ import annotations

from hashlib import sha1
from random import Random
from uuid import UUID

_FREE = ~((0xF << 76) | (0x3 << 62)) & ((1 << 128) - 1)  # all bits but version and variant
_VERSION_4 = (4 << 76) | (0x2 << 62)
_VERSION_5 = (5 << 76) | (0x2 << 62)


def random_id(random: Random) -> str:
    """Version 4."""
    return _text(random.getrandbits(128) & _FREE | _VERSION_4)


def id_within(namespace: UUID, name: str) -> str:
    """Version 5: the same for the same name, as `uuid.uuid5`."""
    return _text(_digest(namespace, name) | _VERSION_5)


def id_like_a_random_one(namespace: UUID, name: str) -> str:
    """The same for the same name, but it says version 4, as all ids of OpenStack's: some clients take no other."""
    return _text(_digest(namespace, name) | _VERSION_4)


def _digest(namespace: UUID, name: str) -> int:
    return int.from_bytes(sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()[:16]) & _FREE


def _text(number: int) -> str:
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
