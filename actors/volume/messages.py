"""What only the volume room is asked: its administration. `actors/messages.py` has what crosses rooms.

Every request carries the caller's token. Replies are rows of `actors/records.py`, or a `CallerFault` in their place.
The asker makes the ids of what is created, so the same request twice makes one thing.
"""

from __future__ import annotations

import uuid

import msgspec


def new_id() -> str:
    return str(uuid.uuid4())


class CreateVolume(msgspec.Struct, frozen=True, kw_only=True):
    """Blank, or a copy of an image or of a snapshot; size 0 = as large as that needs."""

    token: str
    name: str = ""
    size_gib: int = 0
    image_id: str = ""
    snapshot_id: str = ""
    volume_id: str = msgspec.field(default_factory=new_id)


class VolumeRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    volume_id: str


class ListVolumes(msgspec.Struct, frozen=True, kw_only=True):
    token: str


class CreateSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Of a volume in use only with `force`: what the guest has not written yet is not in it."""

    token: str
    volume_id: str
    name: str = ""
    force: bool = False
    snapshot_id: str = msgspec.field(default_factory=new_id)


class SnapshotRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    snapshot_id: str
