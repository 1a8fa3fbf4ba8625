"""What Glance's interface says of images and members: pure, from the rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from actors.records import Image, ImageMember

STORE = "local"  # the one store of images


def time_of(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def image_body(image: Image) -> dict[str, Any]:
    """The owner's properties stand beside the core ones, and never hide one."""
    path = f"/v2/images/{image.id}"
    has_data = bool(image.os_hash_value)
    core = {
        "id": image.id,
        "name": image.name or None,
        "status": image.status,
        "visibility": image.visibility,
        "owner": image.project_id,
        "disk_format": image.disk_format or None,
        "container_format": image.container_format or None,
        "size": image.size if has_data else None,
        "virtual_size": image.virtual_size if has_data else None,
        "checksum": image.checksum or None,
        "os_hash_algo": image.os_hash_algo if has_data else None,
        "os_hash_value": image.os_hash_value or None,
        "min_disk": image.min_disk_gib,
        "min_ram": image.min_ram_mib,
        "protected": image.protected,
        "os_hidden": image.os_hidden,
        "tags": list(image.tags),
        "created_at": time_of(image.created_at),
        "updated_at": time_of(image.updated_at or image.created_at),
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }
    if has_data:
        core["stores"] = STORE
    return image.properties | core


def member_body(member: ImageMember) -> dict[str, Any]:
    return {
        "image_id": member.image_id,
        "member_id": member.project_id,
        "status": member.status,
        "created_at": time_of(member.created_at),
        "updated_at": time_of(member.updated_at),
        "schema": "/v2/schemas/member",
    }
