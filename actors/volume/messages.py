"""What only the volume room is asked: its administration. `actors/messages.py` has what crosses rooms.

Every request carries the caller's token. Replies are rows of `actors/records.py`, or a `CallerFault` in their place.
The asker makes the ids of what is created, so the same request twice makes one thing.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any, Literal

import msgspec

from actors.records import Volume, VolumeAttachment, VolumeMessage, VolumeSnapshot, VolumeTransfer, VolumeType

ATTACHMENTS = uuid.UUID("0f0a3b0a-6d0f-4c57-9b6d-6f3b5a3f0f5e")  # the namespace of ids that attachments are shown by


def new_id() -> str:
    return str(uuid.uuid4())


def shown_id(row: VolumeAttachment) -> str:
    """The UUID that the API calls an attachment by."""
    return str(uuid.uuid5(ATTACHMENTS, row.id))


# ---------------------------------------------------------------- volumes


class CreateVolume(msgspec.Struct, frozen=True, kw_only=True):
    """Blank, or a copy of an image, a snapshot or a volume; size 0 = as large as that needs."""

    token: str
    name: str = ""
    size_gib: int = 0
    image_id: str = ""
    snapshot_id: str = ""
    source_volume_id: str = ""
    description: str = ""
    user_metadata: dict[str, str] = {}
    volume_type: str = ""  # id or name; '' = the default one
    availability_zone: str = ""
    request_id: str = ""  # that messages about it name
    volume_id: str = msgspec.field(default_factory=new_id)


class VolumeRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    volume_id: str


class DeleteVolume(msgspec.Struct, frozen=True, kw_only=True):
    """With `cascade` its snapshots go too; with `force`, an administrator's right, whatever its status is."""

    token: str
    volume_id: str
    cascade: bool = False
    force: bool = False


class ListVolumes(msgspec.Struct, frozen=True, kw_only=True):
    token: str


class UpdateVolume(msgspec.Struct, frozen=True, kw_only=True):
    """What its owner may say of a volume; None leaves it as it is."""

    token: str
    volume_id: str
    name: str | None = None
    description: str | None = None
    user_metadata: dict[str, str] | None = None  # all of it
    image_metadata: dict[str, str] | None = None  # all of it
    bootable: bool | None = None
    readonly: bool | None = None
    volume_type: str | None = None  # id or name
    delete_on_termination: bool | None = None  # of one that is attached: does it go with its server?


class ChangeMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Of a volume or a snapshot: set some items and drop others, of the user's own or of the image's."""

    token: str
    id: str
    put: dict[str, str] = {}
    drop: tuple[str, ...] = ()
    of_image: bool = False


class ResetVolume(msgspec.Struct, frozen=True, kw_only=True):
    """An administrator says what a volume's or snapshot's status is, whatever is so."""

    token: str
    id: str
    status: str = ""  # '' = as it is
    detach: bool = False  # nobody holds it any more


class MoveVolume(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is going to attach it, or is not any more."""

    token: str
    volume_id: str
    event: Literal["reserve", "unreserve", "begin detaching", "roll detaching"]


