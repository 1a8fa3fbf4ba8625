"""The network room's rows in memory, and every index that its decisions need. Pure: no I/O.

`live_rows.py` loads it and applies every change to it; `plan.py`, `views.py` and the service read it. Invariant: all
indexes follow from the rows alone, whatever the order of the changes, so a room that restarts has the same ones. The
one exception is on purpose: `plan.py` takes addresses and MACs here before their ports are rows, and gives them back
if no port comes of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

from msgspec.structs import replace

from actors.cluster.names import node_of
from actors.network.ipam import AddressBook
from actors.network.naming import DHCP_OWNER, bridge_device, dhcp_port_id, tap_device
from actors.network.port_log import PortLog
from actors.network.router_rows import RouterRows
from actors.records import (
    Change,
    Drop,
    FixedIp,
    FloatingIp,
    Network,
    NetworkAgent,
    NetworkQuota,
    Port,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetPool,
)

Revised = Network | Subnet | SubnetPool | Port | Router | FloatingIp | SecurityGroup | SecurityGroupRule
"""What has a revision, and the times of its making and of its last change."""

REVISED = frozenset({Network, Subnet, SubnetPool, Port, Router, FloatingIp, SecurityGroup, SecurityGroupRule})

Row = Revised | NetworkAgent | NetworkQuota
KINDS: tuple[type[Row], ...] = (
    Network,
    Subnet,
    SubnetPool,
    SecurityGroup,
    SecurityGroupRule,
    NetworkAgent,
    NetworkQuota,
    Port,
    Router,
    FloatingIp,
)
"""In the order in which they are loaded: subnets before the ports that take their addresses."""

Segment = tuple[str, str, int]  # network type, physical network, segmentation id
Value = TypeVar("Value")
Index = defaultdict[str, dict[str, Value]]


class Rows:
    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.networks: dict[str, Network] = {}
        self.subnets: dict[str, Subnet] = {}
        self.ports: dict[str, Port] = {}
        self.groups: dict[str, SecurityGroup] = {}
        self.rules: dict[str, SecurityGroupRule] = {}
        self.agents: dict[str, NetworkAgent] = {}
        self.pools: dict[str, SubnetPool] = {}
        self.quotas: dict[str, NetworkQuota] = {}  # by project
        self.routing = RouterRows()
        self.routers, self.floating_ips = self.routing.routers, self.routing.floating_ips
        self.tables: dict[str, Mapping[str, Row]] = {
            "Network": self.networks,
            "Subnet": self.subnets,
            "SubnetPool": self.pools,
            "Port": self.ports,
            "SecurityGroup": self.groups,
            "SecurityGroupRule": self.rules,
            "NetworkAgent": self.agents,
            "NetworkQuota": self.quotas,
            "Router": self.routers,
            "FloatingIp": self.floating_ips,
        }
        self.segments: dict[Segment, str] = {}
        self.bridges: dict[str, str] = {}  # bridge device → network id
        self.taps: dict[str, str] = {}  # tap device → port id
        self.macs: dict[str, str] = {}  # MAC → port id
        self.books: dict[str, AddressBook] = {}  # subnet id → its addresses
        self.subnets_of: Index[Subnet] = defaultdict(dict)  # by network
        self.ports_of: Index[Port] = defaultdict(dict)  # by network, DHCP's own among them
        self.nodes_of: Index[int] = defaultdict(dict)  # by network: node → bound ports there, but for DHCP's own
        self.ports_of_instance: Index[None] = defaultdict(dict)  # by instance: ids of ports it has or were made for it
        self.members_of: Index[None] = defaultdict(dict)  # by security group: port ids
        self.networks_of: Index[int] = defaultdict(dict)  # by security group: network → its members there
        self.naming: Index[int] = defaultdict(dict)  # by security group: groups → their rules for its members
        self.groups_of: Index[SecurityGroup] = defaultdict(dict)  # by project
        self.rules_of: Index[SecurityGroupRule] = defaultdict(dict)  # by security group
        self.port_logs: defaultdict[str, PortLog] = defaultdict(PortLog)  # by network
        self.alterations: defaultdict[str, int] = defaultdict(int)  # by network: changes of ports that were there
        self.port_counts: dict[str, int] = defaultdict(int)  # by project, but for DHCP's own
        for row in rows:
            self.apply(row)

    def apply(self, change: Change) -> None:
        """Put a row (new or changed) or drop one; doing it twice changes nothing more."""
        if isinstance(change, Drop):
            self._drop(change)
        elif isinstance(change, Port):
            self._put_port(change)
        elif isinstance(change, Network):
            self._put_network(change)
        elif isinstance(change, Subnet):
            self._put_subnet(change)
        elif isinstance(change, SecurityGroup):
            self.groups[change.id] = self.groups_of[change.project_id][change.id] = change
        elif isinstance(change, SecurityGroupRule):
            if change.remote_group_id and change.id not in self.rules:
                _count(self.naming, change.remote_group_id, change.security_group_id, 1)
            self.rules[change.id] = self.rules_of[change.security_group_id][change.id] = change
        elif isinstance(change, NetworkAgent):
            self.agents[change.id] = change
        elif isinstance(change, SubnetPool):
            self.pools[change.id] = change
        elif isinstance(change, NetworkQuota):
            self.quotas[change.id] = change
        elif isinstance(change, Router):
            self.routing.put_router(change)
        elif isinstance(change, FloatingIp):
            self.routing.put_floating(change)
        else:
            raise TypeError(f"{type(change).__name__} is not a row of the network room")

    def row_of(self, gone: Drop) -> Row | None:
        """The row that a drop takes away."""
        return self.tables[gone.kind].get(gone.id)

    def revised(self, change: Change, now: float) -> Change:
        """The change as it is kept: with the row's next revision and its time. To be called before `apply`."""
        if type(change) not in REVISED:  # every boot comes by here: isinstance of a union takes four times as long
            return change
        row = cast(Revised, change)
        before = cast(Revised | None, self.tables[type(row).__name__].get(row.id))
        revision = before.revision + 1 if before else 1
        return replace(row, revision=revision, updated_at=now, created_at=row.created_at or now)

    def dhcp_port(self, network_id: str) -> Port | None:
        return self.ports.get(dhcp_port_id(network_id))

    # ------------------------------------------------------------ networks and subnets

    def _put_network(self, network: Network) -> None:
        self.alterations[network.id] += network.id in self.networks
        self.networks[network.id] = network
        self.segments[segment_of(network)] = network.id
        self.bridges[bridge_device(network.id)] = network.id

    def _put_subnet(self, subnet: Subnet) -> None:
        self.subnets[subnet.id] = self.subnets_of[subnet.network_id][subnet.id] = subnet
        book = self.books.get(subnet.id)
        if book is None or not book.has_pools(subnet.pools):
            self.books[subnet.id] = AddressBook(subnet.pools, book)

    def _drop(self, change: Drop) -> None:
        if change.kind == "Port" and (port := self.ports.pop(change.id, None)):
            self._unindex(port)
            self._release(port.fixed_ips)
            self.port_logs[port.network_id].add(port.id)
            self.alterations[port.network_id] += 1
        elif change.kind == "Network" and (network := self.networks.pop(change.id, None)):
            del self.segments[segment_of(network)], self.bridges[bridge_device(network.id)]
            self.subnets_of.pop(network.id, None)
            self.ports_of.pop(network.id, None)
            self.port_logs.pop(network.id, None)
            self.alterations.pop(network.id, None)
            self.nodes_of.pop(network.id, None)
        elif change.kind == "Subnet" and (subnet := self.subnets.pop(change.id, None)):
            self.subnets_of[subnet.network_id].pop(subnet.id, None)
            del self.books[subnet.id]
        elif change.kind == "SecurityGroup" and (group := self.groups.pop(change.id, None)):
            self.groups_of[group.project_id].pop(group.id, None)
            self.members_of.pop(group.id, None)
            self.rules_of.pop(group.id, None)
        elif change.kind == "SecurityGroupRule" and (rule := self.rules.pop(change.id, None)):
            self.rules_of[rule.security_group_id].pop(rule.id, None)
            if rule.remote_group_id:
                _count(self.naming, rule.remote_group_id, rule.security_group_id, -1)
        elif change.kind == "NetworkAgent":
            self.agents.pop(change.id, None)
        elif change.kind == "SubnetPool":
            self.pools.pop(change.id, None)
        elif change.kind == "NetworkQuota":
            self.quotas.pop(change.id, None)
        else:
            self.routing.drop(change)

    # ------------------------------------------------------------ ports

    def _put_port(self, port: Port) -> None:
        old = self.ports.get(port.id)
        if old is not None:
            same = _indexed(old) == _indexed(port)
            if not same or _unindexed(old) != _unindexed(port):
                self.alterations[port.network_id] += 1
            if same:
                self.ports[port.id] = self.ports_of[port.network_id][port.id] = port
                return
            self._unindex(old)
        if old is None or old.fixed_ips != port.fixed_ips:
            self._release(old.fixed_ips if old else ())
            for ip in port.fixed_ips:
                self.books[ip.subnet_id].take(ip.ip_address)
        self._index(port)
        if old is None or _dhcp_part(old) != _dhcp_part(port):
            self.port_logs[port.network_id].add(port.id)

    def _release(self, fixed_ips: tuple[FixedIp, ...]) -> None:
        for ip in fixed_ips:
            if book := self.books.get(ip.subnet_id):
                book.release(ip.ip_address)

    def _index(self, port: Port) -> None:
        self.ports[port.id] = self.ports_of[port.network_id][port.id] = port
        self.taps[tap_device(port.id)] = port.id
        self.macs[port.mac_address] = port.id
        for instance_id in {port.device_id, port.made_for} - {""}:
            self.ports_of_instance[instance_id][port.id] = None
        for group_id in port.security_groups:
            self.members_of[group_id][port.id] = None
            _count(self.networks_of, group_id, port.network_id, 1)
        if port.device_owner == DHCP_OWNER:
            return
        self.port_counts[port.project_id] += 1
        if port.host:
            nodes, node = self.nodes_of[port.network_id], node_of(port.host)
            nodes[node] = nodes.get(node, 0) + 1

    def _unindex(self, port: Port) -> None:
        self.ports_of[port.network_id].pop(port.id, None)
        self.taps.pop(tap_device(port.id), None)
        self.macs.pop(port.mac_address, None)
        for instance_id in {port.device_id, port.made_for} - {""}:
            _discard(self.ports_of_instance, instance_id, port.id)
        for group_id in port.security_groups:
            _discard(self.members_of, group_id, port.id)
            _count(self.networks_of, group_id, port.network_id, -1)
        if port.device_owner == DHCP_OWNER:
            return
        self.port_counts[port.project_id] -= 1
        if port.host:
            nodes, node = self.nodes_of[port.network_id], node_of(port.host)
            nodes[node] -= 1
            if not nodes[node]:
                del nodes[node]


def _dhcp_part(port: Port) -> tuple[object, ...]:
    return port.mac_address, port.fixed_ips, port.dns_name, port.device_id, port.network_id


def _indexed(port: Port) -> tuple[object, ...]:
    """All of a port that any index follows from; its status, which changes most, is not in it."""
    return (
        *_dhcp_part(port),
        port.project_id,
        port.made_for,
        port.device_owner,
        port.host,
        port.security_groups,
    )


def _unindexed(port: Port) -> tuple[object, ...]:
    """What else says how it is wired."""
    return port.admin_state_up, port.port_security_enabled, port.allowed_address_pairs, port.profile


def segment_of(network: Network) -> Segment:
    return network.network_type, network.physical_network, network.segmentation_id


def _count(index: Index[int], key: str, member: str, more: int) -> None:
    members = index[key]
    members[member] = members.get(member, 0) + more
    if not members[member]:
        _discard(index, key, member)


def _discard(index: Index[Value], key: str, member: str) -> None:
    members = index[key]
    members.pop(member, None)
    if not members:
        del index[key]
