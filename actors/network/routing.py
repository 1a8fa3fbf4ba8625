"""What the namespace of a router holds: devices with their addresses, and routes. Pure; `router.py` makes it so.

Names are those of Neutron's L3 agent: the namespace `qrouter-<router id>`, in it `qr-…` for each interface and `qg-…`
for the gateway, each followed by 11 characters of its port's id. A floating IP is an address of the gateway's device
alone, a network of its own (/32), so that it comes and goes without touching another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from msgspec.structs import replace

from actors.network.messages import RouterInfo, RouterPort
from actors.network.naming import tap_device

NAMESPACE_PREFIX = "qrouter-"
INTERFACE_PREFIX, GATEWAY_PREFIX = "qr-", "qg-"
EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Device:
    """One end of a wire, in the router; its other end is the tap on the node."""

    name: str
    tap: str
    mac_address: str
    mtu: int
    addresses: tuple[str, ...]  # with their prefix lengths


@dataclass(frozen=True, slots=True)
class Route:
    """With a device, the next hop is taken to be there, even if no address of ours is of its network."""

    next_hop: str
    device: str = ""


def namespace_of(router_id: str) -> str:
    return f"{NAMESPACE_PREFIX}{router_id}"


def gateway_device(info: RouterInfo) -> str:
    """'' if it has none."""
    return _name(GATEWAY_PREFIX, info.gateway) if info.gateway is not None else ""


def named_ports(info: RouterInfo) -> list[tuple[str, RouterPort]]:
    """Each port and its device's name, the gateway last."""
    inside = [(_name(INTERFACE_PREFIX, port), port) for port in info.interfaces]
    return inside if info.gateway is None else [*inside, (gateway_device(info), info.gateway)]


def devices(info: RouterInfo) -> list[Device]:
    """The gateway comes last: what is behind it is led out when all that leads in is there."""
    floating = [f"{address}/32" for address, _ in info.floating_ips]
    return [_device(name, port, floating if port is info.gateway else ()) for name, port in named_ports(info)]


def _device(name: str, port: RouterPort, more: Iterable[str]) -> Device:
    addresses = tuple(dict.fromkeys((*port.addresses, *more)))
    return Device(name, tap_device(port.port_id), port.mac_address, port.mtu, addresses)


def _name(prefix: str, port: RouterPort) -> str:
    return f"{prefix}{port.port_id[:11]}"


def routes(info: RouterInfo) -> dict[str, Route]:
    """By destination, as the kernel writes it. One that is asked for goes before what the gateway's subnet gives."""
    given = {EVERYWHERE: Route(info.next_hop, gateway_device(info))} if info.gateway and info.next_hop else {}
    return given | {
        str(ip_network(destination, strict=False)): Route(next_hop) for destination, next_hop in info.routes
    }


def is_served(info: RouterInfo, node: str) -> bool:
    """Whether anything of it should be on this node."""
    return info.host == node


def served(info: RouterInfo) -> RouterInfo:
    """What of it the node has: of a router that is administratively down its devices alone, without any address. So
    its ports are wired, as those of a router without work are, and nothing reaches it."""
    if info.admin_state_up:
        return info
    return replace(
        info,
        interfaces=tuple(replace(port, addresses=()) for port in info.interfaces),
        gateway=replace(info.gateway, addresses=()) if info.gateway is not None else None,
        next_hop="",
        floating_ips=(),
        routes=(),
    )


def world(infos: Iterable[RouterInfo]) -> dict[str, list[str]]:
    """What a data plane that serves these routers finds when it looks."""
    held = sorted(infos, key=lambda info: info.router_id)
    addresses = [
        f"{info.router_id} {device.name} {address}"
        for info in held
        for device in devices(info)
        for address in device.addresses
    ]
    floating = [f"{info.router_id} {' '.join(pair)}" for info in held if info.gateway for pair in info.floating_ips]
    return {
        "routers": [info.router_id for info in held],
        "router_addresses": sorted(addresses),
        "floating_ips": sorted(floating),
    }
