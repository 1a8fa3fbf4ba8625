"""What the network room is asked about routers and floating IPs; `messages.py` has the rest.

The replies are rows of `actors/records.py`, a `RouterInterface`, or a `CallerFault` that names the field.
"""

from __future__ import annotations

import msgspec

from actors.network.messages import FixedIpRequest, Reference
from actors.records import Port


class ExternalGateway(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a router leads out of the cloud. Naming anything but the network is an administrator's right."""

    network_id: str  # '' = nowhere
    enable_snat: bool | None = None  # None = as it is, and of a new gateway true
    fixed_ips: tuple[FixedIpRequest, ...] | None = None  # None = as they are, or the next free address


class CreateRouter(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    token: str
    name: str = ""
    project_id: str = ""
    description: str = ""
    admin_state_up: bool = True
    gateway: ExternalGateway | None = None
    zone_hints: tuple[str, ...] = ()


class UpdateRouter(Reference, frozen=True, kw_only=True):
    """None leaves a field as it is; `add_routes` and `remove_routes` are done to the routes that are there."""

    name: str | None = None
    description: str | None = None
    admin_state_up: bool | None = None
    gateway: ExternalGateway | None = None
    routes: tuple[tuple[str, str], ...] | None = None  # (destination, next hop), all of them
    add_routes: tuple[tuple[str, str], ...] = ()
    remove_routes: tuple[tuple[str, str], ...] = ()


class InterfaceRequest(Reference, frozen=True, kw_only=True):
    """The router's end in a subnet, by the subnet or by the port that is to be, or is, this end."""

    subnet_id: str = ""
    port_id: str = ""


class RouterInterface(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    router_id: str
    project_id: str  # the router's
    port_id: str
    network_id: str
    subnet_ids: tuple[str, ...]


class FloatingEnd(msgspec.Struct, frozen=True, gc=False):
    """Where a floating IP leads, and whether any node does it."""

    port: Port
    runs: bool


class CreateFloatingIp(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Choosing the address is an administrator's right."""

    token: str
    network_id: str
    project_id: str = ""
    description: str = ""
    address: str = ""  # '' = the next free one
    subnet_id: str = ""  # '' = any of the network
    port_id: str = ""  # '' = it leads nowhere yet
    fixed_ip: str = ""  # '' = the only one of the port


class UpdateFloatingIp(Reference, frozen=True, kw_only=True):
    description: str | None = None
    port_id: str | None = None  # None = as it is, '' = it leads nowhere
    fixed_ip: str = ""
