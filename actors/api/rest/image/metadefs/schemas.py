"""JSON schemas of definitions: /v2/schemas/metadefs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking
from actors.api.rest.image.metadefs.asking import SCHEMAS
from actors.image.metadefs.forms import DESCRIPTION_LIMIT, NAME_LIMIT, OWNER_LIMIT, TYPES, VISIBILITIES

Schema = dict[str, Any]

router = APIRouter(prefix=SCHEMAS)

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "maxLength": NAME_LIMIT}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
SAID: Schema = {"type": "string", "readOnly": True}
TIMES: Schema = {name: {**SAID, "format": "date-time"} for name in ("created_at", "updated_at")}
LINKS: Schema = {"self": SAID, "schema": SAID}
COUNT: Schema = {"$ref": "#/definitions/positiveInteger"}
COUNT_FROM_0: Schema = {"$ref": "#/definitions/positiveIntegerDefault0"}
DIFFERENT: Schema = {"$ref": "#/definitions/stringArray"}
PROPERTIES: Schema = {"$ref": "#/definitions/property"}

PROPERTY: Schema = {
    "name": NAME,
    "title": TEXT,
    "description": TEXT,
    "operators": TEXTS,
    "type": {**TEXT, "enum": [*TYPES, None]},
    "required": DIFFERENT,
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "minLength": COUNT_FROM_0,
    "maxLength": COUNT,
    "pattern": {**TEXT, "format": "regex"},
    "enum": {"type": "array"},
    "readonly": FLAG,
    "default": {},
    "items": {"type": "object", "properties": {"type": {**TEXT, "enum": [*TYPES, None]}, "enum": {"type": "array"}}},
    "minItems": COUNT_FROM_0,
    "maxItems": COUNT,
    "uniqueItems": {**FLAG, "default": False},
    "additionalItems": FLAG,
}
NUMBERS: Schema = {
    "positiveInteger": {"type": "integer", "minimum": 0},
    "positiveIntegerDefault0": {"allOf": [COUNT, {"default": 0}]},
    "stringArray": {**TEXTS, "uniqueItems": True},
}
DEFINITIONS: Schema = {
    **NUMBERS,
    "property": {
        "type": "object",
        "additionalProperties": {"type": "object", "required": ["title", "type"], "properties": PROPERTY},
    },
}
ASSOCIATION: Schema = {"name": NAME, "prefix": NAME, "properties_target": NAME, **TIMES}
OBJECT: Schema = {"name": NAME, "description": TEXT, "required": DIFFERENT, "properties": PROPERTIES}
NAMESPACE: Schema = {
    "namespace": NAME,
    "display_name": NAME,
    "description": {**TEXT, "maxLength": DESCRIPTION_LIMIT},
    "visibility": {**TEXT, "enum": list(VISIBILITIES)},
    "protected": FLAG,
    "owner": {**TEXT, "maxLength": OWNER_LIMIT},
    **TIMES,
    **LINKS,
    "resource_type_associations": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": TEXT, "prefix": TEXT, "properties_target": TEXT},
        },
    },
    "properties": PROPERTIES,
    "objects": {"type": "array", "items": {"type": "object", "properties": {**OBJECT, "name": TEXT}}},
    "tags": {"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}},
}


def _one(name: str, properties: Schema, required: tuple[str, ...]) -> Schema:
    return {"name": name, "properties": properties, "additionalProperties": False, "required": list(required)}


def _many(name: str, item: Schema, definitions: Schema) -> Schema:
    links = [{"rel": rel, "href": f"{{{rel}}}"} for rel in ("first", "next")]
    ends = {"first": TEXT, "next": TEXT, "schema": TEXT}
    many = {
        "name": name,
        "properties": {name: item, **ends},
        "links": [*links, {"rel": "describedby", "href": "{schema}"}],
    }
    return many | ({"definitions": definitions} if definitions else {})


def _pair(one: str, many: str, name: str, properties: Schema, definitions: Schema) -> dict[str, Schema]:
    """The schema of one, and that of a list of them."""
    key = "namespace" if one == "namespace" else "name"
    single = _one(name, properties, (key,))
    whole = single | ({"definitions": definitions} if definitions else {})
    listed = "resource_type_associations" if one == "resource_type" else many
    return {one: whole, many: _many(listed, {"type": "array", "items": single}, definitions)}


DOCUMENTS: dict[str, Schema] = {
    **_pair("namespace", "namespaces", "namespace", NAMESPACE, DEFINITIONS),
    **_pair("object", "objects", "object", {**OBJECT, **LINKS, **TIMES}, DEFINITIONS),
    **_pair("tag", "tags", "tag", {"name": NAME, **TIMES}, {}),
    **_pair("resource_type", "resource_types", "resource_type_association", ASSOCIATION, {}),
    "property": _one("property", PROPERTY, ("type", "title", "name")) | {"definitions": NUMBERS},
    "properties": _many(
        "properties",
        {"type": "object", "additionalProperties": _one("property", PROPERTY, ("type", "title"))},
        NUMBERS,
    ),
}


def _serve(path: str, document: Schema) -> None:
    async def answer(_: Asking) -> Json:
        return Json(document)

    router.add_api_route(f"/{path}", answer, methods=["GET"], name=f"metadefs {path}")


for _path, _document in DOCUMENTS.items():
    _serve(_path, _document)
