"""Who has to hear of a change. Pure.

Used by the network room (`door.py`), whose `notices.py` tells them: `Touched` notes how things stood before and says
afterwards which hosts must hear.
"""

from __future__ import annotations

from collections.abc import Iterator

from actors.network.messages import RouterInfo
from actors.network.router_place import routers_in
from actors.network.router_rows import ROUTER_OWNERS
from actors.network.router_views import floating_of, router_info
from actors.network.rows import Rows
from actors.records import Change, Drop, FloatingIp, Network, Port, Router, SecurityGroupRule, Subnet

Notice = tuple[str, str]  # (node, id of a network or a router); a simulated host has its node's agent


class Touched:
    """The networks that a batch changes: DHCP's nodes hear at once, the other nodes that had them soon after. And the
    routers, of which the node that has one hears at once, and the one that had it, where anything changes for them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._before: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._routers: dict[str, RouterInfo | None] = {}  # as they were told before; None: they were not there
        self._admitting: set[str] = set()  # networks with ports that let others in, or reach them, by their group
        self._anyway: set[str] = set()  # routers that are told though nothing changes for them
        self._floating: dict[str, tuple[tuple[str, str], ...]] = {}  # what led to ports before

    def __iter__(self) -> Iterator[str]:
        return iter(self._before)

    def add(self, network_id: str) -> None:
        """To be called before the change."""
        if network_id not in self._before:
            self._before[network_id] = self._dhcp_host(network_id), tuple(self._rows.nodes_of.get(network_id, ()))

    def add_router(self, router_id: str, anyway: bool = False) -> None:
        """To be called before the change. `anyway`: it may not have been told what it is already."""
        if router_id not in self._routers:
            self._routers[router_id] = self._info(router_id)
        if anyway:
            self._anyway.add(router_id)

    @property
    def routers(self) -> list[str]:
        return list(self._routers)

    @property
    def refloated(self) -> list[str]:
        """Ports to which other floating IPs lead than before."""
        return [port_id for port_id, before in self._floating.items() if floating_of(self._rows, port_id) != before]

    def by(self, changes: list[Change]) -> None:
        """To be called before these changes: the networks of rows put or dropped, or where a rule's group has ports;
        the routers that have anything to do with them."""
        for change in changes:
            row = self._rows.row_of(change) if isinstance(change, Drop) else change
            if isinstance(row, Port):
                self.add(row.network_id)
                self._by_groups(self._rows.ports.get(row.id), None if isinstance(change, Drop) else row)
                if row.device_owner in ROUTER_OWNERS:
                    self.add_router(row.device_id)
            elif isinstance(row, Network | Subnet):
                network_id = row.id if isinstance(row, Network) else row.network_id
                self.add(network_id)
                for router_id in routers_in(self._rows, network_id):
                    self.add_router(router_id)
            elif isinstance(row, Router):
                self.add_router(row.id)
            elif isinstance(row, FloatingIp):
                self._by_floating(row)
            elif isinstance(row, SecurityGroupRule):
                for port_id in self._rows.members_of.get(row.security_group_id, {}):
                    self.add(self._rows.ports[port_id].network_id)

    def _by_groups(self, before: Port | None, after: Port | None) -> None:
        """What a group's members are changes rules that name the group, also of ports in other networks."""
        if before and after and _as_member(before) == _as_member(after):
            return
        groups = {group_id for port in (before, after) if port for group_id in port.security_groups}
        for naming in {other for group_id in groups for other in self._rows.naming.get(group_id, ())}:
            self._admitting.update(self._rows.networks_of.get(naming, ()))

    def _by_floating(self, floating: FloatingIp) -> None:
        before = self._rows.floating_ips.get(floating.id)
        for one in (floating, before):
            if one is not None and one.router_id:
                self.add_router(one.router_id)
            if one is not None and one.port_id:
                self._floating.setdefault(one.port_id, floating_of(self._rows, one.port_id))

    def of_routers(self) -> set[Notice]:
        """Where those that are others now ran before, and where they run: who changes one waits for both."""
        found = ((router_id, before, self._info(router_id)) for router_id, before in self._routers.items())
        return {
            (info.host, router_id)
            for router_id, before, now in found
            if before != now or router_id in self._anyway
            for info in (before, now)
            if info is not None and info.host
        }

    def urgent(self) -> set[Notice]:
        """The DHCP servers' hosts, before and after: a boot waits for them."""
        return {
            (host, network_id)
            for network_id, (before, _) in self._before.items()
            for host in (before, self._dhcp_host(network_id))
            if host
        }

    def soon(self) -> set[Notice]:
        """The other nodes that have the network and had it before: their peers or remote groups may have changed. And
        those with ports of which remote groups alone have."""
        staying = {
            (node, network_id)
            for network_id, (_, before) in self._before.items()
            for node in before
            if node in self._rows.nodes_of.get(network_id, ())
        }
        named = {
            (node, network_id)
            for network_id in self._admitting - self._before.keys()
            for node in self._rows.nodes_of.get(network_id, ())
        }
        return (staying | named) - self.urgent()

    def _info(self, router_id: str) -> RouterInfo | None:
        router = self._rows.routers.get(router_id)
        return router_info(self._rows, router) if router else None

    def _dhcp_host(self, network_id: str) -> str:
        network = self._rows.networks.get(network_id)
        return network.dhcp_host if network else ""


def _as_member(port: Port) -> tuple[object, ...]:
    """What firewalls of others have of it."""
    return port.security_groups, port.fixed_ips, port.allowed_address_pairs
