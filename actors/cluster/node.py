"""Prepares a worker node for its two actors, and clears it up after them.

Called by `bringup.py` for nodes on this machine, by `novaray node prepare` before `ray start` on another one, and by
the compute actor itself when the cloud is taken down. Both may be done twice. On a real machine with its distribution's
own libvirt daemon (`libvirt_uri`) and the machine's own network (no `netns`) there is nothing to prepare.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from actors.cluster.config import CloudConfig, NodeConfig

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
    from actors.compute.libvirt.watchdog import stop_watchdog
    from actors.network.node_network import remove_node_network

    if not node.libvirt_uri:
        say(f"stopping libvirt of {node.host}")
    stop_watchdog(node)
    stop_daemon(node)
    _finish(_remove_networks(node))
    remove_node_network(node)


async def _remove_networks(node: NodeConfig) -> None:
    """Those of an agent that was killed: one that could be asked has removed them."""
    from actors.network import namespaces
    from actors.network.linux import LinuxDataplane

    if node.netns and node.netns not in namespaces.names():
        return
    dataplane = LinuxDataplane(node, CloudConfig())
    try:
        await dataplane.remove_all()
    finally:
        await dataplane.close()


def end_volume_exports(volumes: Path) -> None:
    """Those of a volume service that was killed: one that could be asked has ended them."""
    from actors.volume.daemon import StorageDaemon

    _finish(StorageDaemon(volumes).stop())


def _finish(work: Coroutine[None, None, None]) -> None:
    """In a thread of its own: a driver script may have an event loop that runs, as notebooks do."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, work).result()
