"""What there is to know before anything is asked: JSON schemas of the bodies, ways of import, stores."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking
from actors.api.rest.image.views import STORE
from actors.image.inspect import DISK_FORMATS
from actors.image.rules import CONTAINER_FORMATS, LEAST_LIMIT, NAME_LIMIT, VISIBILITIES
from actors.image.sharing import STATUSES

router = APIRouter(prefix="/v2")

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["null", "string"]}
SAID = {"type": "string", "readOnly": True}
SAID_OR_NULL = {"type": ["null", "string"], "readOnly": True}
SIZE = {"type": ["null", "integer"], "readOnly": True}
LEAST = {"type": "integer", "minimum": 0, "maximum": LEAST_LIMIT}
UUID = {
    "type": "string",
    "pattern": "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$",
}

IMAGE: dict[str, Any] = {
    "name": "image",
    "properties": {
        "id": UUID,
        "name": {**TEXT_OR_NULL, "maxLength": NAME_LIMIT},
        "status": SAID,
        "visibility": {**TEXT, "enum": list(VISIBILITIES)},
        "owner": {**TEXT_OR_NULL, "maxLength": NAME_LIMIT},
        "disk_format": {**TEXT_OR_NULL, "enum": [None, *DISK_FORMATS]},
        "container_format": {**TEXT_OR_NULL, "enum": [None, *CONTAINER_FORMATS]},
        "size": SIZE,
        "virtual_size": SIZE,
        "checksum": SAID_OR_NULL,
        "os_hash_algo": SAID_OR_NULL,
        "os_hash_value": SAID_OR_NULL,
        "min_disk": LEAST,
        "min_ram": LEAST,
        "protected": {"type": "boolean"},
        "os_hidden": {"type": "boolean"},
        "tags": {"type": "array", "items": {**TEXT, "maxLength": NAME_LIMIT}},
        "created_at": SAID,
        "updated_at": SAID,
        "self": SAID,
        "file": SAID,
        "schema": SAID,
        "stores": SAID,
    },
    "additionalProperties": TEXT,
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}
MEMBER: dict[str, Any] = {
    "name": "member",
    "properties": {
        "image_id": UUID,
        "member_id": TEXT,
        "status": {**TEXT, "enum": list(STATUSES)},
        "created_at": SAID,
        "updated_at": SAID,
        "schema": SAID,
    },
}


def _many(name: str, item: dict[str, Any]) -> dict[str, Any]:
    links = [{"rel": "first", "href": "{first}"}, {"rel": "next", "href": "{next}"}]
    properties = {name: {"type": "array", "items": item}, "schema": TEXT, "first": TEXT, "next": TEXT}
    return {"name": name, "properties": properties, "links": [*links, {"rel": "describedby", "href": "{schema}"}]}


DOCUMENTS = {
    "schemas/image": IMAGE,
    "schemas/images": _many("images", IMAGE),
    "schemas/member": MEMBER,
    "schemas/members": _many("members", MEMBER),
    "info/import": {
        "import-methods": {"description": "Import methods available.", "type": "array", "value": ["glance-direct"]}
    },
    "info/stores": {"stores": [{"id": STORE, "description": "Files beside the image room", "default": "true"}]},
}


def _serve(path: str, document: dict[str, Any]) -> None:
    async def answer(_: Asking) -> Json:
        return Json(document)

    router.add_api_route(f"/{path}", answer, methods=["GET"], name=path)


for _path, _document in DOCUMENTS.items():
    _serve(_path, _document)
