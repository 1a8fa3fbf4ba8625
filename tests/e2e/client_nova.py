"""A day with python-novaclient, at one microversion after the other. Called by `test_client_libraries.py`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import novaclient
from keystoneauth1.session import Session
from novaclient import api_versions, client, exceptions
from openstack.connection import Connection

from tests.e2e.client_sdk import POLL_S, WAIT_S, connect

OLDEST = "2.1"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVYqOM3AOqZUn5pVWpLzGFKLaVNzMKtbWVP0Y3pVfbB test"


def day(home: Path, folder: Path) -> None:
    """The cloud is furnished with openstacksdk, as novaclient has no images and networks any more."""
    with connect(home) as conn:
        furnish(conn, folder)
        for version in (OLDEST, newest(conn)):
            nova = client.Client(version, session=session_of(conn))
            for part in (flavors_and_keys, a_server, its_devices, for_administrators, clear_up):
                part(nova, conn)
        conn.delete_image("nova-image")
        conn.delete_network("nova-net")


def session_of(conn: Connection) -> Session:
    return Session(auth=conn.session.auth)


def newest(conn: Connection) -> str:
    """That both speak: the newest of the server, or of the client where that is older."""
    served = api_versions.APIVersion(conn.compute.get("/").json()["version"]["version"])
    return str(min(served, novaclient.API_MAX_VERSION).get_string())


def furnish(conn: Connection, folder: Path) -> None:
    disk = folder / "nova.raw"
    disk.write_bytes(bytes(64 * 1024))
    conn.create_image("nova-image", str(disk), disk_format="raw", container_format="bare", wait=True)
    conn.create_network("nova-net")
    conn.create_subnet("nova-net", cidr="10.50.0.0/24", subnet_name="nova-subnet")


def until(test: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := test()):
        assert time.monotonic() < deadline, what
        time.sleep(POLL_S)  # a REST API tells nobody when something changes
    return found


def is_gone(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except exceptions.NotFound:
        return True
    return False


def since(nova: Any, minor: int) -> bool:
    return bool(nova.api_version >= api_versions.APIVersion(f"2.{minor}"))


def flavors_and_keys(nova: Any, conn: Connection) -> None:
    flavor = nova.flavors.create("m1.nova", 128, 1, 1, flavorid="m1.nova")
    flavor.set_keys({"nova:kind": "small"})
    assert nova.flavors.find(name="m1.nova").get_keys() == {"nova:kind": "small"}
    flavor.unset_keys(["nova:kind"])
    assert nova.flavors.get("m1.nova").ram == 128
    hidden = nova.flavors.create("m1.hidden", 64, 1, 1, is_public=False)
    project = conn.current_project_id
    nova.flavor_access.add_tenant_access(hidden, project)
    assert [one.tenant_id for one in nova.flavor_access.list(flavor=hidden)] == [project]
    nova.flavor_access.remove_tenant_access(hidden, project)
    nova.flavors.delete(hidden)
    typed = {"key_type": "ssh"} if since(nova, 2) else {}
    nova.keypairs.create("nova-key", PUBLIC_KEY, **typed)
    assert "nova-key" in {one.name for one in nova.keypairs.list()}
    assert nova.keypairs.get("nova-key").public_key == PUBLIC_KEY


def a_server(nova: Any, conn: Connection) -> None:
    network = conn.get_network("nova-net").id
    policy = {"policy": "soft-anti-affinity"} if since(nova, 64) else {"policies": ["anti-affinity"]}
    group = nova.server_groups.create("nova-group", **policy)
    more = {"description": "described", "tags": ["blue"]} if since(nova, 52) else {}
    made = nova.servers.create(
        "nova-vm",
        conn.get_image("nova-image").id,
        "m1.nova",
        nics=[{"net-id": network}],
        key_name="nova-key",
        meta={"purpose": "test"},
        userdata="#!/bin/sh\ntrue\n",
        scheduler_hints={"group": group.id},
        security_groups=["default"],
        config_drive=True,
        **more,
    )
    assert made.adminPass
    server = active(nova, made.id)
    assert (server.name, server.metadata, server.key_name) == ("nova-vm", {"purpose": "test"}, "nova-key")
    assert list(server.networks) == ["nova-net"] and server.security_groups == [{"name": "default"}]
    assert ("original_name" in server.flavor) == since(nova, 47) and server.image["id"]
    assert hasattr(server, "description") == since(nova, 19) and hasattr(server, "tags") == since(nova, 26)
    assert nova.server_groups.get(group.id).members == [server.id]
    [listed] = nova.servers.list(search_opts={"name": "^nova-vm$"})
    assert listed.id == server.id and nova.servers.list(search_opts={"status": "ERROR"}) == []
    assert nova.servers.list(limit=1, sort_keys=["display_name"], sort_dirs=["asc"])
    assert server.diagnostics()[1] and isinstance(server.get_console_output(), str)
    assert server.get_console_url("novnc")
    server.update(name="nova-renamed")
    assert nova.servers.ips(server)["nova-net"]
    nova.servers.set_meta(server, {"colour": "blue"})
    nova.servers.delete_meta(server, ["purpose"])
    assert nova.servers.get(server.id).metadata == {"colour": "blue"}
    if since(nova, 26):
        server.add_tag("red")
        assert set(server.tag_list()) == {"blue", "red"}
        server.set_tags(["green"])
        server.delete_all_tags()
    acts(nova, server)
    [at_once, *_] = [one for one in nova.instance_action.list(server) if one.action == "create"]
    assert nova.instance_action.get(server, at_once.request_id).events
    many = nova.servers.create(
        "nova-many", conn.get_image("nova-image").id, "m1.nova", nics=[{"net-id": network}], min_count=2, max_count=2
    )
    assert many.id
    assert len(until(lambda: nova.servers.list(search_opts={"name": "nova-many", "status": "ACTIVE"})[1:], "two"))


def active(nova: Any, server_id: str) -> Any:
    return until(lambda: _with_status(nova, server_id, "ACTIVE"), f"{server_id} is not ACTIVE")


def _with_status(nova: Any, server_id: str, status: str) -> Any:
    server = nova.servers.get(server_id)
    assert server.status != "ERROR", server.to_dict()
    return server if server.status == status else None


def acts(nova: Any, server: Any) -> None:
    for act, status in (
        (server.stop, "SHUTOFF"),
        (server.start, "ACTIVE"),
        (server.pause, "PAUSED"),
        (server.unpause, "ACTIVE"),
        (server.suspend, "SUSPENDED"),
        (server.resume, "ACTIVE"),
        (server.rescue, "RESCUE"),
        (server.unrescue, "ACTIVE"),
        (lambda: server.resize("m1.small"), "VERIFY_RESIZE"),
        (server.revert_resize, "ACTIVE"),
        (lambda: server.resize("m1.small"), "VERIFY_RESIZE"),
        (server.confirm_resize, "ACTIVE"),
        (server.shelve, "SHELVED_OFFLOADED"),
        (server.unshelve, "ACTIVE"),
        (lambda: server.reboot("HARD"), "ACTIVE"),
        (lambda: server.reset_state("error"), None),
        (lambda: server.reset_state("active"), "ACTIVE"),
    ):
        act()
        if status:
            until(lambda wanted=status: _with_status(nova, server.id, wanted), f"{server.id} is not {status}")
    server.lock()
    assert nova.servers.get(server.id).status == "ACTIVE"
    server.unlock()
    server.add_security_group("default")
    assert [one.name for one in server.list_security_group()] == ["default"]
    assert nova.glance.find_image("nova-image").name == "nova-image"


def its_devices(nova: Any, conn: Connection) -> None:
    server = nova.servers.find(name="nova-renamed")
    volume = conn.create_volume(1, name="nova-volume", wait=True, timeout=WAIT_S)
    attached = nova.volumes.create_server_volume(server.id, volume.id)
    assert attached.volumeId == volume.id
    until(lambda: conn.get_volume(volume.id).status == "in-use", "not attached")
    assert [one.volumeId for one in nova.volumes.get_server_volumes(server.id)] == [volume.id]
    assert nova.volumes.get_server_volume(server.id, volume.id).serverId == server.id
    nova.volumes.delete_server_volume(server.id, volume.id)
    until(lambda: conn.get_volume(volume.id).status == "available", "not detached")
    conn.delete_volume(volume.id, wait=True, timeout=WAIT_S)
    port = server.interface_attach(None, conn.get_network("nova-net").id, None)
    assert len(server.interface_list()) == 2
    server.interface_detach(port.port_id)
    until(lambda: len(server.interface_list()) == 1, "not detached")


def for_administrators(nova: Any, conn: Connection) -> None:
    assert [one.zoneName for one in nova.availability_zones.list(detailed=False)] == ["nova"]
    assert {one.zoneName for one in nova.availability_zones.list()} >= {"nova"}
    hypervisors = nova.hypervisors.list(detailed=True)
    [host, *_] = [one.hypervisor_hostname for one in hypervisors]
    assert {one.state for one in hypervisors} == {"up"} and nova.hypervisors.get(hypervisors[0].id).status == "enabled"
    assert nova.hypervisors.search(host)
    if not since(nova, 88):
        assert nova.hypervisors.statistics().count == len(hypervisors)
    computes = nova.services.list(binary="nova-compute")
    assert {one.state for one in computes} == {"up"}
    [service, *_] = computes
    if since(nova, 53):
        assert nova.services.disable_log_reason(service.id, "for a test").status == "disabled"
        assert nova.services.enable(service.id).status == "enabled"
    else:
        assert nova.services.disable(service.host, service.binary).status == "disabled"
        assert nova.services.enable(service.host, service.binary).status == "enabled"
    aggregate = nova.aggregates.create("nova-hosts", "nova-zone")
    assert nova.aggregates.set_metadata(aggregate, {"ssd": "true"}).metadata["ssd"] == "true"
    assert nova.aggregates.get(aggregate.id).availability_zone == "nova-zone"
    nova.aggregates.update(aggregate, {"name": "nova-others"})
    nova.aggregates.delete(aggregate)
    assert {one.status for one in nova.migrations.list()} == {"confirmed", "reverted"}
    project = conn.current_project_id
    ours = {name: getattr(nova.quotas.get(project), name) for name in ("instances", "cores", "ram")}
    assert set(ours.values()) == {-1}  # as `up` leaves its first project
    assert nova.quotas.update(project, instances=77).instances == 77
    assert nova.quotas.defaults(project).cores and nova.quotas.get(project, detail=True).instances["limit"] == 77
    nova.quotas.delete(project)
    assert nova.quotas.get(project).instances == nova.quotas.defaults(project).instances == 10
    assert nova.quotas.update(project, **ours).instances == -1
    now = datetime.now(UTC).replace(tzinfo=None)
    used = nova.usage.get(project, now - timedelta(days=1), now + timedelta(minutes=1))
    assert {one["name"] for one in used.server_usages} >= {"nova-renamed"}
    assert {one.tenant_id for one in nova.usage.list(now - timedelta(days=1), now)} >= {project}
    absolute = {one.name: one.value for one in nova.limits.get().absolute}
    assert absolute["totalInstancesUsed"] >= 3
    assert [one for one in nova.versions.list() if one.id == "v2.1"]


def clear_up(nova: Any, conn: Connection) -> None:
    for server in nova.servers.list(search_opts={"name": "^nova-"}):
        server.delete()
        until(lambda one=server: is_gone(lambda: nova.servers.get(one.id)), f"{server.id} is still there")
    for group in nova.server_groups.list():
        group.delete()
    nova.keypairs.delete("nova-key")
    nova.flavors.delete("m1.nova")
    assert is_gone(lambda: nova.flavors.get("m1.nova"))
