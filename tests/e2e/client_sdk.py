"""A day with openstacksdk: its cloud layer first, then its services' own proxies.

Called by `test_client_libraries.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import openstack
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from openstack.exceptions import ConflictException, HttpException, NotFoundException

from actors.cluster.clouds_file import CLOUD, clouds_file

WAIT_S = 60.0  # for one server or volume
POLL_S = 0.2
IMAGE_BYTES = 64 * 1024


def connect(home: Path) -> Connection:
    region = OpenStackConfig(config_files=[str(clouds_file(home))], load_envvars=False).get_one(CLOUD)
    return openstack.connection.Connection(config=region)


def day(home: Path, folder: Path) -> None:
    with connect(home) as conn:
        furnish(conn, folder)
        servers_of_all_kinds(conn)
        a_server_at_work(conn)
        for_administrators(conn)
        proxies(conn)
        refusals(conn)
        clear_up(conn)


def furnish(conn: Connection, folder: Path) -> None:
    disk = folder / "disk.raw"
    disk.write_bytes(bytes(range(256)) * (IMAGE_BYTES // 256))
    kind = {"disk_format": "raw", "container_format": "bare", "validate_checksum": True, "wait": True}
    image = conn.create_image("sdk-image", str(disk), **kind)
    assert (image.status, image.size) == ("active", IMAGE_BYTES)
    assert conn.create_image("sdk-image", str(disk), **kind).id == image.id  # that one has the same checksum
    saved = folder / "saved.raw"
    conn.download_image("sdk-image", output_path=str(saved))
    assert saved.read_bytes() == disk.read_bytes()
    conn.update_image_properties(image, colour="blue")
    assert conn.get_image("sdk-image").properties["colour"] == "blue"
    network = conn.create_network("sdk-net")
    subnet = conn.create_subnet("sdk-net", cidr="10.40.0.0/24", subnet_name="sdk-subnet", dns_nameservers=["9.9.9.9"])
    assert (subnet.network_id, subnet.gateway_ip) == (network.id, "10.40.0.1")
    conn.update_subnet("sdk-subnet", allocation_pools=[{"start": "10.40.0.10", "end": "10.40.0.200"}])
    assert conn.get_subnet("sdk-subnet").allocation_pools == [{"start": "10.40.0.10", "end": "10.40.0.200"}]
    group = conn.create_security_group("sdk-group", "for the test")
    rule = conn.create_security_group_rule("sdk-group", 22, 22, "tcp", "0.0.0.0/0")
    conn.create_security_group_rule("sdk-group", 0, 0, "icmp", "10.40.0.0/24")
    assert len(conn.get_security_group("sdk-group").security_group_rules) == 4
    assert conn.delete_security_group_rule(rule.id)
    assert conn.search_security_groups("sdk-group")[0].id == group.id
    key = conn.create_keypair("sdk-key")
    assert "PRIVATE KEY" in key.private_key and conn.get_keypair("sdk-key").fingerprint == key.fingerprint
    flavor = conn.create_flavor("m1.sdk", ram=128, vcpus=1, disk=1)
    conn.set_flavor_specs(flavor.id, {"sdk:kind": "small"})
    assert conn.get_flavor("m1.sdk", get_extra=True).extra_specs == {"sdk:kind": "small"}
    volume = conn.create_volume(1, name="sdk-volume", wait=True, timeout=WAIT_S)
    assert (volume.status, volume.size) == ("available", 1)


def boot(conn: Connection, name: str, **more: Any) -> Any:
    """As `wait=True` does, which asks once in five seconds only."""
    made = conn.create_server(name, flavor="m1.sdk", network="sdk-net" if "nics" not in more else None, **more)
    conn.compute.wait_for_server(made, interval=POLL_S, wait=WAIT_S)
    return conn.get_server(made.id)


def servers_of_all_kinds(conn: Connection) -> None:
    from_image = conn.create_server(
        "from-image",
        flavor="m1.sdk",
        image="sdk-image",
        network="sdk-net",
        key_name="sdk-key",
        security_groups=["sdk-group"],
        meta={"purpose": "test"},
        userdata="#!/bin/sh\ntrue\n",
        tags=["one"],
        auto_ip=False,
        wait=True,
        timeout=WAIT_S,
    )
    assert (from_image.status, from_image.metadata, from_image.key_name) == ("ACTIVE", {"purpose": "test"}, "sdk-key")
    assert from_image.private_v4.startswith("10.40.0.")
    port = conn.create_port(conn.get_network("sdk-net").id, name="sdk-port", fixed_ips=[{"ip_address": "10.40.0.77"}])
    on_port = boot(conn, "on-port", image="sdk-image", nics=[{"port-id": port.id}])
    assert on_port.private_v4 == "10.40.0.77"
    volumes = len(conn.list_volumes())
    new_volume = boot(
        conn,
        "on-new-volume",
        image="sdk-image",
        boot_from_volume=True,
        volume_size="1",
        terminate_volume=True,
    )
    assert new_volume.status == "ACTIVE" and len(conn.list_volumes()) == volumes + 1
    [attached] = new_volume.attached_volumes
    assert conn.get_volume(attached["id"]).status == "in-use"
    root = conn.create_volume(1, name="sdk-root", image="sdk-image", bootable=True, wait=True, timeout=WAIT_S)
    assert root.is_bootable
    assert boot(conn, "on-volume", boot_volume="sdk-root").status == "ACTIVE"
    group = conn.create_server_group("sdk-apart", ["anti-affinity"])
    apart = [boot(conn, f"apart-{n}", image="sdk-image", group="sdk-apart") for n in (1, 2)]
    hosts = {conn.compute.get_server(one.id).compute_host for one in apart}
    assert len(hosts) == 2
    assert set(conn.get_server_group("sdk-apart").member_ids) == {one.id for one in apart}
    assert group.policy == "anti-affinity" or group.policies == ["anti-affinity"]
    with_data = boot(conn, "with-data", image="sdk-image", volumes=["sdk-volume"])
    assert [one["id"] for one in with_data.attached_volumes] == [conn.get_volume("sdk-volume").id]
    conn.detach_volume(with_data, conn.get_volume("sdk-volume"), wait=True, timeout=WAIT_S)


def a_server_at_work(conn: Connection) -> None:
    server = conn.get_server("from-image")
    assert conn.get_server_by_id(server.id).name == "from-image"
    assert [one.id for one in conn.search_servers(filters={"key_name": "sdk-key"})] == [server.id]
    assert {one.name for one in conn.list_servers()} >= {"from-image", "on-port", "on-volume", "apart-1"}
    assert conn.search_servers("apart-*") and conn.list_servers(filters={"status": "ERROR"}) == []
    volume = conn.get_volume("sdk-volume")
    attachment = conn.attach_volume(server, volume, wait=True, timeout=WAIT_S)
    assert attachment.volume_id == volume.id
    [known] = conn.get_volume("sdk-volume").attachments
    assert known["server_id"] == server.id and known["device"] == attachment.device
    assert conn.get_volume_attach_device(conn.get_volume("sdk-volume"), server.id) == attachment.device
    conn.detach_volume(server, conn.get_volume("sdk-volume"), wait=True, timeout=WAIT_S)
    assert conn.get_volume("sdk-volume").status == "available"
    port = conn.create_port(conn.get_network("sdk-net").id, name="second")
    interface = conn.compute.create_server_interface(server.id, port_id=port.id)
    assert interface.port_id == port.id
    assert len(list(conn.compute.server_interfaces(server.id))) == 2
    conn.compute.delete_server_interface(interface, server.id)
    conn.set_server_metadata(server.id, {"colour": "blue"})
    conn.delete_server_metadata(server.id, ["purpose"])
    assert conn.get_server("from-image").metadata == {"colour": "blue"}
    conn.compute.add_tag_to_server(server, "two")
    assert set(conn.compute.get_server(server.id).fetch_tags(conn.compute).tags) == {"one", "two"}
    conn.compute.remove_tag_from_server(server, "two")
    assert conn.update_server(server.id, name="renamed", description="described").name == "renamed"
    conn.update_server("renamed", name="from-image")
    assert conn.get_server_console("from-image")
    assert conn.compute.create_console(server.id, "novnc")["url"].startswith("http")
    conn.add_server_security_groups(server, ["default"])
    assert {one["name"] for one in conn.list_server_security_groups(conn.get_server("from-image"))} == {
        "sdk-group",
        "default",
    }
    conn.remove_server_security_groups(conn.get_server("from-image"), ["default"])
    assert [one["name"] for one in conn.list_server_security_groups(conn.get_server("from-image"))] == ["sdk-group"]
    of_volume = conn.create_image_snapshot("on-volume-1", "on-volume", wait=True, timeout=WAIT_S)
    assert of_volume.status == "active" and len(conn.list_volume_snapshots()) == 1
    copied = boot(conn, "from-volume-snapshot", image="on-volume-1")
    assert copied.status == "ACTIVE" and len(copied.attached_volumes) == 1
    acts(conn, server.id)


def acts(conn: Connection, server_id: str) -> None:
    compute = conn.compute
    for act, status in (
        (compute.stop_server, "SHUTOFF"),
        (compute.start_server, "ACTIVE"),
        (compute.pause_server, "PAUSED"),
        (compute.unpause_server, "ACTIVE"),
        (compute.suspend_server, "SUSPENDED"),
        (compute.resume_server, "ACTIVE"),
        (compute.rescue_server, "RESCUE"),
        (compute.unrescue_server, "ACTIVE"),
        (lambda server: compute.resize_server(server, "m1.medium"), "VERIFY_RESIZE"),
        (compute.revert_server_resize, "ACTIVE"),
        (lambda server: compute.resize_server(server, "m1.medium"), "VERIFY_RESIZE"),
        (compute.confirm_server_resize, "ACTIVE"),
        (compute.shelve_server, "SHELVED_OFFLOADED"),
        (compute.unshelve_server, "ACTIVE"),
    ):
        act(server_id)
        assert (
            compute.wait_for_server(compute.get_server(server_id), status, interval=POLL_S, wait=WAIT_S).status
            == status
        )
    compute.reboot_server(server_id, "HARD")
    compute.wait_for_server(compute.get_server(server_id), "ACTIVE", interval=POLL_S, wait=WAIT_S)
    compute.lock_server(server_id)
    assert compute.get_server(server_id).is_locked
    compute.unlock_server(server_id)
    done = {one.action for one in compute.server_actions(server_id)}
    assert done >= {"create", "stop", "start", "pause", "reboot", "attach_volume"}
    [create] = [one for one in compute.server_actions(server_id) if one.action == "create"]
    detail = compute.get_server_action(create.request_id, server_id)
    assert detail.events and {event["result"] for event in detail.events} == {"Success"}
    assert compute.get_server_diagnostics(server_id).hypervisor == "simulated"


def for_administrators(conn: Connection) -> None:
    assert conn.list_hypervisors() and conn.list_availability_zone_names() == ["nova"]
    aggregate = conn.create_aggregate("sdk-hosts")
    [host, *_] = [one.name for one in conn.list_hypervisors()]
    conn.add_host_to_aggregate("sdk-hosts", host)
    conn.set_aggregate_metadata("sdk-hosts", {"ssd": "true"})
    found = conn.get_aggregate("sdk-hosts")
    assert (found.id, found.hosts, found.metadata) == (aggregate.id, [host], {"ssd": "true"})
    conn.update_aggregate("sdk-hosts", name="sdk-renamed")
    conn.remove_host_from_aggregate("sdk-renamed", host)
    assert conn.delete_aggregate("sdk-renamed")
    project = conn.create_project("sdk-project", domain_id="default")
    user = conn.create_user("sdk-user", password="secret", default_project=project.id, domain_id="default")
    conn.grant_role("member", user=user.id, project=project.id)
    assert conn.list_role_assignments(filters={"user": user.id})
    for set_it, get_it, value in (
        (conn.set_compute_quotas, conn.get_compute_quotas, {"instances": 3, "cores": 4}),
        (conn.set_volume_quotas, conn.get_volume_quotas, {"volumes": 5}),
        (conn.set_network_quotas, conn.get_network_quotas, {"networks": 6}),
    ):
        set_it(project.id, **value)
        quotas = get_it(project.id).to_dict()
        assert {name: quotas[name if name in quotas else f"{name}s"] for name in value} == value
    as_user = conn.connect_as(username="sdk-user", password="secret", project_name="sdk-project")
    assert as_user.list_servers() == [] and as_user.get_compute_limits()["max_total_instances"] == 3
    assert conn.revoke_role("member", user=user.id, project=project.id)
    assert conn.delete_user("sdk-user") and conn.delete_project("sdk-project")
    assert conn.get_compute_usage("admin").total_hours >= 0


def proxies(conn: Connection) -> None:
    assert {flavor.name for flavor in conn.compute.flavors()} >= {"m1.sdk"}
    assert [one.name for one in conn.compute.keypairs()] == ["sdk-key"]
    assert all(one.state == "up" for one in conn.compute.services())
    assert all(one.state == "up" for one in conn.compute.hypervisors(details=True))
    assert {one.status for one in conn.compute.migrations()} == {"confirmed", "reverted"}
    assert list(conn.compute.server_groups())
    assert conn.compute.find_server("from-image").id and conn.compute.get_limits().absolute.instances_used > 5
    assert all(agent.is_alive and agent.last_heartbeat_at for agent in conn.network.agents())
    assert [one.name for one in conn.network.networks(name="sdk-net")] == ["sdk-net"]
    assert conn.network.find_subnet("sdk-subnet").cidr == "10.40.0.0/24"
    port = conn.network.find_port("sdk-port")
    assert conn.network.update_port(port, description="described").description == "described"
    conn.network.set_tags(port, ["blue"])
    assert [one.id for one in conn.network.ports(tags="blue")] == [port.id]
    assert conn.network.find_extension("security-group") and list(conn.network.availability_zones())
    assert {one.name for one in conn.image.images()} >= {"sdk-image"}
    image = conn.image.find_image("sdk-image")
    conn.image.add_tag(image, "small")
    assert [one.id for one in conn.image.images(tag=["small"])] == [image.id]
    conn.image.deactivate_image(image)
    conn.image.reactivate_image(image)
    assert conn.image.get_image(image).status == "active"
    space = conn.image.create_metadef_namespace(namespace="sdk-space", visibility="public")
    conn.image.create_metadef_property(space, name="cores", title="Cores", type="integer", default=2)
    conn.image.create_metadef_object(space, name="disk")
    space.set_tags(conn.image, ["a", "b"], append=True)
    assert [one.default for one in conn.image.metadef_properties(space)] == ["2"]
    assert {one.namespace for one in conn.image.metadef_namespaces()} == {"sdk-space"}
    conn.image.delete_metadef_namespace(space)
    snapshot = conn.block_storage.create_snapshot(
        volume_id=conn.get_volume("sdk-volume").id, name="sdk-snapshot", is_forced=False
    )
    conn.block_storage.wait_for_status(snapshot, "available", failures=["error"], interval=POLL_S, wait=WAIT_S)
    from_it = conn.block_storage.create_volume(size=1, snapshot_id=snapshot.id, name="sdk-copy")
    conn.block_storage.wait_for_status(from_it, "available", failures=["error"], interval=POLL_S, wait=WAIT_S)
    conn.block_storage.extend_volume(from_it, 2)
    assert conn.block_storage.get_volume(from_it.id).size == 2
    for one in (from_it, snapshot):
        delete = conn.block_storage.delete_volume if one is from_it else conn.block_storage.delete_snapshot
        delete(one)
        conn.block_storage.wait_for_delete(one, interval=POLL_S, wait=WAIT_S)
    assert conn.block_storage.get_limits() and list(conn.block_storage.types()) and list(conn.block_storage.services())
    assert {one.name for one in conn.identity.projects()} >= {"admin"}
    assert conn.identity.find_user("admin") and {one.name for one in conn.identity.roles()} >= {"member", "reader"}
    assert {one.type for one in conn.identity.services()} >= {"compute", "image", "network"}
    secret = conn.identity.create_application_credential(conn.current_user_id, "sdk-credential")
    assert secret.secret
    conn.identity.delete_application_credential(conn.current_user_id, secret)
    [provider, *_] = conn.placement.resource_providers()
    assert {one.resource_class for one in conn.placement.resource_provider_inventories(provider)} >= {"VCPU"}
    assert {one.name for one in conn.placement.resource_classes()} >= {"VCPU", "MEMORY_MB", "DISK_GB"}
    cards_of_a_service(conn)


def cards_of_a_service(conn: Connection) -> None:
    """A resource provider that is no host of the cloud, what it has, and who holds it."""
    placement, kind, consumer = conn.placement, "CUSTOM_CARD", str(uuid4())
    cards = placement.update_resource_provider(placement.create_resource_provider(name="cards"), name="sdk-cards")
    placement.create_resource_class(name=kind)
    stock = placement.create_resource_provider_inventory(cards, kind, total=5)
    stock = placement.update_resource_provider_inventory(
        stock, cards, resource_provider_generation=stock.resource_provider_generation, total=7
    )
    assert (stock.total, placement.get_resource_provider(cards.id).generation) == (7, 2)
    who = {"project_id": "p", "user_id": "u", "consumer_generation": None, "consumer_type": "CARD_USER"}
    placement.create_allocations({consumer: who | {"allocations": {cards.id: {"resources": {kind: 2}}}}})
    assert placement.get_allocation(consumer).allocations[cards.id]["resources"] == {kind: 2}
    assert any(cards.id in one.allocations for one in placement.allocation_candidates(resources=f"{kind}:5"))
    placement.delete_allocation(consumer)
    placement.delete_resource_provider_inventory(stock, cards)
    placement.delete_resource_provider(cards)
    placement.delete_resource_class(kind)


def refusals(conn: Connection) -> None:
    """What a client is told where it asks for something wrong."""
    server = conn.compute.find_server("from-image")
    for ask, error in (
        (lambda: conn.compute.get_server("00000000-0000-0000-0000-000000000000"), NotFoundException),
        (lambda: conn.compute.start_server(server), ConflictException),
        (lambda: conn.network.delete_network(conn.get_network("sdk-net").id, ignore_missing=False), ConflictException),
    ):
        try:
            ask()
        except HttpException as told:
            assert isinstance(told, error), told
        else:
            raise AssertionError(f"not refused with {error.__name__}")
    assert conn.get_server("nothing") is None and conn.delete_server("nothing") is False


def clear_up(conn: Connection) -> None:
    for server in conn.list_servers():
        assert conn.delete_server(server.id, wait=True, timeout=WAIT_S)
    assert conn.list_servers() == []
    for name in ("sdk-image", "on-volume-1"):
        assert conn.delete_image(name, wait=True)
    for snapshot in conn.list_volume_snapshots():
        assert conn.delete_volume_snapshot(snapshot.id, wait=True, timeout=WAIT_S)
    for volume in conn.list_volumes():
        assert conn.delete_volume(volume.id, wait=True, timeout=WAIT_S)
    for port in conn.list_ports(filters={"network_id": conn.get_network("sdk-net").id}):
        assert conn.delete_port(port.id)
    assert conn.delete_network("sdk-net") and conn.delete_security_group("sdk-group")
    assert conn.delete_server_group("sdk-apart") and conn.delete_keypair("sdk-key") and conn.delete_flavor("m1.sdk")
