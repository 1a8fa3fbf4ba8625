"""What only the network room is asked (administration) and what it tells its agents; `actors/messages.py` has the rest.

Every request carries the caller's token. A reply list is as long as its request list; the replies are rows of
`actors/records.py`, or a `CallerFault` that names the field.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from actors.records import AddressPair, FixedIp, Network, Port, Subnet

# ---------------------------------------------------------------- administration


class CreateNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """Naming the type, the segment or the physical network, or sharing it, is an administrator's right."""

    token: str
    name: str = ""
    project_id: str = ""  # '' = the caller's; another's is an administrator's right
    network_type: str = ""  # '' = vxlan
    segmentation_id: int = 0  # 0 = a free one
    physical_network: str = ""
    mtu: int = 0  # 0 = as large as the type allows
    shared: bool = False
    admin_state_up: bool = True
    port_security_enabled: bool = True


class CreateSubnet(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    network_id: str
    cidr: str
    name: str = ""
    gateway_ip: str | None = None  # None = the first address, '' = no gateway
    pools: tuple[tuple[str, str], ...] = ()  # () = the whole cidr but for network, broadcast and gateway
    dns_servers: tuple[str, ...] = ()
    host_routes: tuple[tuple[str, str], ...] = ()  # (destination, next hop)
    enable_dhcp: bool = True


class FixedIpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An address, a subnet, or both; the room chooses what is left open."""

    subnet_id: str = ""
    ip_address: str = ""


class CreatePort(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    network_id: str
    name: str = ""
    project_id: str = ""
    mac_address: str = ""  # '' = a free one
    fixed_ips: tuple[FixedIpRequest, ...] = ()  # () = the next free address
    security_groups: tuple[str, ...] | None = None  # names or ids; None = the project's default group
    port_security_enabled: bool | None = None  # None = as the network has it
    allowed_address_pairs: tuple[AddressPair, ...] = ()
    admin_state_up: bool = True
    dns_name: str = ""
    vnic_type: str = "normal"
    profile: dict[str, str] = msgspec.field(default_factory=dict)


class CreateSecurityGroup(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    name: str
    project_id: str = ""
    description: str = ""


class CreateSecurityGroupRule(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    security_group_id: str
    direction: str  # ingress, egress
    ethertype: str = "IPv4"
    protocol: str = ""  # '' = any; tcp, udp, icmp … or a number
    port_min: int = 0
    port_max: int = 0
    remote_ip_prefix: str = ""
    remote_group_id: str = ""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """One row, by id, to show or to delete."""

    token: str
    id: str


class PortQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Ports to list; an empty field does not narrow."""

    token: str
    network_id: str = ""
    device_id: str = ""


# ---------------------------------------------------------------- to the agents of the nodes


class DhcpHost(msgspec.Struct, frozen=True, kw_only=True):
    """One port as DHCP and metadata know it."""

    port_id: str
    mac_address: str
    fixed_ips: tuple[FixedIp, ...]
    dns_name: str  # '' = named after its address
    device_id: str  # the instance that has it


class DhcpQuery(msgspec.Struct, frozen=True, kw_only=True):
    """An agent asks for a network's DHCP; `version` is that of what it holds ('' = nothing)."""

    network_id: str
    version: str = ""


class DhcpNetworkInfo(msgspec.Struct, frozen=True, kw_only=True):
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


class FirewallRule(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic that a security group lets pass; what no rule lets pass is dropped."""

    direction: str  # ingress (to the guest), egress (from it)
    ethertype: str  # IPv4, IPv6
    protocol: str  # '' = any; tcp, udp, icmp … or a number
    port_min: int  # 0 and 0 = any; for icmp the type
    port_max: int  # for icmp the code
    remote_prefixes: tuple[str, ...]  # () = any; a remote group stands here as its members' addresses


class PortFirewall(msgspec.Struct, frozen=True, kw_only=True):
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
