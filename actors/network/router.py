"""One router on this node: its namespace, its wires into the node, its addresses, routes and translation.

Used by `routers.py`. What it shall hold is decided in `routing.py` and `nat.py`. Each wire's other end is a tap in the
node's namespace, which the L2 agent joins to its network's bridge like any port's. Nothing runs here: the kernel
routes, and goes on when the agent does not. Invariant: the namespace forwards only when its firewall is there.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from pyroute2.netlink.exceptions import NetlinkError

from actors.network import announcing, connections, nat, nft_command, routing
from actors.network.announcing import Announcement, Announcements
from actors.network.footprint import footprint
from actors.network.l2 import WiringError
from actors.network.links import Links
from actors.network.messages import RouterInfo
from actors.network.netlink import Netlink
from actors.network.netns_thread import NetnsThread
from actors.network.routing import Device, Route
from actors.network.wire_end import addresses_of, drop_unreachable, set_addresses, set_device
from actors.network.wired_namespace import WiredNamespace

WIRES = (routing.INTERFACE_PREFIX, routing.GATEWAY_PREFIX)
ROUTES = {"family": socket.AF_INET, "table": 254, "proto": 4}  # RT_TABLE_MAIN, RTPROT_STATIC of rtnetlink(7)
RTNH_F_ONLINK = 4  # of rtnetlink(7)
METRIC = 1  # of our routes; the kernel's own, to networks that the router is in, have 0 and go before them
FORWARDING = "ip_forward"
SETTINGS = {  # below /proc/sys/net/ipv4: see ip-sysctl of the kernel's documentation
    "conf/all/arp_ignore": 1,  # an address is told only in the network that it is in: two ends may be in one network
    "conf/all/arp_announce": 2,
    "conf/all/promote_secondaries": 1,  # an address that goes does not take others of its subnet along
    "conf/all/rp_filter": 0,  # whatever the machine has: extra routes may lead back another way
    "conf/default/rp_filter": 0,
    "conf/all/send_redirects": 0,  # two that meet by floating IPs could not do so without the router
    "conf/default/send_redirects": 0,
    "conf/all/accept_redirects": 0,
}
WATCHED = (*SETTINGS, FORWARDING)


class Router:
    """`node` is the thread of the node's namespace, `links` its netlink; the caller allows one call at a time.

    `settled` is what the router was brought to last, when none of its connections was stale; None = nobody knows.
    `footprint` is what its namespace was like then; '' = nobody knows.
    """

    def __init__(self, router_id: str, node: NetnsThread, links: Links, settled: RouterInfo | None) -> None:
        self.router_id = router_id
        self._inside = WiredNamespace(routing.namespace_of(router_id), WIRES, node, links)
        self.announcements = Announcements()
        self.settled = settled
        self.footprint = ""
        self._node = node
        self._links = links

    async def serve(self, info: RouterInfo) -> None:
        """Brings everything to what `info` says. Raises `OSError`, `NetlinkError` or `WiringError`."""
        wanted = {device.name: device for device in routing.devices(info)}
        kept, _ = await self._inside.keep(wanted.keys())
        await self._node.run(self._wire, [device for name, device in wanted.items() if name not in kept])
        await self._inside.run(self._bring_up, info)

    async def stop(self, info: RouterInfo | None) -> None:
        """Takes everything away, whatever there is of it; `info` is what was served last, if that is known."""
        await self._inside.leave()
        if info is not None:
            await self._node.run(self._unwire, routing.devices(info))

    async def seen(self) -> str:
        """What its namespace is like now, to be compared with `footprint`; '' where it can't be seen."""
        try:
            return await self._inside.run(footprint, WATCHED)
        except OSError:  # it is just being taken away
            return ""

    async def world(self) -> dict[str, list[str]]:
        """What is really there: lines as `routing.world` has them."""
        try:
            addresses, pairs = await self._inside.run(_look)
        except (OSError, NetlinkError):  # there is none, or it is just being taken away
            return {}
        return {
            "router_addresses": [f"{self.router_id} {address}" for address in addresses],
            "floating_ips": [f"{self.router_id} {' '.join(pair)}" for pair in pairs],
        }

    async def announce(self, info: RouterInfo) -> None:
        """Tells of the addresses that came new, where the tap is wired; of the others at a later call."""
        due = self.announcements.due
        devices = {each.device for each in due}
        taps = {device.name: device.tap for device in routing.devices(info) if device.name in devices}
        wired = await self._node.run(self._wired, taps)
        now = [each for each in due if each.device in wired]
        if now:
            await self._inside.run(_send, now)
            self.announcements.told(now)

    # ------------------------------------------------------------ in the node's thread

    def _wire(self, devices: list[Device]) -> None:
        self._unwire(devices)  # what is left of a namespace that somebody took away
        for device in devices:
            self._links.wire_into(self._inside.name, device.tap, device.name, device.mac_address)

    def _unwire(self, devices: list[Device]) -> None:
        for device in devices:
            index = self._links.index(device.tap)
            if index:
                self._links.remove(index)

    def _wired(self, taps: dict[str, str]) -> set[str]:
        return {device for device, tap in taps.items() if self._links.has_master(tap)}

    # ------------------------------------------------------------ in the namespace's thread

    def _bring_up(self, info: RouterInfo) -> None:
        touched = footprint(WATCHED) != self.footprint  # by somebody else, or nobody knows
        settled, self.settled, self.footprint = self.settled, None, ""
        for name, value in SETTINGS.items():
            _set(name, value)
        nft_command.load(nat.document(info))
        _set(FORWARDING, 1)
        devices = routing.devices(info)
        with Netlink() as netlink:
            new = [_new_addresses(netlink, device, touched) for device in devices]
            refused = _set_routes(netlink, routing.routes(info))
        self.announcements.keep({each for device in devices for each in _announcements(device, device.addresses)})
        self.announcements.add(
            [each for device, fresh in zip(devices, new, strict=True) for each in _announcements(device, fresh)]
        )
        connections.end_stale(nat.suspects(settled, info), info)
        self.settled, self.footprint = info, footprint(WATCHED)
        if refused:
            raise WiringError("; ".join(refused))


