"""A body for a server, made into a boot: what OpenStack's clients mean, in the words of the compute room. Pure.

Called by `servers.py`; raises `CallerError` 400 for what means nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from actors.api.messages import BootRequest
from actors.api.rest.compute.server_bodies import BlockDeviceIn, CreateServer, OldBlockDeviceIn, ServerIn
from actors.errors import CallerError, bad_request
from actors.messages import BlockDevice, NetworkRequest

Hints = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Given:
    """What a boot has that is not in its body."""

    token: str
    request_id: str
    admin_password: str
    reservation_id: str


def boot_request(body: CreateServer, given: Given) -> BootRequest:
    server = body.server
    least, most = counts(server)
    image = _last_part(server.imageRef or "")
    networks = server.networks if isinstance(server.networks, list) else []
    return BootRequest(
        token=given.token,
        name=server.name,
        flavor=_last_part(str(server.flavorRef)),
        image=image,
        count=most,
        min_count=least if least > 1 else 0,
        fewest=least,
        networks=tuple(
            NetworkRequest(
                network_id=one.uuid or "", port_id=one.port or "", fixed_ip=one.fixed_ip or "", tag=one.tag or ""
            )
            for one in networks
        ),
        network_mode=server.networks if isinstance(server.networks, str) else "auto",
        security_groups=tuple(group.name for group in server.security_groups if group.name),
        block_devices=block_devices(server, image),
        user_data=server.user_data or "",
        key_name=server.key_name or "",
        metadata=server.metadata,
        config_drive=True if server.config_drive in (None, "") else bool(server.config_drive),
        availability_zone=_zone(server),
        hints=hints(body.hints | body.hints_too),
        request_id=given.request_id,
        description=server.description or "",
        tags=tuple(dict.fromkeys(server.tags)),
        hostname=server.hostname or "",
        admin_password=given.admin_password,
        disk_config=server.disk_config,
        access_ip_v4=server.accessIPv4 or "",
        access_ip_v6=server.accessIPv6 or "",
        reservation_id=given.reservation_id,
        files=tuple((one.path, one.contents) for one in server.personality),
    )


def counts(server: ServerIn) -> tuple[int, int]:
    """How many servers at least and at most."""
    least = server.min_count or 1
    most = server.max_count or least
    if least > most:
        raise CallerError(bad_request("", "min_count must be <= max_count"))
    if server.hostname and most > 1:
        raise CallerError(bad_request("", "Unable to allocate a single hostname to multiple instances"))
    return least, most


def hints(asked: dict[str, Any]) -> Hints:
    """Clients send one value or several, and a query as text or as it is."""
    return {name: tuple(_hint_text(one) for one in (v if isinstance(v, list) else [v])) for name, v in asked.items()}


def _hint_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def block_devices(server: ServerIn, image: str) -> tuple[BlockDevice, ...]:
    """Without the line that only repeats the server's image, and without devices that are to be left out."""
    if server.block_device_mapping and server.block_device_mapping_v2:
        text = "Using different block_device_mapping syntaxes is not allowed in the same request."
        raise CallerError(bad_request("", text))
    old = [_old_device(one, n) for n, one in enumerate(server.block_device_mapping) if not one.no_device]
    new = [_device(one, n) for n, one in enumerate(server.block_device_mapping_v2) if not one.no_device]
    return tuple(device for device in (*old, *new) if not _repeats_image(device, image))


def _repeats_image(device: BlockDevice, image: str) -> bool:
    local = (device.source_type, device.destination_type, device.boot_index) == ("image", "local", 0)
    return local and device.source_id == image


def _device(one: BlockDeviceIn, place: int) -> BlockDevice:
    field = f"block_device_mapping_v2[{place}]"
    if one.source_type is None:
        raise CallerError(bad_request(field, "source_type is a required property"))
    local = one.source_type in ("image", "blank")
    return BlockDevice(
        source_type=one.source_type,
        destination_type=one.destination_type or ("local" if local else "volume"),
        source_id=one.uuid or "",
        boot_index=one.boot_index if isinstance(one.boot_index, int) else -1,
        size_gib=one.volume_size or 0,
        guest_format=one.guest_format or "",
        delete_on_termination=bool(one.delete_on_termination),
        device_name=one.device_name or "",
        disk_bus=one.disk_bus or "",
        tag=one.tag or "",
        device_type=one.device_type or "",
        volume_type=one.volume_type or "",
    )


def _old_device(one: OldBlockDeviceIn, place: int) -> BlockDevice:
    """The first form: the device `vda` is the root, and what has no source is refused."""
    source = one.volume_id or one.snapshot_id
    if not source:
        raise CallerError(bad_request(f"block_device_mapping[{place}]", "names neither a volume nor a snapshot"))
    name = one.device_name.removeprefix("/dev/")
    return BlockDevice(
        source_type="volume" if one.volume_id else "snapshot",
        destination_type="volume",
        source_id=source,
        boot_index=0 if name in ("vda", "sda", "xvda") else -1,
        size_gib=one.volume_size or 0,
        delete_on_termination=bool(one.delete_on_termination),
        device_name=name,
    )


def _zone(server: ServerIn) -> str:
    """`zone:host:node`, where a host is asked for."""
    zone = server.availability_zone or ""
    if not server.host and not server.hypervisor_hostname:
        return zone
    if ":" in zone:
        text = "A host can be named in availability_zone or in host and hypervisor_hostname, not in both."
        raise CallerError(bad_request("", text))
    host = server.host or server.hypervisor_hostname
    return f"{zone}:{host}"


def _last_part(reference: str) -> str:
    """Of a link, the id at its end."""
    return urlsplit(reference).path.rstrip("/").rpartition("/")[2] if "/" in reference else reference
