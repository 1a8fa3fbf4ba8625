"""The whole cloud as Ray actors on two worker nodes, its hypervisors simulated; one cloud for all tests of this file.

It is started and asked by the command line, as by its users, and by the driver API in this very process.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import ray
from ray.util import list_named_actors
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.boot import CONTROL, NODE
from actors.cloud import BootFailedError, CallerError, Cloud, Server
from actors.cluster import bringup, names, ray_node
from actors.cluster.config import NodeConfig, SimulatedConfig, to_json
from actors.cluster.ray_node import RayProcess
from actors.cluster.secret import admin_password
from actors.cluster.shell import answer_of, asking
from actors.cluster.supervisor import SERVICES, worker_nodes
from actors.messages import BlockDevice, ServerView
from actors.states import TABLE, State
from tests.running import COMMAND_LIMIT_S, CommandLine, cloud, environment

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
NODES = ("node-1", "node-2")
HOSTS = 5  # simulated on each node
LIMIT_S = 120.0  # for anything that is waited for; all of it takes seconds
TAKES_GUESTS_S = 10.0  # from a node's joining Ray to its first guest: 2 s on quiet cores, which a test may not have
RAYS_OWN_WAIT_S = 1.0  # at least, where it is not told otherwise
REFUSED_S = 3.0  # that an actor is watched which must not start
SERVICE_NAMES = [service.name for service in SERVICES]
NODE_ACTORS = [name(node) for node in NODES for name in (names.compute_name, names.agent_name)]
RESULTS = (
    ("status",),
    ("boot", "as-json"),
    ("list",),
    ("show", "as-json"),
    ("story", "as-json"),
    ("console", "as-json"),
)


@pytest.fixture(scope="module")
def line() -> Iterator[CommandLine]:
    fleet = ("--nodes", "2", "--hypervisor", "simulated", "--hosts", str(HOSTS))
    with cloud(*fleet, "--evacuate", "volumes", "--evacuate-after", "1") as running:
        yield running


@pytest.fixture(scope="module")
def session(line: CommandLine) -> Iterator[Cloud]:
    with Cloud.connect(line.home) as joined:
        yield joined


@pytest.fixture
def api(session: Cloud) -> Iterator[Cloud]:
    """Each test finds the cloud without servers."""
    yield session
    session.delete(session.servers(), LIMIT_S)


# ---------------------------------------------------------------- who is there


def test_every_service_is_a_named_actor_that_outlives_its_driver(api: Cloud) -> None:
    expected = {names.SUPERVISOR, *SERVICE_NAMES, *NODE_ACTORS}
    found = {actor["name"] for actor in list_named_actors(all_namespaces=True) if actor["namespace"] == names.NAMESPACE}
    assert found == expected  # those who started them, `novaray up` and its Ray job, have ended


def test_a_worker_node_has_room_for_one_compute_actor(api: Cloud) -> None:
    assert len(worker_nodes()) == len(NODES)
    for node, node_id in worker_nodes():
        assert ray.get(handle(names.compute_name(node)).__ray_call__.remote(lambda self: own_node_id())) == node_id
        surplus = ray.remote(Surplus).options(
            num_cpus=0,
            resources={names.COMPUTE_RESOURCE: 1},
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node_id, soft=False),
        )
        pending = surplus.remote()
        ready, _ = ray.wait([pending.__ray_ready__.remote()], timeout=REFUSED_S)
        ray.kill(pending)
        assert ready == []


def own_node_id() -> str:
    return str(ray.get_runtime_context().get_node_id())


class Surplus:
    """A second compute actor, as far as Ray's resources go."""


# ---------------------------------------------------------------- boots


def test_fifty_at_once(api: Cloud) -> None:
    since = api.last_event()
    before = worlds()
    servers = api.boot_many(f"vm-{number}" for number in range(50))
    seen = states_until_built(api, servers)
    assert {server.refresh().status for server in servers} == {"ACTIVE"}
    assert seen <= set(TABLE.values())
    assert len({server.address for server in servers}) == 50
    assert len({server.view.host for server in servers}) == len(NODES) * HOSTS
    for server in servers[::10]:
        assert_story_is_whole(server)
    assert_told_of(api, since, servers)
    api.delete(servers)
    assert await_equal(worlds, before) == before


