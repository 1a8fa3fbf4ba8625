"""The checks of an audit: pure functions from one look at the cloud to what disagrees in it.

A server that is being built, deleted or changed is on its way, and nothing is said of what belongs to it: it has a
saga that brings it to an end. `audit` takes two looks and reports what both show, so what ended between them is no
disagreement either.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from actors.audit.evidence import Disagreement, Evidence
from actors.cluster.names import node_of
from actors.messages import ServerView
from actors.network import routing
from actors.network.naming import COMPUTE_OWNER, bridge_device, tap_device
from actors.network.routing import is_served
from actors.states import Vm

Check = Callable[[Evidence], Iterator[Disagreement]]
RUNNING = Vm.ACTIVE.value


def audit(first: Evidence, second: Evidence) -> list[Disagreement]:
    """What both looks show, sorted. Empty on a healthy cloud."""
    moving = _moving(first) | _moving(second)
    seen = set(_all(first)) & set(_all(second))
    return sorted(each for each in seen if each.subject not in moving)


def _all(evidence: Evidence) -> Iterable[Disagreement]:
    return (disagreement for check in CHECKS for disagreement in check(evidence))


def _moving(evidence: Evidence) -> set[str]:
    """Ids of servers on their way, and of the ports and volumes that are theirs."""
    servers = {one.id for one in evidence.servers if one.task_state or one.vm_state == Vm.BUILDING}
    ports = {one.id for one in evidence.ports if one.device_id in servers or one.made_for in servers}
    volumes = {one.volume_id for one in evidence.attachments if one.instance_id in servers}
    return servers | ports | volumes | {one.id for one in evidence.volumes if one.made_for in servers}


def _hosted(evidence: Evidence) -> dict[str, ServerView]:
    """Servers that have a place on a host; one in ERROR has given its place back."""
    return {one.id: one for one in evidence.servers if one.host and (one.vm_state != Vm.ERROR or one.launched_at)}


# ---------------------------------------------------------------- the conductor and its database


def servers_are_their_rows(evidence: Evidence) -> Iterator[Disagreement]:
    rows = {row.id: row for row in evidence.instances if row.vm_state != Vm.DELETED}
    for server in evidence.servers:
        row = rows.pop(server.id, None)
        if row is None:
            yield _said("servers", "database", server.id, f"{server.vm_state} in the conductor, not in the database")
        elif (row.vm_state, row.host) != (server.vm_state, server.host):
            found = f"{server.vm_state} on {server.host or '-'} in the conductor, {row.vm_state} on {row.host or '-'}"
            yield _said("servers", "database", server.id, f"{found} in the database")
    for row in rows.values():
        yield _said("servers", "conductor", row.id, f"{row.vm_state} in the database, unknown to the conductor")


def rooms_are_their_rows(evidence: Evidence) -> Iterator[Disagreement]:
    """What a room holds in memory is what the database has of it."""
    pairs = (
        ("network", evidence.network_room, evidence.network_rows),
        ("volume", evidence.volume_room, evidence.volume_rows),
    )
    for room, memory, rows in pairs:
        for kind, lines in rows.items():
            for line in set(memory.get(kind, ())) ^ set(lines):
                side = "only in the database" if line in lines else "only in memory"
                yield _said("rows", room, line.partition(" ")[0], f"{kind}: {side}: {line}")


# ---------------------------------------------------------------- claims


def claims_are_servers(evidence: Evidence) -> Iterator[Disagreement]:
    hosted = _hosted(evidence)
    claimed = {instance_id: host for host, ids in evidence.claims.items() for instance_id in ids}
    for server in evidence.servers:
        for place in server.kept_places:
            if claimed.pop(place.claim_id, "") != place.host:
                yield _said("claims", "scheduler", server.id, f"is kept on {place.host} without a claim")
    for instance_id, host in claimed.items():
        if instance_id not in hosted:
            yield _said("claims", "scheduler", instance_id, f"a claim on {host} of no server")
        elif hosted[instance_id].host != host:
            yield _said("claims", "scheduler", instance_id, f"claims {host}, but is on {hosted[instance_id].host}")
    for instance_id, server in hosted.items():
        if instance_id not in claimed:
            yield _said("claims", "scheduler", instance_id, f"is on {server.host} without a claim")


def books_are_servers(evidence: Evidence) -> Iterator[Disagreement]:
    """Each node's own books, the second line of defence."""
    for node, found in evidence.nodes.items():
        yield from _compared("books", node, "claim", found.compute.get("claims", ()), _on_node(evidence, node))


# ---------------------------------------------------------------- guests


def guests_are_servers(evidence: Evidence) -> Iterator[Disagreement]:
    for node, found in evidence.nodes.items():
        if found.real:
            yield from _compared("guests", node, "guest", found.compute.get("domains", ()), _on_node(evidence, node))


