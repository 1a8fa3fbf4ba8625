"""What Glance's interface says of definitions: pure, from the rows. What is not said is left out."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.api.rest.image.metadefs.asking import NAMESPACES, SCHEMAS
from actors.api.rest.image.views import time_of
from actors.image.metadefs.listing import tags_of
from actors.records import (
    MetadefAssociation,
    MetadefNamespace,
    MetadefObject,
    MetadefResourceType,
    MetadefTag,
)

Body = dict[str, Any]


def short_body(row: MetadefNamespace) -> Body:
    """Without its parts, as the answer to a change."""
    return {
        "namespace": row.namespace,
        **_said(display_name=row.display_name, description=row.description),
        "visibility": row.visibility,
        "protected": row.protected,
        "owner": row.project_id,
        **_times(row),
        "self": f"{NAMESPACES}/{row.namespace}",
        "schema": f"{SCHEMAS}/namespace",
    }


def listed_body(row: MetadefNamespace) -> Body:
    return short_body(row) | _said(resource_type_associations=[association_body(one) for one in row.associations])


def whole_body(row: MetadefNamespace) -> Body:
    parts = _said(
        properties=row.properties,
        objects=[object_body(row, one) for one in row.objects],
        tags=[{"name": tag.name} for tag in tags_of(row, "created_at", "desc", "", -1)],
    )
    return listed_body(row) | parts


def object_body(row: MetadefNamespace, one: MetadefObject) -> Body:
    return {
        "name": one.name,
        **_said(description=one.description),
        "required": list(one.required),
        "properties": one.properties,
        **_times(one),
        "self": f"{NAMESPACES}/{row.namespace}/objects/{one.name}",
        "schema": f"{SCHEMAS}/object",
    }


def property_body(name: str, schema: Body) -> Body:
    return schema | {"name": name}


def tag_body(tag: MetadefTag) -> Body:
    return {"name": tag.name, **_times(tag)}


def association_body(one: MetadefAssociation) -> Body:
    said = _said(prefix=one.prefix, properties_target=one.properties_target)
    return {"name": one.name, **said, "created_at": time_of(one.created_at), "updated_at": time_of(one.created_at)}


def type_body(row: MetadefResourceType) -> Body:
    return {"name": row.id, "created_at": time_of(row.created_at), "updated_at": time_of(row.created_at)}


def prefixed(row: MetadefNamespace, resource_type: str) -> MetadefNamespace:
    """The namespace with its properties named as that resource has them; as it is where it is not for such a one."""
    prefix = next((one.prefix for one in row.associations if one.name == resource_type), "")
    if not prefix:
        return row
    objects = tuple(
        msgspec.structs.replace(
            one,
            required=tuple(f"{prefix}{name}" for name in one.required),
            properties={f"{prefix}{name}": schema for name, schema in one.properties.items()},
        )
        for one in row.objects
    )
    properties = {f"{prefix}{name}": schema for name, schema in row.properties.items()}
    return msgspec.structs.replace(row, properties=properties, objects=objects)


def _said(**fields: Any) -> Body:
    return {name: value for name, value in fields.items() if value}


def _times(row: MetadefNamespace | MetadefObject | MetadefTag) -> Body:
    return {"created_at": time_of(row.created_at), "updated_at": time_of(row.updated_at)}
