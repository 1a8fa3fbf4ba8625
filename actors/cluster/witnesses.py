"""Whom an audit asks in a running cloud: proxies of the actors, of every worker node that Ray knows."""

from __future__ import annotations

from typing import Any, cast

from actors.audit.gather import ConductorWitness, Witness, Witnesses
from actors.cluster import names
from actors.cluster.reach import Reach
from actors.cluster.supervisor import worker_nodes


def witnesses() -> Witnesses:
    """Call it in a process that is a driver of the cluster."""
    nodes = sorted(name for name, _ in worker_nodes())
    return Witnesses(
        conductor=cast(ConductorWitness, Reach(names.CONDUCTOR)),
        scheduler=_witness(names.SCHEDULER),
        network=_witness(names.NETWORK),
        volume=_witness(names.VOLUME),
        nodes={node: (_witness(names.compute_name(node)), _witness(names.agent_name(node))) for node in nodes},
    )


def _witness(name: str) -> Witness:
    proxy: Any = Reach(name)
    return cast(Witness, proxy)
