"""Who may be killed at any moment: boots in flight on four nodes, and SIGKILL for one thing after the other.

`run()` gives a row for each thing killed and each moment of the boots' flight. A boot that was accepted must end
ACTIVE, or in ERROR for a reason that is not ours; `stuck` are those that did neither in time, `leaked` is whatever is
held for nobody when the dust has settled: what an audit finds, ends that were not told once, and what is left after
all servers are deleted. `recovery_s` is the time until what was killed serves again or, for a node, until nothing is
awaited from it any more; `restart_cpu_s` is what the process that came back had used by then, which on a machine that
others share says more.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError

from actors.audit.checks import audit
from actors.audit.evidence import Disagreement
from actors.audit.gather import look
from actors.cloud import Cloud, Server
from actors.cluster import bringup, keeper, names, ray_node
from actors.cluster.config import CloudConfig, SimulatedConfig
from actors.cluster.ray_node import RayProcess
from actors.cluster.reach import AWAY
from actors.cluster.runtime import Runtime, save
from actors.cluster.seed import seed
from actors.cluster.supervisor import worker_nodes
from actors.cluster.witnesses import witnesses
from benchmarks.fleet import Say
from benchmarks.measure import Row

BOOTS = 500
NODES = 4
HOSTS = 25  # simulated, on each node
STEP_DELAY_S = (0.05, 0.25)  # of a simulated step, so that boots are in flight for a while
MOMENTS = {"early": 0.1, "middle": 0.5, "late": 0.9}  # parts of the time that the boots take undisturbed
ENDED_LIMIT_S = 120.0  # after which a boot that has not ended is stuck
BACK_LIMIT_S = 120.0  # for what was killed to be back
ANSWER_S = 2.0  # for an actor to say that it lives
POLL_S = 0.05
SAID = 5  # disagreements of one audit that are told
APART_S = 1.0  # between the two looks of an audit
TOLD_LIMIT_S = 5.0  # for the last notifications to be on disk
TOLD = (["instance.create.start", "instance.create.end"], ["instance.create.start", "instance.create.error"])


@dataclass(slots=True)
class Scene:
    """The cloud, and what runs of it."""

    cloud: Cloud
    runtime: Runtime
    say: Say
    duration_s: float = 0.0  # of all boots, undisturbed

    def process(self, node: str) -> RayProcess:
        return next(process for process in self.runtime.processes if process.node == node)

    @property
    def nodes(self) -> list[str]:
        return [process.node for process in self.runtime.processes]


@dataclass(frozen=True, slots=True)
class Target:
    """What is killed: the pids, and whether it is back (or nobody waits for it)."""

    victims: Callable[[Scene], list[int]]
    back: Callable[[Scene, list[int]], bool]


@dataclass(slots=True)
class Killing:
    """What a timer does in its own thread, and what it finds."""

    at: float = 0.0
    recovery_s: float = -1.0  # -1 = it did not come back in time
    restart_cpu_s: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)


def run(
    only: Sequence[str] = (),
    boots: int = BOOTS,
    moments: Sequence[str] = tuple(MOMENTS),
    nodes: int = NODES,
    say: Say = lambda line: None,
) -> list[Row]:
    with scene(nodes, say) as stage:
        measure(stage, boots)
        rows = []
        for name in only or targets(stage):
            for moment in moments:
                say(f"{name} is killed, {moment}, with {boots} boots in flight")
                rows.append(play(stage, name, moment, boots))
                say(" ".join(f"{key}={value}" for key, value in rows[-1].items()))
        return rows


@contextmanager
def scene(nodes: int, say: Say) -> Iterator[Scene]:
    """A cloud of its own, gone at the end."""
    config = CloudConfig(home=Path(tempfile.mkdtemp(prefix="nvr-")), hypervisor="simulated")
    fleet = SimulatedConfig(hosts=HOSTS, step_delay_s=STEP_DELAY_S)
    options = bringup.UpOptions(nodes=nodes, hypervisor="simulated", simulated=fleet, dashboard=False)
    say(f"starting a cloud of {nodes} nodes")
    try:
        runtime = bringup.up(config, options, say)
        with Cloud.connect(config.home) as cloud:
            seed(cloud, config, say)
            yield Scene(cloud, runtime, say)
    finally:
        bringup.down(config.home, lambda line: None, purge=True)


def measure(stage: Scene, boots: int) -> None:
    """How long the boots take undisturbed; a first round warms everything up."""
    for _ in range(2):
        began = time.monotonic()
        servers = stage.cloud.boot_many(f"calm-{number}" for number in range(boots))
        stage.cloud.wait(servers)
        stage.duration_s = time.monotonic() - began
        stage.cloud.delete(servers)


def play(stage: Scene, name: str, moment: str, boots: int) -> Row:
    """One row: launch, kill, wait for everything to end, and look for what is left."""
    target, since = targets(stage)[name], stage.cloud.last_event()
    _await(lambda: all(target.victims(stage)))  # what an earlier row killed answers again
    victims, killing = target.victims(stage), Killing()
    timer = threading.Timer(stage.duration_s * MOMENTS[moment], _kill, (stage, target, victims, killing))
    timer.start()
    servers = stage.cloud.boot_many(f"{name.partition('@')[0]}-{moment}-{n}" for n in range(boots))
    ends = await_ends(stage.cloud, servers)
    ended_s = time.monotonic() - killing.at if killing.at else 0.0
    killing.done.wait()
    _restore(stage)
    row: Row = {
        "killed": name,
        "moment": moment,
        "accepted": len(servers),
        "active": ends["ACTIVE"],
        "error": ends["ERROR"],
        "stuck": ends["BUILD"],
        "leaked": _untold(stage, since, servers) + disagreements(stage.say),
        "recovery_s": round(killing.recovery_s, 2),
        "restart_cpu_s": round(killing.restart_cpu_s, 2),
        "ended_s": round(ended_s, 2),
    }
    stage.cloud.delete(servers)
    row["leaked"] += _left_over(stage.say) + disagreements(stage.say)
    return row


# ---------------------------------------------------------------- whom to kill


def targets(stage: Scene) -> dict[str, Target]:
    other, third, last = (stage.nodes * 3)[1], stage.nodes[-2], stage.nodes[-1]
    services = (names.IDENTITY, names.API, names.SCHEDULER, names.CONDUCTOR, names.NETWORK, names.IMAGE, names.VOLUME)
    return {
        **{name: _actors([name]) for name in (*services, names.SUPERVISOR)},
        "compute": _actors([names.compute_name(other)]),
        "computes": _actors([names.compute_name(node) for node in stage.nodes]),
        "agent": _actors([names.agent_name(other)]),
        "raylet": Target(lambda stage: _programs(stage.process(third), keeper.RAYLET), _unawaited(third)),
        "node": Target(lambda stage: _family(stage.process(last)), _unawaited(last)),
        "head": Target(lambda stage: _programs(stage.runtime.processes[0], keeper.GCS), _gcs_is_back),
    }


def _actors(wanted: Sequence[str]) -> Target:
    return Target(
        lambda stage: [_pid(name) for name in wanted],
        lambda stage, victims: all(_pid(name) not in (0, *victims) for name in wanted),
    )


def _unawaited(node: str) -> Callable[[Scene, list[int]], bool]:
    """The conductor no longer counts on the node."""
    return lambda stage, victims: node not in stage.cloud.session.call(names.CONDUCTOR, "present")


def _gcs_is_back(stage: Scene, victims: list[int]) -> bool:
    """It answers look-ups, and nobody had to start anew."""
    head = stage.runtime.processes[0]
    fresh = set(_programs(head, keeper.GCS)) - set(victims)
    return bool(fresh) and ray_node.answers(head.address) and _pid(names.API) != 0


def _programs(process: RayProcess, program: str) -> list[int]:
    return [pid for pid in keeper.children(process.pid) if keeper.program(pid) == program and keeper.is_alive(pid)]


def _family(process: RayProcess) -> list[int]:
    return [process.pid, *keeper.descendants(process.pid)]


def _pid(name: str) -> int:
    """The actor's process; 0 while it does not answer."""
    try:
        actor = ray.get_actor(name, namespace=names.NAMESPACE)
        return int(ray.get(actor.__ray_call__.remote(_own_pid), timeout=ANSWER_S))
    except (*AWAY, GetTimeoutError):
        return 0


