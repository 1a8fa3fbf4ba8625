"""MAC addresses: their form, and new ones that nobody has. Pure; the taken ones and the randomness are arguments."""

from __future__ import annotations

import random
import re
from collections.abc import Container

PREFIX = "fa:16:3e"  # Neutron's default base_mac: locally administered, unicast
_FORM = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
DRAWS = 1_000  # random tries; with a million taken of 16.7 million, all miss once in 10^1200


class NoMacLeftError(Exception):
    """The 2^24 addresses behind the prefix are all but used up."""


def new_mac(taken: Container[str], random: random.Random) -> str:
    for _ in range(DRAWS):
        tail = f"{random.getrandbits(24):06x}"
        mac = f"{PREFIX}:{tail[:2]}:{tail[2:4]}:{tail[4:]}"
        if mac not in taken:
            return mac
    raise NoMacLeftError(f"no free MAC address found behind {PREFIX} in {DRAWS} draws")


def normal_mac(text: str) -> str | None:
    """Lower case with colons; None if it is no address that one interface can have (multicast, all zeros)."""
    mac = text.strip().lower().replace("-", ":")
    if not _FORM.fullmatch(mac) or int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        return None
    return mac
