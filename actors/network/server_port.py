"""The DHCP server of a network: on which host it is, and the port that it has there. Pure.

Invariant, restored by `serve` after every change of a network's ports or subnets: a network has a DHCP host and a DHCP
port with an address in each of its DHCP subnets exactly while some other port of it is bound to a host. So the first
boot on a network brings its DHCP up, where that boot runs, and undoing the last one leaves nothing of it. Agents live
on nodes, so the DHCP host of a simulated host's network is that host's node.
"""

from __future__ import annotations

import random

from msgspec.structs import replace

from actors.network.ipam import address_by_mac
from actors.network.mac import new_mac
from actors.network.naming import DHCP_OWNER, dhcp_device_id, dhcp_port_id
from actors.network.plan import is_by_mac
from actors.network.rows import Rows
from actors.records import Change, FixedIp, Network, Port, Subnet, drop


def serve(rows: Rows, network_id: str, now: float, random: random.Random) -> list[Change]:
    """The changes that make the invariant true for one network; none if it is."""
    network = rows.networks.get(network_id)
    if network is None:
        return []
    port = rows.dhcp_port(network_id)
    nodes = rows.nodes_of.get(network_id) or {}
    subnet_ids = [subnet.id for subnet in rows.subnets_of.get(network_id, {}).values() if subnet.enable_dhcp]
    if not nodes or not subnet_ids:
        return _without(network, port)
    host = network.dhcp_host or next(iter(nodes))
    one = port or _new_port(rows, network, now, random)
    fixed_ips = _addresses(rows, subnet_ids, port, one.mac_address)
    if not fixed_ips:  # every pool is used up by guests: nothing is left for a server to have
        return _without(network, port)
    served = replace(
        one,
        fixed_ips=fixed_ips,
        host=host,
        device_id=dhcp_device_id(host, network_id),
    )
    if port and port.host != host:
        served = replace(served, status="DOWN")
    changes: list[Change] = [] if network.dhcp_host == host else [replace(network, dhcp_host=host)]
    return changes if served == port else [*changes, served]


def _without(network: Network, port: Port | None) -> list[Change]:
    changes: list[Change] = [replace(network, dhcp_host="")] if network.dhcp_host else []
    return [*changes, drop(port)] if port else changes


def _addresses(rows: Rows, subnet_ids: list[str], port: Port | None, mac: str) -> tuple[FixedIp, ...]:
    """What the port has, and a new address in each subnet where it has none yet."""
    held = {ip.subnet_id: ip for ip in port.fixed_ips} if port else {}
    found = []
    for subnet_id in subnet_ids:
        if subnet_id in held:
            found.append(held[subnet_id])
        elif address := _address(rows, rows.subnets[subnet_id], mac):
            found.append(FixedIp(subnet_id, address))
    return tuple(found)


def _address(rows: Rows, subnet: Subnet, mac: str) -> str | None:
    """Where guests make theirs of their MACs, so does the server: any other may be one that a guest makes."""
    book = rows.books[subnet.id]
    if not is_by_mac(subnet):
        return book.take_next()
    address = address_by_mac(subnet.cidr, mac)
    return address if book.take(address) else None


def _new_port(rows: Rows, network: Network, now: float, random: random.Random) -> Port:
    return Port(
        id=dhcp_port_id(network.id),
        network_id=network.id,
        project_id=network.project_id,
        mac_address=new_mac(rows.macs, random),
        device_owner=DHCP_OWNER,
        port_security_enabled=False,
        created_at=now,
    )