def states_until_built(api: Cloud, servers: list[Server]) -> set[State]:
    seen = set()
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        views = api.show([server.id for server in servers])
        seen |= {state_of(view) for view in views}
        if all(view.status != "BUILD" for view in views):
            break
    return seen


def state_of(view: ServerView) -> State:
    return State(view.vm_state, view.task_state or "", view.power_state)  # type: ignore[arg-type]  # they compare alike


def assert_story_is_whole(server: Server) -> None:
    """Every row of the specification from the login on, each done."""
    lines = server.story()
    told = {step.step: step for step in lines}
    door = {"authenticate": "1-2", "verify_token": "3-5"}
    flows = door | {step.name: step.flow for step in (*CONTROL, *NODE)}
    assert {name: told[name].flow for name in flows} == flows
    assert {step.phase for step in lines} == {"done"}
    assert min(step.took_ms for step in lines) >= 0
    assert [step.at for step in lines] == sorted(step.at for step in lines)


def assert_told_of(api: Cloud, since: int, servers: list[Server]) -> None:
    """The notifications `create.start` and `create.end` of each server, in this order, each in a state of the table."""
    told: dict[str, list[str]] = {}
    for event in api.events(since, timeout_s=0.0):
        told.setdefault(event.instance_id, []).append(event.event_type)
        parts = (event.payload["state"], event.payload["task_state"] or "", event.payload["power_state"])
        assert parts in TABLE.values()
    assert told == {server.id: ["instance.create.start", "instance.create.end"] for server in servers}


def test_delete_gives_everything_back(api: Cloud) -> None:
    volume = api.volumes.create("kept", 1)
    before = worlds()
    server = api.run("whole", volumes=(volume.id,), security_groups=("ssh-and-web",))
    assert all(room != before[name] for name, room in worlds().items() if name in ("network", "volume", "scheduler"))
    server.delete()
    assert await_equal(worlds, before) == before
    api.volumes.delete("kept")


# ---------------------------------------------------------------- what goes wrong


def test_a_refusal_names_its_field(api: Cloud) -> None:
    with pytest.raises(CallerError, match="flavor: there is no flavor 'gigantic'") as refused:
        api.boot("vm", flavor="gigantic")
    assert (refused.value.fault.status, refused.value.fault.field) == (404, "flavor")


def test_a_boot_that_fails_names_its_step(api: Cloud) -> None:
    api.flavors.create("too-much", vcpus=1, ram_mib=1 << 22, disk_gib=1)
    server = api.boot("vm", flavor="too-much")
    with pytest.raises(BootFailedError, match=r"No valid host was found: \w+ removed 10"):
        server.wait(LIMIT_S)
    with pytest.raises(BootFailedError, match="No valid host was found"):
        api.run("vm", flavor="too-much")
    assert server.view.fault is not None
    assert server.view.fault.step == "place"
    [last] = [event for event in api.events(0, timeout_s=0.0) if event.instance_id == server.id][1:]
    assert (last.event_type, last.payload["fault"]["step"]) == ("instance.create.error", "place")


def test_without_a_cloud_the_command_says_what_to_do(tmp_path: Path) -> None:
    said = CommandLine(tmp_path).run("list", code=2)
    assert "start one with `novaray up`" in " ".join(said.split())


def test_a_refused_command_ends_with_one(line: CommandLine) -> None:
    assert "flavor: there is no flavor 'gigantic'" in line.run("boot", "vm", "--flavor", "gigantic", code=1)


# ---------------------------------------------------------------- what dies comes back


@pytest.mark.parametrize("name", [*SERVICE_NAMES, names.SUPERVISOR, *NODE_ACTORS[:2]])
def test_a_killed_service_comes_back(api: Cloud, name: str) -> None:
    server = api.boot(f"before-{name.replace('@', '-')}").wait(LIMIT_S)
    killed = living(name)
    os.kill(killed, signal.SIGKILL)
    assert await_true(lambda: pid_of(name) not in (0, killed)), f"{name} is not back after {LIMIT_S:g} s"
    again = api.run(f"after-{name.replace('@', '-')}", timeout_s=LIMIT_S)
    assert [one.id for one in api.servers()] == [server.id, again.id]
    assert server.refresh().status == "ACTIVE"


