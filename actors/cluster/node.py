"""Prepares a worker node for its two actors, and clears it up after them.

Called by `bringup.py` for nodes on this machine, by `novaray node prepare` before `ray start` on another one, and by
the compute actor itself when the cloud is taken down. Both may be done twice. On a real machine with its distribution's
own libvirt daemon (`libvirt_uri`) and the machine's own network (no `netns`) there is nothing to prepare.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.cluster.config import NodeConfig

READY_LIMIT_S = 180.0  # for the hypervisor's daemon to answer: its first start on a machine takes long

Say = Callable[[str], None]


def prepare(node: NodeConfig, say: Say) -> None:
    """The node's namespace and its hypervisor daemon; nothing where hypervisors are simulated."""
    if node.hypervisor == "simulated":
        return
    from actors.compute.libvirt.daemon import await_daemon, start_daemon
    from actors.network.node_network import make_node_network

    make_node_network(node)
    if not node.libvirt_uri:
        say(f"starting libvirt for {node.host}")
    start_daemon(node)
    await_daemon(node, READY_LIMIT_S)


def clear(node: NodeConfig, say: Say) -> None:
    """What `prepare` made, and with the node's own daemon its guests. An operator's daemon keeps them."""
    if node.hypervisor == "simulated":
        return
    from actors.compute.libvirt.daemon import stop_daemon
    from actors.network.node_network import remove_node_network

    if not node.libvirt_uri:
        say(f"stopping libvirt of {node.host}")
    stop_daemon(node)
    remove_node_network(node)
