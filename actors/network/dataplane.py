"""The protocol that data planes meet: `linux` (real bridges, taps, dnsmasq, nftables) and `simulated` (none of them).

The agent says how things shall be; a data plane makes them so. Every method may run twice with the same list. A reply
list is as long as its request list and says for each item why it could not be ('' = it is so).
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Protocol

from actors.network.l2 import Segment
from actors.network.messages import DhcpNetworkInfo, PortFirewall, RouterInfo


@dataclass(frozen=True, slots=True)
class Wiring:
    """One tap and the network that it shall be in."""

    device: str
    segment: Segment


class Dataplane(Protocol):
    enforces: bool  # False where there are no packets to filter: then nobody asks for firewall rules

    async def start(self) -> None:
        """Raises `HostError` if this host can't do what a network needs."""

    async def close(self) -> None:
        """Lets go; all that was made stays, and the next start finds it."""

    # ------------------------------------------------------------ L2

    async def taps(self) -> dict[str, int]:
        """All taps of the node by name. Another number under the same name is another tap."""

    async def taps_changed(self, wait_s: float) -> None:
        """Returns when taps may have come or gone since the last call, at the latest after `wait_s`."""

    async def join(self, segments: list[Segment], peers: list[tuple[str, ...]]) -> list[str]:
        """The networks' bridges, joined to the hosts at these VXLAN endpoints."""

    async def wire(self, wirings: list[Wiring]) -> list[str]:
        """Put taps into the bridges of networks that are joined."""

    async def unwire(self, devices: list[str]) -> None:
        """Those of these taps that are in a bridge of ours leave it."""

    async def networks(self) -> list[str]:
        """Ids of the networks that have a bridge of ours here."""

    async def lost(self, segments: list[Segment]) -> list[str]:
        """Ids of those networks whose bridge is not here: somebody has taken it away."""

    async def leave(self, network_ids: list[str]) -> None:
        """Remove bridges, tunnels and sub-interfaces; taps that are still there only lose their bridge."""

    async def guard(self, ports: list[PortFirewall]) -> None:
        """The whole firewall of this node, replaced in one stroke. Raises `HostError` if it could not be."""

    # ------------------------------------------------------------ DHCP and sockets inside networks

    async def serve_dhcp(self, infos: list[DhcpNetworkInfo]) -> list[str]:
        """Bring these networks' DHCP up to date; each has a port."""

    async def stop_dhcp(self, network_ids: list[str]) -> None: ...

    async def dhcp_networks(self) -> list[str]:
        """Ids of the networks whose DHCP has left something here, running or not."""

    async def revive_dhcp(self) -> list[str]:
        """Start what has died; the ids of those networks."""

    async def open_socket(self, network_id: str) -> socket.socket:
        """A TCP socket inside a network that has DHCP here. Raises `LookupError` if it has none."""

    # ------------------------------------------------------------ routers

    async def serve_routers(self, infos: list[RouterInfo]) -> list[str]:
        """Bring these routers to what is said of them; their ports' taps are there then, for L2 to wire."""

    async def stop_routers(self, router_ids: list[str]) -> None: ...

    async def routers(self) -> list[str]:
        """Ids of the routers of which something is here."""

    async def revive_routers(self) -> list[str]:
        """Make again what somebody took away of the routers that are served; the ids of those."""

    async def announce_routers(self) -> None:
        """Tell the networks where addresses of routers are that came new here, as soon as their taps are wired."""

    # ------------------------------------------------------------ audits

    async def remove_all(self) -> None:
        """Take away everything that any data plane of this node's configuration made."""

    async def world(self) -> dict[str, list[str]]:
        """What is really here, by kind: bridges, taps, tunnels, namespaces, dnsmasq, dhcp entries, leases, tables,
        routers with their addresses and floating IPs."""