def _own_pid(_: Any) -> int:
    return os.getpid()


def _kill(stage: Scene, target: Target, victims: list[int], killing: Killing) -> None:
    """Runs beside the boots."""
    killing.at = time.monotonic()
    for pid in victims:
        assert pid > 1, f"{victims} of {target}: 0 would be all of this very benchmark"
        os.kill(pid, signal.SIGKILL)
    try:
        if _await(lambda: target.back(stage, victims)):
            killing.recovery_s = time.monotonic() - killing.at
            killing.restart_cpu_s = sum(map(_cpu_s, target.victims(stage)))
    finally:
        killing.done.set()


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _restore(stage: Scene) -> None:
    """Every node is there again."""
    for index, process in enumerate(stage.runtime.processes):
        if not ray_node.is_kept(process):
            ray_node.stop(process)
            stage.runtime.processes[index] = ray_node.start_again(stage.cloud.home, process)
            save(stage.cloud.home, stage.runtime)
    kinds = (names.compute_name, names.agent_name)
    back = _await(
        lambda: (
            {name for name, _ in worker_nodes()} == set(stage.nodes)
            and set(stage.cloud.session.call(names.CONDUCTOR, "present")) == set(stage.nodes)
            and all(_pid(kind(node)) for node in stage.nodes for kind in kinds)
        )
    )
    if not back:
        raise TimeoutError(f"not all of {', '.join(stage.nodes)} are back within {BACK_LIMIT_S:g} s")


