"""A network room on a dictionary, with callers, agents and computes that write down what they hear."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, unauthorized, value_of
from actors.faces import AgentFace, ComputeFace
from actors.ledger import MemoryLedger
from actors.messages import AllocateRequest, AuthContext, DeallocateRequest, FloatingIps, NetworkRequest, PlugEvent
from actors.network.live_rows import LiveRows
from actors.network.messages import CreateNetwork, CreateSubnet, NetworkNews, RouterInfo
from actors.network.rows import KINDS
from actors.network.service import NetworkRoom
from actors.records import Change, Network, Port, Subnet

Value = TypeVar("Value")
ALICE, BOB, ADMIN, READER, DOMAIN = "alice", "bob", "admin", "reader", "of a domain"
PROJECTS = {ALICE: "project-a", READER: "project-a", BOB: "project-b", ADMIN: "project-0", DOMAIN: ""}


def run(coroutine: Coroutine[Any, Any, Value]) -> Value:
    return asyncio.run(coroutine)


class StepClock:
    """Each look at it is a second later."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def now(self) -> float:
        self.time += 1
        return self.time

    def monotonic(self) -> float:
        return self.time


class NamesAsTokens:
    def verify(self, token: str, now: float) -> AuthContext:
        if token not in PROJECTS:
            raise CallerError(unauthorized("not a token"))
        roles = {ADMIN: ("admin", "member", "reader"), READER: ("reader",)}.get(token, ("member", "reader"))
        project = PROJECTS[token]
        return AuthContext(
            user_id=token, user_name=token, project_id=project, project_name=project, roles=roles, expires_at=9e9,
            token_id=token,
        )  # fmt: skip


class Agent:
    def __init__(self, host: str) -> None:
        self.host, self.heard, self.broken = host, list[list[str]](), False
        self.up: list[str] = []  # ports whose taps are wired
        self.news: list[NetworkNews] = []  # that came with the last notice
        self.routers: dict[str, RouterInfo] = {}  # that it runs, as it was told
        self.routers_heard: list[RouterInfo] = []
        self.told = asyncio.Event()  # when it heard

    async def networks_changed(
        self,
        network_ids: list[str],
        news: list[NetworkNews] | None = None,
        routers: list[RouterInfo] | None = None,
    ) -> None:
        if self.broken:
            raise ConnectionError("away")
        for info in routers or []:
            self.routers_heard.append(info)
            self.routers.pop(info.router_id, None)
            if info.host == self.host:
                self.routers[info.router_id] = info
        self.heard.append(network_ids)
        self.news = news or []
        self.told.set()

    async def wired(self) -> list[str]:
        if self.broken:
            raise ConnectionError("away")
        return self.up

    async def forward(self, network_id: str, address: str, port: int) -> tuple[str, int]:
        return self.host, port


class Compute:
    def __init__(self) -> None:
        self.events: list[PlugEvent] = []

    async def plugged(self, events: list[PlugEvent]) -> None:
        self.events += events


class SlowLedger(MemoryLedger):
    """Yields before it commits, as a real one does, and fails when told to: before or after it wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_before = self.fail_after = 0

    async def commit(self, changes: list[Change]) -> None:
        await asyncio.sleep(0)
        if self.fail_before:
            self.fail_before -= 1
            raise OSError("the disk is full")
        await super().commit(changes)
        if self.fail_after:
            self.fail_after -= 1
            raise ConnectionError("the conductor went away before it answered")


class Cloud:
    def __init__(self, hosts: tuple[str, ...] = ("h1", "h2", "h3"), seed: int = 1, config: CloudConfig | None = None):
        self.ledger, self.clock, self.config = SlowLedger(), StepClock(), config or CloudConfig()
        self.random = random.Random(seed)
        self.agents = {host: Agent(host) for host in hosts}
        self.computes = {host: Compute() for host in hosts}
        self.shown: list[tuple[list[FloatingIps], bool]] = []  # what leads to instances' ports, as it was told
        self.was_shown = asyncio.Event()
        self.room = self.restarted()

    def restarted(self) -> NetworkRoom:
        """A new room on the same ledger; the old one is gone."""
        computes: Any = self.computes.__getitem__
        self.room = NetworkRoom(
            self.config,
            self.ledger,
            NamesAsTokens(),
            self._agent,
            computes,
            self.clock,
            self.random,
            self._hear_floating,
        )
        return self.room

    async def _hear_floating(self, told: list[FloatingIps], whole: bool) -> None:
        self.shown.append((told, whole))
        self.was_shown.set()

    def _agent(self, host: str) -> AgentFace:
        return self.agents[host]

    def compute(self, host: str) -> ComputeFace:
        face: Any = self.computes[host]
        return face

    async def network(self, token: str = ALICE, cidr: str = "10.0.0.0/24", **more: Any) -> Network:
        (network,) = await self.room.create_networks([CreateNetwork(token=token, **more)])
        if cidr:
            await self.subnet(value_of(network), token, cidr)
        return value_of(network)

    async def subnet(self, network: Network, token: str = ALICE, cidr: str = "10.0.0.0/24", **more: Any) -> Subnet:
        request = CreateSubnet(token=token, network_id=network.id, cidr=cidr, **more)
        return value_of((await self.room.create_subnets([request]))[0])

    def port(self, port_id: str) -> Port:
        port = self.ledger.rows["Port"][port_id]
        assert isinstance(port, Port)
        return port

    def ports(self) -> list[Port]:
        return [row for row in self.ledger.rows.get("Port", {}).values() if isinstance(row, Port)]


def boot(
    instance: str,
    *networks: NetworkRequest | Network,
    token: str = ALICE,
    host: str = "h1",
    auto: bool = False,
    security_groups: tuple[str, ...] = ("default",),
) -> AllocateRequest:
    wanted = [NetworkRequest(network_id=each.id) if isinstance(each, Network) else each for each in networks]
    return AllocateRequest(
        token=token, instance_id=instance, project_id=PROJECTS[token], host=host, hostname=instance,
        networks=tuple(wanted), auto=auto, security_groups=security_groups,
    )  # fmt: skip


def gone(instance: str, host: str = "h1") -> DeallocateRequest:
    return DeallocateRequest(instance_id=instance, host=host)


def fault_of(reply: object) -> CallerFault:
    assert isinstance(reply, CallerFault), reply
    return reply


async def remembered(cloud: Cloud) -> dict[str, dict[str, object]]:
    """The rows that the room has in memory, by kind and id."""
    rows = await live_rows(cloud).ready()
    tables = [rows.tables[kind.__name__] for kind in KINDS]
    return {kind.__name__: dict(table) for kind, table in zip(KINDS, tables, strict=True)}


def live_rows(cloud: Cloud) -> LiveRows:
    return cloud.room._live


def on_disk(cloud: Cloud) -> dict[str, dict[str, object]]:
    return {kind.__name__: dict(cloud.ledger.rows.get(kind.__name__, {})) for kind in KINDS}


def as_text(value: object) -> str:
    return msgspec.json.encode(value).decode()
