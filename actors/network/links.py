"""Carries out the L2 agent's orders by netlink, and says what is there. Used by `linux_dataplane.py` alone.

Everything here blocks for well under a millisecond a call and must run in the thread of its namespace (`NetnsThread`).
Invariant: only bridges that carry our alias, and devices under them, are ever removed.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from pyroute2.netlink.exceptions import NetlinkError

from actors.network.l2 import (
    ALIAS_PREFIX,
    TAP_PREFIX,
    VXLAN_PORT,
    Bridge,
    Order,
    Peers,
    Tap,
    Uplink,
    Vlan,
    Vxlan,
    WiringError,
)
from actors.network.netlink import Netlink

FLOOD = "00:00:00:00:00:00"  # the forwarding entry for everything that isn't learned
OURS = ("vxlan", "vlan")  # kinds of bridge ports that we make, and so remove
FILTERED = {
    "br_nf_call_iptables": 1,
    "br_nf_call_ip6tables": 1,
}  # our bridges alone: the machine's others stay as they are


@dataclass(frozen=True, slots=True)
class Link:
    index: int
    name: str
    kind: str
    alias: str
    master: int


class Links:
    """One netlink socket, made in the thread that uses it."""

    def __init__(self) -> None:
        self._netlink: Netlink | None = None

    @property
    def netlink(self) -> Any:
        return self._open().calls

    def _open(self) -> Netlink:
        if self._netlink is None:
            self._netlink = Netlink()
        return self._netlink

    def close(self) -> None:
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    # ------------------------------------------------------------ what is there

    def taps(self) -> dict[str, int]:
        """Every tap's name and index; a tap made anew under its old name has another index."""
        return {name: index for index, name in socket.if_nameindex() if name.startswith(TAP_PREFIX)}

    def all(self) -> list[Link]:
        return [_link(message) for message in self.netlink.get_links()]

    def networks(self) -> dict[str, str]:
        """Our bridges: network id → bridge."""
        return {
            link.alias.removeprefix(ALIAS_PREFIX): link.name
            for link in self.all()
            if link.kind == "bridge" and link.alias.startswith(ALIAS_PREFIX)
        }

    def index(self, name: str) -> int:
        """0 if there is no such device."""
        try:
            return socket.if_nametoindex(name)
        except OSError:
            return 0

    def has_master(self, name: str) -> bool:
        """Whether it is in a bridge; a device that is not there is in none."""
        try:
            return any(_link(message).master for message in self.netlink.link("get", ifname=name))
        except NetlinkError:
            return False

    # ------------------------------------------------------------ orders

    def carry_out(self, orders: list[Order]) -> None:
        """In order; raises `WiringError` at the first that can't be done."""
        for order in orders:
            try:
                self._do(order)
            except (NetlinkError, OSError) as error:
                raise WiringError(f"{order.name}: {_why(error)}") from error

    def _do(self, order: Order) -> None:
        match order:
            case Bridge():
                self._bridge(order)
            case Uplink():
                self._join(self._must(order.name), order.bridge)
            case Vlan():
                self._vlan(order)
            case Vxlan():
                self._vxlan(order)
            case Peers():
                self._peers(order)
            case Tap():
                quiet(order.name)
                self._join(self._must(order.name), order.bridge, order.mtu)
            case _:
                assert_never(order)

    def _bridge(self, order: Bridge) -> None:
        index = self.index(order.name)
        if not index:
            settings = {"br_forward_delay": 0, "br_stp_state": 0, "br_mcast_snooping": 0}
            with _unless(errno.EEXIST):
                self.netlink.link("add", ifname=order.name, kind="bridge", **settings, **FILTERED)
            quiet(order.name)
            index = self._must(order.name)
        # one that an older version has made may lack some of it
        self._open().learn_nothing_of_reserved(index)
        self.netlink.link("set", index=index, ifalias=order.alias, mtu=order.mtu, state="up", kind="bridge", **FILTERED)

    def _vlan(self, order: Vlan) -> None:
        parent = self._must(order.parent)
        self.netlink.link("set", index=parent, state="up")
        if not self.index(order.name):
            with _unless(errno.EEXIST):
                self.netlink.link("add", ifname=order.name, kind="vlan", link=parent, vlan_id=order.vlan_id)
        quiet(order.name)
        self._join(self._must(order.name), order.bridge, order.mtu)

    def _vxlan(self, order: Vxlan) -> None:
        if self._tunnel_differs(order):
            self.netlink.link("del", index=self._must(order.name))
        if not self.index(order.name):
            device = {"vxlan_link": self._must(order.device)} if order.device else {}
            with _unless(errno.EEXIST):
                self.netlink.link(
                    "add",
                    ifname=order.name,
                    kind="vxlan",
                    vxlan_id=order.vni,
                    vxlan_local=order.local_ip,
                    vxlan_port=VXLAN_PORT,
                    vxlan_learning=1,
                    **device,
                )
        quiet(order.name)
        self._join(self._must(order.name), order.bridge, order.mtu)

    def _tunnel_differs(self, order: Vxlan) -> bool:
        """Is a tunnel of this name there with another end than ours? Its end can't be changed, only made anew."""
        if not self.index(order.name):
            return False
        (message,) = self.netlink.link("get", ifname=order.name)
        local = message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", "IFLA_VXLAN_LOCAL")
        return bool(local != order.local_ip)

    def _peers(self, order: Peers) -> None:
        index = self._must(order.name)
        entries = self._open().forwarding(index)
        here = {entry.get_attr("NDA_DST") for entry in entries if entry.get_attr("NDA_LLADDR") == FLOOD}
        for address in order.addresses - here:
            self.netlink.fdb("append", ifindex=index, lladdr=FLOOD, dst=address)
        for address in here - order.addresses - {None}:
            self.netlink.fdb("del", ifindex=index, lladdr=FLOOD, dst=address)

    def _join(self, index: int, bridge: str, mtu: int = 0) -> None:
        size = {"mtu": mtu} if mtu else {}
        self.netlink.link("set", index=index, master=self._must(bridge), state="up", **size)

    def unwire(self, taps: set[str]) -> None:
        """Out of our bridges; in somebody else's they stay."""
        links = self.all()
        ours = {link.index for link in links if link.kind == "bridge" and link.alias.startswith(ALIAS_PREFIX)}
        for link in links:
            if link.name in taps and link.master in ours:
                with _unless(errno.ENODEV):
                    self.netlink.link("set", index=link.index, master=0)

    def wire_into(self, namespace: str, tap: str, inside: str, mac: str) -> None:
        """A veth pair from this namespace into the named one, where its end has the port's MAC."""
        if self.index(tap):
            return
        end = {"ifname": inside, "net_ns_fd": namespace, "address": mac}
        try:
            self.netlink.link("add", ifname=tap, kind="veth", peer=end)
        except NetlinkError as error:
            raise WiringError(f"{tap}: {_why(error)}") from error
        quiet(tap)

    def _must(self, name: str) -> int:
        index = self.index(name)
        if not index:
            raise OSError(errno.ENODEV, "no such device")
        return index

    # ------------------------------------------------------------ removal

    def remove_networks(self, network_ids: set[str]) -> None:
        """Our bridges of these networks, with their tunnels and sub-interfaces; taps and real devices only leave."""
        links, aliases = self.all(), {ALIAS_PREFIX + network_id for network_id in network_ids}
        for bridge in links:
            if bridge.kind == "bridge" and bridge.alias in aliases:
                for port in links:
                    if port.master == bridge.index and port.kind in OURS:
                        self.remove(port.index)
                self.remove(bridge.index)

    def remove(self, index: int) -> None:
        with _unless(errno.ENODEV):
            self.netlink.link("del", index=index)


def quiet(name: str) -> None:
    """No IPv6 of the host's own on a guests' wire: the kernel would announce itself there."""
    with contextlib.suppress(OSError):  # no IPv6 in this kernel, or the device has just gone
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")


@contextlib.contextmanager
def _unless(code: int) -> Iterator[None]:
    """Passes over the one netlink error that means: it is so already."""
    try:
        yield
    except NetlinkError as error:
        if error.code != code:
            raise


def _link(message: Any) -> Link:
    return Link(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME") or "",
        kind=message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or "",
        alias=message.get_attr("IFLA_IFALIAS") or "",
        master=message.get_attr("IFLA_MASTER") or 0,
    )


def _why(error: NetlinkError | OSError) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)
