"""What the L2 agent wants of the kernel, as orders; `links.py` carries them out. Pure.

Section D of BOOT_FLOW: a bridge for each network (`brq` + 11 characters of its id), joined to other hosts by the
physical device itself (flat), a VLAN sub-interface (`eth1.120`) or a VXLAN tunnel, with the taps of its ports.
Each order says how a thing shall be, so carrying it out twice gives the same world.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actors.cluster.config import NodeConfig
from actors.messages import PortDetails
from actors.network.naming import bridge_device

TAP_PREFIX = "tap"
VXLAN_PORT = 4789  # IANA's; RFC 7348
DEVICE_NAME_LIMIT = 15  # characters; IFNAMSIZ less the terminating zero
ALIAS_PREFIX = "novaray:"  # + network id: a bridge of ours says so, and whose it is, after a restart


class WiringError(Exception):
    """This network can't be had on this node; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What of a network matters to the wire."""

    network_id: str
    network_type: str
    segmentation_id: int
    physical_network: str
    mtu: int

    @property
    def bridge(self) -> str:
        return bridge_device(self.network_id)


@dataclass(frozen=True, slots=True)
class Bridge:
    """No spanning tree, no forwarding delay, no multicast snooping, no address of its own."""

    name: str
    alias: str
    mtu: int


@dataclass(frozen=True, slots=True)
class Uplink:
    """A device of the node itself, put into the bridge as it is."""

    name: str
    bridge: str


@dataclass(frozen=True, slots=True)
class Vlan:
    name: str
    parent: str
    vlan_id: int
    bridge: str
    mtu: int


@dataclass(frozen=True, slots=True)
class Vxlan:
    """A tunnel that learns, and floods what it hasn't learned to its peers."""

    name: str
    vni: int
    local_ip: str
    device: str  # '' = whichever the route to a peer says
    bridge: str
    mtu: int


@dataclass(frozen=True, slots=True)
class Peers:
    """All hosts to which the tunnel floods."""

    name: str
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Tap:
    name: str
    bridge: str
    mtu: int


Order = Bridge | Uplink | Vlan | Vxlan | Peers | Tap


def segment_of(details: PortDetails) -> Segment:
    return Segment(
        details.network_id, details.network_type, details.segmentation_id, details.physical_network, details.mtu
    )


def tunnel_name(vni: int) -> str:
    return f"vxlan-{vni}"


def vlan_name(device: str, vlan_id: int) -> str:
    """`eth1.120`; a long device name is cut, so that the whole fits into the kernel's limit."""
    suffix = f".{vlan_id}"
    return device[: DEVICE_NAME_LIMIT - len(suffix)] + suffix


def network_orders(segment: Segment, config: NodeConfig, peers: Iterable[str]) -> list[Order]:
    """The bridge and what joins it to the other hosts. Raises `WiringError`."""
    bridge = Bridge(segment.bridge, ALIAS_PREFIX + segment.network_id, segment.mtu)
    match segment.network_type:
        case "flat":
            return [bridge, Uplink(_device(segment, config), bridge.name)]
        case "vlan":
            return [bridge, _vlan(segment, config)]
        case "vxlan":
            return [bridge, *_tunnel(segment, config, peers)]
        case other:
            raise WiringError(f"network {segment.network_id} has the unknown type {other!r}")


def _vlan(segment: Segment, config: NodeConfig) -> Vlan:
    parent, vlan_id = _device(segment, config), segment.segmentation_id
    return Vlan(vlan_name(parent, vlan_id), parent, vlan_id, segment.bridge, segment.mtu)


def _tunnel(segment: Segment, config: NodeConfig, peers: Iterable[str]) -> list[Order]:
    name = tunnel_name(segment.segmentation_id)
    return [
        Vxlan(name, segment.segmentation_id, config.underlay_ip, config.underlay_device, segment.bridge, segment.mtu),
        Peers(name, frozenset(peers) - {"", config.underlay_ip}),
    ]


def _device(segment: Segment, config: NodeConfig) -> str:
    device = config.physical_networks.get(segment.physical_network)
    if device is None:
        raise WiringError(
            f"host {config.host} has no device for the physical network {segment.physical_network!r}: "
            f"name it in the node's physical_networks"
        )
    return device