def made_of(info: RouterInfo) -> str:
    """Differs where a router would be brought to something else, be it by another version of what decides that."""
    wanted = (SETTINGS, METRIC, routing.devices(info), routing.routes(info), nat.document(info))
    return hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()


def _set(name: str, value: int) -> None:
    path = Path("/proc/sys/net/ipv4") / name
    if path.read_text().strip() != str(value):
        path.write_text(str(value))


def _new_addresses(netlink: Any, device: Device, touched: bool) -> list[str]:
    set_device(netlink, device.name, device.mac_address, device.mtu)
    if touched:
        drop_unreachable(netlink, device.name)
    return set_addresses(netlink, device.name, device.addresses)


def _announcements(device: Device, addresses: list[str] | tuple[str, ...]) -> list[Announcement]:
    return [Announcement(device.name, device.mac_address, address.partition("/")[0]) for address in addresses]


def _set_routes(netlink: Any, wanted: dict[str, Route]) -> list[str]:
    """Why some could not be: one that leads nowhere does not stop the others."""
    refused = []
    for destination, route in wanted.items():
        way: dict[str, Any] = {"gateway": route.next_hop}
        if route.device:
            way |= {"oif": socket.if_nametoindex(route.device), "flags": RTNH_F_ONLINK}
        try:
            netlink.route("replace", dst=destination, priority=METRIC, **way, **ROUTES)
        except NetlinkError as error:
            refused.append(f"route {destination} via {route.next_hop}: {error.args[1]}")
    for message in netlink.get_routes(**ROUTES):
        metric = message.get_attr("RTA_PRIORITY") or 0  # without one: an older version made it
        if metric != METRIC or _destination(message) not in wanted:
            with contextlib.suppress(NetlinkError):  # its device has just gone, and it with that
                netlink.route("del", dst=_destination(message), priority=metric, **ROUTES)
    return refused


def _destination(message: Any) -> str:
    return f"{message.get_attr('RTA_DST') or '0.0.0.0'}/{message['dst_len']}"


def _look() -> tuple[list[str], list[tuple[str, str]]]:
    """Devices with their addresses, and which floating IP leads where."""
    with Netlink() as netlink:
        addresses = [
            f"{name} {address}"
            for index, name in socket.if_nameindex()
            if name.startswith(WIRES)
            for address in addresses_of(netlink, index)
        ]
    return addresses, nft_command.pairs(nat.FAMILY, nat.FLOATING)


def _send(announcements: list[Announcement]) -> None:
    """By one socket: the kernel takes its time to close such a one."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        for each in announcements:
            with _unless(errno.ENODEV, errno.ENETDOWN, errno.ENXIO):  # somebody took it away: `revive`
                for frame in announcing.frames(each):
                    wire.sendto(frame, (each.device, announcing.ARP))


@contextlib.contextmanager
def _unless(*codes: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in codes:
            raise
