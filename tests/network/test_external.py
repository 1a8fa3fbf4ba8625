from __future__ import annotations

import json
import secrets

import pytest

from actors.network import external, namespaces
from tests.network.probes import ip, ping, real

ROUTES = json.dumps(
    [
        {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"},
        {"dst": "192.0.2.0/24", "dev": "eth0"},
        {"dst": "10.9.8.7", "dev": "tun0"},
    ]
)


@pytest.mark.parametrize("cidr", ["172.24.4.0/24", "10.0.0.0/28"])
def test_a_network_that_is_free_is_taken(cidr: str) -> None:
    assert external.checked(cidr, ROUTES) == cidr


@pytest.mark.parametrize(
    ("cidr", "why"),
    [
        ("172.24.4.7/24", "no IPv4 network"),
        ("fd00::/64", "no IPv4 network"),
        ("public", "no IPv4 network"),
        ("172.24.4.0/29", "too few addresses"),
        ("192.0.0.0/16", "overlaps 192.0.2.0/24, which this machine has on eth0"),
        ("10.9.8.0/24", "overlaps 10.9.8.7, which this machine has on tun0"),
    ],
)
def test_what_can_not_be_had_says_why(cidr: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        external.checked(cidr, ROUTES)


def test_the_machine_is_the_gateway_and_its_device_is_the_clouds_own() -> None:
    assert external.machine_address("172.24.4.0/24") == "172.24.4.1/24"
    one, other = (external.machine_device(f"nvr-{cloud}-underlay") for cloud in ("aa11bb", "cc22dd"))
    assert one != other
    assert len(one) <= 15


@real
def test_a_node_and_the_machine_meet_and_part() -> None:
    prefix = f"nvt-{secrets.token_hex(3)}"
    machine, underlay, node = made = [f"{prefix}-{each}" for each in ("machine", "underlay", "n1")]
    try:
        for each in made:
            namespaces.add(each)
        for _ in range(2):
            external.join_external(underlay, node, "198.51.100.0/24", machine)
        ip("address", "add", "198.51.100.9/24", "dev", external.DEVICE, netns=node)
        assert ping(node, "198.51.100.1")
        assert ping(machine, "198.51.100.9")
        for _ in range(2):
            external.leave_external(underlay, machine)
        assert external.machine_device(underlay) not in ip("link", netns=machine)
    finally:
        for each in made:
            namespaces.remove(each)
