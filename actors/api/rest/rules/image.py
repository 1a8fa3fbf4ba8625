"""Glance's rules: docs.openstack.org/glance, «Policy configuration»."""

from __future__ import annotations

from actors.api.rest.rules.table import Rule, Table

IMAGES, IMAGE = "/v2/images", "/v2/images/{image_id}"
MEMBERS, MEMBER = f"{IMAGE}/members", f"{IMAGE}/members/{{member}}"
SCHEMAS = ("image", "images", "member", "members")

ROUTES: dict[str, Rule] = {
    f"GET {IMAGES}": "get_images",
    f"POST {IMAGES}": "add_image",
    f"GET {IMAGE}": "get_image",
    f"GET {IMAGE}/tasks": "get_image",
    f"PATCH {IMAGE}": "modify_image",
    f"DELETE {IMAGE}": "delete_image",
    f"GET {IMAGE}/file": "download_image",
    f"PUT {IMAGE}/file": "upload_image",
    f"PUT {IMAGE}/stage": "modify_image",
    f"POST {IMAGE}/import": "modify_image",
    f"PUT {IMAGE}/tags/{{tag}}": "modify_image",
    f"DELETE {IMAGE}/tags/{{tag}}": "modify_image",
    f"POST {IMAGE}/actions/deactivate": "deactivate",
    f"POST {IMAGE}/actions/reactivate": "reactivate",
    f"GET {MEMBERS}": "get_members",
    f"POST {MEMBERS}": "add_member",
    f"GET {MEMBER}": "get_member",
    f"PUT {MEMBER}": "modify_member",
    f"DELETE {MEMBER}": "delete_member",
    **{f"GET /v2/schemas/{name}": "image:read" for name in SCHEMAS},
    "GET /v2/info/import": "image:read",
    "GET /v2/info/stores": "image:read",
}
TABLE = Table("image", ROUTES, {})
