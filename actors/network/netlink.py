"""A netlink socket that works in any thread, whatever event loop the process prefers.

Used by `links.py` and `wire_end.py`. pyroute2 runs its blocking calls on an event loop of its own; where uvloop is the
process's policy (as in a Ray actor) that loop could not open netlink sockets, so each gets asyncio's own kind here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink import NLM_F_ACK, NLM_F_REQUEST
from pyroute2.netlink.rtnl import RTM_GETNEIGH, RTM_NEWLINK
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_BR_MULTI_BOOLOPT = 18, 1, 2, 46  # of linux/if_link.h
NO_LL_LEARN = 1 << 0  # BR_BOOLOPT_NO_LL_LEARN of linux/if_bridge.h, since Linux 4.20
DEADLINE_S = 5.0


def _attribute(kind: int, content: bytes) -> bytes:
    """As rtnetlink(7) has them, in multiples of four octets."""
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(-len(content) % 4)


class Netlink:
    """Must be made, used and closed in one thread; its calls are those of pyroute2's IPRoute (`calls`)."""

    def __init__(self) -> None:
        self._loop = asyncio.SelectorEventLoop()
        self.calls: Any = IPRoute(use_event_loop=self._loop)

    def forwarding(self, index: int) -> list[Any]:
        """The forwarding entries of one device. pyroute2's own call reads those of every device, and then chooses; here
        the kernel does, by the device of a message of the kind that it takes for this question (struct ifinfomsg)."""
        question = ifinfmsg()
        question["family"], question["index"] = socket.AF_BRIDGE, index
        return self._loop.run_until_complete(self._answers(question, RTM_GETNEIGH))

    def learn_nothing_of_reserved(self, index: int) -> None:
        """A bridge learns where a MAC is from what is sent to itself alone, too (IEEE 802.1D, table 7-10), which passes
        no filter; this one does not. pyroute2 does not know the setting. Raises `OSError`."""
        setting = _attribute(IFLA_BR_MULTI_BOOLOPT, struct.pack("=II", NO_LL_LEARN, NO_LL_LEARN))
        kind = _attribute(IFLA_INFO_KIND, b"bridge\0") + _attribute(IFLA_INFO_DATA, setting)
        body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0) + _attribute(IFLA_LINKINFO, kind)
        head = struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(DEADLINE_S)
            kernel.send(head + body)
            code = -int.from_bytes(kernel.recv(1 << 16)[16:20], sys.byteorder, signed=True)
            if code:
                raise OSError(code, os.strerror(code))

    async def _answers(self, question: ifinfmsg, kind: int) -> list[Any]:
        return [answer async for answer in await self.calls.asyncore.nlm_request(question, kind)]

    def close(self) -> None:
        self.calls.close()
        self._loop.run_until_complete(asyncio.sleep(0))  # the transport closes its socket in the loop's next round
        self._loop.close()

    def __enter__(self) -> Any:
        return self.calls

    def __exit__(self, *failure: object) -> None:
        self.close()
