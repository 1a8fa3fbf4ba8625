"""What the image service answers with, by route, and what its list may be asked for."""

from __future__ import annotations

from actors.api.rest.image.metadefs.schemas import DOCUMENTS as METADEFS
from actors.api.rest.image.schemas import IMAGE as PUBLISHED
from actors.api.rest.shapes.terms import COUNT, FLAG, PAGES, SORT, TEXT, TEXTS, TIME, Schema, exactly, rows

IMAGE: Schema = {
    "type": "object",
    "properties": {**PUBLISHED["properties"], "created_at": TIME, "updated_at": TIME, "tags": TEXTS, "min_disk": COUNT},
    "required": [name for name in PUBLISHED["properties"] if name != "stores"],
    "additionalProperties": TEXT,
}
MEMBER = exactly(
    {
        "image_id": TEXT,
        "member_id": TEXT,
        "status": {"enum": ["pending", "accepted", "rejected"]},
        "created_at": TIME,
        "updated_at": TIME,
        "schema": TEXT,
    }
)
ONE_NAMESPACE, OBJECTS = "/v2/metadefs/namespaces/{namespace}", "/v2/metadefs/namespaces/{namespace}/objects"
PROPERTY: Schema = {  # its lengths refer to the document's own definitions
    "type": "object",
    "properties": {name: said for name, said in METADEFS["property"]["properties"].items() if "$ref" not in said},
    "required": ["title", "type"],
}
PROPERTIES: Schema = {"type": "object", "additionalProperties": PROPERTY}
STAMPS = {"created_at": TIME, "updated_at": TIME}
ASSOCIATION = exactly({"name": TEXT, **STAMPS}, {"prefix": TEXT, "properties_target": TEXT})
OBJECT = exactly(
    {"name": TEXT, "required": TEXTS, "properties": PROPERTIES, **STAMPS, "self": TEXT, "schema": TEXT},
    {"description": TEXT},
)
TAG = exactly({"name": TEXT, **STAMPS})
TAGS = exactly({"tags": rows(exactly({"name": TEXT}))})
NAMESPACE = exactly(
    {
        "namespace": TEXT,
        "visibility": {"enum": ["public", "private"]},
        "protected": FLAG,
        "owner": TEXT,
        **STAMPS,
        "self": TEXT,
        "schema": TEXT,
    },
    {
        "display_name": TEXT,
        "description": TEXT,
        "resource_type_associations": rows(ASSOCIATION),
        "properties": PROPERTIES,
        "objects": rows(OBJECT),
        "tags": rows(exactly({"name": TEXT})),
    },
)
BODIES: dict[str, Schema] = {
    "GET /v2/images": exactly({"images": rows(IMAGE), "schema": TEXT, "first": TEXT}, {"next": TEXT}),
    "POST /v2/images": IMAGE,
    "GET /v2/images/{image_id}": IMAGE,
    "GET /v2/images/{image_id}/tasks": exactly({"tasks": rows({})}),
    "PATCH /v2/images/{image_id}": IMAGE,
    "GET /v2/images/{image_id}/members": exactly({"members": rows(MEMBER), "schema": TEXT}),
    "POST /v2/images/{image_id}/members": MEMBER,
    "GET /v2/images/{image_id}/members/{member}": MEMBER,
    "PUT /v2/images/{image_id}/members/{member}": MEMBER,
    "GET /v2/metadefs/namespaces": exactly(
        {"namespaces": rows(NAMESPACE), "first": TEXT, "schema": TEXT}, {"next": TEXT}
    ),
    "POST /v2/metadefs/namespaces": NAMESPACE,
    **{f"{verb} {ONE_NAMESPACE}": NAMESPACE for verb in ("GET", "PUT")},
    f"GET {OBJECTS}": exactly({"objects": rows(OBJECT), "schema": TEXT}),
    f"POST {OBJECTS}": OBJECT,
    **{f"{verb} {OBJECTS}/{{object_name}}": OBJECT for verb in ("GET", "PUT")},
    f"GET {ONE_NAMESPACE}/properties": exactly({"properties": PROPERTIES}),
    f"POST {ONE_NAMESPACE}/properties": PROPERTY,
    **{f"{verb} {ONE_NAMESPACE}/properties/{{property_name}}": PROPERTY for verb in ("GET", "PUT")},
    **{f"{verb} {ONE_NAMESPACE}/tags": TAGS for verb in ("GET", "POST")},
    **{f"{verb} {ONE_NAMESPACE}/tags/{{tag}}": TAG for verb in ("GET", "POST", "PUT")},
    "GET /v2/metadefs/resource_types": exactly({"resource_types": rows(TAG)}),
    f"GET {ONE_NAMESPACE}/resource_types": exactly({"resource_type_associations": rows(ASSOCIATION)}),
    f"POST {ONE_NAMESPACE}/resource_types": ASSOCIATION,
}
QUERIES: dict[str, Schema] = {
    "GET /v2/images": {
        **dict.fromkeys(
            ("name", "status", "visibility", "owner", "disk_format", "tag", "sort", "created_at", "id"), TEXT
        ),
        **dict.fromkeys(("min_disk", "min_ram", "size_min", "size_max"), COUNT),
        "os_hidden": FLAG,
        "protected": FLAG,
        "member_status": TEXT,
        **PAGES,
    },
    "GET /v2/metadefs/namespaces": {"visibility": TEXT, "resource_types": TEXT, **PAGES, **SORT},
    f"GET {ONE_NAMESPACE}/tags": {**PAGES, **SORT},
}
