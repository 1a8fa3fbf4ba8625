"""`network_data.json`: a guest's links, networks and services, in the shape that cloud-init reads. Pure.

Called by `metadata.py`. A subnet with DHCP becomes `ipv4_dhcp` (or `ipv6_slaac` and its like) and carries no address,
as in Nova: the guest is to ask. One without carries address, netmask, routes and name servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface, ip_network
from typing import Any

from actors.messages import SubnetInfo, Vif

Json = dict[str, Any]
EVERYWHERE = {4: ("0.0.0.0", "0.0.0.0"), 6: ("::", "::")}


def network_data(vifs: tuple[Vif, ...]) -> Json:
    addressed = [(vif, address, subnet) for vif in vifs for address, subnet in _addresses(vif)]
    networks = [_network(index, vif, address, subnet) for index, (vif, address, subnet) in enumerate(addressed)]
    servers = [server for _, _, subnet in addressed for server in subnet.dns_servers]
    return {
        "links": [_link(vif) for vif in vifs],
        "networks": networks,
        "services": [_name_server(server) for server in dict.fromkeys(servers)],
    }


def _addresses(vif: Vif) -> Iterator[tuple[str, SubnetInfo]]:
    subnets = {subnet.id: subnet for subnet in vif.subnets}
    for fixed in vif.fixed_ips:
        if fixed.subnet_id in subnets:
            yield fixed.ip_address, subnets[fixed.subnet_id]


def _link(vif: Vif) -> Json:
    return {
        "id": vif.device or f"tap{vif.port_id[:11]}",
        "vif_id": vif.port_id,
        "type": vif.vif_type if vif.vif_type in ("bridge", "ovs") else "phy",
        "mtu": vif.mtu,
        "ethernet_mac_address": vif.mac_address,
    }


def _network(index: int, vif: Vif, address: str, subnet: SubnetInfo) -> Json:
    version = ip_network(subnet.cidr).version
    entry: Json = {"id": f"network{index}", "link": _link(vif)["id"], "network_id": vif.network_id}
    if subnet.ipv6_address_mode:
        return entry | {"type": f"ipv6_{subnet.ipv6_address_mode}"}
    if subnet.enable_dhcp and version == 4:
        return entry | {"type": "ipv4_dhcp"}
    interface = ip_interface(f"{address}/{ip_network(subnet.cidr).prefixlen}")
    return entry | {
        "type": f"ipv{version}",
        "ip_address": address,
        "netmask": str(interface.netmask),
        "routes": list(_routes(subnet, version)),
        "services": [_name_server(server) for server in subnet.dns_servers],
    }


def _routes(subnet: SubnetInfo, version: int) -> Iterator[Json]:
    if subnet.gateway_ip:
        network, netmask = EVERYWHERE[version]
        yield {"network": network, "netmask": netmask, "gateway": subnet.gateway_ip}
    for destination, next_hop in subnet.host_routes:
        target = ip_network(destination)
        yield {"network": str(target.network_address), "netmask": str(target.netmask), "gateway": next_hop}


def _name_server(address: str) -> Json:
    return {"type": "dns", "address": address}
