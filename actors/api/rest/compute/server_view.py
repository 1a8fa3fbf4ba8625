"""What is shown of a server: exactly the fields of the microversion that is spoken. Pure.

Used by `servers.py` and by all that answer with a server. Facts: the compute API's history of microversions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from actors.api.rest.compute.dates import micro, second
from actors.api.rest.microversions import Version
from actors.messages import BootFault, ServerView
from actors.records import Flavor
from actors.states import POWER_CODE, Power

Body = dict[str, Any]

PROGRESSING = ("ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING")
PROGRESS_DONE = {"ACTIVE": 100}


@dataclass(frozen=True, slots=True)
class Showing:
    """To whom and how: `url` is compute's root as the caller reaches it, without a slash at the end."""

    version: Version
    url: str
    is_admin: bool = False


def summary(view: ServerView, showing: Showing) -> Body:
    return {"id": view.id, "name": view.name, "links": links(showing, "servers", view.id)}


def detail(view: ServerView, showing: Showing, host_status: str = "", alone: bool = True) -> Body:
    """`alone`: it is shown by itself and not in a list. `host_status` is for administrators."""
    body = _plain(view, showing) | _extended(view)
    body["os-extended-volumes:volumes_attached"] = volumes(view, showing.version)
    if view.security_groups:  # of a server without any, Nova says nothing
        body["security_groups"] = [{"name": name} for name in view.security_groups]
    if showing.is_admin:
        body |= _for_administrators(view, showing.version)
    version = showing.version
    if version >= (2, 9):
        body["locked"] = bool(view.locked_by)
    if version >= (2, 16) and showing.is_admin:
        body["host_status"] = host_status
    if version >= (2, 19):
        body["description"] = view.description or None
    if version >= (2, 26):
        body["tags"] = sorted(view.tags)
    if version >= (2, 63):
        body["trusted_image_certificates"] = None
    if version >= (2, 71) and alone:
        body["server_groups"] = [view.server_group] if view.server_group else []
    if version >= (2, 73):
        body["locked_reason"] = view.locked_reason or None
    if version >= (2, 90):
        body["OS-EXT-SRV-ATTR:hostname"] = view.hostname
    if version >= (2, 96):
        body["pinned_availability_zone"] = view.pinned_zone or None
    return body


LEAN = {  # what an answer to a change has not, until 2.74
    "OS-EXT-AZ:availability_zone", "config_drive", "key_name", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at",
    "security_groups", "OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-EXT-STS:power_state",
    "os-extended-volumes:volumes_attached", "host_status",
}  # fmt: skip


def after_change(view: ServerView, showing: Showing, host_status: str = "") -> Body:
    """A server as it is shown when it was changed or rebuilt: until 2.74 as in 2.1, with plain addresses."""
    body = detail(view, showing, host_status)
    if showing.version >= (2, 75):
        return body
    body["addresses"] = addresses(view, short=True)
    return {name: value for name, value in body.items() if name not in LEAN and not name.startswith("OS-EXT-SRV-ATTR")}


def addresses(view: ServerView, short: bool = False) -> Body:
    """By network, in the order of the interfaces, floating IPs last as in Nova; `short` is what `/ips` shows."""
    found: dict[str, list[Body]] = {}
    ways = [("fixed", vif, ip.ip_address) for vif in view.addresses for ip in vif.fixed_ips]
    ways += [("floating", vif, address) for vif in view.addresses for address, _ in vif.floating_ips]
    for kind, vif, address in ways:
        entry: Body = {"version": _ip_version(address), "addr": address}
        if not short:
            entry |= {"OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": vif.mac_address}
        found.setdefault(vif.network_name, []).append(entry)
    return found


def links(showing: Showing, collection: str, one_id: str) -> list[Body]:
    return [
        {"rel": "self", "href": f"{showing.url}/v2.1/{collection}/{one_id}"},
        {"rel": "bookmark", "href": f"{showing.url}/{collection}/{one_id}"},
    ]


def bookmark(showing: Showing, collection: str, one_id: str) -> list[Body]:
    return [{"rel": "bookmark", "href": f"{showing.url}/{collection}/{one_id}"}]


def updated_at(view: ServerView) -> float:
    fault_at = view.fault.at if view.fault else 0.0
    return max(view.updated_at, view.launched_at, view.created_at, view.deleted_at, fault_at)


