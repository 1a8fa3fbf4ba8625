"""What a DHCPv6 client says of itself, and how a lease is given back in its name: RFC 8415, in bytes. Pure.

Used by `dhcp6_watch.py`. dnsmasq knows a guest by its MAC, and gives its address to one client (a DUID and the number
of an association) until that lease ends: a guest that was made anew is another client.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

SERVER_PORT = 547
SERVERS = "ff02::1:2"  # all of them on a link
SOLICIT, REQUEST, RELEASE = 1, 3, 8
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, ELAPSED = 1, 2, 3, 5, 8
ETHERNET, IPV6, UDP = 14, 40, 8  # bytes of these headers
MESSAGE = ETHERNET + IPV6 + UDP
SENDER = slice(6, 12)  # of a frame
TRANSACTION = b"\x00\x00\x01"
SHORT = struct.Struct(">HH")


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for an address."""

    mac: str
    duid: bytes
    associations: frozenset[int]


@dataclass(frozen=True, slots=True)
class Lease:
    address: str
    duid: bytes
    association: int


def client_of(frame: bytes) -> Client | None:
    """Who asks in this Ethernet frame, which is one to a DHCPv6 server's port; None: nobody does."""
    message = frame[MESSAGE:]
    if len(message) < 4 or message[0] not in (SOLICIT, REQUEST):
        return None
    options = list(_options(message[4:]))
    duid = next((content for kind, content in options if kind == CLIENT_ID), b"")
    associations = (content[:4] for kind, content in options if kind == IA_NA and len(content) >= 4)
    numbers = frozenset(int.from_bytes(one, "big") for one in associations)
    return Client(frame[SENDER].hex(":"), duid, numbers) if duid and numbers else None


def _options(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + SHORT.size <= len(content):
        kind, length = SHORT.unpack_from(content, at)
        at += SHORT.size
        yield kind, content[at : at + length]
        at += length


def in_the_way(record: str, client: Client, addresses: Collection[str]) -> list[Lease]:
    """Of dnsmasq's record of leases: those of `addresses`, the client's own, that another client holds."""
    return [
        lease
        for lease in _leases(record)
        if lease.address in addresses and (lease.duid != client.duid or lease.association not in client.associations)
    ]


def _leases(record: str) -> Iterator[Lease]:
    """`expiry association address name duid`, see dnsmasq(8)."""
    for line in record.splitlines():
        words = line.split()
        if len(words) == 5 and ":" in words[2] and words[1].isdecimal():
            yield Lease(words[2], bytes.fromhex(words[4].replace(":", "")), int(words[1]))


def server_of(record: str) -> bytes:
    """dnsmasq's own DUID, from its record; none before it gave any lease."""
    found = (line.split()[1] for line in record.splitlines() if line.startswith("duid "))
    return bytes.fromhex(next(found, "").replace(":", ""))


def release(server: bytes, lease: Lease) -> bytes:
    """The message by which its holder gives it back."""
    address = _option(IA_ADDRESS, socket.inet_pton(socket.AF_INET6, lease.address) + bytes(8))
    association = _option(IA_NA, lease.association.to_bytes(4, "big") + bytes(8) + address)
    ids = _option(SERVER_ID, server) + _option(CLIENT_ID, lease.duid)
    return bytes([RELEASE]) + TRANSACTION + ids + _option(ELAPSED, bytes(2)) + association


def _option(kind: int, content: bytes) -> bytes:
    return SHORT.pack(kind, len(content)) + content
