"""Glance's rules: docs.openstack.org/glance, «Policy configuration»."""

from __future__ import annotations

from actors.api.rest.rules.table import Rule, Table

IMAGES, IMAGE = "/v2/images", "/v2/images/{image_id}"
MEMBERS, MEMBER = f"{IMAGE}/members", f"{IMAGE}/members/{{member}}"
SCHEMAS = ("image", "images", "member", "members")
NAMESPACES, NAMESPACE = "/v2/metadefs/namespaces", "/v2/metadefs/namespaces/{namespace}"
OBJECT, PROPERTY = f"{NAMESPACE}/objects/{{object_name}}", f"{NAMESPACE}/properties/{{property_name}}"
TAG, ASSOCIATION = f"{NAMESPACE}/tags/{{tag}}", f"{NAMESPACE}/resource_types/{{resource_type}}"
METADEF_SCHEMAS = ("namespace", "object", "property", "resource_type", "tag")

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
METADEFS: dict[str, Rule] = {
    f"GET {NAMESPACES}": "get_metadef_namespaces",
    f"POST {NAMESPACES}": "add_metadef_namespace",
    f"GET {NAMESPACE}": "get_metadef_namespace",
    f"PUT {NAMESPACE}": "modify_metadef_namespace",
    f"DELETE {NAMESPACE}": "delete_metadef_namespace",
    f"GET {NAMESPACE}/objects": "get_metadef_objects",
    f"POST {NAMESPACE}/objects": "add_metadef_object",
    f"DELETE {NAMESPACE}/objects": "delete_metadef_namespace",
    f"GET {OBJECT}": "get_metadef_object",
    f"PUT {OBJECT}": "modify_metadef_object",
    f"DELETE {OBJECT}": "delete_metadef_object",
    f"GET {NAMESPACE}/properties": "get_metadef_properties",
    f"POST {NAMESPACE}/properties": "add_metadef_property",
    f"DELETE {NAMESPACE}/properties": "delete_metadef_namespace",
    f"GET {PROPERTY}": "get_metadef_property",
    f"PUT {PROPERTY}": "modify_metadef_property",
    f"DELETE {PROPERTY}": "remove_metadef_property",
    f"GET {NAMESPACE}/tags": "get_metadef_tags",
    f"POST {NAMESPACE}/tags": "add_metadef_tags",
    f"DELETE {NAMESPACE}/tags": "delete_metadef_tags",
    f"GET {TAG}": "get_metadef_tag",
    f"POST {TAG}": "add_metadef_tag",
    f"PUT {TAG}": "modify_metadef_tag",
    f"DELETE {TAG}": "delete_metadef_tag",
    "GET /v2/metadefs/resource_types": "list_metadef_resource_types",
    f"GET {NAMESPACE}/resource_types": "get_metadef_resource_type",
    f"POST {NAMESPACE}/resource_types": "add_metadef_resource_type_association",
    f"DELETE {ASSOCIATION}": "remove_metadef_resource_type_association",
    **{f"GET /v2/schemas/metadefs/{name}": "image:read" for name in METADEF_SCHEMAS},
    **{f"GET /v2/schemas/metadefs/{name}s": "image:read" for name in METADEF_SCHEMAS if name != "property"},
    "GET /v2/schemas/metadefs/properties": "image:read",
}
METADEF_WRITES = {rule for route, rule in METADEFS.items() if isinstance(rule, str) and not route.startswith("GET")}
SHOWN_TOO: dict[str, tuple[str, ...]] = {
    f"GET {NAMESPACES}": ("list_metadef_resource_types",),
    f"GET {NAMESPACE}": (
        "list_metadef_resource_types",
        "get_metadef_objects",
        "get_metadef_properties",
        "get_metadef_tags",
    ),
    f"GET {NAMESPACE}/resource_types": ("list_metadef_resource_types",),
    f"DELETE {NAMESPACE}/tags": ("delete_metadef_namespace",),
}
CONTAINED = {
    f"POST {NAMESPACES}": {
        "resource_type_associations": "add_metadef_resource_type_association",
        "objects": "add_metadef_object",
        "properties": "add_metadef_property",
        "tags": "add_metadef_tag",
    }
}
TABLE = Table(
    "image",
    ROUTES | METADEFS,
    dict.fromkeys(METADEF_WRITES, "rule:metadef_admin"),
    passed_on=SHOWN_TOO,
    contained=CONTAINED,
)
