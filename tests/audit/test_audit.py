"""A healthy cloud has no disagreement; each thing that is wrong on purpose is found, and named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from actors.api.act_messages import MigrateServer
from actors.audit.checks import CHECKS, audit
from actors.audit.evidence import Disagreement, Evidence, NodeEvidence
from actors.audit.gather import Witnesses, look
from actors.messages import BlockDevice
from actors.network import routing
from actors.network.messages import RouterInfo, RouterPort
from actors.network.naming import bridge_device, tap_device
from actors.records import Drop, Port, Volume, VolumeAttachment
from tests.world import NODE_NAME, World, in_world

STRANGER = "00000000-0000-4000-8000-000000000000"


def witnesses(world: World) -> Witnesses:
    nodes = {NODE_NAME: (world.compute, world.agent)}
    return Witnesses(world.conductor, world.scheduler, world.network, world.volumes, nodes)


async def full_house(world: World) -> Evidence:
    """Two servers, one with a volume of its own, and a look at them when all is quiet."""
    data = BlockDevice(source_type="volume", destination_type="volume", source_id=await world.volume())
    blank = BlockDevice(source_type="blank", destination_type="volume", size_gib=1, delete_on_termination=True)
    await world.boot(world.request("a", block_devices=(data, blank)), world.request("b"))
    await world.settled()
    return await look(witnesses(world))


def evidence(folder: Path) -> Evidence:
    kept: list[Evidence] = []

    async def play(world: World) -> None:
        kept.append(await full_house(world))

    in_world(folder, play)
    return kept[0]


def real(found: Evidence) -> Evidence:
    """The same cloud as if its node had real guests."""
    node = found.nodes[NODE_NAME]
    ids = node.compute["claims"]
    compute = node.compute | {"domains": ids, "running": ids, "files": [f"{i}/disk" for i in ids] + list(ids)}
    return replace(found, nodes={NODE_NAME: NodeEvidence(compute=compute, agent=node.agent, real=True)})


def end(port_id: str, address: str) -> RouterPort:
    return RouterPort(port_id=port_id, network_id=STRANGER, mac_address=port_id, mtu=1450, addresses=(address,))


INSIDE, OUTSIDE = end("aaaaaaaa-aaaa", "10.5.0.1/24"), end("aaaaaaaa-bbbb", "203.0.113.2/24")
ROUTER = RouterInfo(
    router_id="77777777-0000-4000-8000-000000000000",
    host=NODE_NAME,
    interfaces=(INSIDE,),
    gateway=OUTSIDE,
    floating_ips=(("203.0.113.51", "10.5.0.11"),),
)


def with_router(found: Evidence) -> Evidence:
    """The same cloud with one router on its node, and a port for each of its ends."""
    node = found.nodes[NODE_NAME]
    taps = [f"{tap_device(each.port_id)} {bridge_device(each.network_id)}" for each in (INSIDE, OUTSIDE)]
    ports = [
        Port(id=each.port_id, network_id=each.network_id, project_id="p", mac_address=each.mac_address)
        for each in (INSIDE, OUTSIDE)
    ]
    agent = node.agent | routing.world([ROUTER]) | {"taps": [*node.agent["taps"], *taps]}
    nodes = {NODE_NAME: replace(node, agent=agent)}
    return replace(found, routers=(ROUTER,), ports=(*found.ports, *ports), nodes=nodes)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return with_router(real(evidence(tmp_path_factory.mktemp("audit"))))


def found_in(evidence: Evidence) -> list[Disagreement]:
    return audit(evidence, evidence)


def on_node(evidence: Evidence, **changes: Any) -> Evidence:
    node = evidence.nodes[NODE_NAME]
    return replace(evidence, nodes={NODE_NAME: replace(node, **changes)})


def compute(kind: str, change: Callable[[list[str]], list[str]]) -> Callable[[Evidence], Evidence]:
    def spoil(evidence: Evidence) -> Evidence:
        held = evidence.nodes[NODE_NAME].compute
        return on_node(evidence, compute=held | {kind: change(held[kind])})

    return spoil


def agent(kind: str, change: Callable[[list[str]], list[str]]) -> Callable[[Evidence], Evidence]:
    def spoil(evidence: Evidence) -> Evidence:
        wired = evidence.nodes[NODE_NAME].agent
        return on_node(evidence, agent=wired | {kind: change(wired[kind])})

    return spoil


def volume_room(kind: str, change: Callable[[list[str]], list[str]]) -> Callable[[Evidence], Evidence]:
    def spoil(evidence: Evidence) -> Evidence:
        room = evidence.volume_room
        return replace(evidence, volume_room=room | {kind: change(room[kind])})

    return spoil


def without_first(lines: list[str]) -> list[str]:
    return lines[1:]


def with_stranger(lines: list[str]) -> list[str]:
    return [*lines, STRANGER]


def guest_port(evidence: Evidence) -> Port:
    return next(port for port in evidence.ports if port.device_owner.startswith("compute:"))


def changed_port(evidence: Evidence, **changes: Any) -> Evidence:
    port = guest_port(evidence)
    return replace(evidence, ports=tuple(replace(one, **changes) if one is port else one for one in evidence.ports))


def twin_address(evidence: Evidence) -> Evidence:
    twin = replace(guest_port(evidence), id=STRANGER, device_owner="", device_id="", mac_address="fa:16:3e:00:00:01")
    return replace(evidence, ports=(*evidence.ports, twin))


def left_behind(volume: Volume) -> Volume:
    return replace(volume, made_for=STRANGER, delete_on_termination=True)


def twin_guest(evidence: Evidence) -> Evidence:
    node = evidence.nodes[NODE_NAME]
    return replace(evidence, nodes={NODE_NAME: node, "node-2": node})


SPOILED: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "a server that the database lost": ("servers", lambda e: replace(e, instances=e.instances[1:])),
    "a server that the conductor lost": ("servers", lambda e: replace(e, servers=e.servers[1:])),
    "a row in memory only": ("rows", lambda e: replace(e, network_rows=e.network_rows | {"ports": []})),
    "a claim of no server": ("claims", lambda e: replace(e, claims=e.claims | {"node-9": [STRANGER]})),
    "a server without a claim": ("claims", lambda e: replace(e, claims={})),
    "a claim in the node's books of no server": ("books", compute("claims", with_stranger)),
    "a server that the node's books lack": ("books", compute("claims", without_first)),
    "a stray guest": ("guests", compute("domains", with_stranger)),
    "a lost guest": ("guests", compute("domains", without_first)),
    "a guest that does not run": ("power", compute("running", without_first)),
    "two guests of one server": ("twins", twin_guest),
    "a folder of no server": ("files", compute("files", with_stranger)),
    "a port of no server": ("ports", lambda e: changed_port(e, device_id=STRANGER)),
    "a port on another host": ("ports", lambda e: changed_port(e, host="elsewhere")),
    "a port that is down": ("ports", lambda e: replace(e, network_room=e.network_room | {"up": []})),
    "an address given twice": ("addresses", twin_address),
    "a tap of no port": ("taps", agent("taps", lambda taps: [*taps, "tap00000000-00 brq0"])),
    "a tap that is gone": ("taps", agent("taps", lambda taps: [])),
    "a tap in no bridge": ("taps", agent("taps", lambda taps: [tap.split()[0] for tap in taps])),
    "a network whose DHCP is not served": ("dhcp", agent("dhcp", lambda ids: [])),
    "a reservation of no port": (
        "dhcp",
        agent("dhcp_entries", lambda lines: [*lines, lines[0].replace(lines[0].split()[1], "fa:16:3e:00:00:02")]),
    ),
    "a router that is not there": (
        "routers",
        lambda e: replace(e, routers=(*e.routers, replace(ROUTER, router_id=STRANGER))),
    ),
    "a router of nobody": ("routers", agent("routers", with_stranger)),
    "a floating IP that leads elsewhere": (
        "routers",
        agent("floating_ips", lambda lines: [line.replace("10.5.0.11", "10.5.0.12") for line in lines]),
    ),
    "a router's tap in no bridge": (
        "routers",
        agent("taps", lambda taps: [tap.split()[0] if tap.startswith("tapaaaaaaaa") else tap for tap in taps]),
    ),
    "an attachment of no server": (
        "attachments",
        lambda e: replace(e, attachments=tuple(replace(a, instance_id=STRANGER) for a in e.attachments)),
    ),
    "a volume reached from another host than its server's": (
        "attachments",
        lambda e: replace(e, attachments=tuple(replace(a, host="elsewhere") for a in e.attachments)),
    ),
    "a volume in use by nobody": ("attachments", lambda e: replace(e, attachments=())),
    "a volume that a boot left behind": (
        "attachments",
        lambda e: replace(
            e, volumes=tuple(replace(v, made_for=STRANGER, delete_on_termination=True) for v in e.volumes)
        ),
    ),
    "an export of nothing": ("exports", volume_room("exports", with_stranger)),
    "a volume that is not exported": ("exports", volume_room("exports", without_first)),
    "data of no volume": ("volume files", volume_room("volume_files", with_stranger)),
    "a node that does not answer": ("nodes", lambda e: replace(e, silent=("node-2",))),
}


def test_a_healthy_cloud_agrees(healthy: Evidence) -> None:
    assert len(healthy.servers) == 2
    assert found_in(healthy) == []


@pytest.mark.parametrize("wrong", SPOILED)
def test_what_is_wrong_is_found(healthy: Evidence, wrong: str) -> None:
    check, spoil = SPOILED[wrong]
    found = found_in(spoil(healthy))
    assert check in {each.check for each in found}


def test_every_check_finds_something(healthy: Evidence) -> None:
    spoiled = [spoil(healthy) for _, spoil in SPOILED.values()]
    for check in CHECKS:
        assert any(list(check(evidence)) for evidence in spoiled), check.__name__


def test_what_one_look_alone_shows_is_nothing(healthy: Evidence) -> None:
    assert audit(replace(healthy, claims={}), healthy) == []
    assert audit(healthy, replace(healthy, claims={})) == []


def test_nothing_is_said_of_servers_on_their_way(healthy: Evidence) -> None:
    servers = tuple(replace(server, task_state="deleting") for server in healthy.servers)
    moving = replace(healthy, servers=servers, claims={})
    moving = compute("domains", lambda domains: [])(moving)
    assert found_in(moving) == []


def test_a_whole_cloud_before_and_after(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        found = await full_house(world)
        assert audit(found, found) == []
        await world.delete(*found.servers)
        empty = await look(witnesses(world))
        assert audit(empty, empty) == []

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda world, found: world.scheduler.release([found.servers[0].id]), "claims"),
        (lambda world, found: world.ledger.commit([Drop(Port.__name__, guest_port(found).id)]), "rows"),
        (lambda world, found: world.ledger.commit([Drop(Volume.__name__, found.volumes[0].id)]), "attachments"),
        (lambda world, found: world.ledger.commit([drop_attachment(found)]), "attachments"),
        (lambda world, found: world.backend.unexport([found.volumes[0].id]), "exports"),
    ],
)
def test_what_really_goes_wrong_is_found(
    tmp_path: Path, spoil: Callable[[World, Evidence], Awaitable[object]], check: str
) -> None:
    async def play(world: World) -> None:
        await spoil(world, await full_house(world))
        found = await look(witnesses(world))
        assert check in {each.check for each in audit(found, found)}

    in_world(tmp_path, play)


def drop_attachment(found: Evidence) -> Drop:
    return Drop(VolumeAttachment.__name__, found.attachments[0].id)


def test_what_another_host_keeps_of_a_server_is_no_stray(tmp_path: Path) -> None:
    """Until it is confirmed; but it must be off there, and have room."""
    kept: list[Evidence] = []

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await world.join("node-2")
        asked = await world.api.migrate(MigrateServer(token=world.admin, server_id=server.id))
        await world.conductor.acted([asked.id], 20.0)
        await world.settled()
        nodes = {name: (world._computes[name], world._agents[name]) for name in (NODE_NAME, "node-2")}
        there = Witnesses(world.conductor, world.scheduler, world.network, world.volumes, nodes)
        kept.append(await look(there))

    in_world(tmp_path, play)
    [found] = kept
    [server] = found.servers
    nodes = {
        name: replace(node, real=True, compute=node.compute | {"domains": [server.id], "running": running})
        for (name, node), running in zip(found.nodes.items(), ([], [server.id]), strict=True)
    }
    found = replace(found, nodes=nodes)
    assert found_in(found) == []
    runs = replace(nodes[NODE_NAME], compute=nodes[NODE_NAME].compute | {"running": [server.id]})
    assert {one.check for one in found_in(replace(found, nodes=nodes | {NODE_NAME: runs}))} == {"twins"}
    without = {host: ids for host, ids in found.claims.items() if host != NODE_NAME}
    assert {one.check for one in found_in(replace(found, claims=without))} == {"claims"}
    [gone] = [replace(one, kept_places=()) for one in found.servers]
    checks = {one.check for one in found_in(replace(found, servers=(gone,)))}
    assert checks == {"books", "claims", "guests", "twins"}
