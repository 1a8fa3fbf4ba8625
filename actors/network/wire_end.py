"""The ends of wires inside a namespace of ours: their MACs and addresses. Used by `dhcp.py` and `router.py`.

Everything here must run in a thread of that namespace, and blocks for milliseconds.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_interface
from typing import Any

from actors.network.ipam import version_of
from actors.network.links import quiet

LINK_SCOPE = 253  # RT_SCOPE_LINK of rtnetlink(7): the address that the kernel itself gives
RTPROT_KERNEL = 2  # of rtnetlink(7)
IFA_F_NODAD = 0x02  # of rtnetlink(7)


def set_device(netlink: Any, device: str, mac: str, mtu: int) -> None:
    quiet(device)
    netlink.link("set", index=socket.if_nametoindex(device), address=mac, mtu=mtu, state="up")


def set_addresses(netlink: Any, device: str, addresses: Iterable[str]) -> list[str]:
    """Addresses with their prefix lengths. The device has exactly these then; which of them are new."""
    index = socket.if_nametoindex(device)
    wanted = dict.fromkeys(addresses)
    here = addresses_of(netlink, index)
    for address in here - wanted.keys():
        netlink.addr("del", index=index, address=address)
    new = [address for address in wanted if address not in here]
    for address in new:
        flags = {"flags": IFA_F_NODAD} if version_of(address) == 6 else {}
        netlink.addr("add", index=index, address=address, **flags)
    return new


def drop_unreachable(netlink: Any, device: str) -> None:
    """Takes away the IPv4 addresses whose own routes somebody took away: the kernel makes those only as an address
    comes."""
    index = socket.if_nametoindex(device)
    ways = {
        f"{message.get_attr('RTA_DST')}/{message['dst_len']}"
        for message in netlink.get_routes(family=socket.AF_INET, proto=RTPROT_KERNEL, oif=index)
    }
    for address in addresses_of(netlink, index):
        end = ip_interface(address)
        if end.version == 4 and not {f"{end.ip}/32", str(end.network)} <= ways:
            netlink.addr("del", index=index, address=address)


def addresses_of(netlink: Any, index: int) -> set[str]:
    return {
        f"{message.get_attr('IFA_ADDRESS')}/{message['prefixlen']}"
        for message in netlink.get_addr(index=index)
        if message["scope"] != LINK_SCOPE
    }