def test_who_waits_for_an_actor_that_dies_hears_of_it_at_once(api: Cloud) -> None:
    """Ray by itself would let the caller wait for a second or two, in which the actor is back."""
    assert any(heard_within_s() < RAYS_OWN_WAIT_S for _ in range(3))  # one that was held up by others proves nothing


def heard_within_s() -> float:
    """From the death of an actor to the end of a question that was on its way."""
    pid = living(names.IDENTITY)
    ring = answer_of(ray.get(handle(names.IDENTITY).ask.remote(asking("keyring", ())), timeout=LIMIT_S))
    waiting = handle(names.IDENTITY).ask.remote(asking("keyring", (ring.version, LIMIT_S)))
    assert pid_of(names.IDENTITY) == pid  # asked later, and answered: so the question is there
    os.kill(pid, signal.SIGKILL)
    died_at = time.monotonic()
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(waiting, timeout=LIMIT_S)
    return time.monotonic() - died_at


@pytest.mark.parametrize("name", [names.CONDUCTOR, names.SCHEDULER, names.NETWORK, names.compute_name(NODES[0])])
def test_boots_that_were_accepted_go_on_after_a_kill(api: Cloud, name: str) -> None:
    before = worlds()
    kill = living(name)
    servers = api.boot_many(f"vm-{number}" for number in range(30))
    os.kill(kill, signal.SIGKILL)
    api.wait(servers, LIMIT_S)
    assert len({server.address for server in servers}) == 30
    api.delete(servers, LIMIT_S)
    assert await_equal(worlds, before) == before


def test_a_death_while_a_new_supervisor_looks_around_does_not_cost_the_node(api: Cloud) -> None:
    agent, supervisor, compute = (living(name) for name in (NODE_ACTORS[1], names.SUPERVISOR, NODE_ACTORS[0]))
    for pid in (supervisor, compute):
        os.kill(pid, signal.SIGKILL)
    assert await_true(lambda: pid_of(names.SUPERVISOR) not in (0, supervisor))
    assert await_true(lambda: pid_of(NODE_ACTORS[0]) not in (0, compute))
    api.boot("there").wait(LIMIT_S)
    assert pid_of(NODE_ACTORS[1]) == agent


def living(name: str) -> int:
    """The actor's process, once it answers: never 0, which a signal would take for all of this test run's own."""
    assert await_true(lambda: pid_of(name)), f"{name} does not answer after {LIMIT_S:g} s"
    return pid_of(name)


def pid_of(name: str) -> int:
    """The actor's process, once it answers; 0 while it doesn't."""
    try:
        return int(ray.get(handle(name).__ray_call__.remote(lambda self: os.getpid()), timeout=LIMIT_S))
    except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError, ValueError):
        return 0


# ---------------------------------------------------------------- nodes come and go


def start_node(line: CommandLine, node: NodeConfig, resources: Mapping[str, int] = ray_node.WORKER) -> RayProcess:
    """A further node of the cloud, on this machine."""
    runtime = bringup.running(line.home)
    assert runtime is not None
    node.home.mkdir()
    file = node.home / "node.json"
    file.write_bytes(to_json(node))
    return ray_node.start_worker(line.home, node.host, file, runtime.processes[0], resources)


def test_a_node_that_joins_serves_and_one_that_leaves_is_retired(line: CommandLine, api: Cloud) -> None:
    worker = start_node(line, NodeConfig(host="node-3", home=line.home / "nodes" / "node-3"))
    try:
        assert await_true(lambda: pid_of("compute@node-3") > 0 and pid_of("agent@node-3") > 0)
        assert line.json("status")["nodes"] == [*NODES, "node-3"]
        server = api.boot("there", availability_zone="nova:node-3").wait(LIMIT_S)
        assert server.view.host == "node-3"
        server.delete()
    finally:
        ray_node.stop(worker)
    assert await_true(lambda: "compute@node-3" not in actor_names())
    status = line.json("status")
    assert status["nodes"] == list(NODES)
    assert {actor["name"]: actor["state"] for actor in status["actors"]} == dict.fromkeys(
        [names.SUPERVISOR, *SERVICE_NAMES, *NODE_ACTORS], "ALIVE"
    )
    with pytest.raises(BootFailedError, match="ForcedHost removed 10"):
        api.boot("nowhere", availability_zone="nova:node-3").wait(LIMIT_S)


