"""Tempest, OpenStack's own tests of its APIs, against a cloud with simulated hypervisors.

What it is told not to look at, because this cloud does not have it, stands with its reason in `tempest_exclude.txt`.
Called by `test_client_libraries.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from openstack.connection import Connection

from actors.cluster.secret import admin_password
from tests.e2e.client_sdk import connect
from tests.running import environment

EXCLUDED = Path(__file__).with_name("tempest_exclude.txt")
SERVICES = ("identity", "image", "network", "volume", "compute")
WORKSPACE = "tempest"  # a folder
WORKERS = 2
LIMIT_S = 900.0
PASSED = 1055  # at least so many; the others are skipped by what the configuration says that there is not
REPORT = 10_000  # characters of its report, where something failed
OUTSIDE = "outside"  # a network's name
IMAGES = ("tempest", "tempest-too")
RESOURCE = {"name": "OS::Nova::Flavor"}  # its tests of metadata definitions want to find some kind of resource


def day(home: Path, folder: Path) -> None:
    with connect(home) as conn:
        images = [made(conn, name) for name in IMAGES]
        space = conn.image.create_metadef_namespace(namespace="tempest", resource_type_associations=[RESOURCE])
        [fixed] = conn.network.networks()
        outside = external(conn)
        [inside] = fixed.subnet_ids
        router = conn.network.create_router(external_gateway_info={"network_id": outside})
        conn.network.add_interface_to_router(router, subnet_id=inside)
        configure(folder, home, conn, images, fixed.name, outside)
        report = run(folder, home)
        conn.network.remove_interface_from_router(router, subnet_id=inside)
        conn.network.delete_router(router)
        conn.network.delete_network(outside)
        for image_id in images:
            conn.delete_image(image_id)
        conn.image.delete_metadef_namespace(space)
    failed = re.findall(r"^(?:FAIL|ERROR): .*|.* \.\.\. FAILED$", report, re.MULTILINE)
    passed = re.search(r"^ - Passed: (\d+)", report, re.MULTILINE)
    assert not failed and passed is not None, "\n".join([*failed, report[-REPORT:]])
    assert int(passed[1]) >= PASSED


def made(conn: Connection, name: str) -> str:
    data = bytes(64 * 1024)
    return str(conn.create_image(name, data=data, disk_format="raw", wait=True, visibility="public").id)


def external(conn: Connection) -> str:
    """A network that leads out of the cloud, for routers and floating IPs."""
    made = conn.network.create_network(name=OUTSIDE, is_router_external=True)
    conn.network.create_subnet(network_id=made.id, ip_version=4, cidr="203.0.113.0/24", is_dhcp_enabled=False)
    return str(made.id)


def configure(folder: Path, home: Path, conn: Connection, images: list[str], network: str, outside: str) -> None:
    """Whether there is something is asked where Tempest has a question for it."""
    extensions = ",".join(extension.alias for extension in conn.network.extensions())
    url = conn.config.get_auth_args()["auth_url"]
    sections = {
        "DEFAULT": {"log_dir": folder},
        "oslo_concurrency": {"lock_path": folder},
        "auth": {
            "admin_username": "admin",
            "admin_password": admin_password(home),
            "admin_project_name": "admin",
            "admin_domain_name": "Default",
            "create_isolated_networks": False,
            "tempest_roles": "member",
        },
        "identity": {"uri_v3": f"{url}/v3", "auth_version": "v3", "region": "RegionOne"},
        "identity-feature-enabled": {"federation": False, "external_idp": False, "project_tags": True, "trust": True},
        "compute": {
            "image_ref": images[0],
            "image_ref_alt": images[1],
            "flavor_ref": "m1.tiny",
            "flavor_ref_alt": "m1.small",
            "fixed_network_name": network,
            "max_microversion": "2.96",
            "build_interval": 0,
            "build_timeout": 60,
        },
        "compute-feature-enabled": {
            "resize": True,
            "shelve": True,
            "cold_migration": False,
            "live_migration": False,
            "stable_rescue": True,
            "swap_volume": False,
            "change_password": False,
            "attach_encrypted_volume": False,
            "vnc_console": True,
            "config_drive": True,
            "interface_attach": True,
        },
        "network": {"project_networks_reachable": True, "public_network_id": outside, "floating_network_name": OUTSIDE},
        "network-feature-enabled": {
            "ipv6": True,
            "ipv6_subnet_attributes": True,
            "floating_ips": True,
            "api_extensions": extensions,
        },
        "validation": {"run_validation": False},
        "volume": {
            "catalog_type": "volumev3",
            "max_microversion": "3.71",
            "storage_protocol": "nbd",
            "vendor_name": "novaray",
            "build_interval": 0,
            "build_timeout": 60,
        },
        "volume-feature-enabled": {
            "backup": False,
            "manage_snapshot": False,
            "manage_volume": False,
        },
        "image": {"disk_formats": "raw,qcow2", "container_formats": "bare", "build_interval": 0, "build_timeout": 60},
        "image-feature-enabled": {"import_image": False, "os_glance_reserved": True},
        "service_available": {"swift": False, "horizon": False, "placement": True},
    }
    program = Path(sys.executable).with_name("tempest")
    ours = environment(home, HOME=str(folder))
    subprocess.run([program, "init", folder / WORKSPACE], env=ours, check=True, capture_output=True)
    parser = ConfigParser(interpolation=None)
    parser.read_dict({name: {key: str(value) for key, value in rows.items()} for name, rows in sections.items()})
    with (folder / WORKSPACE / "etc" / "tempest.conf").open("w") as file:
        parser.write(file)


def run(folder: Path, home: Path) -> str:
    program = Path(sys.executable).with_name("tempest")
    wanted = rf"^tempest\.api\.({'|'.join(SERVICES)})\."
    done = subprocess.run(
        [program, "run", "--regex", wanted, "--exclude-list", EXCLUDED, "--concurrency", str(WORKERS)],
        env=environment(home, HOME=str(folder)),
        cwd=folder / WORKSPACE,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    return done.stdout + done.stderr
