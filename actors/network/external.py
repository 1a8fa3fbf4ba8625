"""The external network of a cloud on one machine: floating IPs of it reach guests from the machine itself.

Part of `node_network.py`, only where `up --external CIDR` asked for it. A second bridge in the cloud's underlay joins a
device `external0` of each node, which a flat network on the physical network `public` has as its uplink, and one device
of the machine, with the network's first address: the gateway of routers. It is the one device that a cloud gives the
machine, and goes with the cloud's last node; the machine forwards nothing for guests unless its operator has it do so.
"""

from __future__ import annotations

import ipaddress
import json
import zlib

from actors.network.namespaces import ip

NETWORK = "public"
PHYSICAL_NETWORK = "public"
DEVICE = "external0"  # of each node
BRIDGE = "external"  # in the underlay
FAR_END = "machine"  # in the underlay, of the machine's device
SMALLEST = 28  # prefix length: below, there are too few addresses for routers and floating IPs


def checked(cidr: str, routes: str = "[]") -> str:
    """The network as it is written; `routes`: what the machine has, as `ip -json route` says. Raises `ValueError`."""
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        raise ValueError(f"{cidr} is no IPv4 network such as 172.24.4.0/24: {error}") from None
    if network.prefixlen > SMALLEST:
        raise ValueError(f"{cidr} has too few addresses: at least a /{SMALLEST} is needed")
    for route in json.loads(routes):
        there = route["dst"]
        if there != "default" and ipaddress.IPv4Network(there).overlaps(network):
            raise ValueError(f"{cidr} overlaps {there}, which this machine has on {route.get('dev', 'a device')}")
    return str(network)


def check_free(cidr: str) -> str:
    """The same against the routes that this machine has now."""
    return checked(cidr, ip("-json", "-4", "route", "show", "table", "main") or "[]")


def machine_address(cidr: str) -> str:
    """With its prefix length: 172.24.4.1/24"""
    network = ipaddress.IPv4Network(cidr)
    return f"{network[1]}/{network.prefixlen}"


def machine_device(underlay: str) -> str:
    return f"nvr-{zlib.crc32(underlay.encode()):08x}"  # within the kernel's 15 characters


def join_external(underlay: str, netns: str, cidr: str, machine: str = "") -> None:
    """Joins a node and the machine (its namespace, '' = this one); done twice it changes nothing. Raises `OSError`
    with what iproute2 said."""
    bridge = ("type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    ip("link", "add", BRIDGE, *bridge, netns=underlay, but="File exists")
    ip("link", "set", BRIDGE, "up", netns=underlay)
    peer = f"x{zlib.crc32(netns.encode()):08x}"
    _join(underlay, peer, DEVICE, netns)
    ip("link", "set", DEVICE, "up", netns=netns)
    device = machine_device(underlay)
    _join(underlay, FAR_END, device, machine)
    ip("address", "replace", machine_address(cidr), "dev", device, netns=machine)
    ip("link", "set", device, "up", netns=machine)


def leave_external(underlay: str, machine: str = "") -> None:
    """Takes the machine's device away, if there is one."""
    ip("link", "delete", machine_device(underlay), netns=machine, but="Cannot find device")


def _join(underlay: str, near: str, far: str, far_netns: str) -> None:
    """A veth pair: `near` on the bridge, `far` in another namespace ('' = the machine's own)."""
    if not _has_link(far_netns, far):
        ip("link", "delete", near, netns=underlay, but="Cannot find device")
        ip("link", "add", far, "type", "veth", "peer", "name", near, "netns", underlay, netns=far_netns)
    ip("link", "set", near, "master", BRIDGE, "up", netns=underlay)


def _has_link(netns: str, device: str) -> bool:
    links = json.loads(ip("-json", "link", "show", netns=netns) or "[]")
    return any(link["ifname"] == device for link in links)
