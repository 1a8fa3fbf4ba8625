"""A netlink socket that works in any thread, whatever event loop the process prefers.

Used by `links.py` and `wire_end.py`. pyroute2 runs its blocking calls on an event loop of its own; where uvloop is the
process's policy (as in a Ray actor) that loop could not open netlink sockets, so each gets asyncio's own kind here.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.rtnl import RTM_GETNEIGH
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg


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
