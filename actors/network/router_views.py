"""What the rows say of a router: its ports, and all that the agent of its node does for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from actors.messages import FloatingIps
from actors.network.ipam import version_of
from actors.network.messages import RouterInfo, RouterPort
from actors.network.naming import COMPUTE_OWNER, GATEWAY_OWNER
from actors.network.router_rows import ROUTER_OWNERS
from actors.network.rows import Rows
from actors.records import FloatingIp, Port, Router


def router_ports(rows: Rows, router_id: str) -> list[Port]:
    """Its interfaces and its gateway, in order of their ids."""
    ports = (rows.ports[port_id] for port_id in rows.ports_of_instance.get(router_id, {}))
    return sorted((port for port in ports if port.device_owner in ROUTER_OWNERS), key=lambda port: port.id)


def interfaces(rows: Rows, router_id: str) -> list[Port]:
    return [port for port in router_ports(rows, router_id) if port.device_owner != GATEWAY_OWNER]


def gateway(rows: Rows, router_id: str) -> Port | None:
    return next((port for port in router_ports(rows, router_id) if port.device_owner == GATEWAY_OWNER), None)


def leading_to(rows: Rows, port_id: str) -> list[FloatingIp]:
    """The floating IPs of a port, in order of their addresses."""
    found = (rows.floating_ips[floating_id] for floating_id in rows.routing.floating_of_port.get(port_id, {}))
    return sorted(found, key=lambda floating: floating.address)


def floating_of(rows: Rows, port_id: str) -> tuple[tuple[str, str], ...]:
    """(floating, fixed) of each floating IP that leads to the port now."""
    if port_id not in rows.routing.floating_of_port:  # as of nearly every port
        return ()
    return tuple((floating.address, floating.fixed_ip) for floating in leading_to(rows, port_id))


def floating_ips_of(rows: Rows, port_ids: Iterable[str]) -> list[FloatingIps]:
    """The same of those of the ports that instances have."""
    ports = (rows.ports[port_id] for port_id in port_ids if port_id in rows.ports)
    return [
        FloatingIps(instance_id=port.device_id, port_id=port.id, floating_ips=floating_of(rows, port.id))
        for port in ports
        if port.device_owner.startswith(COMPUTE_OWNER)
    ]


def router_info(rows: Rows, router: Router) -> RouterInfo:
    """All that is to be done for it where it runs; in IPv4, which alone is routed."""
    outside = gateway(rows, router.id)
    floating = (rows.floating_ips[one] for one in rows.routing.floating_of_router.get(router.id, {}))
    return RouterInfo(
        router_id=router.id,
        host=router.host,
        admin_state_up=router.admin_state_up,
        interfaces=tuple(_end(rows, port) for port in interfaces(rows, router.id)),
        gateway=_end(rows, outside) if outside else None,
        next_hop=_next_hop(rows, outside) if outside else "",
        enable_snat=router.enable_snat,
        floating_ips=tuple(sorted((one.address, one.fixed_ip) for one in floating)),
        routes=router.routes,
    )


def gone(router_id: str) -> RouterInfo:
    """Of a router that is no more."""
    return RouterInfo(router_id=router_id, host="")


def _end(rows: Rows, port: Port) -> RouterPort:
    return RouterPort(
        port_id=port.id,
        network_id=port.network_id,
        mac_address=port.mac_address,
        mtu=rows.networks[port.network_id].mtu,
        addresses=tuple(
            f"{ip.ip_address}/{ip_network(rows.subnets[ip.subnet_id].cidr).prefixlen}"
            for ip in port.fixed_ips
            if version_of(ip.ip_address) == 4
        ),
    )


def _next_hop(rows: Rows, port: Port) -> str:
    """Of the first of its subnets that has one."""
    gateways = (rows.subnets[ip.subnet_id].gateway_ip for ip in port.fixed_ips if version_of(ip.ip_address) == 4)
    return next((address for address in gateways if address), "")
