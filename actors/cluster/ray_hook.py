"""What `ray start` runs of ours before it starts a node (RAY_START_HOOK): it asks for what no flag of it can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("ray_worker.py")
DASHBOARD_PARTS = (  # of Ray's dashboard: jobs, nodes and states; each is a process of its own
    "EventHead",
    "JobHead",
    "NodeHead",
    "ReportHead",
    "StateHead",
    "UsageStatsHead",
)  # left out: Serve, Train, Data, and metrics, which no node of such a cloud collects


def prepare(parameters: Any, head: bool) -> None:
    """Ray's own parameters of a cloud's node. Its server for remote clients takes 50 MiB, and nobody here uses it."""
    parameters.ray_client_server_port = None
    prepare_workers(parameters, head)
    if head:
        _leave_out_parts_of_the_dashboard()


def prepare_workers(parameters: Any, head: bool) -> None:
    """The same of a node of anybody's cluster: only what an actor's process is started with."""
    parameters.worker_path = str(WORKER)


def _leave_out_parts_of_the_dashboard() -> None:
    """Ray's dashboard can be told which of its parts to load, but `ray start` can't."""
    from ray._private import ray_constants, services

    start = services.start_ray_process

    def start_leaner(command: Sequence[str], process_type: str, *rest: Any, **options: Any) -> Any:
        is_dashboard = process_type == ray_constants.PROCESS_TYPE_DASHBOARD
        return start(with_parts(command) if is_dashboard else command, process_type, *rest, **options)

    services.start_ray_process = start_leaner


def with_parts(command: Sequence[str]) -> list[str]:
    """The command of Ray's dashboard; one that was told already what to load (`--no-dashboard`) is left as it is."""
    told = any(argument.startswith("--modules-to-load") for argument in command)
    return [*command] if told else [*command, f"--modules-to-load={','.join(DASHBOARD_PARTS)}"]
