"""What clients send of images, read into the image room's requests: creations and JSON patches.

Pure. Which properties there are and what they take is the room's to say (`actors/image/patch.py`); here are only the
forms: an object with any names in it, and the two forms of a patch.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, forbidden
from actors.image.messages import CreateImage, ImageChange
from actors.image.patch import CORE, READ_ONLY

PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
OLD_PATCH_TYPE = "application/openstack-images-v2.0-json-patch"
ACTS = ("add", "replace", "remove")


def create_request(token: str, body: dict[str, Any]) -> CreateImage:
    """Raises `CallerError` 400 or 403."""
    fields: dict[str, Any] = {"name": "", "disk_format": "", "container_format": "", "visibility": "shared"}
    properties: dict[str, str] = {}
    for name, value in body.items():
        if name == "id":
            fields["image_id"] = _text(name, value)
        elif name in READ_ONLY:
            raise CallerError(forbidden(f"Attribute '{name}' is read-only."))
        elif name in CORE:
            fields[_room_field(name)] = _core(name, value)
        else:
            properties[name] = _text(name, value)
    return CreateImage(token=token, properties=properties, **fields)


def changes_of(media_type: str, body: bytes) -> tuple[ImageChange, ...]:
    """The changes of a patch. Raises `CallerError`: 415 for what is no patch, 400 for a bad one."""
    if media_type not in (PATCH_TYPE, OLD_PATCH_TYPE):
        raise CallerError(CallerFault(415, f"A patch has the type {PATCH_TYPE}."))
    try:
        operations = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CallerError(bad_request("", "The request body is not valid JSON.")) from None
    if not isinstance(operations, list):
        raise CallerError(bad_request("", "Request body must be a JSON array of operation objects."))
    read = _change if media_type == PATCH_TYPE else _old_change
    return tuple(read(operation) for operation in operations)


def _change(operation: Any) -> ImageChange:
    if not isinstance(operation, dict):
        raise CallerError(bad_request("", "Operations must be JSON objects."))
    return _made(operation.get("op"), operation.get("path"), operation)


def _old_change(operation: Any) -> ImageChange:
    """The older form says the act as the name of the path."""
    if not isinstance(operation, dict) or sum(act in operation for act in ACTS) != 1:
        raise CallerError(bad_request("", "Operations must contain exactly one of add, replace, remove."))
    act = next(act for act in ACTS if act in operation)
    return _made(act, operation[act], operation)


def _made(act: Any, path: Any, operation: dict[str, Any]) -> ImageChange:
    if act not in ACTS:
        raise CallerError(bad_request("op", f"Operations must be one of {', '.join(ACTS)}."))
    if act != "remove" and "value" not in operation:
        raise CallerError(bad_request("value", f"Operation '{act}' requires a member named 'value'."))
    return ImageChange(act=act, name=_name(path), value=operation.get("value"))


def _name(path: Any) -> str:
    """The one member that a JSON pointer names (RFC 6901)."""
    if not isinstance(path, str) or not path.startswith("/") or "/" in path[1:] or len(path) < 2:
        raise CallerError(bad_request("path", "A path is a slash and the name of one property."))
    escaped = path[1:]
    if "~" in escaped.replace("~0", "").replace("~1", ""):
        raise CallerError(bad_request("path", "A path has '~' only in '~0' and '~1'."))
    return escaped.replace("~1", "/").replace("~0", "~")


def _room_field(name: str) -> str:
    return "owner" if name == "owner" else CORE[name][0]


def _core(name: str, value: Any) -> Any:
    try:
        return CORE[name][1](value)
    except TypeError as error:
        raise CallerError(bad_request(name, f"must be {error}")) from None


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise CallerError(bad_request(name, "must be a text"))
    return value
