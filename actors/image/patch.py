"""Changes to an image, as a JSON patch names them (RFC 6902: add, replace, remove of one member each): pure.

The names are Glance's. Core properties have their types; any other name is a property of the owner's, a text. What the
cloud itself says of an image can't be changed: 403. Invariant: all changes of a request are good, or none is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from actors.errors import CallerError, bad_request, conflict, forbidden
from actors.image.messages import ImageChange
from actors.image.rules import check_property_name, check_visibility, checked
from actors.messages import AuthContext
from actors.records import Image

CHANGES_LIMIT = 256  # of one request
READ_ONLY = frozenset(
    (
        *("id", "status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at"),
        *("updated_at", "direct_url", "self", "file", "schema", "stores", "locations", "deleted", "deleted_at"),
    )
)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return value


def _text_or_none(value: Any) -> str:
    return "" if value is None else _text(value)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise TypeError("a list of texts")
    return tuple(dict.fromkeys(value))


CORE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", _text_or_none),
    "visibility": ("visibility", _text),
    "disk_format": ("disk_format", _text_or_none),
    "container_format": ("container_format", _text_or_none),
    "min_disk": ("min_disk_gib", _whole),
    "min_ram": ("min_ram_mib", _whole),
    "protected": ("protected", _flag),
    "os_hidden": ("os_hidden", _flag),
    "tags": ("tags", _texts),
    "owner": ("project_id", _text),
}
"""Glance's name of a core property → the field of `Image`, and what reads its value."""


def patched(image: Image, changes: tuple[ImageChange, ...], who: AuthContext) -> Image:
    """The image after these changes, in order. Raises `CallerError` 400, 403 or 409."""
    if len(changes) > CHANGES_LIMIT:
        raise CallerError(bad_request("", f"at most {CHANGES_LIMIT} changes at once"))
    after = image
    for change in changes:
        if change.name in READ_ONLY:
            raise CallerError(forbidden(f"attribute {change.name!r} is read-only"))
        after = _core(image, after, change, who) if change.name in CORE else _property(after, change)
    return checked(after)


def _core(before: Image, image: Image, change: ImageChange, who: AuthContext) -> Image:
    if change.act == "remove":
        raise CallerError(forbidden(f"property {change.name!r} can't be removed"))
    field, read = CORE[change.name]
    try:
        value = read(change.value)
    except TypeError as error:
        raise CallerError(bad_request(change.name, f"must be {error}")) from None
    if (
        change.name in ("disk_format", "container_format")
        and before.status != "queued"
        and value != getattr(image, field)
    ):
        raise CallerError(forbidden(f"{change.name} can't be changed: the image is {before.status}"))
    if change.name == "visibility" and value != before.visibility:
        check_visibility(value, who)
    if change.name == "owner" and value != before.project_id and not who.is_admin:
        raise CallerError(forbidden("only an administrator may give an image to another project"))
    return msgspec.structs.replace(image, **{field: value})


def _property(image: Image, change: ImageChange) -> Image:
    check_property_name(change.name)
    properties = dict(image.properties)
    if change.act != "add" and change.name not in properties:
        raise CallerError(conflict(change.name, f"property {change.name!r} does not exist"))
    if change.act == "remove":
        del properties[change.name]
    elif not isinstance(change.value, str):
        raise CallerError(bad_request(change.name, "the value of a property must be a text"))
    else:
        properties[change.name] = change.value
    return msgspec.structs.replace(image, properties=properties)
