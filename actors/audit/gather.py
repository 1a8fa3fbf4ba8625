"""Asks every room and every node of a cloud what it holds: one look, as `Evidence`.

Called by the command line with proxies of the actors, and by tests with the rooms themselves. Changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from actors.audit.evidence import Evidence, NodeEvidence, World
from actors.messages import ServerView
from actors.network import router_views, views
from actors.network.rows import KINDS, Row, Rows
from actors.records import Instance, Ledger, Port, Volume, VolumeAttachment
from actors.volume.rows import VolumeRows

ANSWER_S = 30.0  # for a node to answer; longer than an actor that restarts

Answer = TypeVar("Answer")


class Witness(Protocol):
    async def world(self) -> World:
        """What it holds, by kind."""


class ConductorWitness(Ledger, Protocol):
    async def list_servers(self, project_id: str) -> list[ServerView]:
        """'' = of all projects."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who is asked; `nodes` gives the compute actor and the network agent of each worker node."""

    conductor: ConductorWitness
    scheduler: Witness
    network: Witness
    volume: Witness
    nodes: Mapping[str, tuple[Witness, Witness]]


async def look(witnesses: Witnesses) -> Evidence:
    """Raises ConnectionError when a service does not answer; a node that does not is named in `silent`."""
    conductor = witnesses.conductor
    answers = await asyncio.gather(*(_node(*pair) for pair in witnesses.nodes.values()))
    nodes = dict(zip(witnesses.nodes, answers, strict=True))
    network_room = await witnesses.network.world()  # it has seen to it that what it says is on disk
    rows: list[Row] = [row for kind in KINDS for row in await conductor.load(kind)]
    network, volume = Rows(rows), VolumeRows(conductor)
    await volume.load()
    return Evidence(
        servers=tuple(await conductor.list_servers("")),
        instances=tuple(await conductor.load(Instance)),
        networks=tuple(network.networks.values()),
        ports=tuple(await conductor.load(Port)),
        volumes=tuple(await conductor.load(Volume)),
        attachments=tuple(await conductor.load(VolumeAttachment)),
        claims=await witnesses.scheduler.world(),
        network_room=network_room,
        network_rows=views.world(network),
        volume_room=await witnesses.volume.world(),
        volume_rows=volume.world(),
        routers=tuple(router_views.router_info(network, router) for router in network.routers.values()),
        nodes={name: found for name, found in nodes.items() if found is not None},
        silent=tuple(name for name, found in nodes.items() if found is None),
    )


async def _node(compute: Witness, agent: Witness) -> NodeEvidence | None:
    held, wired = await asyncio.gather(_answer(compute.world()), _answer(agent.world()))
    if held is None or wired is None:
        return None
    return NodeEvidence(compute=held, agent=wired, real="domains" in held)


async def _answer(question: Awaitable[Answer]) -> Answer | None:
    """None from an actor that is away."""
    try:
        return await asyncio.wait_for(question, ANSWER_S)
    except (ConnectionError, TimeoutError):
        return None