def _plain(view: ServerView, showing: Showing) -> Body:
    body: Body = {
        "id": view.id,
        "name": view.name,
        "status": view.status,
        "tenant_id": view.project_id,
        "user_id": view.user_id,
        "metadata": view.metadata,
        "hostId": _host_id(view.project_id, view.host) if view.host else "",
        "image": _image(view, showing),
        "flavor": _flavor(view, showing),
        "created": second(view.created_at),
        "updated": second(updated_at(view)),
        "addresses": addresses(view),
        "accessIPv4": view.access_ip_v4,
        "accessIPv6": view.access_ip_v6,
        "links": links(showing, "servers", view.id),
    }
    if view.status in PROGRESSING:
        body["progress"] = PROGRESS_DONE.get(view.status, 0)
    if view.fault is not None and view.status in ("ERROR", "DELETED"):
        body["fault"] = _fault(view.fault, showing)
    return body


def _extended(view: ServerView) -> Body:
    return {
        "OS-DCF:diskConfig": view.disk_config,
        "OS-EXT-AZ:availability_zone": view.availability_zone,
        "config_drive": "True" if view.config_drive else "",
        "key_name": view.key_name or None,
        "OS-SRV-USG:launched_at": micro(view.launched_at),
        "OS-SRV-USG:terminated_at": micro(view.deleted_at),
        "OS-EXT-STS:task_state": view.task_state,
        "OS-EXT-STS:vm_state": view.vm_state,
        "OS-EXT-STS:power_state": POWER_CODE[Power(view.power_state)],
    }


def _for_administrators(view: ServerView, version: Version) -> Body:
    body: Body = {
        "OS-EXT-SRV-ATTR:host": view.host or None,
        "OS-EXT-SRV-ATTR:instance_name": view.id,
        "OS-EXT-SRV-ATTR:hypervisor_hostname": view.host or None,
    }
    if version >= (2, 3):
        body |= {
            "OS-EXT-SRV-ATTR:reservation_id": view.reservation_id or f"r-{view.id[:8]}",
            "OS-EXT-SRV-ATTR:launch_index": view.launch_index,
            "OS-EXT-SRV-ATTR:hostname": view.hostname,
            "OS-EXT-SRV-ATTR:kernel_id": "",
            "OS-EXT-SRV-ATTR:ramdisk_id": "",
            "OS-EXT-SRV-ATTR:root_device_name": root_device_name(view) or None,
            "OS-EXT-SRV-ATTR:user_data": view.user_data or None,
        }
    return body


def root_device_name(view: ServerView) -> str:
    return f"/dev/{view.root_device}" if view.root_device else ""


def volumes(view: ServerView, version: Version) -> list[Body]:
    """Those attached; since 2.3 with what becomes of each."""
    found: list[Body] = []
    for device in view.volumes:
        entry: Body = {"id": device.source_id}
        if version >= (2, 3):
            entry["delete_on_termination"] = device.delete_on_termination
        found.append(entry)
    return found


def _image(view: ServerView, showing: Showing) -> Any:
    """'' for one that booted from a volume."""
    return {"id": view.image_id, "links": bookmark(showing, "images", view.image_id)} if view.image_id else ""


def _flavor(view: ServerView, showing: Showing) -> Body:
    flavor = view.embedded_flavor
    if flavor is None or showing.version < (2, 47):
        flavor_id = flavor.id if flavor else view.flavor
        return {"id": flavor_id, "links": bookmark(showing, "flavors", flavor_id)}
    return embedded(flavor)


def embedded(flavor: Flavor) -> Body:
    """A flavor inside a server, since 2.47."""
    return {
        "vcpus": flavor.vcpus,
        "ram": flavor.ram_mib,
        "disk": flavor.disk_gib,
        "ephemeral": flavor.ephemeral_gib,
        "swap": flavor.swap_mib,
        "original_name": flavor.name,
        "extra_specs": flavor.extra_specs,
    }


def _fault(fault: BootFault, showing: Showing) -> Body:
    body: Body = {"code": fault.code, "created": second(fault.at), "message": fault.message}
    if showing.is_admin or fault.code != 500:
        where = f" on {fault.host}" if fault.host and showing.is_admin else ""
        body["details"] = f"step {fault.step or 'boot'}{where}"
    return body


@lru_cache(maxsize=10_000)
def _host_id(project_id: str, host: str) -> str:
    """A host's name that differs from project to project."""
    return hashlib.sha224(f"{project_id}{host}".encode()).hexdigest()


@lru_cache(maxsize=10_000)
def _ip_version(address: str) -> int:
    return ip_address(address).version
