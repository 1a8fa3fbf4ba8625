"""A namespace of ours with its wires into the node: where a network's DHCP server lives, or a router.

Used by `dhcp.py` and `router.py`. A wire is a veth pair: `ns-…`, `qr-…` or `qg-…` inside, and the port's tap in the
node's namespace, which the L2 agent joins to the network's bridge like any tap.

Names of namespaces are the machine's own, so nodes of one machine share them: what has moved from a node that is gone,
or that has not heard yet, is still wired to that one. Invariant: a node takes away its own wires alone, and those that
are in the way of its own; the namespace goes with its last wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Set
from typing import ParamSpec, TypeVar

from actors.network import namespaces
from actors.network.links import Links
from actors.network.naming import tap_of_wire
from actors.network.netns_thread import NetnsThread

Result = TypeVar("Result")
Args = ParamSpec("Args")


class WiredNamespace:
    """`node` is the thread of the node's namespace, `links` its netlink; the caller allows one call at a time."""

    def __init__(self, name: str, prefixes: tuple[str, ...], node: NetnsThread, links: Links) -> None:
        self.name = name
        self._prefixes = prefixes
        self._node = node
        self._links = links

    async def run(self, fn: Callable[Args, Result], *args: Args.args, **kwargs: Args.kwargs) -> Result:
        """Runs `fn` inside."""
        thread = NetnsThread(self.name)
        try:
            return await thread.run(fn, *args, **kwargs)
        finally:
            thread.close()

    async def keep(self, wanted: Set[str]) -> tuple[set[str], set[str]]:
        """Makes the namespace, if there is none, and leaves only those of these wires that lead to this node. Which
        they are; and which led to another node."""
        await asyncio.to_thread(namespaces.add, self.name)
        here, ours = await self._wires()
        kept = ours & wanted
        await self.run(_remove, here - kept)
        return kept, here - ours

    async def leave(self) -> None:
        """Takes this node's wires away, and the namespace, unless another node has it."""
        if self.name not in namespaces.names():
            return
        with contextlib.suppress(OSError):  # a name without a namespace: nothing is in it
            here, ours = await self._wires()
            await self.run(_remove, ours)
            if here - ours:
                return
        await asyncio.to_thread(namespaces.remove, self.name)

    async def _wires(self) -> tuple[set[str], set[str]]:
        """All that are inside, and those of them that lead to this node."""
        here = await self.run(_wires_inside, self._prefixes)
        return here, await self._node.run(self._leading_here, here)

    def _leading_here(self, wires: Iterable[str]) -> set[str]:
        return {wire for wire in wires if self._links.index(tap_of_wire(wire))}


def _wires_inside(prefixes: tuple[str, ...]) -> set[str]:
    return {name for _, name in socket.if_nameindex() if name.startswith(prefixes)}


def _remove(wires: Iterable[str]) -> None:
    """With their other ends, wherever these are."""
    names = set(wires)
    links = Links()
    try:
        for index, name in socket.if_nameindex():
            if name in names:
                links.remove(index)
    finally:
        links.close()
