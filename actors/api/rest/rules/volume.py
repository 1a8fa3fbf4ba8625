"""Cinder's rules: docs.openstack.org/cinder, «Policy configuration»."""

from __future__ import annotations

from actors.api.rest.rules.table import ByAction, ByNoun, Rule, Table

VOLUME, SNAPSHOT, ATTACHMENT = (
    "/v3/volumes/{volume_id}",
    "/v3/snapshots/{snapshot_id}",
    "/v3/attachments/{attachment_id}",
)
TYPE, METADATA, QUOTAS = "/v3/types/{type_id}", "/v3/{noun}/{row_id}/metadata", "/v3/os-quota-sets/{project_id}"
ACTION, ADMIN_ACTION = "volume_extension:volume_actions", "volume_extension:volume_admin_actions"
IMAGE_METADATA, SPECS = "volume_extension:volume_image_metadata", "volume_extension:types_extra_specs"
SNAPSHOT_ADMIN = "volume_extension:snapshot_admin_actions"
ACCESS, ENCRYPTION = "volume_extension:volume_type_access", "volume_extension:volume_type_encryption"
QOS = "volume_extension:qos_specs_manage"

VOLUME_ACTIONS = ByAction(
    {
        "os-reserve": f"{ACTION}:reserve",
        "os-unreserve": f"{ACTION}:unreserve",
        "os-begin_detaching": f"{ACTION}:begin_detaching",
        "os-roll_detaching": f"{ACTION}:roll_detaching",
        "os-attach": f"{ACTION}:attach",
        "os-detach": f"{ACTION}:detach",
        "os-extend": "volume:extend",
        "os-set_bootable": "volume:update",
        "os-update_readonly_flag": "volume:update_readonly_flag",
        "os-reset_status": f"{ADMIN_ACTION}:reset_status",
        "os-force_delete": f"{ADMIN_ACTION}:force_delete",
        "os-force_detach": f"{ADMIN_ACTION}:force_detach",
        "os-retype": "volume:retype",
        "os-set_image_metadata": f"{IMAGE_METADATA}:set",
        "os-unset_image_metadata": f"{IMAGE_METADATA}:remove",
        "os-show_image_metadata": f"{IMAGE_METADATA}:show",
        "revert": "volume:revert_to_snapshot",
        "os-reimage": f"{ACTION}:reimage",
        "os-volume_upload_image": f"{ACTION}:upload_image",
    }
)


def _metadata(act: str, of_snapshots: str = "") -> ByNoun:
    """There is no rule for making a snapshot's metadata: it is changing it."""
    return ByNoun(
        {"volumes": f"volume:{act}_volume_metadata", "snapshots": f"volume:{of_snapshots or act}_snapshot_metadata"}
    )


