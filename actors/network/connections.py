"""The tracked connections of a router's namespace: ends those that are translated as they no longer should be.

Used by `router.py`, in a thread of the namespace. The kernel is asked for translated connections alone (by their
status, since Linux 5.15; an older one tells of all), and forgets the stale ones: what comes next of such a connection
is judged as the first packet of another.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

from pyroute2 import NFCTSocket
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import IPS_DST_NAT, IPS_SRC_NAT

from actors.network.messages import RouterInfo
from actors.network.nat import Translation, is_stale
from actors.network.netlink import Netlink


def end_stale(info: RouterInfo) -> int:
    """How many."""
    ended = 0
    with Netlink(NFCTSocket) as tracking:
        for message in list(_translated(tracking)):
            if is_stale(_translation(message), info):
                ended += _end(tracking, message)
    return ended


def _translated(tracking: Any) -> Iterator[Any]:
    for status in (IPS_SRC_NAT, IPS_DST_NAT):
        yield from tracking.dump(status=status, status_mask=status)


def _translation(message: Any) -> Translation:
    first, answer = (message.get_nested(f"CTA_TUPLE_{way}", "CTA_TUPLE_IP") for way in ("ORIG", "REPLY"))
    return Translation(
        sender=first.get_attr("CTA_IP_V4_SRC"),
        target=first.get_attr("CTA_IP_V4_DST"),
        answerer=answer.get_attr("CTA_IP_V4_SRC"),
        answered=answer.get_attr("CTA_IP_V4_DST"),
    )


def _end(tracking: Any, message: Any) -> int:
    """Named as the kernel told of it, which also does for protocols whose parts pyroute2 does not know."""
    try:
        tracking.entry("del", tuple_orig={"attrs": message.get_attr("CTA_TUPLE_ORIG")["attrs"]})
    except NetlinkError as error:
        if error.code != errno.ENOENT:  # it has ended by itself, or was told of twice
            raise
        return 0
    return 1
