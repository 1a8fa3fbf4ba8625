"""The tracked connections of a router's namespace: ends those that are translated as they no longer should be.

Used by `router.py`, in a thread of the namespace. The kernel is asked for those alone that may be stale (by address
since Linux 5.8, by status since 5.15; an older one tells of all), and forgets those that are: what comes next of such
a connection is judged as the first packet of another.
"""

from __future__ import annotations

import asyncio
import errno
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import IPS_DST_NAT, IPS_SRC_NAT, AsyncNFCTSocket, NFCTAttrTuple

from actors.network.messages import RouterInfo
from actors.network.nat import Suspects, Translation, is_stale


def end_stale(suspects: Suspects, info: RouterInfo) -> None:
    """On a loop of its own, of the kind that can open netlink sockets, whatever the process prefers (`netlink.py`)."""
    questions = _questions(suspects)
    if questions:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_end_stale(questions, info))


def _questions(suspects: Suspects) -> list[dict[str, Any]]:
    if suspects.everybody:
        return [{"status": status, "status_mask": status} for status in (IPS_SRC_NAT, IPS_DST_NAT)]
    ends = [{"saddr": sender} for sender in suspects.senders] + [{"daddr": target} for target in suspects.targets]
    return [{"tuple_orig": NFCTAttrTuple(**end)} for end in ends]


async def _end_stale(questions: list[dict[str, Any]], info: RouterInfo) -> None:
    tracking: Any = AsyncNFCTSocket()
    await tracking.setup_endpoint()
    try:
        for question in questions:
            found = [message async for message in await tracking.dump(**question)]
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