def _await(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + BACK_LIMIT_S
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return held


# ---------------------------------------------------------------- what came of it


def await_ends(cloud: Cloud, servers: Sequence[Server]) -> Counter[str]:
    """How many have which status, when none is in BUILD any more or the time is up."""
    deadline = time.monotonic() + ENDED_LIMIT_S
    ids = [server.id for server in servers]
    while True:
        ends = Counter(view.status for view in cloud.show(ids))
        if not ends["BUILD"] or time.monotonic() >= deadline:
            return ends
        time.sleep(POLL_S)


def _untold(stage: Scene, since: int, servers: Sequence[Server]) -> int:
    """Servers of whose beginning and end the notifications do not tell exactly once.

    A server is seen ACTIVE while its row and its notification are on their way to the disk, and nobody hears of these
    before they are there.
    """
    deadline = time.monotonic() + TOLD_LIMIT_S
    while True:
        told: dict[str, list[str]] = {server.id: [] for server in servers}
        for event in stage.cloud.events(since, timeout_s=0.0):
            if event.instance_id in told:
                told[event.instance_id].append(event.event_type)
        if all(len(events) >= 2 for events in told.values()) or time.monotonic() >= deadline:
            break
        time.sleep(POLL_S)
    wrong = {server_id: events for server_id, events in told.items() if events not in TOLD}
    for server_id, events in list(wrong.items())[:SAID]:
        stage.say(f"notifications of {server_id}: {', '.join(events) or 'none'}")
    return len(wrong)


def disagreements(say: Say) -> int:
    """How many an audit finds; the first of them are said."""
    found = asyncio.run(_two_looks())
    for each in found[:SAID]:
        say(f"{each.check} {each.where} {each.subject}: {each.found}")
    return len(found)


async def _two_looks() -> list[Disagreement]:
    everybody = witnesses()
    first = await look(everybody)
    await asyncio.sleep(APART_S)
    return audit(first, await look(everybody))


def _left_over(say: Say) -> int:
    """Claims, ports of guests and attachments while there is no server."""
    held = asyncio.run(_held())
    if sum(held.values()):
        say(f"left over: {dict(+held)}")
    return sum(held.values())


async def _held() -> Counter[str]:
    seen = await look(witnesses())
    ports = [port for port in seen.ports if port.made_for]
    claims = [claim for held in seen.claims.values() for claim in held]
    guests = [guest for node in seen.nodes.values() for guest in node.compute.get("claims", ())]
    return Counter(ports=len(ports), claims=len(claims), claims_of_hosts=len(guests), attachments=len(seen.attachments))