def test_a_node_added_during_a_storm_takes_guests_and_one_drained_takes_none(line: CommandLine, api: Cloud) -> None:
    worker = start_node(
        line, NodeConfig(host="node-4", home=line.home / "nodes" / "node-4", simulated=SimulatedConfig(hosts=HOSTS))
    )
    try:
        servers: list[Server] = []
        joined_at = 0.0
        deadline = time.monotonic() + LIMIT_S
        while not any(server.view.host.startswith("node-4/") for server in servers):
            assert time.monotonic() < deadline
            api.delete(servers)  # a storm that waits for a slow node must not fill the cloud
            if not joined_at and any(name == "node-4" for name, _ in worker_nodes()):
                joined_at = time.monotonic()
            servers = api.wait(api.boot_many(f"storm-{number}" for number in range(20)), LIMIT_S)
        took_s = time.monotonic() - joined_at
        assert took_s < TAKES_GUESTS_S, f"{took_s:.1f} s"
        line.run("drain", "node-4")
        later = api.wait(api.boot_many(f"later-{number}" for number in range(20)), LIMIT_S)
        assert {names.node_of(server.view.host) for server in later} == set(NODES)
        api.delete(servers + later)
        assert api.drain("node-4") == []
        line.run("enable", "node-4")
        server = api.boot("again", availability_zone="nova:node-4/00000").wait(LIMIT_S)
        server.delete()
    finally:
        ray_node.stop(worker)
    assert await_true(lambda: "compute@node-4" not in actor_names())


def test_a_node_that_advertises_it_serves_rest_too(line: CommandLine, api: Cloud) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    node = NodeConfig(host="edge-1", home=line.home / "nodes" / "edge-1", api_port=port)
    worker = start_node(line, node, {names.EDGE_RESOURCE: 1})
    try:
        assert await_true(lambda: pid_of("edge@edge-1") > 0)
        assert line.json("status")["nodes"] == list(NODES)  # it is no worker
        there = api.boot("seen-from-both").wait(LIMIT_S)
        url = f"http://127.0.0.1:{port}"
        user = {"name": "admin", "domain": {"id": "default"}, "password": admin_password(line.home)}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        login = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}
        with httpx.Client(base_url=url, timeout=LIMIT_S) as http:
            logged_in = http.post("/identity/v3/auth/tokens", json={"auth": login})
            endpoints = [one["url"] for entry in logged_in.json()["token"]["catalog"] for one in entry["endpoints"]]
            assert all(endpoint.startswith(url) for endpoint in endpoints)
            http.headers["X-Auth-Token"] = logged_in.headers["X-Subject-Token"]
            shown = http.get(f"/compute/v2.1/servers/{there.id}").json()["server"]
            assert (shown["name"], shown["status"]) == ("seen-from-both", "ACTIVE")
            server = {
                "name": "by-the-second",
                "flavorRef": "tiny",
                "imageRef": shown["image"]["id"],
                "networks": "auto",
            }
            version = {"OpenStack-API-Version": "compute 2.96"}
            made = http.post("/compute/v2.1/servers", json={"server": server}, headers=version)
            assert made.status_code == 202, made.text
            booted = api.server("by-the-second").wait(LIMIT_S)
            assert http.delete(f"/compute/v2.1/servers/{booted.id}").status_code == 204
            assert http.get("/network/v2.0/networks").json()["networks"] != []
        there.delete()
    finally:
        ray_node.stop(worker)
    assert await_true(lambda: "edge@edge-1" not in actor_names())


def test_servers_of_a_node_that_left_go_elsewhere_by_policy_or_by_command(line: CommandLine, api: Cloud) -> None:
    worker = start_node(line, NodeConfig(host="node-5", home=line.home / "nodes" / "node-5"))
    try:
        assert await_true(lambda: pid_of("compute@node-5") > 0 and pid_of("agent@node-5") > 0)
        image = api.images.get("tiny").id
        root = BlockDevice(source_type="image", destination_type="volume", source_id=image, boot_index=0, size_gib=1)
        there = "nova:node-5"
        kept = api.boot("kept", image="", block_devices=(root,), availability_zone=there).wait(LIMIT_S)
        fresh = api.boot("fresh", availability_zone=there).wait(LIMIT_S)
        addresses = kept.view.addresses[0].fixed_ips
        assert {kept.view.node, fresh.view.node} == {"node-5"}
    finally:
        ray_node.stop(worker)
    assert await_true(lambda: kept.refresh().view.node in NODES)
    moved = kept.wait(LIMIT_S)
    assert (moved.view.status, moved.view.addresses[0].fixed_ips) == ("ACTIVE", addresses)
    assert fresh.refresh().view.node == "node-5"  # the policy is about those on volumes
    line.run("evacuate", "node-5", "--from-image")
    assert await_true(lambda: fresh.refresh().view.node in NODES)
    assert fresh.wait(LIMIT_S).view.status == "ACTIVE"


