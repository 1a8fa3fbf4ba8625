"""What the image service answers with, by route, and what its list may be asked for."""

from __future__ import annotations

from actors.api.rest.image.schemas import IMAGE as PUBLISHED
from actors.api.rest.shapes.terms import COUNT, FLAG, PAGES, TEXT, TEXTS, TIME, Schema, exactly, rows

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
    }
}
