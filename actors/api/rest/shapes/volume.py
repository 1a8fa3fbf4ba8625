"""What block storage answers with, by route, and what its lists may be asked for: of all versions, up to the newest."""

from __future__ import annotations

from actors.api.rest.shapes.terms import (
    COUNT,
    FLAG,
    LINKS,
    NULL,
    PAGES,
    TEXT,
    TEXT_BY_NAME,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Schema,
    exactly,
    page,
)

ATTACHMENT = exactly(
    {
        "id": TEXT,
        "attachment_id": TEXT,
        "volume_id": TEXT,
        "server_id": TEXT_OR_NULL,
        "host_name": TEXT_OR_NULL,
        "device": TEXT_OR_NULL,
        "attached_at": TIME_OR_NULL,
    }
)
VOLUME_30: Schema = {
    "id": TEXT,
    "status": TEXT,
    "size": COUNT,
    "availability_zone": TEXT,
    "created_at": TIME,
    "updated_at": TIME_OR_NULL,
    **dict.fromkeys(("name", "description", "snapshot_id", "source_volid"), TEXT_OR_NULL),
    "volume_type": TEXT,
    "metadata": TEXT_BY_NAME,
    "user_id": TEXT,
    "bootable": {"enum": ["true", "false"]},
    "encrypted": FLAG,
    "replication_status": NULL,
    "consistencygroup_id": NULL,
    "multiattach": FLAG,
    "attachments": {"type": "array", "items": ATTACHMENT},
    "links": LINKS,
}
VOLUME_LATER: Schema = {
    **dict.fromkeys(("migration_status", "group_id", "provider_id", "service_uuid", "cluster_name"), NULL),
    "shared_targets": FLAG,
    "volume_type_id": TEXT,
    "consumes_quota": FLAG,
    "os-vol-tenant-attr:tenant_id": TEXT,
    "os-vol-host-attr:host": TEXT,
    "os-vol-mig-status-attr:migstat": NULL,
    "os-vol-mig-status-attr:name_id": NULL,
    "volume_image_metadata": TEXT_BY_NAME,
}
VOLUME = exactly(VOLUME_30, VOLUME_LATER)
SNAPSHOT = exactly(
    {
        "id": TEXT,
        "name": TEXT_OR_NULL,
        "description": TEXT_OR_NULL,
        "created_at": TIME,
        "updated_at": TIME_OR_NULL,
        "status": TEXT,
        "size": COUNT,
        "volume_id": TEXT,
        "metadata": TEXT_BY_NAME,
    },
    {
        "os-extended-snapshot-attributes:progress": TEXT,
        "os-extended-snapshot-attributes:project_id": TEXT,
        "group_snapshot_id": NULL,
        "user_id": TEXT,
        "consumes_quota": FLAG,
    },
)
TYPE_CHANGED: Schema = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT_OR_NULL,
    "is_public": FLAG,
    "extra_specs": TEXT_BY_NAME,
}
TYPE_MADE: Schema = TYPE_CHANGED | {"os-volume-type-access:is_public": FLAG}
TYPE = exactly(TYPE_MADE, {"qos_specs_id": TEXT_OR_NULL})
COUNTED = {"count": COUNT}
BODIES: dict[str, Schema] = {
    "GET /v3/volumes": page("volumes", exactly({"id": TEXT, "name": TEXT_OR_NULL, "links": LINKS}), COUNTED),
    "GET /v3/volumes/detail": page("volumes", VOLUME, COUNTED),
    "POST /v3/volumes": exactly({"volume": VOLUME}),
    "GET /v3/volumes/{volume_id}": exactly({"volume": VOLUME}),
    "PUT /v3/volumes/{volume_id}": exactly({"volume": VOLUME}),
    "GET /v3/snapshots": page("snapshots", SNAPSHOT, COUNTED),
    "GET /v3/snapshots/detail": page("snapshots", SNAPSHOT, COUNTED),
    "POST /v3/snapshots": exactly({"snapshot": SNAPSHOT}),
    "GET /v3/snapshots/{snapshot_id}": exactly({"snapshot": SNAPSHOT}),
    "PUT /v3/snapshots/{snapshot_id}": exactly({"snapshot": SNAPSHOT}),
    "GET /v3/types": page("volume_types", TYPE),
    "POST /v3/types": exactly({"volume_type": exactly(TYPE_MADE)}),
    "GET /v3/types/{type_id}": exactly({"volume_type": TYPE}),
    "PUT /v3/types/{type_id}": exactly({"volume_type": exactly(TYPE_CHANGED)}),
}
ROWS: Schema = {
    **dict.fromkeys(("name", "status", "metadata", "created_at", "name~", "sort", "all_tenants", "with_count"), TEXT),
    "offset": COUNT,
    **PAGES,
}
QUERIES: dict[str, Schema] = {
    **{
        f"GET /v3/{noun}{detail}": ROWS
        for noun in ("volumes", "snapshots", "attachments")
        for detail in ("", "/detail")
    },
    "GET /v3/types": {"is_public": TEXT, **PAGES},
    "GET /v3/volumes/summary": {"all_tenants": TEXT},
    "GET /v3/os-quota-sets/{project_id}": {"usage": TEXT},
}
