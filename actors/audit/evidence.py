"""What a cloud's rooms and nodes say of themselves, side by side. Pure data; `gather.py` collects it.

The lists of names come from the rooms' own `world()`: lines whose first word is the id of what they speak of.
"""

from __future__ import annotations

import msgspec

from actors.messages import ServerView
from actors.network.messages import RouterInfo
from actors.records import Instance, Network, Port, Volume, VolumeAttachment

World = dict[str, list[str]]


class NodeEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One worker node: what its compute actor and its network agent find there."""

    compute: World
    agent: World
    real: bool  # False: simulated hosts, which have no domains, taps or files to find


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a whole cloud. Nothing stops meanwhile, so only what two looks agree on means anything."""

    servers: tuple[ServerView, ...]  # as the conductor holds them
    instances: tuple[Instance, ...]  # as the database has them
    networks: tuple[Network, ...]
    ports: tuple[Port, ...]
    volumes: tuple[Volume, ...]
    attachments: tuple[VolumeAttachment, ...]
    claims: dict[str, list[str]]  # host → instance ids, as the scheduler has them
    network_room: World  # `actors.network.views.world` of the live rows, and the ids of those `up`
    network_rows: World  # the same lines, made from the database
    volume_room: World
    volume_rows: World
    routers: tuple[RouterInfo, ...] = ()  # as their rows say that they should be
    nodes: dict[str, NodeEvidence]  # by name; one that did not answer is missing
    silent: tuple[str, ...] = ()  # nodes that did not answer


class Disagreement(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Two that should say the same and do not."""

    check: str  # which of `checks.CHECKS`
    where: str  # a room or a node
    subject: str  # the id of the server, port, volume … that it is about
    found: str  # what is so, in a few words
