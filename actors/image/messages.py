"""What only the image room is asked: its administration and uploads. `actors/messages.py` has what crosses rooms.

Every request carries the caller's token. Replies are rows of `actors/records.py`, or a `CallerFault` in their place.
An upload is begun, sent in chunks in the order of their offsets, and finished; each of the three may be sent twice.
"""

from __future__ import annotations

import uuid

import msgspec

CHUNK_LIMIT_BYTES = 8 << 20


class CreateImage(msgspec.Struct, frozen=True, kw_only=True):
    """A new image without data. The asker makes the id, so the same request twice makes one image."""

    token: str
    name: str
    disk_format: str  # raw, qcow2, vmdk, vdi, vhdx, iso
    visibility: str = "private"  # public: an administrator's right
    min_disk_gib: int = 0
    min_ram_mib: int = 0
    properties: dict[str, str] = {}
    image_id: str = msgspec.field(default_factory=lambda: str(uuid.uuid4()))


class ListImages(msgspec.Struct, frozen=True, kw_only=True):
    token: str


class UploadChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes from `offset` on; what is there already must be the same bytes. The reply is where the next ones begin."""

    token: str
    image_id: str
    offset: int
    data: bytes


class FinishUpload(msgspec.Struct, frozen=True, kw_only=True):
    """All has been sent. With `os_hash_value` (sha512 hex) the data must match it."""

    token: str
    image_id: str
    os_hash_value: str = ""


class PrecacheImage(msgspec.Struct, frozen=True, kw_only=True):
    """Bring an image into the caches of these worker nodes."""

    token: str
    image_id: str
    hosts: tuple[str, ...]
