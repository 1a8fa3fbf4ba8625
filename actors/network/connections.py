"""The tracked connections of a router's namespace: ends those that are translated as they no longer should be.

Used by `router.py`, in a thread of the namespace. The kernel is asked for translated connections alone (by their
status, since Linux 5.15; an older one tells of all), and forgets the stale ones: what comes next of such a connection
is judged as the first packet of another.
"""

from __future__ import annotations

import asyncio
import errno
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import IPS_DST_NAT, IPS_SRC_NAT, AsyncNFCTSocket

from actors.network.messages import RouterInfo
from actors.network.nat import Translation, is_stale


def end_stale(info: RouterInfo) -> None:
    """On a loop of its own, of the kind that can open netlink sockets, whatever the process prefers (`netlink.py`)."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(_end_stale(info))


async def _end_stale(info: RouterInfo) -> None:
    tracking: Any = AsyncNFCTSocket()
    await tracking.setup_endpoint()
    try:
        for status in (IPS_SRC_NAT, IPS_DST_NAT):
            found = [message async for message in await tracking.dump(status=status, status_mask=status)]
            for message in found:
                if is_stale(_translation(message), info):
                    await _end(tracking, message)
    finally:
        tracking.close()
        await asyncio.sleep(0)  # the transport closes its socket in the loop's next round


def _translation(message: Any) -> Translation:
    first, answer = (message.get_nested(f"CTA_TUPLE_{way}", "CTA_TUPLE_IP") for way in ("ORIG", "REPLY"))
    return Translation(
        sender=first.get_attr("CTA_IP_V4_SRC"),
        target=first.get_attr("CTA_IP_V4_DST"),
        answerer=answer.get_attr("CTA_IP_V4_SRC"),
        answered=answer.get_attr("CTA_IP_V4_DST"),
    )


async def _end(tracking: Any, message: Any) -> None:
    """Named as the kernel told of it, which also does for protocols whose parts pyroute2 does not know."""
    try:
        await tracking.entry("del", tuple_orig={"attrs": message.get_attr("CTA_TUPLE_ORIG")["attrs"]})
    except NetlinkError as error:
        if error.code != errno.ENOENT:  # it has ended by itself, or was told of twice
            raise
