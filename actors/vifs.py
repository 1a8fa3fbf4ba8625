"""Virtual interfaces of instances, as rooms tell each other of them and as an instance's row keeps them.

Ten thousand instances on one network say the same of it ten thousand times: `alike` has them say it with the same
objects.
"""

from __future__ import annotations

from sys import intern

import msgspec

SUBNETS_KEPT = 10_000  # different ones that `alike` remembers


class FixedIp(msgspec.Struct, frozen=True, gc=False):
    subnet_id: str
    ip_address: str


class SubnetInfo(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    cidr: str
    gateway_ip: str
    dns_servers: tuple[str, ...] = ()
    host_routes: tuple[tuple[str, str], ...] = ()
    enable_dhcp: bool = True
    ipv6_address_mode: str = ""


class Vif(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One virtual interface of an instance, in the order of its requests."""

    port_id: str
    network_id: str
    network_name: str
    mac_address: str
    mtu: int
    fixed_ips: tuple[FixedIp, ...]
    subnets: tuple[SubnetInfo, ...]
    vif_type: str = "bridge"
    vnic_type: str = "normal"
    device: str = ""  # tap + first 11 characters of the port id
    bridge: str = ""  # brq + first 11 characters of the network id
    profile: dict[str, str] = {}
    active: bool = False
    tag: str = ""
    made_here: bool = True  # created by this boot, so deleted with the instance
    security_groups: tuple[str, ...] | None = None  # their names; None = not known
    floating_ips: tuple[tuple[str, str], ...] = ()  # (floating, fixed): addresses that lead to it from outside


def alike(vif: Vif) -> Vif:
    """The same; what other interfaces have as well is one object with theirs."""
    if len(_subnets) > SUBNETS_KEPT:
        _subnets.clear()
    return msgspec.structs.replace(
        vif,
        network_id=intern(vif.network_id),
        network_name=intern(vif.network_name),
        vif_type=intern(vif.vif_type),
        vnic_type=intern(vif.vnic_type),
        bridge=intern(vif.bridge),
        fixed_ips=tuple(FixedIp(intern(ip.subnet_id), ip.ip_address) for ip in vif.fixed_ips),
        subnets=_subnets.setdefault(vif.subnets, vif.subnets),
        security_groups=vif.security_groups and tuple(map(intern, vif.security_groups)),
    )


_subnets: dict[tuple[SubnetInfo, ...], tuple[SubnetInfo, ...]] = {}
