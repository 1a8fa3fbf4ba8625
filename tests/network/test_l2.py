from __future__ import annotations

from pathlib import Path

import pytest

from actors.cluster.config import NodeConfig
from actors.network.l2 import (
    Bridge,
    Peers,
    Segment,
    Uplink,
    Vlan,
    Vxlan,
    WiringError,
    network_orders,
    vlan_name,
)

NETWORK = "0123456789ab-cdef"
NODE = NodeConfig(
    host="h1", home=Path("/nowhere"), underlay_ip="172.31.0.1", underlay_device="und0", physical_networks={"p": "eth1"}
)
BRIDGE = Bridge("brq0123456789a", "novaray:0123456789ab-cdef", 1450)


def segment(network_type: str, number: int = 0, physical: str = "") -> Segment:
    return Segment(NETWORK, network_type, number, physical, 1450)


def test_flat_puts_the_physical_device_into_the_bridge() -> None:
    assert network_orders(segment("flat", physical="p"), NODE, ()) == [BRIDGE, Uplink("eth1", "brq0123456789a")]


def test_vlan_makes_a_sub_interface() -> None:
    vlan = Vlan("eth1.120", "eth1", 120, "brq0123456789a", 1450)
    assert network_orders(segment("vlan", 120, "p"), NODE, ()) == [BRIDGE, vlan]


def test_vxlan_floods_to_every_peer_but_itself() -> None:
    orders = network_orders(segment("vxlan", 77), NODE, ["172.31.0.2", "172.31.0.1", "", "172.31.0.3"])
    assert orders == [
        BRIDGE,
        Vxlan("vxlan-77", 77, "172.31.0.1", "und0", "brq0123456789a", 1450),
        Peers("vxlan-77", frozenset({"172.31.0.2", "172.31.0.3"})),
    ]


@pytest.mark.parametrize("network_type", ["flat", "vlan"])
def test_an_unknown_physical_network_is_named(network_type: str) -> None:
    with pytest.raises(WiringError, match=r"h1.*'elsewhere'"):
        network_orders(segment(network_type, 5, "elsewhere"), NODE, ())


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(WiringError, match="'gre'"):
        network_orders(segment("gre"), NODE, ())


def test_names_fit_into_the_kernels_limit() -> None:
    assert vlan_name("enp130s0f1np1", 4094) == "enp130s0f1.4094"
    assert len(f"vxlan-{(1 << 24) - 1}") <= 15
