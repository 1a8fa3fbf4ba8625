"""Names of actors, nodes and hosts, in one place.

A worker node is known by the name in its label, not by Ray's node id, which changes when it restarts. A node with a
real hypervisor is one host of the same name; a node that simulates a fleet has the hosts `<node>/00000`, `<node>/00001`
and so on.
"""

from __future__ import annotations

NAMESPACE = "novaray"
HOST_LABEL = "novaray/host"
COMPUTE_RESOURCE = "compute"  # each worker node advertises 1 of it; its compute actor takes it
NETWORK_RESOURCE = "network"  # the same for its network agent
EDGE_RESOURCE = "edge"  # a node that should serve REST advertises 1 of it; its edge actor takes it
ON_THE_HEAD = {"node:__internal_head__": 0.001}  # Ray's own resource of the head, whose node id a restart changes

SUPERVISOR = "supervisor"
IDENTITY = "identity"
API = "api"
SCHEDULER = "scheduler"
CONDUCTOR = "conductor"
IMAGE = "image"
NETWORK = "network"
VOLUME = "volume"


def compute_name(node: str) -> str:
    return f"compute@{node}"


def agent_name(node: str) -> str:
    return f"agent@{node}"


def edge_name(node: str) -> str:
    return f"edge@{node}"


def fleet_host(node: str, index: int) -> str:
    return f"{node}/{index:05}"


def node_of(host: str) -> str:
    return host.partition("/")[0]
