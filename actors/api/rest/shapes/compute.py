"""What compute answers with, by route, and what its lists may be asked for: of all versions, up to the newest."""

from __future__ import annotations

from actors.api.rest.shapes.terms import (
    ANYTHING,
    COUNT,
    FLAG,
    LINKS,
    NULL,
    NUMBER,
    PAGES,
    SORT,
    TEXT,
    TEXT_BY_NAME,
    TEXT_OR_NULL,
    TEXTS,
    TIME,
    TIME_OR_NULL,
    WHOLE,
    Schema,
    exactly,
    page,
    rows,
)

REFERENCE = exactly({"id": TEXT, "links": LINKS})
NAMED = exactly({"id": TEXT, "name": TEXT, "links": LINKS})
NAMES = rows(exactly({"name": TEXT}))
EMBEDDED_FLAVOR = exactly(
    {
        **dict.fromkeys(("vcpus", "ram", "disk", "ephemeral", "swap"), COUNT),
        "original_name": TEXT,
        "extra_specs": TEXT_BY_NAME,
    }
)
ADDRESS = exactly({"addr": TEXT, "version": {"enum": [4, 6]}, "OS-EXT-IPS:type": TEXT, "OS-EXT-IPS-MAC:mac_addr": TEXT})
FAULT = exactly({"code": WHOLE, "created": TIME, "message": TEXT}, {"details": TEXT})
SERVER_21 = {
    **dict.fromkeys(("id", "name", "status", "tenant_id", "user_id", "hostId", "accessIPv4", "accessIPv6"), TEXT),
    "metadata": TEXT_BY_NAME,
    "image": {"oneOf": [REFERENCE, {"const": ""}]},
    "flavor": {"oneOf": [REFERENCE, EMBEDDED_FLAVOR]},
    "created": TIME,
    "updated": TIME,
    "addresses": {"type": "object", "additionalProperties": rows(ADDRESS)},
    "links": LINKS,
    "OS-DCF:diskConfig": {"enum": ["AUTO", "MANUAL"]},
    "OS-EXT-AZ:availability_zone": TEXT,
    "config_drive": {"enum": ["True", ""]},
    "key_name": TEXT_OR_NULL,
    "OS-SRV-USG:launched_at": TIME_OR_NULL,
    "OS-SRV-USG:terminated_at": TIME_OR_NULL,
    "OS-EXT-STS:task_state": TEXT_OR_NULL,
    "OS-EXT-STS:vm_state": TEXT,
    "OS-EXT-STS:power_state": COUNT,
    "os-extended-volumes:volumes_attached": rows(exactly({"id": TEXT}, {"delete_on_termination": FLAG})),
}
SERVER_LATER = {
    "progress": COUNT,
    "fault": FAULT,
    "security_groups": NAMES,
    "OS-EXT-SRV-ATTR:host": TEXT_OR_NULL,
    "OS-EXT-SRV-ATTR:instance_name": TEXT,
    "OS-EXT-SRV-ATTR:hypervisor_hostname": TEXT_OR_NULL,
    "OS-EXT-SRV-ATTR:reservation_id": TEXT,
    "OS-EXT-SRV-ATTR:launch_index": COUNT,
    "OS-EXT-SRV-ATTR:hostname": TEXT,
    "OS-EXT-SRV-ATTR:kernel_id": TEXT,
    "OS-EXT-SRV-ATTR:ramdisk_id": TEXT,
    "OS-EXT-SRV-ATTR:root_device_name": TEXT_OR_NULL,
    "OS-EXT-SRV-ATTR:user_data": TEXT_OR_NULL,
    "locked": FLAG,
    "host_status": {"enum": ["UP", "DOWN", "MAINTENANCE", "UNKNOWN", ""]},
    "description": TEXT_OR_NULL,
    "tags": TEXTS,
    "trusted_image_certificates": NULL,
    "server_groups": TEXTS,
    "locked_reason": TEXT_OR_NULL,
    "pinned_availability_zone": TEXT_OR_NULL,
}
SERVER = exactly(SERVER_21, SERVER_LATER)
ACCEPTED = {
    "oneOf": [
        exactly(
            {
                "server": exactly(
                    {"id": TEXT, "links": LINKS, "OS-DCF:diskConfig": TEXT, "security_groups": NAMES, "adminPass": TEXT}
                )
            }
        ),
        exactly({"reservation_id": TEXT}),
    ]
}
FLAVOR = exactly(
    {
        **dict.fromkeys(("ram", "disk", "vcpus", "OS-FLV-EXT-DATA:ephemeral"), COUNT),
        "id": TEXT,
        "name": TEXT,
        "swap": {"oneOf": [COUNT, {"const": ""}]},
        "OS-FLV-DISABLED:disabled": FLAG,
        "os-flavor-access:is_public": FLAG,
        "rxtx_factor": NUMBER,
        "links": LINKS,
    },
    {"description": TEXT_OR_NULL, "extra_specs": TEXT_BY_NAME},
)
FLAVOR_NAMED = exactly({"id": TEXT, "name": TEXT, "links": LINKS}, {"description": TEXT_OR_NULL})
KEYPAIR_SHORT = {"name": TEXT, "public_key": TEXT, "fingerprint": TEXT}
KEYPAIR = exactly(
    {
        **KEYPAIR_SHORT,
        "user_id": TEXT,
        "id": WHOLE,
        "created_at": TIME,
        "updated_at": NULL,
        "deleted_at": NULL,
        "deleted": FLAG,
    },
    {"type": TEXT},
)
NEW_KEYPAIR = exactly({**KEYPAIR_SHORT, "user_id": TEXT}, {"type": TEXT, "private_key": TEXT})
BODIES: dict[str, Schema] = {
    "GET /v2.1/servers": page("servers", NAMED),
    "GET /v2.1/servers/detail": page("servers", SERVER),
    "POST /v2.1/servers": ACCEPTED,
    "GET /v2.1/servers/{server_id}": exactly({"server": SERVER}),
    "PUT /v2.1/servers/{server_id}": exactly({"server": {**SERVER, "required": ["id", "name", "status"]}}),
    "GET /v2.1/flavors": page("flavors", FLAVOR_NAMED),
    "GET /v2.1/flavors/detail": page("flavors", FLAVOR),
    "POST /v2.1/flavors": exactly({"flavor": FLAVOR}),
    "GET /v2.1/flavors/{flavor_id}": exactly({"flavor": FLAVOR}),
    "PUT /v2.1/flavors/{flavor_id}": exactly({"flavor": FLAVOR}),
    "GET /v2.1/os-keypairs": page("keypairs", exactly({"keypair": exactly(KEYPAIR_SHORT, {"type": TEXT})})),
    "POST /v2.1/os-keypairs": exactly({"keypair": NEW_KEYPAIR}),
    "GET /v2.1/os-keypairs/{name}": exactly({"keypair": KEYPAIR}),
}
SERVER_FILTERS: Schema = {
    **dict.fromkeys(
        (
            *("name", "status", "image", "flavor", "host", "node", "project_id", "user_id", "availability_zone"),
            *("ip", "ip6", "reservation_id", "changes-since", "changes-before", "tags", "not-tags-any", "vm_state"),
            *("task_state", "power_state", "key_name", "hostname", "description", "uuid", "config_drive", "locked"),
            *("access_ip_v4", "deleted", "all_tenants", "launch_index"),
        ),
        TEXT,
    ),
    **PAGES,
    **SORT,
}
QUERIES: dict[str, Schema] = {
    "GET /v2.1/servers": SERVER_FILTERS,
    "GET /v2.1/servers/detail": SERVER_FILTERS,
    "GET /v2.1/flavors": {"is_public": TEXT, "minDisk": COUNT, "minRam": COUNT, **PAGES, **SORT},
    "GET /v2.1/flavors/detail": {"is_public": TEXT, "minDisk": COUNT, "minRam": COUNT, **PAGES, **SORT},
    "GET /v2.1/os-keypairs": {"user_id": TEXT, **PAGES},
    "GET /v2.1/os-hypervisors": {"hypervisor_hostname_pattern": TEXT, "with_servers": TEXT, **PAGES},
    "GET /v2.1/os-hypervisors/detail": {"hypervisor_hostname_pattern": TEXT, "with_servers": TEXT, **PAGES},
    "GET /v2.1/os-server-groups": {"all_projects": TEXT, "limit": COUNT, "offset": COUNT},
    "GET /v2.1/os-services": {"binary": TEXT, "host": TEXT},
    "GET /v2.1/os-simple-tenant-usage": {"start": TEXT, "end": TEXT, "detailed": TEXT, **PAGES},
    "GET /v2.1/os-simple-tenant-usage/{project_id}": {"start": TEXT, "end": TEXT, **PAGES},
    "GET /v2.1/servers/{server_id}/os-instance-actions": {"changes-since": TEXT, "changes-before": TEXT, **PAGES},
    "GET /v2.1/limits": {"tenant_id": TEXT, "reserved": ANYTHING},
}
