"""One or two real nodes in namespaces of the tests' own, with their agents, over a network service in memory."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from actors.clock import SystemClock
from actors.cluster.config import CloudConfig, NodeConfig
from actors.network import namespaces, routing
from actors.network.agent import NetworkAgent
from actors.network.dhcp import namespace_of
from actors.network.linux import LinuxDataplane
from actors.network.naming import tap_device
from actors.network.node_network import make_node_network, remove_node_network
from actors.records import Port
from tests.network.fake_network import FakeNetwork
from tests.network.probes import guest, ip

UP_WITHIN_S = 20.0


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(UP_WITHIN_S):
        while not true():  # noqa: ASYNC110 - it comes true in the kernel, which sets no event here
            await asyncio.sleep(0.02)


@dataclass
class Cloud:
    """One or two nodes, and a network whose DHCP is on the first."""

    network: FakeNetwork
    nodes: list[NodeConfig]
    agents: list[NetworkAgent]
    net: str

    def port(self, node: int, last: int, **more: str) -> Port:
        return self.network.add_port(str(uuid.uuid4()), self.net, f"10.5.0.{last}", self.nodes[node].host, **more)

    def plug(self, node: int, name: str, port: Port, address: str = "") -> None:
        guest(self.nodes[node].netns, tap_device(port.id), name, port.mac_address, address)

    def unplug(self, node: int, port: Port) -> None:
        ip("link", "delete", tap_device(port.id), netns=self.nodes[node].netns)

    async def told(self, what: str, times: int = 1) -> None:
        """Until the network service has been told so."""
        await until(lambda: self.network.calls.count(what) >= times)


@asynccontextmanager
async def cloud(folder: Path, count: int = 1, dhcp: bool = True) -> AsyncIterator[Cloud]:
    prefix, net = f"nvt-{secrets.token_hex(3)}", str(uuid.uuid4())
    network = FakeNetwork()
    nodes = [_node(prefix, folder, number) for number in range(1, count + 1)]
    network.add_network(net, "10.5.0.0/24", 77, nodes[0].host if dhcp else "", "10.5.0.2" if dhcp else "")
    made = Cloud(network, nodes, [], net)
    try:
        for node in nodes:
            make_node_network(node)
            made.agents.append(agent(made, node))
            await made.agents[-1].start()
        yield made
    finally:
        try:
            for each in made.agents:
                await each.stop(remove=True)
        finally:
            for node in nodes:
                remove_node_network(node)
    assert namespace_of(net) not in namespaces.names()
    assert not [name for name in namespaces.names() if name.startswith(prefix)]
    assert not {routing.namespace_of(router_id) for router_id in network.routers} & set(namespaces.names())
    assert not [node for node in nodes if node.dhcp.exists() or node.routers.exists()]


def agent(made: Cloud, node: NodeConfig) -> NetworkAgent:
    settings = CloudConfig(home=node.home.parent)
    return NetworkAgent(node, settings, made.network, LinuxDataplane(node, settings), SystemClock(), documents)


async def documents(instance_id: str) -> dict[str, bytes]:
    return {"openstack/latest/meta_data.json": f'{{"uuid": "{instance_id}"}}'.encode()}


def _node(prefix: str, folder: Path, number: int) -> NodeConfig:
    return NodeConfig(
        host=f"h{number}",
        home=folder / f"h{number}",
        netns=f"{prefix}-node{number}",
        underlay_ip=f"172.31.0.{number}",
        underlay_device="underlay0",
    )


def play(folder: Path, act: Callable[[Cloud], Awaitable[None]], count: int = 1) -> None:
    async def whole() -> None:
        async with cloud(folder, count) as made:
            await act(made)

    asyncio.run(whole())