def actor_names() -> set[str]:
    return {actor["name"] for actor in list_named_actors(all_namespaces=True)}


# ---------------------------------------------------------------- scripts and commands


def test_an_example_follows_the_events_of_its_boot(line: CommandLine) -> None:
    printed = line.run(str(ROOT / "examples" / "follow_events.py"), program=Path(sys.executable))
    assert "instance.create.end" in printed
    assert "await_running" in printed


def test_an_example_runs_as_a_ray_job(line: CommandLine) -> None:
    exports = line.run("env").splitlines()
    variables = dict(export.removeprefix("export ").split("=", 1) for export in exports)
    command = [sys.executable, str(ROOT / "examples" / "boot_fifty.py")]
    done = subprocess.run(
        [PROGRAM_RAY, "job", "submit", "--", *command],
        env=environment(line.home, **variables),
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_S,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"50 servers on {len(NODES) * HOSTS} hosts" in done.stdout


PROGRAM_RAY = Path(sys.executable).with_name("ray")


def test_results_are_json_where_asked_for(line: CommandLine, api: Cloud) -> None:
    printed = {words[0]: line.json(*words) for words in RESULTS}
    assert printed["status"]["servers"] == {}
    assert printed["boot"] == printed["list"] == [printed["show"]]
    assert printed["show"]["status"] == "ACTIVE"
    assert printed["story"][0]["step"] == "authenticate"
    assert "simulated" in printed["console"]["console"]
    events = [json.loads(event) for event in line.run("events", "--json").splitlines()]
    assert events[-1]["instance_id"] == printed["show"]["id"]
    line.run("delete", "as-json")
    assert line.json("list") == []


# ---------------------------------------------------------------- what the tests are made of


def handle(name: str) -> Any:
    return ray.get_actor(name, namespace=names.NAMESPACE)


def worlds() -> dict[str, dict[str, list[str]]]:
    """What each room holds; the same as in `tests/world.py`, asked through Ray."""
    rooms = [names.SCHEDULER, names.NETWORK, names.VOLUME, *(names.compute_name(node) for node in NODES)]
    assert await_true(lambda: all(pid_of(room) for room in rooms))  # one that an earlier test killed is back
    replies = ray.get([handle(room).ask.remote(asking("world", ())) for room in rooms], timeout=LIMIT_S)
    return dict(zip(rooms, map(answer_of, replies), strict=True))


def await_true(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LIMIT_S
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return held


def await_equal(look: Callable[[], Any], wanted: Any) -> Any:
    """What is seen at last: rooms may give things back a moment after the answer."""
    await_true(lambda: look() == wanted)
    return look()


def test_images_networks_and_volumes_come_and_go_by_command(line: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "disk.raw"
    file.write_bytes(b"disk" * 1_000)
    [image] = line.json("image", "create", "by-command", "--file", str(file), "--disk-format", "raw")
    assert (image["status"], image["size"]) == ("active", 4_000)
    [network] = line.json("network", "create", "by-command", "--cidr", "10.99.0.0/24")
    assert network["id"] in [row["id"] for row in line.json("network", "list")]
    [volume] = line.json("volume", "create", "by-command", "--image", "by-command")
    assert (volume["status"], volume["size_gib"], volume["bootable"]) == ("available", 1, True)
    assert "by-command" in line.run("volume", "list") and "by-command" in line.run("image", "list")
    for noun in ("volume", "image"):
        line.run(noun, "delete", "by-command")
        assert "by-command" not in [row["name"] for row in line.json(noun, "list")]
        assert f"there is no {noun}" in line.run(noun, "delete", "by-command", code=1)
