"""What a namespace is like, as a few bytes that differ where somebody changed something of it: cheap to ask for often.

Used by `router.py`, in a thread of the namespace. The kernel's own messages are compared as they are, so this takes a
fraction of a millisecond where reading them takes ten; who finds a difference looks at what it is, or makes all anew.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12  # netlink(7)
RTM_GETADDR, RTM_GETROUTE = 22, 26  # rtnetlink(7)
NFT_MSG_GETGEN = 10 << 8 | 16  # NFNL_SUBSYS_NFTABLES of linux/netfilter/nfnetlink.h, and linux/netfilter/nf_tables.h
GENERATION = 24  # of that answer the first attribute's value is here: the number of the last change of any table
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence number, port
ROUTE_FLAGS = slice(8, 12)  # of struct rtmsg: they change as cables are plugged at other ends of ours
RTM_F_CLONED = 0x200  # in them: no route, but what the kernel has learnt of one (a path's MTU), for a while
DEADLINE_S = 5.0
ROOM = 1 << 16  # bytes: more than the kernel puts into one answer


def footprint(settings: Iterable[str]) -> str:
    """Of the calling thread's namespace: its IPv4 addresses, routes, tables of nftables, and settings (files below
    `/proc/sys/net/ipv4`). Raises `OSError`."""
    addresses = sorted(_dump(RTM_GETADDR))
    routes = sorted(_without_flags(route) for route in _dump(RTM_GETROUTE) if not _is_learnt(route))
    values = [(Path("/proc/sys/net/ipv4") / name).read_bytes() for name in settings]
    found = hashlib.sha256()
    for part in (*addresses, b"routes", *routes, b"settings", *values, b"rules", _generation()):
        found.update(len(part).to_bytes(4, "big") + part)
    return found.hexdigest()


def _is_learnt(route: bytes) -> bool:
    return bool(int.from_bytes(route[ROUTE_FLAGS], sys.byteorder) & RTM_F_CLONED)


def _without_flags(route: bytes) -> bytes:
    return route[: ROUTE_FLAGS.start] + route[ROUTE_FLAGS.stop :]


def _dump(kind: int) -> list[bytes]:
    """The messages that the kernel answers with, without their headers."""
    question = HEADER.pack(HEADER.size + 4, kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + bytes([socket.AF_INET, 0, 0, 0])
    found: list[bytes] = []
    with _socket(NETLINK_ROUTE) as kernel:
        kernel.send(question)
        while True:
            for answer, content in _messages(kernel.recv(ROOM)):
                if answer == NLMSG_DONE:
                    return found
                found.append(content)


def _generation() -> bytes:
    question = HEADER.pack(HEADER.size + 4, NFT_MSG_GETGEN, NLM_F_REQUEST, 1, 0) + bytes(4)
    with _socket(NETLINK_NETFILTER) as kernel:
        kernel.send(question)
        [(_, content), *_] = _messages(kernel.recv(ROOM))
        return content[GENERATION - HEADER.size :][:4]


def _socket(protocol: int) -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    kernel.settimeout(DEADLINE_S)
    return kernel


def _messages(answers: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(answers):
        length, kind, *_ = HEADER.unpack_from(answers, at)
        content = answers[at + HEADER.size : at + length]
        if kind == NLMSG_ERROR:
            raise OSError(-int.from_bytes(content[:4], sys.byteorder, signed=True), "the kernel does not say")
        yield kind, content
        at += length + 3 & ~3
