"""What only the network room is asked (administration) and what it tells its agents; `actors/messages.py` has the rest.

Every request carries the caller's token. A reply list is as long as its request list; the replies are rows of
`actors/records.py`, or a `CallerFault` that names the field.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from actors.messages import PortDetails
from actors.records import AddressPair, FixedIp, Network, Port, Subnet

# ---------------------------------------------------------------- administration


class CreateNetwork(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Naming the type, the segment or the physical network, sharing it, or leading out of the cloud through it, is an
    administrator's right."""

    token: str
    name: str = ""
    project_id: str = ""  # '' = the caller's; another's is an administrator's right
    network_type: str = ""  # '' = vxlan
    segmentation_id: int = 0  # 0 = a free one
    physical_network: str = ""
    mtu: int = 0  # 0 = as large as the type allows
    shared: bool = False
    external: bool = False
    admin_state_up: bool = True
    port_security_enabled: bool = True
    description: str = ""
    zone_hints: tuple[str, ...] = ()
    dns_domain: str = ""


class CreateSubnet(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """With a pool, `cidr` may be '' (the next free one of `prefixlen`) or one of the pool's own."""

    token: str
    network_id: str
    cidr: str = ""
    name: str = ""
    project_id: str = ""
    description: str = ""
    subnetpool_id: str = ""
    prefixlen: int = 0  # 0 = as the pool has it
    gateway_ip: str | None = None  # None = the first address, '' = no gateway
    pools: tuple[tuple[str, str], ...] = ()  # () = the whole cidr but for network, broadcast and gateway
    dns_servers: tuple[str, ...] = ()
    host_routes: tuple[tuple[str, str], ...] = ()  # (destination, next hop)
    enable_dhcp: bool = True
    ip_version: int = 0  # 4 or 6; 0 = as the cidr or the pool has it
    ipv6_ra_mode: str = ""
    ipv6_address_mode: str = ""


class FixedIpRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An address, a subnet, or both; the room chooses what is left open."""

    subnet_id: str = ""
    ip_address: str = ""


class CreatePort(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    token: str
    network_id: str
    name: str = ""
    project_id: str = ""
    mac_address: str = ""  # '' = a free one
    fixed_ips: tuple[FixedIpRequest, ...] | None = None  # None = the next free address, () = none
    security_groups: tuple[str, ...] | None = None  # names or ids; None = the project's default group
    port_security_enabled: bool | None = None  # None = as the network has it
    allowed_address_pairs: tuple[AddressPair, ...] = ()
    admin_state_up: bool = True
    dns_name: str = ""
    vnic_type: str = "normal"
    profile: dict[str, str] = msgspec.field(default_factory=dict)
    description: str = ""
    device_id: str = ""
    device_owner: str = ""
    host: str = ""  # to bind it to before a server has it: an administrator's right


class CreateSecurityGroup(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    token: str
    name: str
    project_id: str = ""
    description: str = ""


class CreateSecurityGroupRule(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    token: str
    security_group_id: str
    direction: str  # ingress, egress
    ethertype: str = "IPv4"
    protocol: str = ""  # '' = any; tcp, udp, icmp … or a number
    port_min: int = -1  # -1 = any; for icmp the type
    port_max: int = -1  # for icmp the code
    remote_ip_prefix: str = ""
    remote_group_id: str = ""
    description: str = ""


class CreateSubnetPool(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Sharing it, or making it the default one, is an administrator's right. 0 = the prefixes decide."""

    token: str
    prefixes: tuple[str, ...]
    name: str = ""
    project_id: str = ""
    description: str = ""
    default_prefixlen: int = 0
    min_prefixlen: int = 0
    max_prefixlen: int = 0
    shared: bool = False
    is_default: bool = False
    default_quota: int = -1  # -1 = none


class Reference(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One row, by id, to show or to delete; `revision` is the one that a deletion has in mind (None = any)."""

    token: str
    id: str
    revision: int | None = None


class PortQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Ports to list; an empty field does not narrow."""

    token: str
    network_id: str = ""
    device_id: str = ""


# ---------------------------------------------------------------- editing: None leaves a field as it is


class UpdateNetwork(Reference, frozen=True, kw_only=True):
    name: str | None = None
    description: str | None = None
    admin_state_up: bool | None = None
    shared: bool | None = None
    external: bool | None = None
    port_security_enabled: bool | None = None
    mtu: int | None = None
    dns_domain: str | None = None


class UpdateSubnet(Reference, frozen=True, kw_only=True):
    name: str | None = None
    description: str | None = None
    gateway_ip: str | None = None  # '' = no gateway
    pools: tuple[tuple[str, str], ...] | None = None
    dns_servers: tuple[str, ...] | None = None
    host_routes: tuple[tuple[str, str], ...] | None = None
    enable_dhcp: bool | None = None


class UpdateSubnetPool(Reference, frozen=True, kw_only=True):
    """Prefixes are only added."""

    name: str | None = None
    description: str | None = None
    prefixes: tuple[str, ...] | None = None
    default_prefixlen: int | None = None
    min_prefixlen: int | None = None
    max_prefixlen: int | None = None
    is_default: bool | None = None
    default_quota: int | None = None


class UpdatePort(Reference, frozen=True, kw_only=True):
    name: str | None = None
    description: str | None = None
    admin_state_up: bool | None = None
    mac_address: str | None = None
    fixed_ips: tuple[FixedIpRequest, ...] | None = None  # all of them: addresses that stay are named again
    security_groups: tuple[str, ...] | None = None
    allowed_address_pairs: tuple[AddressPair, ...] | None = None
    port_security_enabled: bool | None = None
    dns_name: str | None = None
    device_id: str | None = None
    device_owner: str | None = None
    vnic_type: str | None = None
    profile: dict[str, str] | None = None
    host: str | None = None


class UpdateSecurityGroup(Reference, frozen=True, kw_only=True):
    name: str | None = None
    description: str | None = None


class EditTags(Reference, frozen=True, kw_only=True):
    """`replace` comes first (None = the tags as they are), then what is added and taken away."""

    noun: str  # networks, subnets, subnetpools, ports, routers, floatingips, security-groups
    replace: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class QuotaQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A project's limits: its own for anybody, another's for an administrator."""

    token: str
    project_id: str


class SetQuota(QuotaQuery, frozen=True, kw_only=True):
    """New limits; None takes all that was set away. With `check_limit`, none may be below what is in use."""

    limits: dict[str, int] | None
    check_limit: bool = False


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """How many of one resource a project may have, and has. -1 = no limit."""

    limit: int
    used: int


class AgentView(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A node's network agent, which serves DHCP and wires guests there."""

    host: str
    alive: bool  # its last notice was heard
    started_at: float
    underlay_ip: str
    networks: int  # whose DHCP it serves
    routers: int  # that it runs
    ports: int  # bound to its hosts


# ---------------------------------------------------------------- to the agents of the nodes


class DhcpHost(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One port as DHCP and metadata know it."""

    port_id: str
    mac_address: str
    fixed_ips: tuple[FixedIp, ...]
    dns_name: str  # '' = named after its address
    device_id: str  # the instance that has it


class DhcpQuery(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An agent asks for a network's DHCP; `version` is that of what it holds ('' = nothing)."""

    network_id: str
    version: str = ""


class DhcpNetworkInfo(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Everything that is written for a network's DHCP, or what of it has changed.

    `port` is the DHCP server's own and lives on `network.dhcp_host`; it is None while no bound port needs DHCP, and
    then nothing of the network's DHCP should be left on any host. `hosts` leaves that port out; with `since` it has
    only the ports that came or changed after that version, and `gone` the ids of those that went.
    """

    network_id: str
    network: Network
    subnets: tuple[Subnet, ...]
    hosts: tuple[DhcpHost, ...]
    port: Port | None
    dns_domain: str
    version: str = ""
    since: str = ""
    gone: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Callable[[bytes], DhcpNetworkInfo], tuple[bytes]]:
        """Pickled as one MessagePack string: with 10,000 hosts 5 times cheaper than host by host."""
        return _dhcp_network_info, (msgspec.msgpack.encode(self),)


def _dhcp_network_info(packed: bytes) -> DhcpNetworkInfo:
    return msgspec.msgpack.decode(packed, type=DhcpNetworkInfo)


class NetworkNews(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an agent would ask after a notice: `peers` as `NetworkFace.peers` has them, and where it serves the
    network's DHCP what of that is new since what it is thought to hold, with the `ports` of these whose taps are still
    to come on its node. What earlier news said of ports holds as long as the `edition` is the same: then none of them
    has changed or gone."""

    network_id: str
    peers: tuple[str, ...]
    dhcp: DhcpNetworkInfo | None = None
    ports: tuple[PortDetails, ...] = ()
    edition: str = ""


class RouterPort(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A router's end in one network: a device in its namespace, whose other end is the port's tap on the node."""

    port_id: str
    network_id: str
    mac_address: str
    mtu: int
    addresses: tuple[str, ...]  # with their prefix lengths: 10.0.0.1/24


class RouterInfo(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Everything that a node's agent does for a router, whole at each change. With another `host` than the agent's own,
    nothing of the router should be left on the agent's node; a router that is gone has the host ''."""

    router_id: str
    host: str
    admin_state_up: bool = True
    interfaces: tuple[RouterPort, ...] = ()  # in order of their ports' ids
    gateway: RouterPort | None = None
    next_hop: str = ""  # through the gateway, for all that no interface and no route leads to; '' = none
    enable_snat: bool = True
    floating_ips: tuple[tuple[str, str], ...] = ()  # (floating, fixed), in order
    routes: tuple[tuple[str, str], ...] = ()  # (destination, next hop)


class FirewallRule(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Traffic that a security group lets pass; what no rule lets pass is dropped."""

    direction: str  # ingress (to the guest), egress (from it)
    ethertype: str  # IPv4, IPv6
    protocol: str  # '' = any; tcp, udp, icmp … or a number
    port_min: int  # -1 = any; for icmp the type
    port_max: int  # for icmp the code
    remote_prefixes: tuple[str, ...]  # () = any; a remote group stands here as its members' addresses


class PortFirewall(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Everything that the firewall of one port needs. Without port security there are no rules and no checks."""

    port_id: str
    device: str  # tap + first 11 characters of the port id
    bridge: str  # brq + first 11 characters of the network id
    network_id: str
    mac_address: str
    ip_addresses: tuple[str, ...]
    allowed_address_pairs: tuple[AddressPair, ...]  # mac_address '' = the port's own
    port_security_enabled: bool
    rules: tuple[FirewallRule, ...]