def running_guests_run(evidence: Evidence) -> Iterator[Disagreement]:
    for server in _hosted(evidence).values():
        found = evidence.nodes.get(node_of(server.host))
        if found is None or not found.real or server.vm_state != RUNNING:
            continue
        if server.id in found.compute.get("domains", ()) and server.id not in found.compute.get("running", ()):
            yield _said("power", node_of(server.host), server.id, "is ACTIVE, and its guest does not run")


def guests_are_on_one_node(evidence: Evidence) -> Iterator[Disagreement]:
    nodes: defaultdict[str, list[str]] = defaultdict(list)
    for node, found in evidence.nodes.items():
        kept = _kept_on(evidence, node) - set(found.compute.get("running", ()))  # off, until it is confirmed elsewhere
        for instance_id in set(found.compute.get("domains", ())) - kept:
            nodes[instance_id].append(node)
    for instance_id, several in nodes.items():
        if len(several) > 1:
            yield _said("twins", several[0], instance_id, f"has a guest on each of {', '.join(sorted(several))}")


def files_are_servers(evidence: Evidence) -> Iterator[Disagreement]:
    for node, found in evidence.nodes.items():
        mine = _on_node(evidence, node)
        for folder in {line.partition("/")[0] for line in found.compute.get("files", ())} - set(mine):
            if found.real:
                yield _said("files", node, folder, "a folder of no server")


# ---------------------------------------------------------------- networks


def ports_are_servers(evidence: Evidence) -> Iterator[Disagreement]:
    servers = {server.id: server for server in evidence.servers}
    up = set(evidence.network_room.get("up", ()))
    for port in evidence.ports:
        if not port.device_owner.startswith(COMPUTE_OWNER):
            continue
        server = servers.get(port.device_id)
        if server is None:
            yield _said("ports", "network", port.id, f"is in use by {port.device_id}, which is not there")
        elif port.host != server.host:
            yield _said("ports", "network", port.id, f"is bound to {port.host or '-'}, its server to {server.host}")
        elif server.vm_state == RUNNING and port.id not in up:
            yield _said("ports", "network", port.id, "is not up, and its server is ACTIVE")
    known = {port.id for port in evidence.ports}
    for server in evidence.servers:
        for port_id in {vif.port_id for vif in server.addresses} - known:
            yield _said("ports", "network", port_id, f"server {server.id} has it, and it is not there")


def addresses_are_given_once(evidence: Evidence) -> Iterator[Disagreement]:
    addresses = Counter((ip.subnet_id, ip.ip_address) for port in evidence.ports for ip in port.fixed_ips)
    macs = Counter((port.network_id, port.mac_address) for port in evidence.ports)
    for (owner, given), times in (*addresses.items(), *macs.items()):
        if times > 1:
            yield _said("addresses", "network", owner, f"{given} is given {times} times")


def taps_are_ports(evidence: Evidence) -> Iterator[Disagreement]:
    """Each guest's tap is there and in the bridge of its network; none is there of no port."""
    active = {server.id for server in _hosted(evidence).values() if server.vm_state == RUNNING}
    wanted: defaultdict[str, dict[str, str]] = defaultdict(dict)
    ids = {tap_device(port.id): port.id for port in evidence.ports}
    for port in evidence.ports:
        if port.device_id in active:
            wanted[node_of(port.host)][tap_device(port.id)] = bridge_device(port.network_id)
    for node, found in evidence.nodes.items():
        taps = {name: bridge for name, _, bridge in (line.partition(" ") for line in found.agent.get("taps", ()))}
        for tap in taps.keys() - ids.keys():
            yield _said("taps", node, tap, "a tap of no port")
        for tap, bridge in wanted[node].items():
            if tap not in taps:
                if found.real:
                    yield _said("taps", node, ids[tap], f"its tap {tap} is not there")
            elif taps[tap] != bridge and taps[tap]:
                yield _said("taps", node, ids[tap], f"its tap {tap} is in {taps[tap]}, not in {bridge}")
            elif not taps[tap]:
                yield _said("taps", node, ids[tap], f"its tap {tap} is in no bridge")


def reservations_are_ports(evidence: Evidence) -> Iterator[Disagreement]:
    """Whom DHCP answers: on the node that serves a network, the MAC of each of its bound ports and no other."""
    for network in evidence.networks:
        found = evidence.nodes.get(network.dhcp_host)
        if found is None or network.id not in found.agent.get("dhcp", ()):
            if network.dhcp_host and found is not None:
                yield _said("dhcp", network.dhcp_host, network.id, "is to be served here, and is not")
            continue
        lines = [line for line in found.agent.get("dhcp_entries", ()) if line.startswith(f"{network.id} ")]
        macs = {port.mac_address: port.id for port in evidence.ports if port.network_id == network.id}
        served = {mac for line in lines if (mac := line.split(" ", 1)[1].replace(" ", ",").split(",")[0])}
        for mac in served - macs.keys():
            yield _said("dhcp", network.dhcp_host, mac, f"has a reservation on network {network.id}, and no port")


