"""Who may do what with which image, and what a good new one is: pure decisions of the image room."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import msgspec

from actors.errors import CallerError, bad_request, conflict, forbidden, not_found
from actors.image.inspect import DISK_FORMATS
from actors.image.messages import CreateImage
from actors.messages import AuthContext
from actors.records import Image, ImageMember

NAME_LIMIT = 255  # characters
PROPERTY_LIMIT = 128  # properties of an image; Glance's default image_property_quota
PROPERTY_VALUE_LIMIT = 65_535  # characters
TAG_LIMIT = 128  # tags of an image; Glance's default image_tag_quota
LEAST_LIMIT = 2**31 - 1  # of min_disk and min_ram
RESERVED = "os_glance_"  # what names of properties that nobody may give begin with
CONTAINER_FORMATS = ("bare",)
VISIBILITIES = ("public", "private", "shared", "community")


class Shelf(msgspec.Struct, frozen=True):
    """What there is: images by id; members by image id, then project."""

    images: Mapping[str, Image]
    members: Mapping[str, Mapping[str, ImageMember]]

    def member(self, image: Image, project_id: str) -> ImageMember | None:
        return self.members.get(image.id, {}).get(project_id)


def is_visible(shelf: Shelf, image: Image, who: AuthContext) -> bool:
    """By its id. What lists show besides is the query's matter."""
    if image.visibility in ("public", "community") or image.project_id == who.project_id or who.is_admin:
        return True
    return image.visibility == "shared" and shelf.member(image, who.project_id) is not None


def seen(shelf: Shelf, image_id: str, who: AuthContext) -> Image:
    """The image, if it is there for this caller; another tenant's private one is not."""
    image = shelf.images.get(image_id)
    if image is None or not is_visible(shelf, image, who):
        raise CallerError(not_found("image_id", f"there is no image {image_id!r}"))
    return image


def owned(shelf: Shelf, image_id: str, who: AuthContext) -> Image:
    """The image, if this caller may change it."""
    image = seen(shelf, image_id, who)
    if image.project_id != who.project_id and not who.is_admin:
        raise CallerError(forbidden(f"image {image_id} belongs to another project"))
    return image


def deletable(image: Image) -> Image:
    if image.protected:
        raise CallerError(forbidden(f"image {image.id} is protected and can't be deleted"))
    return image


def precachable(shelf: Shelf, image_id: str, who: AuthContext) -> Image:
    """The image, if this caller may say where it is kept: it takes the operator's disks."""
    image = usable(seen(shelf, image_id, who))
    if not who.is_admin:
        raise CallerError(forbidden("only an administrator may have images cached in advance"))
    return image


def usable(image: Image) -> Image:
    if image.status == "deactivated":
        raise CallerError(forbidden(f"image {image.id} is deactivated"))
    if image.status != "active":
        raise CallerError(conflict("image_id", f"image {image.id} is {image.status}; only an active one can be used"))
    return image


def readable(image: Image, who: AuthContext) -> Image:
    """One whose data this caller may have; of a deactivated image an administrator alone."""
    return image if image.status == "deactivated" and who.is_admin else usable(image)


def describable(image: Image) -> Image:
    """One that data can come for."""
    for field in ("disk_format", "container_format"):
        if not getattr(image, field):
            raise CallerError(bad_request(field, "must be set before data is uploaded"))
    return image


def new_image(images: Mapping[str, Image], request: CreateImage, who: AuthContext, now: float) -> Image:
    """The row to write; for a request that came before, the row that is there."""
    known = images.get(request.image_id)
    if known is not None:
        if known.project_id == who.project_id and known.name == request.name:
            return known
        raise CallerError(conflict("image_id", f"the image id {request.image_id} is taken"))
    _require(_is_uuid(request.image_id), "image_id", f"{request.image_id!r} is not a UUID")
    for name in request.properties:
        check_property_name(name)
    if request.owner not in ("", who.project_id) and not who.is_admin:
        raise CallerError(forbidden("only an administrator may make an image for another project"))
    image = Image(
        id=request.image_id,
        name=request.name,
        project_id=request.owner or who.project_id,
        status="queued",
        visibility=request.visibility,
        disk_format=request.disk_format,
        container_format=request.container_format,
        min_disk_gib=request.min_disk_gib,
        min_ram_mib=request.min_ram_mib,
        properties=dict(request.properties),
        protected=request.protected,
        os_hidden=request.os_hidden,
        tags=tuple(dict.fromkeys(request.tags)),
        created_at=now,
        updated_at=now,
    )
    check_visibility(image.visibility, who)
    return checked(image)


def check_property_name(name: str) -> None:
    """Raises `CallerError` 403 for one that the image service has for itself."""
    if name.startswith(RESERVED):
        raise CallerError(forbidden(f"Attribute '{name[:NAME_LIMIT]}' is reserved."))


def check_visibility(visibility: str, who: AuthContext) -> None:
    _require(visibility in VISIBILITIES, "visibility", f"one of {', '.join(VISIBILITIES)}")
    if visibility == "public" and not who.is_admin:
        raise CallerError(forbidden("only an administrator may make an image public"))


def checked(image: Image) -> Image:
    """The image, if all that its owner may say of it is good. Raises `CallerError` 400."""
    _require(_is_text(image.name, 0), "name", f"at most {NAME_LIMIT} characters, none of them for control")
    _require(image.disk_format in ("", *DISK_FORMATS), "disk_format", f"one of {', '.join(DISK_FORMATS)}")
    container_formats = ", ".join(CONTAINER_FORMATS)
    _require(image.container_format in ("", *CONTAINER_FORMATS), "container_format", f"one of {container_formats}")
    _require(_is_text(image.project_id, 1), "owner", f"1 to {NAME_LIMIT} characters")
    _require(0 <= image.min_disk_gib <= LEAST_LIMIT, "min_disk_gib", f"from 0 to {LEAST_LIMIT}")
    _require(0 <= image.min_ram_mib <= LEAST_LIMIT, "min_ram_mib", f"from 0 to {LEAST_LIMIT}")
    _require(len(image.tags) <= TAG_LIMIT, "tags", f"at most {TAG_LIMIT}")
    for tag in image.tags:
        _require(_is_text(tag, 1), "tags", f"1 to {NAME_LIMIT} characters, none of them for control")
    _require(len(image.properties) <= PROPERTY_LIMIT, "properties", f"at most {PROPERTY_LIMIT}")
    for name, value in image.properties.items():
        fits = _is_text(name, 1) and len(value) <= PROPERTY_VALUE_LIMIT and is_storable(value)
        _require(fits, "properties", f"the name or value of {name[:NAME_LIMIT]!r} is too long, empty or not text")
    return image


def _require(fine: bool, field: str, message: str) -> None:
    if not fine:
        raise CallerError(bad_request(field, message))


def is_storable(text: str) -> bool:
    """No NUL, and no half of a surrogate pair: neither is text that a database takes."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _is_text(text: str, least: int) -> bool:
    return least <= len(text) <= NAME_LIMIT and text.isprintable()


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
