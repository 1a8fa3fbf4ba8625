from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.cluster.config import NodeConfig
from actors.network import namespaces
from actors.network.node_network import make_node_network, remove_node_network, underlay_of
from tests.network.probes import ip, ping, real


def node(prefix: str, number: int) -> NodeConfig:
    return NodeConfig(
        host=f"node{number}",
        home=Path("/nowhere"),
        netns=f"{prefix}-node{number}",
        underlay_ip=f"172.31.0.{number}",
        underlay_device="underlay0",
    )


@contextmanager
def nodes(count: int) -> Iterator[list[NodeConfig]]:
    prefix = f"nvt-{secrets.token_hex(3)}"
    made = [node(prefix, number) for number in range(1, count + 1)]
    try:
        yield made
    finally:
        for each in made:
            remove_node_network(each)


def test_the_underlay_is_named_after_the_cloud() -> None:
    assert underlay_of("nvr-ab12cd-node1") == underlay_of("nvr-ab12cd-node2") == "nvr-ab12cd-underlay"
    assert underlay_of("nvr-ffffff-node1") == "nvr-ffffff-underlay"


def test_a_node_in_the_machines_own_network_needs_nothing() -> None:
    config = NodeConfig(host="h", home=Path("/nowhere"))
    make_node_network(config)
    remove_node_network(config)


@real
def test_nodes_reach_each_other_and_the_machine_keeps_its_links() -> None:
    before = ip("-o", "link"), ip("-o", "address"), ip("route")
    with nodes(2) as (one, two):
        for _ in range(2):
            make_node_network(one)
            make_node_network(two)
        assert (ip("-o", "link"), ip("-o", "address"), ip("route")) == before
        assert ping(one.netns, two.underlay_ip)
        assert ping(two.netns, one.underlay_ip)


@real
def test_the_underlay_goes_with_its_last_node() -> None:
    with nodes(2) as (one, two):
        make_node_network(one)
        make_node_network(two)
        for _ in range(2):
            remove_node_network(one)
            assert underlay_of(two.netns) in namespaces.names()
        make_node_network(one)  # the peer's old end may still be about
        assert ping(one.netns, two.underlay_ip)
        remove_node_network(one)
        for _ in range(2):
            remove_node_network(two)
            assert not [name for name in namespaces.names() if name.startswith(underlay_of(two.netns)[:10])]
