"""A day with Apache libcloud's OpenStack driver. Called by `test_client_libraries.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider, StorageVolumeState, VolumeSnapshotState

from actors.cluster.clouds_file import CLOUD, clouds_file
from tests.e2e.client_nova import PUBLIC_KEY, until
from tests.e2e.client_sdk import POLL_S, WAIT_S, connect


def driver_of(home: Path) -> Any:
    """With nothing but what its documentation asks for; services are found by the catalog."""
    auth = yaml.safe_load(clouds_file(home).read_text())["clouds"][CLOUD]["auth"]
    return get_driver(Provider.OPENSTACK)(
        auth["username"],
        auth["password"],
        api_version="2.2",
        ex_force_auth_version="3.x_password",
        ex_force_auth_url=auth["auth_url"],
        ex_force_service_region="RegionOne",
        ex_tenant_name=auth["project_name"],
        ex_domain_name="default",
    )


def day(home: Path, folder: Path) -> None:
    disk = folder / "libcloud.raw"
    disk.write_bytes(bytes(64 * 1024))
    with connect(home) as conn:
        conn.create_image("libcloud-image", str(disk), disk_format="raw", container_format="bare", wait=True)
        conn.create_flavor("m1.libcloud", ram=128, vcpus=1, disk=1)
        driver = driver_of(home)
        for part in (networks, nodes, volumes, clear_up):
            part(driver)
        assert conn.delete_image("libcloud-image") and conn.delete_flavor("m1.libcloud")


def networks(driver: Any) -> None:
    network = driver.ex_create_network("libcloud-net")
    assert network.name in {one.name for one in driver.ex_list_networks()}
    subnet = driver.ex_create_subnet("libcloud-subnet", network, "10.60.0.0/24")
    assert {one.id: one.cidr for one in driver.ex_list_subnets()}[subnet.id] == "10.60.0.0/24"
    group = driver.ex_create_security_group("libcloud-group", "for the test")
    rule = driver.ex_create_security_group_rule(group, "tcp", 22, 22, "0.0.0.0/0")
    [found] = [one for one in driver.ex_list_security_groups() if one.id == group.id]
    assert rule.id in {one.id for one in found.rules}
    assert driver.ex_delete_security_group_rule(rule)
    driver.import_key_pair_from_string("libcloud-key", PUBLIC_KEY)
    assert "libcloud-key" in {one.name for one in driver.list_key_pairs()}
    assert driver.get_key_pair("libcloud-key").public_key == PUBLIC_KEY
    made = driver.create_key_pair("libcloud-made")
    assert "PRIVATE KEY" in made.private_key and driver.delete_key_pair(made)


def nodes(driver: Any) -> None:
    assert len(driver.list_locations()) == 1
    [size] = [one for one in driver.list_sizes() if one.name == "m1.libcloud"]
    [image] = [one for one in driver.list_images() if one.name == "libcloud-image"]
    assert (size.ram, size.disk, size.vcpus) == (128, 1, 1) and driver.get_image(image.id).name == image.name
    made = driver.create_node(
        name="libcloud-vm",
        size=size,
        image=image,
        networks=networks_of(driver),
        ex_keyname="libcloud-key",
        ex_security_groups=[group for group in driver.ex_list_security_groups() if group.name == "libcloud-group"],
        ex_metadata={"purpose": "test"},
        ex_userdata="#!/bin/sh\ntrue\n",
        ex_config_drive=True,
    )
    [(node, addresses)] = driver.wait_until_running(
        [made], wait_period=POLL_S, timeout=WAIT_S, ssh_interface="private_ips"
    )
    assert (node.state, node.extra["key_name"]) == (NodeState.RUNNING, "libcloud-key")
    assert addresses[0].startswith("10.60.0.") and node.private_ips == addresses
    assert driver.ex_get_metadata(node) == {"purpose": "test"}
    assert driver.ex_set_metadata(node, {"colour": "blue"}) == {"colour": "blue"}
    assert driver.ex_update_node(node, name="libcloud-renamed").name == "libcloud-renamed"
    assert driver.ex_get_size(size.id).ram == size.ram and driver.ex_get_size_extra_specs(size.id) == {}
    assert isinstance(driver.ex_get_console_output(node)["output"], str)
    assert [group.name for group in driver.ex_get_node_security_groups(node)] == ["libcloud-group"]
    for act, state in (
        (driver.ex_stop_node, NodeState.STOPPED),
        (driver.ex_start_node, NodeState.RUNNING),
        (driver.ex_pause_node, NodeState.UNKNOWN),  # it has no word for it
        (driver.ex_unpause_node, NodeState.RUNNING),
        (driver.ex_suspend_node, NodeState.SUSPENDED),
        (driver.ex_resume_node, NodeState.RUNNING),
        (driver.reboot_node, NodeState.RUNNING),
        (driver.ex_hard_reboot_node, NodeState.RUNNING),
    ):
        assert act(node)
        until(lambda wanted=state: driver.ex_get_node_details(node.id).state == wanted, f"not {state}")
    port = driver.ex_create_port(networks_of(driver)[0], name="libcloud-port")
    assert driver.ex_attach_port_interface(node, port)
    until(lambda: len(driver.ex_get_node_ports(node)) == 2, "not attached")
    assert driver.ex_detach_port_interface(node, port)


def networks_of(driver: Any) -> list[Any]:
    return [one for one in driver.ex_list_networks() if one.name == "libcloud-net"]


def volumes(driver: Any) -> None:
    [node] = driver.list_nodes()
    volume = driver.create_volume(1, "libcloud-volume")
    has_state(driver, volume, StorageVolumeState.AVAILABLE)
    assert driver.attach_volume(node, volume, device="auto")
    has_state(driver, volume, StorageVolumeState.INUSE)
    attached = driver.ex_get_volume(volume.id)
    assert attached.extra["attachments"][0]["server_id"] == node.id
    assert driver.detach_volume(attached)
    has_state(driver, volume, StorageVolumeState.AVAILABLE)
    snapshot = driver.create_volume_snapshot(volume, "libcloud-snapshot")
    until(lambda: driver.list_volume_snapshots(volume)[0].state == VolumeSnapshotState.AVAILABLE, "no snapshot")
    assert driver.destroy_volume_snapshot(snapshot)
    until(lambda: driver.list_volume_snapshots(volume) == [], "the snapshot is still there")
    assert driver.destroy_volume(volume)


def has_state(driver: Any, volume: Any, state: StorageVolumeState) -> None:
    until(lambda: driver.ex_get_volume(volume.id).state == state, f"not {state}")


def clear_up(driver: Any) -> None:
    [node] = driver.list_nodes()
    group = driver.ex_add_server_group("libcloud-apart", "anti-affinity")
    assert driver.ex_get_server_group(group.id).name == "libcloud-apart" and driver.ex_del_server_group(group)
    assert driver.ex_get_quota_set(node.extra["tenantId"]).instances
    assert driver.destroy_node(node)
    until(lambda: driver.list_nodes() == [], "the server is still there")
    for port in driver.ex_list_ports():
        if port.extra["name"] == "libcloud-port":
            assert driver.ex_delete_port(port)
    assert driver.ex_delete_network(networks_of(driver)[0])
    for group in driver.ex_list_security_groups():
        if group.name == "libcloud-group":
            assert driver.ex_delete_security_group(group)
    assert driver.delete_key_pair(driver.get_key_pair("libcloud-key"))
