"""What a guest may read about itself: the documents of OpenStack's and EC2's metadata, path → content. Pure.

Called for the config drive and by the metadata server, so that both say the same. Each dated tree holds what Nova
served at that date (documents and keys came one by one); `latest` holds everything. Secrets that only the config
drive carries (the administrator's password, a random seed) are added by `drive_documents`.
"""

from __future__ import annotations

import base64
import binascii
import json
from ipaddress import ip_address
from typing import Any

from actors.compute.build import Disk
from actors.compute.network_data import network_data
from actors.errors import CallerError, bad_request
from actors.messages import BootSpec, Vif

Json = dict[str, Any]

VERSIONS = (
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
    "latest",
)
CONTENT = "content"  # the folder of files that users send along
KEY_SINCE = {"random_seed": "2013-04-04", "project_id": "2015-10-15", "devices": "2016-06-30"}
DOCUMENT_SINCE = {
    "vendor_data.json": "2013-10-17",
    "network_data.json": "2015-10-15",
    "vendor_data2.json": "2016-10-06",
}


def documents(spec: BootSpec, instance_id: str, vifs: tuple[Vif, ...], disks: list[Disk]) -> dict[str, bytes]:
    """All documents of an instance, by their path below the drive's root or the server's."""
    return _trees(spec, _meta_data(spec, instance_id, vifs, disks), _ec2(spec, instance_id, vifs, disks), vifs)


def drive_documents(
    spec: BootSpec, instance_id: str, vifs: tuple[Vif, ...], disks: list[Disk], seed: bytes
) -> dict[str, bytes]:
    """As `documents`, with the password and `seed` (random bytes for the guest's entropy)."""
    meta = _meta_data(spec, instance_id, vifs, disks) | {"random_seed": base64.b64encode(seed).decode()}
    if spec.admin_password:
        meta["admin_pass"] = spec.admin_password
    return _trees(spec, meta, _ec2(spec, instance_id, vifs, disks), vifs)


def _trees(spec: BootSpec, meta: Json, ec2: Json, vifs: tuple[Vif, ...]) -> dict[str, bytes]:
    user_data = _user_data(spec)
    others = {
        "vendor_data.json": _json({}),
        "vendor_data2.json": _json({"static": {}}),
        "network_data.json": _json(network_data(vifs)),
    }
    found = {"ec2/latest/meta-data.json": _json(ec2)}
    found |= {f"openstack/{CONTENT}/{n:04}": base64.b64decode(data) for n, (_, data) in enumerate(spec.files)}
    if user_data:
        found["ec2/latest/user-data"] = user_data
    for version in VERSIONS:
        known = {key: value for key, value in meta.items() if version >= KEY_SINCE.get(key, "")}
        found[f"openstack/{version}/meta_data.json"] = _json(known)
        if user_data:
            found[f"openstack/{version}/user_data"] = user_data
        for name, content in others.items():
            if version >= DOCUMENT_SINCE[name]:
                found[f"openstack/{version}/{name}"] = content
    return found


def _meta_data(spec: BootSpec, instance_id: str, vifs: tuple[Vif, ...], disks: list[Disk]) -> Json:
    meta: Json = {
        "uuid": instance_id,
        "name": spec.name,
        "hostname": spec.hostname,
        "availability_zone": spec.availability_zone or "nova",
        "launch_index": _launch_index(spec, instance_id),
        "project_id": spec.project_id,
        "devices": _devices(vifs, disks),
    }
    if spec.metadata:
        meta["meta"] = spec.metadata
    if spec.files:
        meta["files"] = [{"content_path": f"/{CONTENT}/{n:04}", "path": path} for n, (path, _) in enumerate(spec.files)]
    if spec.public_key:
        name = spec.key_name or "default"
        meta["public_keys"] = {name: spec.public_key}
        meta["keys"] = [{"name": name, "type": "ssh", "data": spec.public_key}]
    return meta


def _launch_index(spec: BootSpec, instance_id: str) -> int:
    return spec.instance_ids.index(instance_id) if instance_id in spec.instance_ids else spec.launch_index


def _devices(vifs: tuple[Vif, ...], disks: list[Disk]) -> list[Json]:
    """Those with a tag, as Nova does. Their bus address is libvirt's choice and unknown before the guest runs."""
    nics = [
        {"type": "nic", "bus": "none", "address": "none", "mac": vif.mac_address, "tags": [vif.tag]}
        for vif in vifs
        if vif.tag
    ]
    tagged = [
        {"type": "disk", "bus": "none", "address": "none", "serial": disk.serial, "tags": [disk.tag]}
        | {"path": f"/dev/{disk.device}"}
        for disk in disks
        if disk.tag
    ]
    return nics + tagged


def _user_data(spec: BootSpec) -> bytes:
    try:
        return base64.b64decode(spec.user_data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CallerError(bad_request("user_data", f"is not base64: {error}")) from error


def _ec2(spec: BootSpec, instance_id: str, vifs: tuple[Vif, ...], disks: list[Disk]) -> Json:
    addresses = [fixed.ip_address for vif in vifs for fixed in vif.fixed_ips]
    local_ipv4 = next((address for address in addresses if ip_address(address).version == 4), "")
    meta: Json = {
        "ami-id": _ec2_id("ami", spec.image_id),
        "ami-launch-index": _launch_index(spec, instance_id),
        "ami-manifest-path": "FIXME",  # the literal that Nova serves, and that readers know
        "block-device-mapping": _ec2_disks(disks),
        "hostname": spec.hostname,
        "instance-action": "none",
        "instance-id": _ec2_id("i", instance_id),
        "instance-type": spec.flavor.name,
        "local-hostname": spec.hostname,
        "local-ipv4": local_ipv4,
        "placement": {"availability-zone": spec.availability_zone or "nova"},
        "public-hostname": spec.hostname,
        "public-ipv4": "",
        "reservation-id": _ec2_id("r", spec.request_id.removeprefix("req-") or instance_id),
        "security-groups": list(spec.security_groups or ("default",)),
    }
    if spec.public_key:
        name = spec.key_name or "default"
        meta["public-keys"] = {"0": {"_name": f"0={name}", "openssh-key": spec.public_key}}
    return meta


def _ec2_disks(disks: list[Disk]) -> dict[str, str]:
    root = next((disk.device for disk in disks if disk.boot_index == 0), "")
    mapping = {"ami": root, "root": f"/dev/{root}"} if root else {}
    ephemerals = [disk.device for disk in disks if disk.role == "ephemeral"]
    mapping |= {f"ephemeral{index}": f"/dev/{device}" for index, device in enumerate(ephemerals)}
    swap = next((disk.device for disk in disks if disk.role == "swap"), "")
    return mapping | ({"swap": f"/dev/{swap}"} if swap else {})


def _ec2_id(prefix: str, uuid: str) -> str:
    """EC2's ids are a prefix and eight digits."""
    return f"{prefix}-{uuid.replace('-', '')[:8]:0<8}"


def _json(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()
