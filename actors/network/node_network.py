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
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.cluster.config import NodeConfig
from actors.errors import HostError, HostFault

UNDERLAY_BRIDGE = "underlay"
UNDERLAY_PREFIX_LENGTH = 16
COMMAND_DEADLINE_S = 20.0
EXISTS = "File exists"
NAMESPACES = Path("/run/netns")


def make_node_network(config: NodeConfig) -> None:
    """Raises `HostError` with what iproute2 said. Does nothing for a node that lives in the machine's own network."""
    if not config.netns:
        return
    with _one_at_a_time():
        _make_underlay(config)
        _make_namespace(config, config.netns)
        _join_underlay(config)


def remove_node_network(config: NodeConfig) -> None:
    """Removes the node's namespace with all devices in it, and the underlay when no node is left on it."""
    if not config.netns:
        return
    with _one_at_a_time():
        _remove_namespace(config, config.netns)
        underlay = underlay_of(config.netns)
        if not _nodes_left(underlay):
            _remove_namespace(config, underlay)


def underlay_of(netns: str) -> str:
    return f"{netns.rpartition('-')[0] or netns}-underlay"


# ---------------------------------------------------------------- the pieces


def _make_namespace(config: NodeConfig, name: str) -> None:
    if name not in namespaces():
        _ip(config, "netns", "add", name)
    _ip(config, "-n", name, "link", "set", "lo", "up")


def _make_underlay(config: NodeConfig) -> None:
    underlay = underlay_of(config.netns)
    _make_namespace(config, underlay)
    bridge = ("type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    _ip(config, "-n", underlay, "link", "add", UNDERLAY_BRIDGE, *bridge, but=EXISTS)
    _ip(config, "-n", underlay, "link", "set", UNDERLAY_BRIDGE, "up")


def _join_underlay(config: NodeConfig) -> None:
    """A veth pair: `underlay_device` in the node, its peer on the underlay's bridge."""
    underlay, device, peer = underlay_of(config.netns), config.underlay_device, _peer_name(config.netns)
    if not device:
        return
    if not _has_link(config, config.netns, device):
        _ip(config, "-n", underlay, "link", "delete", peer, but="Cannot find device")
        ends = ("peer", "name", device, "netns", config.netns)
        _ip(config, "-n", underlay, "link", "add", peer, "type", "veth", *ends)
    _ip(config, "-n", underlay, "link", "set", peer, "master", UNDERLAY_BRIDGE, "up")
    address = f"{config.underlay_ip}/{UNDERLAY_PREFIX_LENGTH}"
    _ip(config, "-n", config.netns, "address", "replace", address, "dev", device)
    _ip(config, "-n", config.netns, "link", "set", device, "up")


def _peer_name(netns: str) -> str:
    return f"n{zlib.crc32(netns.encode()):08x}"  # a name of the namespace's own within the kernel's 15 characters


def _remove_namespace(config: NodeConfig, name: str) -> None:
    if name in namespaces():
        # The kernel destroys a namespace's devices some time after its name has gone; a peer goes with it at once.
        _ip(config, "netns", "delete", name)


def _nodes_left(underlay: str) -> list[str]:
    return [name for name in namespaces() if name != underlay and underlay_of(name) == underlay]


def namespaces() -> list[str]:
    """The names of all network namespaces of the machine."""
    return [entry.name for entry in NAMESPACES.iterdir()] if NAMESPACES.is_dir() else []


def _has_link(config: NodeConfig, netns: str, device: str) -> bool:
    links = json.loads(_ip(config, "-n", netns, "-json", "link", "show") or "[]")
    return any(link["ifname"] == device for link in links)


def _ip(config: NodeConfig, *words: str, but: str = "") -> str:
    """Runs iproute2, which also makes /run/netns a shared mount where it must. `but`: an error that means it is so."""
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=COMMAND_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(HostFault("node_network", config.host, f"ip {' '.join(words)}: {error}")) from error
    if done.returncode and not (but and but in done.stderr):
        raise HostError(HostFault("node_network", config.host, f"ip {' '.join(words)}: {done.stderr.strip()}"))
    return done.stdout


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Nodes of one cloud may come and go at once: the underlay must not be removed under one that joins it."""
    held = os.open(NAMESPACES.parent, os.O_RDONLY | os.O_DIRECTORY)  # a lock that needs no file of its own
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
