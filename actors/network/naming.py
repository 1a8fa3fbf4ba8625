"""How the network room's things are called: devices, bridges, and ids that a repeated request finds again. Pure."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from actors.ids import id_within

_OURS = UUID("8a1b7f0e-6a57-5c0e-9d0c-3f1f1d6f7a52")  # the namespace of the ids that are made from other ids
COMPUTE_OWNER = "compute:"  # + availability zone
NETWORK_OWNER = "network:"  # what ports that networking itself has are called
DHCP_OWNER = "network:dhcp"
INTERFACE_OWNER = "network:router_interface"
GATEWAY_OWNER = "network:router_gateway"
FLOATING_OWNER = "network:floatingip"  # holds a floating IP's address; no device has it
DEFAULT_GROUP = "default"
ZONE = "nova"  # networks are served wherever there is an agent: there is one zone of them
REMEMBERED = 4_096  # derived ids; a boot needs the same few several times


@lru_cache(maxsize=REMEMBERED)
def boot_port_id(instance_id: str, index: int) -> str:
    """The port of an instance's index-th interface: the same boot, run again, finds it."""
    return id_within(_OURS, f"{instance_id}/{index}")


@lru_cache(maxsize=REMEMBERED)
def dhcp_port_id(network_id: str) -> str:
    return id_within(_OURS, f"{network_id}/dhcp")


def dhcp_device_id(host: str, network_id: str) -> str:
    return f"dhcp-{host}-{network_id}"


@lru_cache(maxsize=REMEMBERED)
def default_group_id(project_id: str) -> str:
    return id_within(_OURS, f"{project_id}/default-group")


def default_rule_id(group_id: str, direction: str, ethertype: str) -> str:
    return id_within(_OURS, f"{group_id}/{direction}/{ethertype}")


def tap_device(port_id: str) -> str:
    """As Neutron and Nova name it; 14 characters, since the kernel allows 15."""
    return f"tap{port_id[:11]}"


def tap_of_wire(inside: str) -> str:
    """Of a wire's end in a namespace (`ns-…`, `qr-…`, `qg-…`): its other end."""
    return f"tap{inside[3:]}"


def bridge_device(network_id: str) -> str:
    return f"brq{network_id[:11]}"
