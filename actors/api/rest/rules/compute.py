"""Nova's rules: docs.openstack.org/nova, «Policies»."""

from __future__ import annotations

from actors.api.rest.rules.table import ByAction, Rule, Table

API = "os_compute_api"
SERVERS, SERVER = "/v2.1/servers", "/v2.1/servers/{server_id}"
FLAVORS, HYPERVISORS, AGGREGATES = "/v2.1/flavors", "/v2.1/os-hypervisors", "/v2.1/os-aggregates"
QUOTAS = "/v2.1/os-quota-sets/{project_id}"

SERVER_ACTIONS = ByAction(
    {
        "os-start": f"{API}:servers:start",
        "os-stop": f"{API}:servers:stop",
        "reboot": f"{API}:servers:reboot",
        "pause": f"{API}:os-pause-server:pause",
        "unpause": f"{API}:os-pause-server:unpause",
        "suspend": f"{API}:os-suspend-server:suspend",
        "resume": f"{API}:os-suspend-server:resume",
        "lock": f"{API}:os-lock-server:lock",
        "unlock": f"{API}:os-lock-server:unlock",
        "os-resetState": f"{API}:os-admin-actions:reset_state",
        "os-getConsoleOutput": f"{API}:os-console-output",
        "os-getVNCConsole": f"{API}:os-remote-consoles",
        "createImage": f"{API}:servers:create_image",
        "createBackup": f"{API}:os-create-backup",
        "evacuate": f"{API}:os-evacuate",
        "rebuild": f"{API}:servers:rebuild",
        "rescue": f"{API}:os-rescue",
        "unrescue": f"{API}:os-unrescue",
        "resize": f"{API}:servers:resize",
        "confirmResize": f"{API}:servers:confirm_resize",
        "revertResize": f"{API}:servers:revert_resize",
        "forceDelete": f"{API}:os-deferred-delete:force",
        "addSecurityGroup": f"{API}:os-security-groups:add",
        "removeSecurityGroup": f"{API}:os-security-groups:remove",
        "addFloatingIp": f"{API}:os-floating-ips:add",
        "removeFloatingIp": f"{API}:os-floating-ips:remove",
        "restore": f"{API}:os-deferred-delete:restore",
        "shelve": f"{API}:os-shelve:shelve",
        "unshelve": f"{API}:os-shelve:unshelve",
        "shelveOffload": f"{API}:os-shelve:shelve_offload",
        # what this cloud does not do is refused to those who might not have it done anyway
        "injectNetworkInfo": f"{API}:os-admin-actions:inject_network_info",
        "migrate": f"{API}:os-migrate-server:migrate",
        "os-migrateLive": f"{API}:os-migrate-server:migrate_live",
        "resetNetwork": f"{API}:os-admin-actions:reset_network",
    }
)
OF_SERVERS: dict[str, Rule] = {
    f"GET {SERVERS}": f"{API}:servers:index",
    f"POST {SERVERS}": f"{API}:servers:create",
    f"GET {SERVERS}/detail": f"{API}:servers:detail",
    f"GET {SERVER}": f"{API}:servers:show",
    f"PUT {SERVER}": f"{API}:servers:update",
    f"DELETE {SERVER}": f"{API}:servers:delete",
    f"GET {SERVER}/ips": f"{API}:ips:index",
    f"GET {SERVER}/ips/{{network}}": f"{API}:ips:show",
    f"POST {SERVER}/action": SERVER_ACTIONS,
    f"POST {SERVER}/remote-consoles": f"{API}:os-remote-consoles",
    f"GET {SERVER}/diagnostics": f"{API}:os-server-diagnostics",
    f"GET {SERVER}/topology": "compute:server:topology:index",
    f"GET {SERVER}/os-server-password": f"{API}:os-server-password:show",
    f"DELETE {SERVER}/os-server-password": f"{API}:os-server-password:clear",
    f"GET {SERVER}/os-instance-actions": f"{API}:os-instance-actions:list",
    f"GET {SERVER}/os-instance-actions/{{request_id}}": f"{API}:os-instance-actions:show",
    f"GET {SERVER}/os-interface": f"{API}:os-attach-interfaces:list",
    f"POST {SERVER}/os-interface": f"{API}:os-attach-interfaces:create",
    f"GET {SERVER}/os-interface/{{port_id}}": f"{API}:os-attach-interfaces:show",
    f"DELETE {SERVER}/os-interface/{{port_id}}": f"{API}:os-attach-interfaces:delete",
    f"GET {SERVER}/metadata": f"{API}:server-metadata:index",
    f"POST {SERVER}/metadata": f"{API}:server-metadata:create",
    f"PUT {SERVER}/metadata": f"{API}:server-metadata:update_all",
    f"GET {SERVER}/metadata/{{key}}": f"{API}:server-metadata:show",
    f"PUT {SERVER}/metadata/{{key}}": f"{API}:server-metadata:update",
    f"DELETE {SERVER}/metadata/{{key}}": f"{API}:server-metadata:delete",
    f"GET {SERVER}/os-security-groups": f"{API}:os-security-groups:list",
    f"GET {SERVER}/tags": f"{API}:os-server-tags:index",
    f"PUT {SERVER}/tags": f"{API}:os-server-tags:update_all",
    f"DELETE {SERVER}/tags": f"{API}:os-server-tags:delete_all",
    f"GET {SERVER}/tags/{{tag}}": f"{API}:os-server-tags:show",
    f"PUT {SERVER}/tags/{{tag}}": f"{API}:os-server-tags:update",
    f"DELETE {SERVER}/tags/{{tag}}": f"{API}:os-server-tags:delete",
    f"GET {SERVER}/os-volume_attachments": f"{API}:os-volumes-attachments:index",
    f"POST {SERVER}/os-volume_attachments": f"{API}:os-volumes-attachments:create",
    f"GET {SERVER}/os-volume_attachments/{{volume_id}}": f"{API}:os-volumes-attachments:show",
    f"PUT {SERVER}/os-volume_attachments/{{volume_id}}": f"{API}:os-volumes-attachments:update",
    f"DELETE {SERVER}/os-volume_attachments/{{volume_id}}": f"{API}:os-volumes-attachments:delete",
    f"GET {SERVER}/migrations": f"{API}:servers:migrations:index",
    f"GET {SERVER}/migrations/{{number}}": f"{API}:servers:migrations:show",
}
OF_PROJECTS: dict[str, Rule] = {
    f"GET {FLAVORS}": "compute:read",
    f"GET {FLAVORS}/detail": "compute:read",
    f"GET {FLAVORS}/{{flavor_id}}": "compute:read",
    f"GET {FLAVORS}/{{flavor_id}}/os-extra_specs": f"{API}:os-flavor-extra-specs:index",
    f"GET {FLAVORS}/{{flavor_id}}/os-extra_specs/{{key}}": f"{API}:os-flavor-extra-specs:show",
    "GET /v2.1/os-keypairs": f"{API}:os-keypairs:index",
    "POST /v2.1/os-keypairs": f"{API}:os-keypairs:create",
    "GET /v2.1/os-keypairs/{name}": f"{API}:os-keypairs:show",
    "DELETE /v2.1/os-keypairs/{name}": f"{API}:os-keypairs:delete",
    "GET /v2.1/os-server-groups": f"{API}:os-server-groups:index",
    "POST /v2.1/os-server-groups": f"{API}:os-server-groups:create",
    "GET /v2.1/os-server-groups/{group_id}": f"{API}:os-server-groups:show",
    "DELETE /v2.1/os-server-groups/{group_id}": f"{API}:os-server-groups:delete",
    f"GET {QUOTAS}": f"{API}:os-quota-sets:show",
    f"GET {QUOTAS}/detail": f"{API}:os-quota-sets:detail",
    f"GET {QUOTAS}/defaults": f"{API}:os-quota-sets:defaults",
    "GET /v2.1/limits": f"{API}:limits",
    "GET /v2.1/os-availability-zone": f"{API}:os-availability-zone:list",
    "GET /v2.1/os-simple-tenant-usage/{project_id}": f"{API}:os-simple-tenant-usage:show",
    "GET /v2.1/extensions": f"{API}:extensions",
    "GET /v2.1/extensions/{alias}": f"{API}:extensions",
}
GROUPS, VOLUMES, SNAPSHOTS = "/v2.1/os-security-groups", "/v2.1/os-volumes", "/v2.1/os-snapshots"
FLOATING = "/v2.1/os-floating-ips"
OF_PROXIES: dict[str, Rule] = {
    f"GET {GROUPS}": f"{API}:os-security-groups:get",
    f"POST {GROUPS}": f"{API}:os-security-groups:create",
    f"GET {GROUPS}/{{group_id}}": f"{API}:os-security-groups:show",
    f"PUT {GROUPS}/{{group_id}}": f"{API}:os-security-groups:update",
    f"DELETE {GROUPS}/{{group_id}}": f"{API}:os-security-groups:delete",
    "POST /v2.1/os-security-group-rules": f"{API}:os-security-groups:rule:create",
    "DELETE /v2.1/os-security-group-rules/{rule_id}": f"{API}:os-security-groups:rule:delete",
    "GET /v2.1/os-networks": f"{API}:os-networks:list",
    "GET /v2.1/os-networks/{network_id}": f"{API}:os-networks:show",
    "GET /v2.1/os-tenant-networks": f"{API}:os-tenant-networks:list",
    "GET /v2.1/os-tenant-networks/{network_id}": f"{API}:os-tenant-networks:show",
    f"GET {FLOATING}": f"{API}:os-floating-ips:list",
    f"POST {FLOATING}": f"{API}:os-floating-ips:create",
    f"GET {FLOATING}/{{floating_id}}": f"{API}:os-floating-ips:show",
    f"DELETE {FLOATING}/{{floating_id}}": f"{API}:os-floating-ips:delete",
    "GET /v2.1/os-floating-ip-pools": f"{API}:os-floating-ip-pools",
    f"GET {VOLUMES}": f"{API}:os-volumes:list",
    f"GET {VOLUMES}/detail": f"{API}:os-volumes:detail",
    f"POST {VOLUMES}": f"{API}:os-volumes:create",
    f"GET {VOLUMES}/{{volume_id}}": f"{API}:os-volumes:show",
    f"DELETE {VOLUMES}/{{volume_id}}": f"{API}:os-volumes:delete",
    f"GET {SNAPSHOTS}": f"{API}:os-volumes:snapshots:list",
    f"GET {SNAPSHOTS}/detail": f"{API}:os-volumes:snapshots:detail",
    f"POST {SNAPSHOTS}": f"{API}:os-volumes:snapshots:create",
    f"GET {SNAPSHOTS}/{{snapshot_id}}": f"{API}:os-volumes:snapshots:show",
    f"DELETE {SNAPSHOTS}/{{snapshot_id}}": f"{API}:os-volumes:snapshots:delete",
}
PASSED_ON: dict[str, tuple[str, ...]] = {  # Neutron's and Cinder's, which Nova asks with its callers' tokens
    f"GET {GROUPS}": ("get_security_group",),
    f"POST {GROUPS}": ("create_security_group",),
    f"GET {GROUPS}/{{group_id}}": ("get_security_group",),
    f"PUT {GROUPS}/{{group_id}}": ("get_security_group", "update_security_group"),
    f"DELETE {GROUPS}/{{group_id}}": ("get_security_group", "delete_security_group"),
    "POST /v2.1/os-security-group-rules": ("get_security_group", "create_security_group_rule"),
    "DELETE /v2.1/os-security-group-rules/{rule_id}": (
        *("get_security_group_rule", "get_security_group", "delete_security_group_rule"),
    ),
    **{
        f"GET /v2.1/{noun}{one}": ("get_network",)
        for noun in ("os-networks", "os-tenant-networks")
        for one in ("", "/{network_id}")
    },
    f"GET {FLOATING}": ("get_floatingip",),
    f"POST {FLOATING}": ("get_network", "create_floatingip"),
    f"GET {FLOATING}/{{floating_id}}": ("get_floatingip",),
    f"DELETE {FLOATING}/{{floating_id}}": ("get_floatingip", "delete_floatingip"),
    "GET /v2.1/os-floating-ip-pools": ("get_network",),
    f"GET {VOLUMES}": ("volume:get_all",),
    f"GET {VOLUMES}/detail": ("volume:get_all",),
    f"POST {VOLUMES}": ("volume:create",),
    f"GET {VOLUMES}/{{volume_id}}": ("volume:get",),
    f"DELETE {VOLUMES}/{{volume_id}}": ("volume:delete",),
    f"GET {SNAPSHOTS}": ("volume:get_all_snapshots",),
    f"GET {SNAPSHOTS}/detail": ("volume:get_all_snapshots",),
    f"POST {SNAPSHOTS}": ("volume:create_snapshot",),
    f"GET {SNAPSHOTS}/{{snapshot_id}}": ("volume:get_snapshot",),
    f"DELETE {SNAPSHOTS}/{{snapshot_id}}": ("volume:delete_snapshot",),
}
IMAGES, OF_IMAGE = "/v2.1/images", "/v2.1/images/{image_id}/metadata"
OF_IMAGES: dict[str, Rule] = {  # Glance's own, which Nova asked for its callers
    f"GET {IMAGES}": "get_images",
    f"GET {IMAGES}/detail": "get_images",
    f"GET {IMAGES}/{{image_id}}": "get_image",
    f"DELETE {IMAGES}/{{image_id}}": "delete_image",
    f"GET {OF_IMAGE}": "get_image",
    f"POST {OF_IMAGE}": "modify_image",
    f"PUT {OF_IMAGE}": "modify_image",
    f"GET {OF_IMAGE}/{{key}}": "get_image",
    f"PUT {OF_IMAGE}/{{key}}": "modify_image",
    f"DELETE {OF_IMAGE}/{{key}}": "modify_image",
}
OF_ADMINISTRATORS: dict[str, Rule] = {
    f"POST {FLAVORS}": f"{API}:os-flavor-manage:create",
    f"PUT {FLAVORS}/{{flavor_id}}": f"{API}:os-flavor-manage:update",
    f"DELETE {FLAVORS}/{{flavor_id}}": f"{API}:os-flavor-manage:delete",
    f"POST {FLAVORS}/{{flavor_id}}/os-extra_specs": f"{API}:os-flavor-extra-specs:create",
    f"PUT {FLAVORS}/{{flavor_id}}/os-extra_specs/{{key}}": f"{API}:os-flavor-extra-specs:update",
    f"DELETE {FLAVORS}/{{flavor_id}}/os-extra_specs/{{key}}": f"{API}:os-flavor-extra-specs:delete",
    f"GET {FLAVORS}/{{flavor_id}}/os-flavor-access": f"{API}:os-flavor-access",
    f"POST {FLAVORS}/{{flavor_id}}/action": ByAction(
        {
            "addTenantAccess": f"{API}:os-flavor-access:add_tenant_access",
            "removeTenantAccess": f"{API}:os-flavor-access:remove_tenant_access",
        }
    ),
    f"PUT {QUOTAS}": f"{API}:os-quota-sets:update",
    f"DELETE {QUOTAS}": f"{API}:os-quota-sets:delete",
    "GET /v2.1/os-quota-class-sets/{name}": f"{API}:os-quota-class-sets:show",
    "PUT /v2.1/os-quota-class-sets/{name}": f"{API}:os-quota-class-sets:update",
    "GET /v2.1/os-availability-zone/detail": f"{API}:os-availability-zone:detail",
    f"GET {AGGREGATES}": f"{API}:os-aggregates:index",
    f"POST {AGGREGATES}": f"{API}:os-aggregates:create",
    f"GET {AGGREGATES}/{{key}}": f"{API}:os-aggregates:show",
    f"PUT {AGGREGATES}/{{key}}": f"{API}:os-aggregates:update",
    f"DELETE {AGGREGATES}/{{key}}": f"{API}:os-aggregates:delete",
    f"POST {AGGREGATES}/{{key}}/action": ByAction(
        {
            "add_host": f"{API}:os-aggregates:add_host",
            "remove_host": f"{API}:os-aggregates:remove_host",
            "set_metadata": f"{API}:os-aggregates:set_metadata",
        }
    ),
    f"POST {AGGREGATES}/{{key}}/images": "compute:aggregates:images",
    f"GET {HYPERVISORS}": f"{API}:os-hypervisors:list",
    f"GET {HYPERVISORS}/detail": f"{API}:os-hypervisors:list-detail",
    f"GET {HYPERVISORS}/statistics": f"{API}:os-hypervisors:statistics",
    f"GET {HYPERVISORS}/{{key}}": f"{API}:os-hypervisors:show",
    f"GET {HYPERVISORS}/{{key}}/uptime": f"{API}:os-hypervisors:uptime",
    f"GET {HYPERVISORS}/{{pattern}}/search": f"{API}:os-hypervisors:search",
    f"GET {HYPERVISORS}/{{pattern}}/servers": f"{API}:os-hypervisors:servers",
    "GET /v2.1/os-hosts": f"{API}:os-hosts:list",
    "GET /v2.1/os-hosts/{host}": f"{API}:os-hosts:show",
    "PUT /v2.1/os-hosts/{host}": f"{API}:os-hosts:update",
    "GET /v2.1/os-hosts/{host}/startup": f"{API}:os-hosts:start",
    "GET /v2.1/os-hosts/{host}/shutdown": f"{API}:os-hosts:shutdown",
    "GET /v2.1/os-hosts/{host}/reboot": f"{API}:os-hosts:reboot",
    "GET /v2.1/os-instance_usage_audit_log": f"{API}:os-instance-usage-audit-log:list",
    "GET /v2.1/os-instance_usage_audit_log/{before}": f"{API}:os-instance-usage-audit-log:show",
    "GET /v2.1/os-services": f"{API}:os-services:list",
    "PUT /v2.1/os-services/{key}": f"{API}:os-services:update",
    "GET /v2.1/os-migrations": f"{API}:os-migrations:index",
    "GET /v2.1/os-simple-tenant-usage": f"{API}:os-simple-tenant-usage:list",
    "POST /v2.1/os-server-external-events": f"{API}:os-server-external-events:create",
}
ADMINISTRATORS = tuple(
    name
    for rule in OF_ADMINISTRATORS.values()
    for name in (rule.rules.values() if isinstance(rule, ByAction) else (str(rule),))
)
SPECIAL = {
    **dict.fromkeys(ADMINISTRATORS, "rule:admin_api"),
    **dict.fromkeys((f"{API}:servers:migrations:index", f"{API}:servers:migrations:show"), "rule:admin_api"),
    f"{API}:os-admin-actions:reset_state": "rule:admin_api",
    f"{API}:os-admin-actions:inject_network_info": "rule:admin_api",
    f"{API}:os-admin-actions:reset_network": "rule:admin_api",
    f"{API}:os-migrate-server:migrate": "rule:admin_api",
    f"{API}:os-migrate-server:migrate_live": "rule:admin_api",
    f"{API}:os-shelve:shelve_offload": "rule:admin_api",
    f"{API}:os-evacuate": "rule:admin_api",
    f"{API}:os-server-diagnostics": "rule:admin_api",
    f"{API}:os-server-external-events:create": "rule:admin_or_service",
    f"{API}:os-quota-sets:defaults": "@",
    f"{API}:extensions": "@",
}
ATTRIBUTES = {
    f"POST {SERVERS}": {
        "networks": f"{API}:servers:create:attach_network",
        "block_device_mapping_v2": f"{API}:servers:create:attach_volume",
        "host": f"{API}:servers:create:forced_host",
        "hypervisor_hostname": f"{API}:servers:create:forced_host",
    },
    f"POST {SERVER}/action": {
        "unshelve.host": f"{API}:os-shelve:unshelve_to_host",
        "migrate.host": f"{API}:os-migrate-server:migrate:host",
    },
    **{
        f"GET {path}": {"?all_tenants": f"{API}:servers:index:get_all_tenants"}
        for path in (SERVERS, f"{SERVERS}/detail")
    },
    f"POST {VOLUMES}": {"snapshot_id": "volume:get_snapshot"},
    "GET /v2.1/os-server-groups": {"?all_projects": f"{API}:os-server-groups:index:all_projects"},
    "GET /v2.1/limits": {"?tenant_id": f"{API}:limits:other_project"},
}
TABLE = Table(
    "compute",
    OF_SERVERS | OF_PROJECTS | OF_IMAGES | OF_PROXIES | OF_ADMINISTRATORS,
    SPECIAL,
    ATTRIBUTES,
    PASSED_ON,
)
