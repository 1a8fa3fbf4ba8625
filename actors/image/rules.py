"""Who may do what with which image, and what a good new one is: pure decisions of the image room."""

from __future__ import annotations

import uuid

from actors.errors import CallerError, bad_request, conflict, forbidden, not_found
from actors.image.inspect import DISK_FORMATS
from actors.image.messages import CreateImage
from actors.messages import AuthContext
from actors.records import Image

NAME_LIMIT = 255  # characters
PROPERTY_LIMIT = 128  # properties of an image; Glance's default image_property_quota
PROPERTY_VALUE_LIMIT = 65_535  # characters


def is_visible(image: Image, who: AuthContext) -> bool:
    return image.visibility == "public" or image.project_id == who.project_id or who.is_admin


def seen(images: dict[str, Image], image_id: str, who: AuthContext) -> Image:
    """The image, if it is there for this caller; another tenant's private one is not."""
    image = images.get(image_id)
    if image is None or not is_visible(image, who):
        raise CallerError(not_found("image_id", f"there is no image {image_id!r}"))
    return image


def owned(images: dict[str, Image], image_id: str, who: AuthContext) -> Image:
    """The image, if this caller may change it."""
    image = seen(images, image_id, who)
    if image.project_id != who.project_id and not who.is_admin:
        raise CallerError(forbidden(f"image {image_id} belongs to another project"))
    return image


def precachable(images: dict[str, Image], image_id: str, who: AuthContext) -> Image:
    """The image, if this caller may say where it is kept: it takes the operator's disks."""
    image = usable(seen(images, image_id, who))
    if not who.is_admin:
        raise CallerError(forbidden("only an administrator may have images cached in advance"))
    return image


def usable(image: Image) -> Image:
    if image.status != "active":
        raise CallerError(conflict("image_id", f"image {image.id} is {image.status}; only an active one can be used"))
    return image


def new_image(images: dict[str, Image], request: CreateImage, who: AuthContext, now: float) -> Image:
    """The row to write; for a request that came before, the row that is there."""
    known = images.get(request.image_id)
    if known is not None:
        if known.project_id == who.project_id and known.name == request.name:
            return known
        raise CallerError(conflict("image_id", f"the image id {request.image_id} is taken"))
    _check(request)
    if request.visibility == "public" and not who.is_admin:
        raise CallerError(forbidden("only an administrator may make an image public"))
    return Image(
        id=request.image_id,
        name=request.name,
        project_id=who.project_id,
        status="queued",
        visibility=request.visibility,
        disk_format=request.disk_format,
        min_disk_gib=request.min_disk_gib,
        min_ram_mib=request.min_ram_mib,
        properties=dict(request.properties),
        created_at=now,
    )


def _check(request: CreateImage) -> None:
    _require(_is_uuid(request.image_id), "image_id", f"{request.image_id!r} is not a UUID")
    _require(len(request.name) <= NAME_LIMIT, "name", f"at most {NAME_LIMIT} characters")
    _require(request.name.isprintable(), "name", "control characters are not allowed")
    _require(request.disk_format in DISK_FORMATS, "disk_format", f"one of {', '.join(DISK_FORMATS)}")
    _require(request.visibility in ("public", "private"), "visibility", "public or private")
    _require(request.min_disk_gib >= 0, "min_disk_gib", "not below 0")
    _require(request.min_ram_mib >= 0, "min_ram_mib", "not below 0")
    _require(len(request.properties) <= PROPERTY_LIMIT, "properties", f"at most {PROPERTY_LIMIT}")
    for name, value in request.properties.items():
        fits = 0 < len(name) <= NAME_LIMIT and len(value) <= PROPERTY_VALUE_LIMIT
        _require(fits, "properties", f"the name or value of {name[:NAME_LIMIT]!r} is too long or empty")


def _require(fine: bool, field: str, message: str) -> None:
    if not fine:
        raise CallerError(bad_request(field, message))


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
