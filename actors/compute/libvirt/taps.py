"""The guests' tap devices, in the node's network namespace.

Called by the driver's `plug` and `unplug`. A tap is persistent, so that it is there before QEMU opens it and the L2
agent can wire and filter it first. Its alias names the instance: unplugging needs no more than the id.
"""

from __future__ import annotations

import socket
from typing import Any

from actors.messages import Vif
from actors.network.l2 import TAP_PREFIX
from actors.network.netlink import Netlink
from actors.network.netns_thread import NetnsThread

OWNER = "novaray:"  # how the alias of a guest's tap begins
CONNECT_S = 10.0
TAP = 2  # IFLA_TUN_TYPE (linux/if_tun.h)


class Taps:
    def __init__(self, netns: str) -> None:
        self._thread = NetnsThread(netns)

    def close(self) -> None:
        self._thread.close()

    async def make(self, instance_id: str, vifs: tuple[Vif, ...], queues: int) -> list[str]:
        """The ports whose taps were not there."""
        return await self._thread.run(_make, f"{OWNER}{instance_id}", vifs, queues)

    async def remove_one(self, device: str) -> None:
        await self._thread.run(_remove_one, device)

    async def connect(self, address: str, port: int) -> socket.socket:
        """A connection to something that listens inside the node's namespace. Raises `OSError`."""
        return await self._thread.run(socket.create_connection, (address, port), CONNECT_S)

    async def remove(self, instance_id: str) -> None:
        await self._thread.run(_remove, f"{OWNER}{instance_id}")

    async def instances(self) -> set[str]:
        """Ids of the instances that have one."""
        return await self._thread.run(_instances)

    async def names(self) -> list[str]:
        """Every guest's tap."""
        return await self._thread.run(_names)


def _make(alias: str, vifs: tuple[Vif, ...], queues: int) -> list[str]:
    made = []
    with Netlink() as netlink:
        for vif in vifs:
            if not netlink.link_lookup(ifname=vif.device):
                made.append(vif.port_id)
                netlink.link("add", ifname=vif.device, kind="tun", **_tap(queues))
            index = netlink.link_lookup(ifname=vif.device)[0]
            mtu: dict[str, int] = {"mtu": vif.mtu} if vif.mtu else {}
            netlink.link("set", index=index, ifalias=alias, state="up", **mtu)
    return made


def _remove_one(device: str) -> None:
    with Netlink() as netlink:
        for index in netlink.link_lookup(ifname=device):
            netlink.link("del", index=index)


def _tap(queues: int) -> dict[str, Any]:
    """QEMU's virtio header must be offered, and several queues from the start: neither can be turned on later."""
    return {"tun_type": TAP, "tun_vnet_hdr": 1, "tun_pi": 0, "tun_persist": 1, "tun_multi_queue": int(queues > 1)}


def _remove(alias: str) -> None:
    with Netlink() as netlink:
        for link in _guests_taps(netlink):
            if link.get("ifalias") == alias:
                netlink.link("del", index=link["index"])


def _instances() -> set[str]:
    with Netlink() as netlink:
        return {link.get("ifalias").removeprefix(OWNER) for link in _guests_taps(netlink)}


def _names() -> list[str]:
    with Netlink() as netlink:
        return sorted(link.get("ifname") for link in _guests_taps(netlink))


def _guests_taps(netlink: Any) -> list[Any]:
    """By alias and name: a network's bridge says by its alias whose it is too, and is no instance's."""
    return [link for link in netlink.get_links() if _is_a_guests(link.get("ifname") or "", link.get("ifalias") or "")]


def _is_a_guests(name: str, alias: str) -> bool:
    return name.startswith(TAP_PREFIX) and alias.startswith(OWNER)
