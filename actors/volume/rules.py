"""Who may do what with which volume, and what a good new one is: pure decisions, in Cinder's words."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from actors.errors import CallerError, bad_request, conflict, not_found
from actors.messages import AuthContext, ImageLocation
from actors.records import Volume, VolumeSnapshot
from actors.volume.messages import CreateSnapshot, CreateVolume

GIB = 1 << 30
SIZE_LIMIT_GIB = 16_384  # of one volume
NAME_LIMIT = 255  # characters


def is_owner(row: Volume | VolumeSnapshot, who: AuthContext) -> bool:
    return row.project_id == who.project_id or who.is_admin


def owned_volume(volumes: Mapping[str, Volume], volume_id: str, who: AuthContext, field: str = "volume_id") -> Volume:
    volume = volumes.get(volume_id)
    if volume is None or not is_owner(volume, who):
        raise CallerError(not_found(field, f"there is no volume {volume_id!r}"))
    return volume


def owned_snapshot(
    snapshots: Mapping[str, VolumeSnapshot], snapshot_id: str, who: AuthContext, field: str = "snapshot_id"
) -> VolumeSnapshot:
    snapshot = snapshots.get(snapshot_id)
    if snapshot is None or not is_owner(snapshot, who):
        raise CallerError(not_found(field, f"there is no snapshot {snapshot_id!r}"))
    return snapshot


def usable_snapshot(
    snapshots: Mapping[str, VolumeSnapshot], snapshot_id: str, who: AuthContext, field: str = "snapshot_id"
) -> VolumeSnapshot:
    """One that a volume can be made of."""
    snapshot = owned_snapshot(snapshots, snapshot_id, who, field)
    if snapshot.status != "available":
        raise CallerError(conflict(field, f"snapshot {snapshot_id} is {snapshot.status}"))
    return snapshot


def image_size_gib(image: ImageLocation) -> int:
    """The smallest volume that holds the image."""
    return max(image.min_disk_gib, -(-image.virtual_size // GIB), 1)


def fitting_size(asked_gib: int, least_gib: int, field: str) -> int:
    """The size of a new volume; 0 asks for the least (if there is one)."""
    size = asked_gib or least_gib
    if not 1 <= size <= SIZE_LIMIT_GIB:
        raise CallerError(bad_request(field, f"{asked_gib} GiB: from 1 to {SIZE_LIMIT_GIB} are possible"))
    if size < least_gib:
        raise CallerError(bad_request(field, f"{size} GiB are too few: the source needs {least_gib}"))
    return size


def new_volume(
    request: CreateVolume,
    who: AuthContext,
    volumes: Mapping[str, Volume],
    origin: ImageLocation | VolumeSnapshot | None,
    now: float,
) -> Volume:
    """The row to write; for a request that came before, the row that is there."""
    known = volumes.get(request.volume_id)
    if known is not None:
        if known.project_id == who.project_id and known.name == request.name:
            return known
        raise CallerError(conflict("volume_id", f"the volume id {request.volume_id} is taken"))
    check_names(request.volume_id, "volume_id", request.name)
    if request.image_id and request.snapshot_id:
        raise CallerError(bad_request("snapshot_id", "a volume is a copy of an image or of a snapshot, not of both"))
    return Volume(
        id=request.volume_id,
        name=request.name,
        project_id=who.project_id,
        size_gib=fitting_size(request.size_gib, least_size_gib(origin), "size_gib"),
        status="creating",
        bootable=is_bootable(origin, volumes),
        image_id=request.image_id,
        snapshot_id=request.snapshot_id,
        created_at=now,
    )


def least_size_gib(origin: ImageLocation | VolumeSnapshot | None) -> int:
    match origin:
        case ImageLocation():
            return image_size_gib(origin)
        case VolumeSnapshot():
            return origin.size_gib
        case None:
            return 0


def is_bootable(origin: ImageLocation | VolumeSnapshot | None, volumes: Mapping[str, Volume]) -> bool:
    match origin:
        case ImageLocation():
            return True
        case VolumeSnapshot():
            return origin.volume_id in volumes and volumes[origin.volume_id].bootable
        case None:
            return False


def new_snapshot(
    request: CreateSnapshot,
    who: AuthContext,
    volumes: Mapping[str, Volume],
    snapshots: Mapping[str, VolumeSnapshot],
    now: float,
) -> VolumeSnapshot:
    known = snapshots.get(request.snapshot_id)
    if known is not None:
        if known.project_id == who.project_id and known.volume_id == request.volume_id:
            return known
        raise CallerError(conflict("snapshot_id", f"the snapshot id {request.snapshot_id} is taken"))
    check_names(request.snapshot_id, "snapshot_id", request.name)
    volume = owned_volume(volumes, request.volume_id, who)
    if volume.status != "available" and not (volume.status == "in-use" and request.force):
        raise CallerError(bad_request("volume_id", f"volume {volume.id} is {volume.status}; force one that is in use"))
    return VolumeSnapshot(
        id=request.snapshot_id,
        name=request.name,
        project_id=volume.project_id,
        volume_id=volume.id,
        size_gib=volume.size_gib,
        status="creating",
        created_at=now,
    )


def deletable(volume: Volume, has_snapshots: bool) -> Volume:
    if volume.status not in ("available", "error", "deleting"):  # a deletion that failed may be asked for again
        raise CallerError(bad_request("volume_id", f"volume {volume.id} is {volume.status}: detach it first"))
    if has_snapshots:
        raise CallerError(bad_request("volume_id", f"volume {volume.id} has snapshots: delete them first"))
    return volume


def check_names(row_id: str, field: str, name: str) -> None:
    try:
        fine = str(uuid.UUID(row_id)) == row_id
    except ValueError:
        fine = False
    if not fine:
        raise CallerError(bad_request(field, f"{row_id!r} is not a UUID"))
    if len(name) > NAME_LIMIT or not name.isprintable():
        raise CallerError(bad_request("name", f"at most {NAME_LIMIT} characters, none of them for control"))
