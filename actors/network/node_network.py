"""Makes the network namespace of a node, for several nodes on one machine, and joins it to the others' underlay.

Called by the cluster's bring-up before a node's agent and hypervisor start, and when the node is removed. One shared
namespace a cloud, `<prefix>-underlay`, holds a bridge that carries VXLAN between the nodes; the prefix is all of a
node's namespace name before its last dash. Invariant: the machine's own namespace gets no device, address, route or
setting. Everything may be made and removed twice; the underlay goes with its last node.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from actors.cluster.config import NodeConfig
from actors.errors import HostError, HostFault
from actors.network import namespaces
from actors.network.external import join_external, leave_external
from actors.network.namespaces import ip

UNDERLAY_BRIDGE = "underlay"
UNDERLAY_PREFIX_LENGTH = 16


def make_node_network(config: NodeConfig) -> None:
    """Raises `HostError` with what iproute2 said. Does nothing for a node that lives in the machine's own network."""
    if not config.netns:
        return
    with _one_at_a_time(config.host):
        _make_underlay(config)
        namespaces.add(config.netns)
        _join_underlay(config)
        if config.external_cidr:
            join_external(underlay_of(config.netns), config.netns, config.external_cidr)


def remove_node_network(config: NodeConfig) -> None:
    """Removes the node's namespace with all devices in it, and the underlay when no node is left on it."""
    if not config.netns:
        return
    with _one_at_a_time(config.host):
        namespaces.remove(config.netns)
        underlay = underlay_of(config.netns)
        if not _nodes_left(underlay):
            leave_external(underlay)
            namespaces.remove(underlay)


def underlay_of(netns: str) -> str:
    return f"{netns.rpartition('-')[0] or netns}-underlay"


# ---------------------------------------------------------------- the pieces


def _make_underlay(config: NodeConfig) -> None:
    underlay = underlay_of(config.netns)
    namespaces.add(underlay)
    bridge = ("type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    ip("link", "add", UNDERLAY_BRIDGE, *bridge, netns=underlay, but="File exists")
    ip("link", "set", UNDERLAY_BRIDGE, "up", netns=underlay)


def _join_underlay(config: NodeConfig) -> None:
    """A veth pair: `underlay_device` in the node, its peer on the underlay's bridge."""
    underlay, device, peer = underlay_of(config.netns), config.underlay_device, _peer_name(config.netns)
    if not device:
        return
    if not _has_link(config.netns, device):
        ip("link", "delete", peer, netns=underlay, but="Cannot find device")
        ends = ("peer", "name", device, "netns", config.netns)
        ip("link", "add", peer, "type", "veth", *ends, netns=underlay)
    ip("link", "set", peer, "master", UNDERLAY_BRIDGE, "up", netns=underlay)
    address = f"{config.underlay_ip}/{UNDERLAY_PREFIX_LENGTH}"
    ip("address", "replace", address, "dev", device, netns=config.netns)
    ip("link", "set", device, "up", netns=config.netns)


def _peer_name(netns: str) -> str:
    return f"n{zlib.crc32(netns.encode()):08x}"  # a name of the namespace's own within the kernel's 15 characters


def _nodes_left(underlay: str) -> list[str]:
    return [name for name in namespaces.names() if name != underlay and underlay_of(name) == underlay]


def _has_link(netns: str, device: str) -> bool:
    links = json.loads(ip("-json", "link", "show", netns=netns) or "[]")
    return any(link["ifname"] == device for link in links)


@contextmanager
def _one_at_a_time(host: str) -> Iterator[None]:
    """Nodes of one cloud may come and go at once: the underlay must not be removed under one that joins it."""
    held = os.open(namespaces.FOLDER.parent, os.O_RDONLY | os.O_DIRECTORY)  # a lock that needs no file of its own
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise HostError(HostFault("node_network", host, str(error))) from error
    finally:
        os.close(held)
