"""Who may do what with which volume, and what a good new one is: pure decisions, in Cinder's words."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from actors.errors import CallerError, bad_request, conflict, forbidden, not_found
from actors.image.rules import is_storable
from actors.messages import AuthContext, ImageLocation
from actors.records import Volume, VolumeService, VolumeSnapshot
from actors.volume.messages import ChangeMetadata, CreateSnapshot, CreateVolume, SetService
from actors.volume.states import Event, after

GIB = 1 << 30
SIZE_LIMIT_GIB = 16_384  # of one volume
NAME_LIMIT = 255  # characters
METADATA_LIMIT = 128  # items, Cinder's default
ZONE = "nova"  # the one availability zone of volumes
BACKEND_HOST = "novaray@qcow2"  # the one host of volumes
REASON_LIMIT = 255  # characters

Row = TypeVar("Row", Volume, VolumeSnapshot)


def is_owner(row: Volume | VolumeSnapshot, who: AuthContext) -> bool:
    return who.is_admin or is_of(row.project_id, who)


def is_of(project_id: str, who: AuthContext) -> bool:
    """Who is in no project, as with a token for a domain, shares nothing with others who are in none."""
    return bool(who.project_id) and project_id == who.project_id


def check_project(who: AuthContext) -> None:
    if not who.project_id:
        raise CallerError(forbidden("a volume belongs to a project, and this token is for none"))


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


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a new volume begins with: nothing, or a copy of one thing; `parent` is the volume whose data that is."""

    image: ImageLocation | None = None
    snapshot: VolumeSnapshot | None = None
    source: Volume | None = None
    parent: Volume | None = None

    @property
    def least_gib(self) -> int:
        """The smallest volume that holds it; 0 where there is nothing to hold."""
        if self.image is not None:
            return image_size_gib(self.image)
        sized = self.snapshot or self.source
        return sized.size_gib if sized is not None else 0

    @property
    def bootable(self) -> bool:
        return self.image is not None or (self.parent is not None and self.parent.bootable)

    @property
    def image_metadata(self) -> dict[str, str]:
        """What is known of the image that the data came from, in the first place."""
        if self.image is None:
            return dict(self.parent.image_metadata) if self.parent is not None else {}
        return {
            **self.image.properties,
            "image_id": self.image.image_id,
            "disk_format": self.image.disk_format,
            "container_format": "bare",
            "min_disk": str(self.image.min_disk_gib),
            "min_ram": str(self.image.min_ram_mib),
            "size": str(self.image.size),
        }


def new_volume(
    request: CreateVolume, who: AuthContext, volumes: Mapping[str, Volume], origin: Origin, now: float
) -> Volume:
    """The row to write (but its type); for a request that came before, the row that is there."""
    check_project(who)
    known = volumes.get(request.volume_id)
    if known is not None:
        if known.project_id == who.project_id and known.name == request.name:
            return known
        raise CallerError(conflict("volume_id", f"the volume id {request.volume_id} is taken"))
    check_id(request.volume_id, "volume_id")
    if sum(map(bool, (request.image_id, request.snapshot_id, request.source_volume_id))) > 1:
        raise CallerError(
            bad_request("snapshot_id", "a volume is a copy of one thing: an image, a snapshot or a volume")
        )
    if request.availability_zone not in ("", ZONE):
        raise CallerError(bad_request("availability_zone", f"volumes are in the zone {ZONE!r} only"))
    return described(
        Volume(
            id=request.volume_id,
            name=request.name,
            project_id=who.project_id,
            size_gib=fitting_size(request.size_gib, origin.least_gib, "size_gib"),
            status="creating",
            bootable=origin.bootable,
            image_id=request.image_id,
            snapshot_id=request.snapshot_id,
            source_volume_id=request.source_volume_id,
            user_id=who.user_id,
            description=request.description,
            user_metadata=dict(request.user_metadata),
            image_metadata=origin.image_metadata,
            created_at=now,
            updated_at=now,
        )
    )


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
    check_id(request.snapshot_id, "snapshot_id")
    volume = owned_volume(volumes, request.volume_id, who)
    if volume.status != "available" and not (volume.status == "in-use" and request.force):
        raise CallerError(bad_request("volume_id", f"volume {volume.id} is {volume.status}; force one that is in use"))
    return described(
        VolumeSnapshot(
            id=request.snapshot_id,
            name=request.name,
            project_id=volume.project_id,
            volume_id=volume.id,
            size_gib=volume.size_gib,
            status="creating",
            user_id=who.user_id,
            description=request.description,
            user_metadata=dict(request.user_metadata),
            created_at=now,
            updated_at=now,
        )
    )