OF_VOLUMES: dict[str, Rule] = {
    "GET /v3/volumes": "volume:get_all",
    "POST /v3/volumes": "volume:create",
    "GET /v3/volumes/detail": "volume:get_all",
    "GET /v3/volumes/summary": "volume:get_all",
    f"GET {VOLUME}": "volume:get",
    f"PUT {VOLUME}": "volume:update",
    f"DELETE {VOLUME}": "volume:delete",
    f"POST {VOLUME}/action": VOLUME_ACTIONS,
    f"GET {METADATA}": _metadata("get"),
    f"POST {METADATA}": _metadata("create", "update"),
    f"PUT {METADATA}": _metadata("update"),
    f"GET {METADATA}/{{key}}": _metadata("get"),
    f"PUT {METADATA}/{{key}}": _metadata("update"),
    f"DELETE {METADATA}/{{key}}": _metadata("delete"),
    "GET /v3/snapshots": "volume:get_all_snapshots",
    "POST /v3/snapshots": "volume:create_snapshot",
    "GET /v3/snapshots/detail": "volume:get_all_snapshots",
    f"GET {SNAPSHOT}": "volume:get_snapshot",
    f"PUT {SNAPSHOT}": "volume:update_snapshot",
    f"DELETE {SNAPSHOT}": "volume:delete_snapshot",
    f"POST {SNAPSHOT}/action": ByAction(
        {
            "os-reset_status": f"{SNAPSHOT_ADMIN}:reset_status",
            "os-force_delete": f"{SNAPSHOT_ADMIN}:force_delete",
            "os-update_snapshot_status": "snapshot_extension:snapshot_actions:update_snapshot_status",
        }
    ),
    "GET /v3/attachments": "volume:read",
    "POST /v3/attachments": "volume:attachment_create",
    "GET /v3/attachments/detail": "volume:read",
    f"GET {ATTACHMENT}": "volume:read",
    f"PUT {ATTACHMENT}": "volume:attachment_update",
    f"DELETE {ATTACHMENT}": "volume:attachment_delete",
    f"POST {ATTACHMENT}/action": ByAction({"os-complete": "volume:attachment_complete"}),
}
OF_TRANSFERS: dict[str, Rule] = {
    f"{verb} /v3/{noun}{rest}": f"volume:{act}"
    for noun in ("os-volume-transfer", "volume-transfers")
    for verb, rest, act in (
        ("GET", "", "get_all_transfers"),
        ("POST", "", "create_transfer"),
        ("GET", "/detail", "get_all_transfers"),
        ("GET", "/{transfer_id}", "get_transfer"),
        ("DELETE", "/{transfer_id}", "delete_transfer"),
        ("POST", "/{transfer_id}/accept", "accept_transfer"),
    )
}
OF_TYPES: dict[str, Rule] = {
    "GET /v3/types": "volume_extension:type_get_all",
    "POST /v3/types": "volume_extension:type_create",
    f"GET {TYPE}": "volume_extension:type_get",
    f"PUT {TYPE}": "volume_extension:type_update",
    f"DELETE {TYPE}": "volume_extension:type_delete",
    f"GET {TYPE}/extra_specs": f"{SPECS}:index",
    f"POST {TYPE}/extra_specs": f"{SPECS}:create",
    f"GET {TYPE}/extra_specs/{{key}}": f"{SPECS}:show",
    f"PUT {TYPE}/extra_specs/{{key}}": f"{SPECS}:update",
    f"DELETE {TYPE}/extra_specs/{{key}}": f"{SPECS}:delete",
    f"GET {TYPE}/encryption": f"{ENCRYPTION}:get",
    f"GET {TYPE}/encryption/{{key}}": f"{ENCRYPTION}:get",
    f"POST {TYPE}/encryption": f"{ENCRYPTION}:create",
    f"PUT {TYPE}/encryption/{{encryption_id}}": f"{ENCRYPTION}:update",
    f"DELETE {TYPE}/encryption/{{encryption_id}}": f"{ENCRYPTION}:delete",
    f"GET {TYPE}/os-volume-type-access": f"{ACCESS}:get_all_for_type",
    f"POST {TYPE}/action": ByAction(
        {"addProjectAccess": f"{ACCESS}:addProjectAccess", "removeProjectAccess": f"{ACCESS}:removeProjectAccess"}
    ),
}
OF_THE_CLOUD: dict[str, Rule] = {
    "GET /v3/limits": "limits_extension:used_limits",
    f"GET {QUOTAS}": "volume_extension:quotas:show",
    f"PUT {QUOTAS}": "volume_extension:quotas:update",
    f"DELETE {QUOTAS}": "volume_extension:quotas:delete",
    f"GET {QUOTAS}/defaults": "volume_extension:quotas:show",
    "GET /v3/os-quota-class-sets/{name}": "volume_extension:quota_classes:get",
    "PUT /v3/os-quota-class-sets/{name}": "volume_extension:quota_classes:update",
    "GET /v3/os-availability-zone": "volume:availability_zone_list",
    "GET /v3/os-services": "volume_extension:services:index",
    "PUT /v3/os-services/{act}": "volume_extension:services:update",
    "GET /v3/os-hosts": "volume_extension:hosts",
    "GET /v3/os-hosts/{host}": "volume_extension:hosts",
    "GET /v3/scheduler-stats/get_pools": "scheduler_extension:scheduler_stats:get_pools",
    "GET /v3/capabilities/{host}": "volume_extension:capabilities",
    "GET /v3/extensions": "volume:read",
    "GET /v3/extensions/{alias}": "volume:read",
    "GET /v3/resource_filters": "volume:read",
    "GET /v3/qos-specs": f"{QOS}:get_all",
    "POST /v3/qos-specs": f"{QOS}:create",
    "GET /v3/qos-specs/{qos_id}": f"{QOS}:get",
    "PUT /v3/qos-specs/{qos_id}": f"{QOS}:update",
    "PUT /v3/qos-specs/{qos_id}/delete_keys": f"{QOS}:update",
    "DELETE /v3/qos-specs/{qos_id}": f"{QOS}:delete",
    "GET /v3/qos-specs/{qos_id}/associations": f"{QOS}:get_all",
    "GET /v3/qos-specs/{qos_id}/associate": f"{QOS}:update",
    "GET /v3/qos-specs/{qos_id}/disassociate": f"{QOS}:update",
    "GET /v3/qos-specs/{qos_id}/disassociate_all": f"{QOS}:update",
    "GET /v3/messages": "message:get_all",
    "GET /v3/messages/{message_id}": "message:get",
    "DELETE /v3/messages/{message_id}": "message:delete",
    "GET /v3/group_types": "volume:read",
    "GET /v3/default-types": "volume_extension:default_get_all",
    **{
        f"GET /v3/{noun}{detail}": rule
        for noun, rule in {
            "backups": "backup:get_all",
            "consistencygroups": "volume:read",
            "groups": "group:get_all",
            "group_snapshots": "group:get_all_group_snapshots",
        }.items()
        for detail in ("", "/detail")
    },
}
ADMINISTRATORS = (
    *(f"{ADMIN_ACTION}:{act}" for act in ("reset_status", "force_delete", "force_detach")),
    *(f"{SNAPSHOT_ADMIN}:{act}" for act in ("reset_status", "force_delete")),
    *(f"volume_extension:type_{act}" for act in ("create", "update", "delete")),
    *(f"{SPECS}:{act}" for act in ("create", "update", "delete")),
    *(f"{ENCRYPTION}:{act}" for act in ("create", "get", "update", "delete")),
    *(f"{QOS}:{act}" for act in ("create", "get", "get_all", "update", "delete")),
    f"{ACCESS}:get_all_for_type",
    *(f"{ACCESS}:{act}ProjectAccess" for act in ("add", "remove")),
    *("volume_extension:quotas:update", "volume_extension:quotas:delete", "volume_extension:quota_classes:get"),
    *("volume_extension:quota_classes:update", "volume_extension:hosts"),
    *("volume_extension:services:index", "volume_extension:services:update"),
    "scheduler_extension:scheduler_stats:get_pools",
    *("volume_extension:capabilities", "volume_extension:default_get_all"),
)
ATTRIBUTES = {
    "POST /v3/volumes": {"imageRef": "volume:create_from_image", "multiattach": "volume:multiattach"},
    "POST /v3/volumes/{volume_id}/action": {"visibility": f"{ACTION}:upload_public"},
}
TABLE = Table(
    "volume",
    OF_VOLUMES | OF_TRANSFERS | OF_TYPES | OF_THE_CLOUD,
    dict.fromkeys(ADMINISTRATORS, "rule:admin_api"),
    ATTRIBUTES,
    needs_project=False,  # as Cinder, which looks at roles alone
)
