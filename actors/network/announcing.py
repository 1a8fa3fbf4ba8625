"""Tells a network where an address is, so that its neighbours and its switches do not go on looking elsewhere. Pure.

Gratuitous ARP (RFC 5227, section 3): a request and an answer, both for the address itself, to everybody. Used for a
router's addresses, which keep their MAC or get another as they move between nodes and ports.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

EVERYBODY = b"\xff" * 6
ARP = 0x0806
ETHERNET, IPV4 = 1, 0x0800
REQUEST, ANSWER = 1, 2
REPEATS = 2  # times that an address is told again, at the next looks at what is here: a tunnel may come up late


@dataclass(frozen=True, slots=True)
class Announcement:
    """An address, and the device and MAC that have it."""

    device: str
    mac_address: str
    address: str


def frames(announcement: Announcement) -> list[bytes]:
    mac = bytes.fromhex(announcement.mac_address.replace(":", ""))
    address = IPv4Address(announcement.address).packed
    ethernet = struct.pack("!6s6sH", EVERYBODY, mac, ARP)
    return [
        ethernet + struct.pack("!HHBBH6s4s6s4s", ETHERNET, IPV4, 6, 4, kind, mac, address, target, address)
        for kind, target in ((REQUEST, bytes(6)), (ANSWER, EVERYBODY))
    ]


class Announcements:
    """What is still to be told."""

    def __init__(self) -> None:
        self._due: dict[Announcement, None] = {}
        self._left: dict[Announcement, int] = {}

    def add(self, announcements: list[Announcement]) -> None:
        self._due |= dict.fromkeys(announcements)
        self._left |= dict.fromkeys(announcements, REPEATS)

    def keep(self, announcements: set[Announcement]) -> None:
        """Forgets all but these: the others are no longer so."""
        self._due = {each: None for each in self._due if each in announcements}
        self._left = {each: left for each, left in self._left.items() if each in announcements}

    @property
    def due(self) -> list[Announcement]:
        return list(self._due)

    def told(self, announcements: list[Announcement]) -> None:
        for each in announcements:
            self._due.pop(each, None)

    def again(self) -> None:
        """What was told is due once more, until it was told often enough."""
        for each in [each for each in self._left if each not in self._due]:
            self._due[each] = None
            self._left[each] -= 1
            if not self._left[each]:
                del self._left[each]