def newest_snapshot(
    snapshots: Mapping[str, VolumeSnapshot], volume: Volume, snapshot_id: str, who: AuthContext
) -> VolumeSnapshot:
    """The snapshot, if the volume can become again what it was then: it is the newest, and as large."""
    snapshot = usable_snapshot(snapshots, snapshot_id, who)
    its = [row for row in snapshots.values() if row.volume_id == volume.id]
    if snapshot not in its or any(row.created_at > snapshot.created_at for row in its):
        raise CallerError(bad_request("snapshot_id", f"{snapshot_id} is not the newest snapshot of {volume.id}"))
    if snapshot.size_gib != volume.size_gib:
        raise CallerError(bad_request("snapshot_id", f"volume {volume.id} was extended after the snapshot"))
    return snapshot


def copyable(volumes: Mapping[str, Volume], volume_id: str, who: AuthContext) -> Volume:
    """A volume that another one can be a copy of."""
    volume = owned_volume(volumes, volume_id, who, "source_volume_id")
    if volume.status not in ("available", "in-use"):
        raise CallerError(bad_request("source_volume_id", f"volume {volume.id} is {volume.status}"))
    return volume


def deletable(volume: Volume, is_held: bool, has_snapshots: bool, force: bool) -> Volume:
    if is_held:
        raise CallerError(bad_request("volume_id", f"volume {volume.id} is {volume.status}: detach it first"))
    if not force:
        after(volume.status, Event.DELETE)
    if has_snapshots:
        raise CallerError(bad_request("volume_id", f"volume {volume.id} has snapshots: delete them first"))
    return volume


def check_id(row_id: str, field: str) -> None:
    try:
        fine = str(uuid.UUID(row_id)) == row_id
    except ValueError:
        fine = False
    if not fine:
        raise CallerError(bad_request(field, f"{row_id!r} is not a UUID"))


def described(row: Row) -> Row:
    """The row, if all that its owner says of it is good. Raises `CallerError` 400."""
    check_name(row.name)
    if len(row.description) > NAME_LIMIT or not is_storable(row.description):
        raise CallerError(bad_request("description", f"at most {NAME_LIMIT} characters"))
    check_metadata(row.user_metadata, "metadata")
    return row


def service_changed(request: SetService) -> VolumeService:
    if not is_storable(request.reason) or len(request.reason) > REASON_LIMIT:
        raise CallerError(bad_request("disabled_reason", f"at most {REASON_LIMIT} characters"))
    return VolumeService(id=BACKEND_HOST, disabled=request.disabled, disabled_reason=request.reason)


def check_name(name: str) -> None:
    if len(name) > NAME_LIMIT or not name.isprintable():
        raise CallerError(bad_request("name", f"at most {NAME_LIMIT} characters, none of them for control"))


def check_metadata(items: Mapping[str, str], field: str) -> None:
    if len(items) > METADATA_LIMIT:
        raise CallerError(bad_request(field, f"at most {METADATA_LIMIT} items"))
    for key, value in items.items():
        if not 0 < len(key) <= NAME_LIMIT or len(value) > NAME_LIMIT or not is_storable(key + value):
            raise CallerError(bad_request(field, f"keys have 1 to {NAME_LIMIT} characters, values at most as many"))


def changed_metadata(items: Mapping[str, str], request: ChangeMetadata) -> dict[str, str]:
    """After dropping and setting. Raises `CallerError` 404 for a key that isn't there to be dropped."""
    for key in request.drop:
        if key not in items:
            raise CallerError(not_found("metadata", f"there is no metadata item {key!r}"))
    after_all = {key: value for key, value in items.items() if key not in request.drop} | request.put
    check_metadata(after_all, "metadata")
    return after_all