def routers_are_their_rows(evidence: Evidence) -> Iterator[Disagreement]:
    """Each is on its node and on no other, with the addresses, the floating IPs and the taps that it should have."""
    for node, found in evidence.nodes.items():
        infos = [routing.served(info) for info in evidence.routers if is_served(info, node)]
        for kind, lines in routing.world(infos).items():
            for line in set(lines) ^ set(found.agent.get(kind, ())):
                what = "is to be here, and is not" if line in lines else "is here, and is not to be"
                yield _said("routers", node, line.partition(" ")[0], f"{kind}: {line}: {what}")
        taps = set(found.agent.get("taps", ()))
        for info in infos:
            for port in (*info.interfaces, *([info.gateway] if info.gateway else [])):
                wired = f"{tap_device(port.port_id)} {bridge_device(port.network_id)}"
                if wired not in taps:
                    yield _said("routers", node, info.router_id, f"its tap is not in its bridge: {wired}")


# ---------------------------------------------------------------- volumes


def attachments_are_servers(evidence: Evidence) -> Iterator[Disagreement]:
    servers = {server.id: server.host for server in evidence.servers}
    volumes = {volume.id: volume for volume in evidence.volumes}
    held = {attachment.volume_id for attachment in evidence.attachments}
    for attachment in evidence.attachments:
        if attachment.instance_id and attachment.instance_id not in servers:
            yield _said(
                "attachments", "volume", attachment.volume_id, f"attached to {attachment.instance_id}: no server"
            )
        elif attachment.of_server and servers.get(attachment.instance_id, "") not in ("", attachment.host):
            found = f"is reached from {attachment.host or '-'}, its server is on {servers[attachment.instance_id]}"
            yield _said("attachments", "volume", attachment.volume_id, found)
        if attachment.volume_id not in volumes:
            yield _said("attachments", "volume", attachment.volume_id, "attached, and there is no such volume")
    for volume in evidence.volumes:
        if volume.status == "in-use" and volume.id not in held:
            yield _said("attachments", "volume", volume.id, "in-use by nobody")
        if volume.made_for and volume.delete_on_termination and volume.made_for not in servers:
            yield _said("attachments", "volume", volume.id, f"was made for {volume.made_for}, which is not there")


def exports_are_attachments(evidence: Evidence) -> Iterator[Disagreement]:
    kept = {one.volume_id for one in evidence.attachments if one.of_server and not one.host}  # for shelved servers
    used = {volume.id for volume in evidence.volumes if volume.status == "in-use"} - kept
    exported = set(evidence.volume_room.get("exports", ()))
    yield from _compared("exports", "volume", "export", exported, used)


def volume_files_are_volumes(evidence: Evidence) -> Iterator[Disagreement]:
    volumes = {volume.id for volume in evidence.volumes}
    for name in set(evidence.volume_room.get("volume_files", ())) - volumes:
        yield _said("volume files", "volume", name, "data of no volume")


# ---------------------------------------------------------------- nodes


def nodes_answer(evidence: Evidence) -> Iterator[Disagreement]:
    for node in evidence.silent:
        yield _said("nodes", node, node, "does not answer")


def _on_node(evidence: Evidence, node: str) -> list[str]:
    """Servers that are there, and those that were and may be again."""
    hosted = [server.id for server in _hosted(evidence).values() if node_of(server.host) == node]
    return [*hosted, *_kept_on(evidence, node)]


def _kept_on(evidence: Evidence, node: str) -> set[str]:
    return {server.id for server in evidence.servers if any(place.node == node for place in server.kept_places)}


def _compared(
    check: str, where: str, noun: str, found: Iterable[str], expected: Iterable[str]
) -> Iterator[Disagreement]:
    there, wanted = set(found), set(expected)
    for stray in there - wanted:
        yield _said(check, where, stray, f"a stray {noun}")
    for lost in wanted - there:
        yield _said(check, where, lost, f"its {noun} is missing")


def _said(check: str, where: str, subject: str, found: str) -> Disagreement:
    return Disagreement(check=check, where=where, subject=subject, found=found)


CHECKS: tuple[Check, ...] = (
    servers_are_their_rows,
    rooms_are_their_rows,
    claims_are_servers,
    books_are_servers,
    guests_are_servers,
    running_guests_run,
    guests_are_on_one_node,
    files_are_servers,
    ports_are_servers,
    addresses_are_given_once,
    taps_are_ports,
    reservations_are_ports,
    routers_are_their_rows,
    attachments_are_servers,
    exports_are_attachments,
    volume_files_are_volumes,
    nodes_answer,
)