class ExtendVolume(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    volume_id: str
    size_gib: int  # after it


class RevertVolume(msgspec.Struct, frozen=True, kw_only=True):
    """Make a volume again what it was when its newest snapshot was taken."""

    token: str
    volume_id: str
    snapshot_id: str


class ReimageVolume(msgspec.Struct, frozen=True, kw_only=True):
    """Write an image over a volume that nobody uses. The reply is the volume, whose data comes in the background."""

    token: str
    volume_id: str
    image_id: str
    reserved_too: bool = False  # also one that somebody holds, who has not connected to it
    request_id: str = ""  # that messages about it name


class UploadVolume(msgspec.Struct, frozen=True, kw_only=True):
    """Copy a volume's data into a new image. The reply is the image, whose data comes in the background."""

    token: str
    volume_id: str
    name: str
    disk_format: str = "raw"  # raw, qcow2
    container_format: str = "bare"
    visibility: str = "private"
    protected: bool = False
    request_id: str = ""  # that messages about it name
    image_id: str = msgspec.field(default_factory=new_id)


# ---------------------------------------------------------------- snapshots


class CreateSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Of a volume in use only with `force`: what the guest has not written yet is not in it."""

    token: str
    volume_id: str
    name: str = ""
    force: bool = False
    description: str = ""
    user_metadata: dict[str, str] = {}
    snapshot_id: str = msgspec.field(default_factory=new_id)


class SnapshotRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    snapshot_id: str


class ReportSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever makes or deletes a snapshot says how far that is: `progress` is '80%', '' = as it was."""

    token: str
    snapshot_id: str
    status: str
    progress: str = ""


class UpdateSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    snapshot_id: str
    name: str | None = None
    description: str | None = None
    user_metadata: dict[str, str] | None = None  # all of it


# ---------------------------------------------------------------- attachments


class CreateAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a volume for an instance; with a connector it is exported at once."""

    token: str
    volume_id: str
    instance_id: str
    connector: dict[str, Any] = {}
    mode: str = "rw"
    device: str = ""
    attached: bool = False  # at once, without `complete`


class AttachmentRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    attachment_id: str
    connector: dict[str, Any] = {}  # of an update
    attached: bool = False  # of an update: it counts as attached at once


class DetachVolume(msgspec.Struct, frozen=True, kw_only=True):
    """End the attachment of a volume, whichever it is ('' ) or this one."""

    token: str
    volume_id: str
    attachment_id: str = ""
    force: bool = False  # whatever the volume's status is: an administrator's right


# ---------------------------------------------------------------- transfers


def new_key() -> str:
    """What whoever accepts a transfer must know: 16 characters, as long as Cinder's."""
    return secrets.token_hex(8)


class CreateTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Offer a volume to another project, with its snapshots or without them."""

    token: str
    volume_id: str
    name: str = ""
    no_snapshots: bool = False
    auth_key: str = msgspec.field(default_factory=new_key)
    transfer_id: str = msgspec.field(default_factory=new_id)


class TransferRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    transfer_id: str
    auth_key: str = ""  # of who accepts it


class MessageRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    message_id: str


class MessagePage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[VolumeMessage]
    total: int
    more: bool


class TransferPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[VolumeTransfer]
    total: int
    more: bool


# ---------------------------------------------------------------- types and quotas


class CreateVolumeType(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    name: str
    description: str = ""
    is_public: bool = True
    extra_specs: dict[str, str] = {}
    type_id: str = msgspec.field(default_factory=new_id)


class UpdateVolumeType(msgspec.Struct, frozen=True, kw_only=True):
    """None leaves a thing as it is; extra specs named in neither field stay."""

    token: str
    type_id: str
    name: str | None = None
    description: str | None = None
    is_public: bool | None = None
    extra_specs: dict[str, str] = {}
    drop_specs: tuple[str, ...] = ()
    add_project: str = ""
    remove_project: str = ""


class VolumeTypeRequest(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    type_id: str


class CreateEncryption(msgspec.Struct, frozen=True, kw_only=True):
    """Volumes of a type are to be encrypted. This cloud keeps it, and makes no volume of such a type."""

    token: str
    type_id: str
    provider: str
    control_location: str = "front-end"
    cipher: str = ""
    key_size: int = 0
    encryption_id: str = msgspec.field(default_factory=new_id)


class EncryptionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """To take away or to change: None leaves a thing as it is."""

    token: str
    type_id: str
    encryption_id: str
    provider: str | None = None
    control_location: str | None = None
    cipher: str | None = None
    key_size: int | None = None


class CreateQos(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    name: str
    consumer: str = "back-end"
    specs: dict[str, str] = {}
    qos_id: str = msgspec.field(default_factory=new_id)


class QosRequest(msgspec.Struct, frozen=True, kw_only=True):
    """To show, or to take away: with `force` from the types that have it, too."""

    token: str
    qos_id: str
    force: bool = False


class UpdateQos(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    qos_id: str
    consumer: str = ""  # '' = as it is
    put: dict[str, str] = {}
    drop: tuple[str, ...] = ()


class AssociateQos(msgspec.Struct, frozen=True, kw_only=True):
    """Types that have these QoS specs from now on (`add`), or no longer."""

    token: str
    qos_id: str
    type_id: str = ""  # '' = all that have them, to end it
    add: bool = False


class SetService(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the host of volumes takes new ones: an administrator's right."""

    token: str
    disabled: bool
    reason: str = ""


class QuotaRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Of a project, or of `quotas.EVERYBODY`; `limits` in a change, `reset` to return to the cloud's own."""

    token: str
    project_id: str
    limits: dict[str, int] = {}
    reset: bool = False


# ---------------------------------------------------------------- what is shown


class RowQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows, in which order, which page; in the words of `actors/volume/query.py`."""

    texts: dict[str, tuple[str, ...]] = {}  # a field → the values wanted, one of which it must be
    like: dict[str, str] = {}  # a field → a part of it
    user_metadata: dict[str, str] = {}
    all_projects: bool = False  # an administrator's right; others' wish for it is ignored
    project_id: str = ""  # with `all_projects`
    times: tuple[tuple[str, str, float], ...] = ()  # (field, eq, neq, gt, gte, lt or lte; seconds since the epoch)
    order: tuple[tuple[str, str], ...] = (("created_at", "desc"), ("id", "desc"))
    marker: str = ""  # the id of the last row of the page before
    offset: int = 0
    limit: int = -1  # rows; -1 = all


class ListRows(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    query: RowQuery = RowQuery()


class VolumeView(msgspec.Struct, frozen=True, kw_only=True):
    volume: Volume
    type: VolumeType
    attachment: VolumeAttachment | None = None


class VolumePage(msgspec.Struct, frozen=True, kw_only=True):
    views: list[VolumeView]
    total: int  # rows of all pages
    more: bool  # others may follow


class SnapshotPage(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[VolumeSnapshot]
    total: int
    more: bool


class AttachmentView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    row: VolumeAttachment
    project_id: str
    connection: dict[str, Any] = {}  # how its holder reaches it


class AttachmentPage(msgspec.Struct, frozen=True, kw_only=True):
    views: list[AttachmentView]
    total: int
    more: bool


class QuotaView(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a project, those that were set for it alone, the cloud's, and what it has of each."""

    project_id: str
    limits: dict[str, int]
    own: dict[str, int]
    defaults: dict[str, int]
    used: dict[str, int]
