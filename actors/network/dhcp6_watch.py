"""Sees who asks a network's DHCPv6 server for an address, and has a lease of that guest's own that is in the way go.

One a network whose guests have their IPv6 addresses from dnsmasq; owned by `dhcp.py`. A guest that was made anew has
another DUID, and would wait until the lease of the one before ends. Whose a frame is its MAC says, which the firewall
has made sure of. Invariant: nobody's lease goes but of an address that is reserved for the one who asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from actors.network import dhcp6

ETH_P_IPV6 = 0x86DD
SO_ATTACH_FILTER = 26  # of socket(7)
NEXT_HEADER, TO_PORT = 20, 56  # where these are in a frame
FILTER = (  # code, jump if true, jump if false, value: of the kernel's filter.rst
    (0x30, 0, 0, NEXT_HEADER),
    (0x15, 0, 3, socket.IPPROTO_UDP),
    (0x28, 0, 0, TO_PORT),
    (0x15, 0, 1, dhcp6.SERVER_PORT),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)
FRAME_LIMIT = 2_048  # bytes that are looked at
AT_ONCE = 64  # frames that are read before others get their turn
PAUSE_S = 0.1  # in which one guest's questions count once
KNOWN_LIMIT = 10_000  # guests of which is known when they asked


class Dhcp6Watch:
    def __init__(self, leases: Path, device: str) -> None:
        """`leases` is dnsmasq's record. Opened in a thread of the network's namespace, where `device` is."""
        self._leases = leases
        self._reserved: dict[str, set[str]] = {}  # by MAC: addresses
        self._asked: dict[str, float] = {}
        self._heard = _listening(device)
        self._sending = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.place = place(device)
        self._to = (dhcp6.SERVERS, dhcp6.SERVER_PORT, 0, self.place[1])

    def begin(self) -> None:
        """In the event loop's thread."""
        asyncio.get_running_loop().add_reader(self._heard.fileno(), self._hear)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._heard.fileno())
        self._heard.close()
        self._sending.close()

    def reserve(self, entries: Iterable[tuple[str, str]]) -> None:
        """(MAC, address): these are all."""
        self._reserved = {}
        for mac, address in entries:
            self._reserved.setdefault(mac, set()).add(address)

    def _hear(self) -> None:
        with contextlib.suppress(OSError):  # nothing more, or the device goes
            for _ in range(AT_ONCE):
                client = dhcp6.client_of(self._heard.recv(FRAME_LIMIT))
                if client is not None and self._is_due(client.mac):
                    self._make_way(client)

    def _is_due(self, mac: str) -> bool:
        now = time.monotonic()
        if mac not in self._reserved or now - self._asked.get(mac, -PAUSE_S) < PAUSE_S:
            return False
        if len(self._asked) >= KNOWN_LIMIT:
            self._asked.clear()
        self._asked[mac] = now
        return True

    def _make_way(self, client: dhcp6.Client) -> None:
        """It asks again within a second, and is given its address then."""
        record = self._leases.read_text()
        server = dhcp6.server_of(record)
        for lease in dhcp6.in_the_way(record, client, self._reserved[client.mac]):
            self._sending.sendto(dhcp6.release(server, lease), self._to)


def place(device: str) -> tuple[int, int]:
    """Which namespace the calling thread is in, and which device has this name there: others may have had both."""
    return Path("/proc/thread-self/ns/net").stat().st_ino, socket.if_nametoindex(device)


def _listening(device: str) -> socket.socket:
    """Nothing is heard before the filter is there."""
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in FILTER))
    try:
        heard.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(FILTER), ctypes.addressof(code)))
        heard.setblocking(False)
        heard.bind((device, ETH_P_IPV6))
    except OSError:
        heard.close()
        raise
    return heard
