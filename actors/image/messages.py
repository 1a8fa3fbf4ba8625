"""What only the image room is asked: its administration and uploads. `actors/messages.py` has what crosses rooms.

Every request carries the caller's token. Replies are rows of `actors/records.py`, or a `CallerFault` in their place.
An upload is begun, sent in chunks in the order of their offsets, and finished; each of the three may be sent twice.
"""

from __future__ import annotations

import uuid
from typing import Any, Literal

import msgspec

CHUNK_LIMIT_BYTES = 8 << 20


DEVICES = "block_device_mapping"  # the property that makes an image one of volumes, which has no data


class CreateImage(msgspec.Struct, frozen=True, kw_only=True):
    """A new image without data. The asker makes the id, so the same request twice makes one image."""

    token: str
    name: str
    disk_format: str  # raw, qcow2, vmdk, vdi, vhdx, iso; '' = said before data comes
    container_format: str = "bare"
    visibility: str = "private"  # or public (an administrator's right), shared, community
    min_disk_gib: int = 0
    min_ram_mib: int = 0
    properties: dict[str, str] = {}
    protected: bool = False
    os_hidden: bool = False
    tags: tuple[str, ...] = ()
    owner: str = ""  # project; another than the caller's is an administrator's right
    image_id: str = msgspec.field(default_factory=lambda: str(uuid.uuid4()))


class TimeBound(msgspec.Struct, frozen=True):
    field: str  # created_at, updated_at
    comparison: str  # eq, neq, gt, gte, lt, lte
    at: float  # seconds since the epoch


class ImageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to list, in the words of `actors/image/query.py`.

    Of several values of one field any is good; several fields hold together.
    """

    texts: dict[str, tuple[str, ...]] = {}  # a key of TEXT_FIELDS → the values wanted
    wholes: dict[str, int] = {}  # a key of WHOLE_FIELDS → the value wanted
    properties: dict[str, str] = {}  # of the owner's own, name → value
    tags: tuple[str, ...] = ()  # an image has all of them
    times: tuple[TimeBound, ...] = ()
    visibility: str = ""  # one of VISIBILITIES, 'all', '' = as said above
    member_status: str = "accepted"  # of what others offer: pending, accepted, rejected, all
    hidden: bool | None = None  # None: both
    protected: bool | None = None
    size_min: int = 0
    size_max: int = -1  # -1 = any
    order: tuple[tuple[str, str], ...] = (("created_at", "asc"), ("id", "asc"))  # (key, asc or desc)
    marker: str = ""  # the id of the last image of the page before
    limit: int = -1  # images; -1 = all


class ListImages(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    query: ImageQuery = ImageQuery()


class ImageChange(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of a JSON patch; `name` is a property's as Glance calls it."""

    act: Literal["add", "replace", "remove"]
    name: str
    value: Any = None  # what JSON can say


class PatchImage(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    image_id: str
    changes: tuple[ImageChange, ...]


class TagImage(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    image_id: str
    tag: str
    remove: bool = False


class SetImageActive(msgspec.Struct, frozen=True, kw_only=True):
    """Deactivate an image, whose data nobody gets then, or take that back."""

    token: str
    image_id: str
    active: bool


class ImageMemberRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Of one member (a project's id), and in an update its word on the offer."""

    token: str
    image_id: str
    member: str
    status: str = ""  # pending, accepted, rejected


class UploadChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes from `offset` on; what is there already must be the same bytes. The reply is where the next ones begin."""

    token: str
    image_id: str
    offset: int
    data: bytes
    by_service: bool = False  # as of `ImageRequest`


class OpenUpload(msgspec.Struct, frozen=True, kw_only=True):
    """Begin an upload that can't be begun again: refused where another one is under way.

    With `staging` the data is for an import: it is the image's only after `import_staged`.
    """

    token: str
    image_id: str
    staging: bool = False


class FinishUpload(msgspec.Struct, frozen=True, kw_only=True):
    """All has been sent. With `os_hash_value` (sha512 hex) the data must match it."""

    token: str
    image_id: str
    os_hash_value: str = ""
    by_service: bool = False  # as of `ImageRequest`


class ReadImage(msgspec.Struct, frozen=True, kw_only=True):
    """Some bytes of an image's data; fewer come at its end."""

    token: str
    image_id: str
    offset: int
    length: int  # bytes, at most CHUNK_LIMIT_BYTES
    by_service: bool = False  # as of `ImageRequest`


class PrecacheImage(msgspec.Struct, frozen=True, kw_only=True):
    """Bring an image into the caches of these worker nodes."""

    token: str
    image_id: str
    hosts: tuple[str, ...]
