"""The tenant-isolation matrix: what a member of another project, who knows every id, gets for each route.

A line is a request, OpenStack's own answer to it and the body that is sent. `{names}` are looked up in what the owner
has (`tenants.py`); where a route has several lines, a comment after the path tells them apart. 404 is for what a
stranger must not know to exist, 403 for what he may know and not do.
"""

from __future__ import annotations

from typing import Any

from tests.api.rest.tenants import TAGGED

Line = tuple[int, Any]

EDIT = {"metadata": {"a": "b"}}
OF_SERVER = "/compute/v2.1/servers/{server_id}"
ACTIONS: dict[str, Any] = {
    "os-start": None,
    "os-stop": None,
    "reboot": {"type": "HARD"},
    "pause": None,
    "unpause": None,
    "suspend": None,
    "resume": None,
    "lock": None,
    "unlock": None,
    "os-resetState": {"state": "error"},
    "os-getConsoleOutput": {},
    "createImage": {"name": "stolen"},
    "addSecurityGroup": {"name": "default"},
    "removeSecurityGroup": {"name": "default"},
    "createBackup": {"name": "stolen", "backup_type": "daily", "rotation": 1},
    "rescue": None,
    "unrescue": None,
    "resize": {"flavorRef": "tiny"},
    "confirmResize": None,
    "revertResize": None,
    "forceDelete": None,
    "addFloatingIp": {"address": "203.0.113.9"},
    "removeFloatingIp": {"address": "203.0.113.9"},
}
SERVERS: dict[str, Line] = {
    f"GET {OF_SERVER}": (404, None),
    f"PUT {OF_SERVER}": (404, {"server": {"name": "mine"}}),
    f"DELETE {OF_SERVER}": (404, None),
    f"GET {OF_SERVER}/ips": (404, None),
    f"GET {OF_SERVER}/ips/{{network}}": (404, None),
    f"GET {OF_SERVER}/metadata": (404, None),
    f"POST {OF_SERVER}/metadata": (404, EDIT),
    f"PUT {OF_SERVER}/metadata": (404, EDIT),
    f"GET {OF_SERVER}/metadata/{{key}}": (404, None),
    f"PUT {OF_SERVER}/metadata/{{key}}": (404, {"meta": {"secret-key": "b"}}),
    f"DELETE {OF_SERVER}/metadata/{{key}}": (404, None),
    f"GET {OF_SERVER}/tags": (404, None),
    f"PUT {OF_SERVER}/tags": (404, {"tags": ["a"]}),
    f"DELETE {OF_SERVER}/tags": (404, None),
    f"GET {OF_SERVER}/tags/{{tag}}": (404, None),
    f"PUT {OF_SERVER}/tags/{{tag}}": (404, None),
    f"DELETE {OF_SERVER}/tags/{{tag}}": (404, None),
    f"GET {OF_SERVER}/diagnostics": (404, None),
    f"GET {OF_SERVER}/topology": (404, None),
    f"GET {OF_SERVER}/os-server-password": (404, None),
    f"DELETE {OF_SERVER}/os-server-password": (404, None),
    f"GET {OF_SERVER}/os-security-groups": (404, None),
    f"GET {OF_SERVER}/os-instance-actions": (404, None),
    f"GET {OF_SERVER}/os-instance-actions/{{request_id}}": (404, None),
    f"GET {OF_SERVER}/os-interface": (404, None),
    f"POST {OF_SERVER}/os-interface": (404, {"interfaceAttachment": {}}),
    f"GET {OF_SERVER}/os-interface/{{server_port_id}}": (404, None),
    f"DELETE {OF_SERVER}/os-interface/{{server_port_id}}": (404, None),
    f"GET {OF_SERVER}/os-volume_attachments": (404, None),
    f"POST {OF_SERVER}/os-volume_attachments": (404, {"volumeAttachment": {"volumeId": "{own_volume_id}"}}),
    f"GET {OF_SERVER}/os-volume_attachments/{{volume_id}}": (404, None),
    f"PUT {OF_SERVER}/os-volume_attachments/{{volume_id}}": (404, {"volumeAttachment": {"volumeId": "{volume_id}"}}),
    f"DELETE {OF_SERVER}/os-volume_attachments/{{volume_id}}": (404, None),
    f"POST {OF_SERVER}/remote-consoles": (404, {"remote_console": {"protocol": "vnc", "type": "novnc"}}),
    f"GET {OF_SERVER}/migrations": (404, None),
    f"GET {OF_SERVER}/migrations/{{number}}": (404, None),
    **{f"POST {OF_SERVER}/action # {name}": (404, {name: how}) for name, how in ACTIONS.items()},
}

GONE = ("uptime", "search", "servers")  # of a hypervisor, since 2.88 and 2.53
ADMINS_SPEC = {"extra_specs": {"a": "b"}}
COMPUTE: dict[str, Line] = {
    "GET /compute/v2.1/servers?marker={server_id}": (400, None),
    "GET /compute/v2.1/os-keypairs/{keypair}": (404, None),
    "GET /compute/v2.1/os-keypairs/{keypair}?user_id=ann": (403, None),
    "DELETE /compute/v2.1/os-keypairs/{keypair}": (404, None),
    "DELETE /compute/v2.1/os-keypairs/{keypair}?user_id=ann": (403, None),
    "GET /compute/v2.1/os-keypairs?user_id=ann": (403, None),
    "GET /compute/v2.1/os-server-groups/{server_group_id}": (404, None),
    "DELETE /compute/v2.1/os-server-groups/{server_group_id}": (404, None),
    "GET /compute/v2.1/flavors/{flavor_id}": (404, None),
    "POST /compute/v2.1/flavors": (403, {"flavor": {"name": "x", "ram": 1, "vcpus": 1, "disk": 1}}),
    "PUT /compute/v2.1/flavors/{flavor_id}": (403, {"flavor": {"description": "x"}}),
    "DELETE /compute/v2.1/flavors/{flavor_id}": (403, None),
    "GET /compute/v2.1/flavors/{flavor_id}/os-extra_specs": (404, None),
    "POST /compute/v2.1/flavors/{flavor_id}/os-extra_specs": (403, ADMINS_SPEC),
    "GET /compute/v2.1/flavors/{flavor_id}/os-extra_specs/{key}": (404, None),
    "PUT /compute/v2.1/flavors/{flavor_id}/os-extra_specs/{key}": (403, {"secret-key": "b"}),
    "DELETE /compute/v2.1/flavors/{flavor_id}/os-extra_specs/{key}": (403, None),
    "GET /compute/v2.1/flavors/{flavor_id}/os-flavor-access": (403, None),
    "POST /compute/v2.1/flavors/{flavor_id}/action": (403, {"addTenantAccess": {"tenant": "other"}}),
    "GET /compute/v2.1/os-quota-sets/{project_id}": (403, None),
    "PUT /compute/v2.1/os-quota-sets/{project_id}": (403, {"quota_set": {"instances": 1}}),
    "PUT /compute/v2.1/os-quota-sets/other": (403, {"quota_set": {"instances": 1}}),
    "DELETE /compute/v2.1/os-quota-sets/{project_id}": (403, None),
    "GET /compute/v2.1/os-quota-sets/{project_id}/detail": (403, None),
    "GET /compute/v2.1/os-quota-class-sets/default": (403, None),
    "PUT /compute/v2.1/os-quota-class-sets/default": (403, {"quota_class_set": {"instances": 1}}),
    "GET /compute/v2.1/os-availability-zone/detail": (403, None),
    "GET /compute/v2.1/os-aggregates": (403, None),
    "POST /compute/v2.1/os-aggregates": (403, {"aggregate": {"name": "x"}}),
    "GET /compute/v2.1/os-aggregates/{nobody}": (403, None),
    "PUT /compute/v2.1/os-aggregates/{nobody}": (403, {"aggregate": {"name": "x"}}),
    "DELETE /compute/v2.1/os-aggregates/{nobody}": (403, None),
    "POST /compute/v2.1/os-aggregates/{nobody}/action": (403, {"add_host": {"host": "node-1"}}),
    "POST /compute/v2.1/os-aggregates/{nobody}/images": (403, {"cache": [{"id": "{image_id}"}]}),
    "GET /compute/v2.1/os-hypervisors": (403, None),
    "GET /compute/v2.1/os-hypervisors/detail": (403, None),
    "GET /compute/v2.1/os-hypervisors/statistics": (404, None),  # gone since 2.88
    "GET /compute/v2.1/os-hypervisors/{nobody}": (403, None),
    "GET /compute/v2.1/os-hypervisors/{nobody}/uptime": (404, None),  # gone since 2.88
    "GET /compute/v2.1/os-hypervisors/{nobody}/search": (404, None),
    "GET /compute/v2.1/os-hypervisors/{nobody}/servers": (404, None),
    "GET /compute/v2.1/os-services": (403, None),
    "PUT /compute/v2.1/os-services/{nobody}": (403, {"status": "disabled"}),
    "GET /compute/v2.1/os-migrations": (403, None),
    "GET /compute/v2.1/os-simple-tenant-usage": (403, None),
    "GET /compute/v2.1/os-simple-tenant-usage/{project_id}": (403, None),
    "POST /compute/v2.1/os-server-external-events": (
        403, {"events": [{"name": "network-vif-plugged", "server_uuid": "{server_id}", "tag": "{server_port_id}"}]},
    ),
}  # fmt: skip

OLD = "# 2.1"  # compute's version: these ended later
PROXIED: dict[str, Line] = {  # what Nova passed on
    f"GET /compute/v2.1/os-security-groups/{{group_id}} {OLD}": (404, None),
    f"PUT /compute/v2.1/os-security-groups/{{group_id}} {OLD}": (
        404, {"security_group": {"name": "mine", "description": ""}},
    ),
    f"DELETE /compute/v2.1/os-security-groups/{{group_id}} {OLD}": (404, None),
    f"POST /compute/v2.1/os-security-group-rules {OLD}": (
        404,
        {"security_group_rule": {
            "parent_group_id": "{group_id}", "ip_protocol": "tcp", "from_port": 22, "to_port": 22,
        }},
    ),
    f"DELETE /compute/v2.1/os-security-group-rules/{{rule_id}} {OLD}": (404, None),
    f"GET /compute/v2.1/os-networks/{{network_id}} {OLD}": (404, None),
    f"GET /compute/v2.1/os-tenant-networks/{{network_id}} {OLD}": (404, None),
    f"GET /compute/v2.1/os-floating-ips/{{floating_id}} {OLD}": (404, None),
    f"DELETE /compute/v2.1/os-floating-ips/{{floating_id}} {OLD}": (404, None),
    f"GET /compute/v2.1/os-volumes/{{volume_id}} {OLD}": (404, None),
    f"DELETE /compute/v2.1/os-volumes/{{free_volume_id}} {OLD}": (404, None),
    f"GET /compute/v2.1/os-snapshots/{{snapshot_id}} {OLD}": (404, None),
    f"DELETE /compute/v2.1/os-snapshots/{{snapshot_id}} {OLD}": (404, None),
    f"POST /compute/v2.1/os-snapshots {OLD}": (404, {"snapshot": {"volume_id": "{free_volume_id}"}}),
    f"GET /compute/v2.1/os-hosts {OLD}": (403, None),
    f"GET /compute/v2.1/os-hosts/node-1 {OLD}": (403, None),
    f"PUT /compute/v2.1/os-hosts/node-1 {OLD}": (403, {"status": "disable"}),
    **{f"GET /compute/v2.1/os-hosts/node-1/{act} {OLD}": (403, None) for act in ("startup", "shutdown", "reboot")},
    "GET /compute/v2.1/os-instance_usage_audit_log": (403, None),
    "GET /compute/v2.1/os-instance_usage_audit_log/{nobody}": (403, None),
}  # fmt: skip
PATCH = [{"op": "replace", "path": "/name", "value": "mine"}]
HIDDEN_IMAGE, MEMBERS = "/image/v2/images/{image_id}", "/image/v2/images/{shared_image_id}/members"
IMAGE: dict[str, Line] = {
    f"GET {HIDDEN_IMAGE}": (404, None),
    f"PATCH {HIDDEN_IMAGE}": (404, PATCH),
    f"DELETE {HIDDEN_IMAGE}": (404, None),
    f"GET {HIDDEN_IMAGE}/file": (404, None),
    f"PUT {HIDDEN_IMAGE}/file": (404, b"mine"),
    f"PUT {HIDDEN_IMAGE}/stage": (404, b"mine"),
    f"POST {HIDDEN_IMAGE}/import": (404, {"method": {"name": "glance-direct"}}),
    f"PUT {HIDDEN_IMAGE}/tags/{{tag}}": (404, None),
    f"DELETE {HIDDEN_IMAGE}/tags/{{tag}}": (404, None),
    f"POST {HIDDEN_IMAGE}/actions/deactivate": (404, None),
    f"POST {HIDDEN_IMAGE}/actions/reactivate": (404, None),
    f"GET {MEMBERS}": (404, None),
    f"POST {MEMBERS}": (404, {"member": "other"}),
    f"GET {MEMBERS}/{{member}}": (404, None),
    f"PUT {MEMBERS}/{{member}}": (404, {"status": "accepted"}),
    f"DELETE {MEMBERS}/{{member}}": (404, None),
    "GET /image/v2/images/{shared_image_id}": (404, None),
    "GET /image/v2/images/{shared_image_id}/file": (404, None),
    "GET /image/v2/images/{shared_image_id}/tasks": (404, None),
    "PATCH /image/v2/images/{public_image_id}": (403, PATCH),
    "DELETE /image/v2/images/{public_image_id}": (403, None),
    "PUT /image/v2/images/{public_image_id}/file": (403, b"mine"),
    "PUT /image/v2/images/{public_image_id}/tags/{tag}": (403, None),
    "POST /image/v2/images/{public_image_id}/actions/deactivate": (403, None),
    "POST /image/v2/images/{public_image_id}/members": (403, {"member": "other"}),
}
SPACES, PUBLIC_SPACE = "/image/v2/metadefs/namespaces", "/image/v2/metadefs/namespaces/{public_namespace}"
SPACE = f"{SPACES}/{{namespace}}"
METADEF_ROWS = ("namespace", "object", "resource_type", "tag")
PROPERTY = {"name": "mine", "title": "mine", "type": "string"}
METADEFS: dict[str, Line] = {
    f"GET {SPACE}": (404, None),
    f"PUT {SPACE}": (404, {"namespace": "mine"}),
    f"DELETE {SPACE}": (404, None),
    **{f"GET {SPACE}/{kind}": (404, None) for kind in ("objects", "properties", "tags", "resource_types")},
    **{f"DELETE {SPACE}/{kind}": (404, None) for kind in ("objects", "properties", "tags")},
    f"POST {SPACE}/objects": (404, {"name": "mine"}),
    f"GET {SPACE}/objects/{{object_name}}": (404, None),
    f"PUT {SPACE}/objects/{{object_name}}": (404, {"name": "mine"}),
    f"DELETE {SPACE}/objects/{{object_name}}": (404, None),
    f"POST {SPACE}/properties": (404, PROPERTY),
    f"GET {SPACE}/properties/{{property_name}}": (404, None),
    f"PUT {SPACE}/properties/{{property_name}}": (404, PROPERTY),
    f"DELETE {SPACE}/properties/{{property_name}}": (404, None),
    f"POST {SPACE}/tags": (404, {"tags": [{"name": "mine"}]}),
    f"POST {SPACE}/tags/{{tag}}": (404, None),
    f"GET {SPACE}/tags/{{tag}}": (404, None),
    f"PUT {SPACE}/tags/{{tag}}": (404, {"name": "mine"}),
    f"DELETE {SPACE}/tags/{{tag}}": (404, None),
    f"POST {SPACE}/resource_types": (404, {"name": "OS::Mine"}),
    f"DELETE {SPACE}/resource_types/{{resource_type}}": (404, None),
    f"GET {SPACES}?marker={{namespace}}": (404, None),
    f"PUT {PUBLIC_SPACE}": (403, {"namespace": "mine"}),
    f"DELETE {PUBLIC_SPACE}": (403, None),
    f"POST {PUBLIC_SPACE}/objects": (403, {"name": "mine"}),
    f"DELETE {PUBLIC_SPACE}/tags": (403, None),
    f"POST {SPACES}": (403, {"namespace": "mine"}),
    f"POST {SPACES} # for another": (403, {"namespace": "mine", "owner": "demo"}),
}

RULE = {"security_group_id": "{group_id}", "direction": "ingress"}
ROUTES = {"router": {"routes": [{"destination": "10.5.0.0/16", "nexthop": "10.66.0.9"}]}}
FLOATING = {"floating_network_id": "{external_network_id}"}
NETWORK: dict[str, Line] = {
    **{
        f"{verb} /network/v2.0/{noun}/{{{key}}}/tags{one}": (404, body)
        for noun, key in TAGGED.items()
        for verb, one, body in (
            *((verb, "", {"tags": ["a"]} if verb == "PUT" else None) for verb in ("GET", "PUT", "DELETE")),
            *((verb, "/{tag}", None) for verb in ("GET", "PUT", "DELETE")),
        )
    },
    "GET /network/v2.0/networks/{network_id}": (404, None),
    "PUT /network/v2.0/networks/{network_id}": (404, {"network": {"name": "mine"}}),
    "DELETE /network/v2.0/networks/{network_id}": (404, None),
    "PUT /network/v2.0/networks/{shared_network_id}": (403, {"network": {"name": "mine"}}),
    "DELETE /network/v2.0/networks/{shared_network_id}": (403, None),
    "GET /network/v2.0/subnets/{subnet_id}": (404, None),
    "PUT /network/v2.0/subnets/{subnet_id}": (404, {"subnet": {"name": "mine"}}),
    "DELETE /network/v2.0/subnets/{subnet_id}": (404, None),
    "PUT /network/v2.0/subnets/{shared_subnet_id}": (403, {"subnet": {"name": "mine"}}),
    "DELETE /network/v2.0/subnets/{shared_subnet_id}": (403, None),
    "GET /network/v2.0/subnetpools/{pool_id}": (404, None),
    "PUT /network/v2.0/subnetpools/{pool_id}": (404, {"subnetpool": {"name": "mine"}}),
    "DELETE /network/v2.0/subnetpools/{pool_id}": (404, None),
    "GET /network/v2.0/ports/{port_id}": (404, None),
    "PUT /network/v2.0/ports/{port_id}": (404, {"port": {"name": "mine"}}),
    "DELETE /network/v2.0/ports/{port_id}": (404, None),
    "GET /network/v2.0/security-groups/{group_id}": (404, None),
    "PUT /network/v2.0/security-groups/{group_id}": (404, {"security_group": {"name": "mine"}}),
    "DELETE /network/v2.0/security-groups/{group_id}": (404, None),
    "POST /network/v2.0/security-group-rules": (404, {"security_group_rule": RULE}),
    "GET /network/v2.0/security-group-rules/{rule_id}": (404, None),
    "DELETE /network/v2.0/security-group-rules/{rule_id}": (404, None),
    "POST /network/v2.0/networks # for another": (403, {"network": {"name": "x", "project_id": "demo"}}),
    "POST /network/v2.0/networks # shared": (403, {"network": {"name": "x", "shared": True}}),
    "POST /network/v2.0/subnets # for another": (
        404, {"subnet": {"network_id": "{network_id}", "cidr": "10.1.0.0/24"}},
    ),
    "POST /network/v2.0/subnets # on a shared one": (
        403, {"subnet": {"network_id": "{shared_network_id}", "cidr": "10.1.0.0/24"}},
    ),
    "POST /network/v2.0/subnetpools # for another": (
        403, {"subnetpool": {"name": "x", "prefixes": ["10.2.0.0/16"], "project_id": "demo"}},
    ),
    "POST /network/v2.0/ports # for another": (
        403, {"port": {"network_id": "{shared_network_id}", "project_id": "demo"}},
    ),
    "POST /network/v2.0/security-groups # for another": (403, {"security_group": {"name": "x", "project_id": "demo"}}),
    "GET /network/v2.0/routers/{router_id}": (404, None),
    "PUT /network/v2.0/routers/{router_id}": (404, {"router": {"name": "mine"}}),
    "DELETE /network/v2.0/routers/{router_id}": (404, None),
    "PUT /network/v2.0/routers/{router_id}/add_router_interface": (404, {"subnet_id": "{shared_subnet_id}"}),
    "PUT /network/v2.0/routers/{router_id}/remove_router_interface": (404, {"subnet_id": "{subnet_id}"}),
    **{f"PUT /network/v2.0/routers/{{router_id}}/{act}_extraroutes": (404, ROUTES) for act in ("add", "remove")},
    "GET /network/v2.0/routers/{router_id}/l3-agents": (403, None),
    "GET /network/v2.0/floatingips/{floating_id}": (404, None),
    "PUT /network/v2.0/floatingips/{floating_id}": (404, {"floatingip": {"port_id": None}}),
    "DELETE /network/v2.0/floatingips/{floating_id}": (404, None),
    "PUT /network/v2.0/networks/{external_network_id}": (403, {"network": {"name": "mine"}}),
    "DELETE /network/v2.0/networks/{external_network_id}": (403, None),
    "POST /network/v2.0/networks # external": (403, {"network": {"name": "x", "router:external": True}}),
    "POST /network/v2.0/ports # on an external one": (403, {"port": {"network_id": "{external_network_id}"}}),
    "POST /network/v2.0/routers # for another": (403, {"router": {"name": "x", "project_id": "demo"}}),
    "POST /network/v2.0/floatingips # for another": (403, {"floatingip": FLOATING | {"project_id": "demo"}}),
    "POST /network/v2.0/floatingips # with an address of its own": (
        403, {"floatingip": FLOATING | {"floating_ip_address": "203.0.113.9"}},
    ),
    "GET /network/v2.0/agents/{nobody}": (404, None),
    "GET /network/v2.0/agents/{nobody}/l3-routers": (403, None),
    "GET /network/v2.0/quotas/{project_id}": (403, None),
    "PUT /network/v2.0/quotas/{project_id}": (403, {"quota": {"network": 1}}),
    "PUT /network/v2.0/quotas/other": (403, {"quota": {"network": 1}}),
    "DELETE /network/v2.0/quotas/{project_id}": (403, None),
    "GET /network/v2.0/quotas/{project_id}/default": (403, None),
    "GET /network/v2.0/quotas/{project_id}/details": (403, None),
    "GET /network/v2.0/quotas/{project_id}/details.json": (403, None),
}  # fmt: skip

VOLUME_ACTIONS: dict[str, Any] = {
    "os-reserve": None,
    "os-unreserve": None,
    "os-begin_detaching": None,
    "os-roll_detaching": None,
    "os-attach": {"instance_uuid": "{server_id}", "mountpoint": "/dev/vdc"},
    "os-detach": {},
    "os-extend": {"new_size": 2},
    "os-set_bootable": {"bootable": True},
    "os-update_readonly_flag": {"readonly": True},
    "os-reset_status": {"status": "error"},
    "os-force_delete": None,
    "os-force_detach": {},
    "os-retype": {"new_type": "x"},
    "os-set_image_metadata": {"metadata": {"a": "b"}},
    "os-unset_image_metadata": {"key": "a"},
    "os-show_image_metadata": None,
    "revert": {"snapshot_id": "{snapshot_id}"},
    "os-reimage": {"image_id": "{image_id}"},
    "os-volume_upload_image": {"image_name": "stolen"},
}
TRANSFERS = ("os-volume-transfer", "volume-transfers")
TRUST = "/identity/v3/OS-TRUST/trusts/{trust_id}"
OF_A_TRUST = (
    f"DELETE {TRUST}",
    *(f"{verb} {TRUST}{path}" for verb in ("GET", "HEAD") for path in ("", "/roles", "/roles/{role_id}")),
)
TOLD_APART = [*(f"POST /volume/v3/{noun}/{{transfer_id}}/accept" for noun in TRANSFERS), *OF_A_TRUST]
"""Whoever has an offer's id was given it: a wrong key is told from an offer that is not there, as in Cinder. So it is
with a trust's id: one that is somebody else's is told from one that is not there, as in Keystone."""

VOLUME: dict[str, Line] = {
    **{
        line: answer
        for noun in TRANSFERS
        for line, answer in {
            f"POST /volume/v3/{noun}": (404, {"transfer": {"volume_id": "{free_volume_id}"}}),
            f"GET /volume/v3/{noun}/{{transfer_id}}": (404, None),
            f"DELETE /volume/v3/{noun}/{{transfer_id}}": (404, None),
            f"POST /volume/v3/{noun}/{{transfer_id}}/accept": (400, {"accept": {"auth_key": "guessed"}}),
        }.items()
    },
    **{
        line: answer
        for noun, key in (("volumes", "volume_id"), ("snapshots", "snapshot_id"))
        for line, answer in {
            f"GET /volume/v3/{noun}/{{{key}}}/metadata": (404, None),
            f"POST /volume/v3/{noun}/{{{key}}}/metadata": (404, EDIT),
            f"PUT /volume/v3/{noun}/{{{key}}}/metadata": (404, EDIT),
            f"GET /volume/v3/{noun}/{{{key}}}/metadata/{{key}}": (404, None),
            f"PUT /volume/v3/{noun}/{{{key}}}/metadata/{{key}}": (404, {"meta": {"secret-key": "b"}}),
            f"DELETE /volume/v3/{noun}/{{{key}}}/metadata/{{key}}": (404, None),
        }.items()
    },
    **{
        f"POST /volume/v3/volumes/{{free_volume_id}}/action # {name}": (404, {name: how})
        for name, how in VOLUME_ACTIONS.items()
    },
    "GET /volume/v3/volumes/{volume_id}": (404, None),
    "PUT /volume/v3/volumes/{volume_id}": (404, {"volume": {"name": "mine"}}),
    "DELETE /volume/v3/volumes/{free_volume_id}": (404, None),
    "GET /volume/v3/demo/volumes": (400, None),  # the path of another project, as Cinder has it
    "GET /volume/v3/demo/volumes/{volume_id}": (400, None),
    "POST /volume/v3/snapshots": (404, {"snapshot": {"volume_id": "{free_volume_id}"}}),
    "GET /volume/v3/snapshots/{snapshot_id}": (404, None),
    "PUT /volume/v3/snapshots/{snapshot_id}": (404, {"snapshot": {"name": "mine"}}),
    "DELETE /volume/v3/snapshots/{snapshot_id}": (404, None),
    "POST /volume/v3/snapshots/{snapshot_id}/action": (404, {"os-reset_status": {"status": "error"}}),
    "POST /volume/v3/snapshots/{snapshot_id}/action # told": (404, {"os-update_snapshot_status": {"status": "error"}}),
    "POST /volume/v3/attachments": (
        404, {"attachment": {"volume_uuid": "{free_volume_id}", "instance_uuid": "{server_id}"}},
    ),
    "GET /volume/v3/messages/{message_id}": (404, None),
    "DELETE /volume/v3/messages/{message_id}": (404, None),
    "GET /volume/v3/attachments/{attachment_id}": (404, None),
    "PUT /volume/v3/attachments/{attachment_id}": (404, {"attachment": {"connector": {"host": "node-1"}}}),
    "DELETE /volume/v3/attachments/{attachment_id}": (404, None),
    "POST /volume/v3/attachments/{attachment_id}/action": (404, {"os-complete": None}),
    "GET /volume/v3/types/{type_id}": (404, None),
    "POST /volume/v3/types": (403, {"volume_type": {"name": "x"}}),
    "PUT /volume/v3/types/{type_id}": (403, {"volume_type": {"name": "x"}}),
    "DELETE /volume/v3/types/{type_id}": (403, None),
    "GET /volume/v3/types/{type_id}/extra_specs": (404, None),
    "POST /volume/v3/types/{type_id}/extra_specs": (403, ADMINS_SPEC),
    "GET /volume/v3/types/{type_id}/extra_specs/{key}": (404, None),
    "PUT /volume/v3/types/{type_id}/extra_specs/{key}": (403, {"secret-key": "b"}),
    "DELETE /volume/v3/types/{type_id}/extra_specs/{key}": (403, None),
    "GET /volume/v3/types/{type_id}/encryption": (403, None),
    "POST /volume/v3/types/{type_id}/encryption": (
        403, {"encryption": {"provider": "luks", "control_location": "front-end"}},
    ),
    "GET /volume/v3/types/{type_id}/encryption/{key}": (403, None),
    "PUT /volume/v3/types/{type_id}/encryption/{encryption_id}": (403, {"encryption": {"cipher": "x"}}),
    "DELETE /volume/v3/types/{type_id}/encryption/{encryption_id}": (403, None),
    "GET /volume/v3/types/{type_id}/os-volume-type-access": (403, None),
    "POST /volume/v3/types/{type_id}/action": (403, {"addProjectAccess": {"project": "other"}}),
    "GET /volume/v3/os-quota-sets/{project_id}": (403, None),
    "PUT /volume/v3/os-quota-sets/{project_id}": (403, {"quota_set": {"volumes": 1}}),
    "PUT /volume/v3/os-quota-class-sets/default": (403, {"quota_class_set": {"volumes": 1}}),
    "PUT /volume/v3/os-quota-sets/other": (403, {"quota_set": {"volumes": 1}}),
    "DELETE /volume/v3/os-quota-sets/{project_id}": (403, None),
    "GET /volume/v3/os-quota-sets/{project_id}/defaults": (403, None),
    "GET /volume/v3/os-quota-class-sets/default": (403, None),
    "GET /volume/v3/os-services": (403, None),
    "PUT /volume/v3/os-services/{act}": (403, {"host": "novaray@qcow2"}),
    "GET /volume/v3/os-hosts": (403, None),
    "GET /volume/v3/os-hosts/novaray@qcow2": (403, None),
    "GET /volume/v3/scheduler-stats/get_pools": (403, None),
    "GET /volume/v3/capabilities/node-1": (403, None),
    "GET /volume/v3/default-types": (403, None),
    "GET /volume/v3/qos-specs": (403, None),
    "POST /volume/v3/qos-specs": (403, {"qos_specs": {"name": "x"}}),
    "GET /volume/v3/qos-specs/{qos_id}": (403, None),
    "PUT /volume/v3/qos-specs/{qos_id}": (403, {"qos_specs": {"a": "b"}}),
    "PUT /volume/v3/qos-specs/{qos_id}/delete_keys": (403, {"keys": ["a"]}),
    "DELETE /volume/v3/qos-specs/{qos_id}": (403, None),
    "GET /volume/v3/qos-specs/{qos_id}/associations": (403, None),
    "GET /volume/v3/qos-specs/{qos_id}/associate?vol_type_id={type_id}": (403, None),
    "GET /volume/v3/qos-specs/{qos_id}/disassociate?vol_type_id={type_id}": (403, None),
    "GET /volume/v3/qos-specs/{qos_id}/disassociate_all": (403, None),
}  # fmt: skip

IDENTITY_ROWS: dict[str, tuple[str, Any]] = {  # noun → the id's name, what would make a new one
    "domains": ("domain_id", {"domain": {"name": "x"}}),
    "projects": ("identity_project_id", {"project": {"name": "x"}}),
    "users": ("identity_user_id", {"user": {"name": "x", "password": "a long password"}}),
    "groups": ("identity_group_id", {"group": {"name": "x"}}),
    "roles": ("role_id", {"role": {"name": "x"}}),
    "regions": ("region_id", {"region": {"id": "x"}}),
    "services": ("service_id", {"service": {"type": "x"}}),
    "endpoints": (
        "endpoint_id",
        {"endpoint": {"service_id": "{service_id}", "interface": "public", "url": "http://x"}},
    ),
}
READ_BY_ALL = ("regions",)
SCOPES = {
    "projects/{identity_project_id}": ("users/{identity_user_id}", "groups/{identity_group_id}"),
    "domains/{domain_id}": ("users/{identity_user_id}", "groups/{identity_group_id}"),
    "system": ("users/{identity_user_id}", "groups/{identity_group_id}"),
}
GRANTS = tuple(f"/identity/v3/{scope}/{actor}/roles" for scope, actors in SCOPES.items() for actor in actors)
INHERITED = tuple(path.replace("/v3/", "/v3/OS-INHERIT/") for path in GRANTS if "/system/" not in path)
TAGS = "/identity/v3/projects/{identity_project_id}/tags"
OF_USER = "/identity/v3/users/{identity_user_id}"
IN_GROUP = "/identity/v3/groups/{identity_group_id}/users"
CREDENTIAL = {"application_credential": {"name": "x"}}
KEPT = {"user_id": "{identity_user_id}", "type": "cert", "blob": "x"}
PASSWORD = {"user": {"original_password": "guess", "password": "another long one"}}
IMPLIED = "/identity/v3/roles/{role_id}/implies/{role_id}"
GIVEN = {
    "trust": {
        "trustor_user_id": "{identity_user_id}",
        "trustee_user_id": "{user_id}",
        "project_id": "{identity_project_id}",
        "impersonation": True,
        "roles": [{"name": "member"}],
    }
}
IDENTITY: dict[str, Line] = {
    **{f"POST /identity/v3/{noun}": (403, made) for noun, (_, made) in IDENTITY_ROWS.items()},
    **{f"GET /identity/v3/{noun}": (403, None) for noun in IDENTITY_ROWS if noun not in READ_BY_ALL},
    **{
        f"{verb} /identity/v3/{noun}/{{{key}}}": (403, {noun[:-1]: {"description": "x"}} if verb == "PATCH" else None)
        for noun, (key, _) in IDENTITY_ROWS.items()
        for verb in ("GET", "PATCH", "DELETE")
        if verb != "GET" or noun not in READ_BY_ALL
    },
    f"GET {TAGS}": (403, None),
    f"PUT {TAGS}": (403, {"tags": ["x"]}),
    f"DELETE {TAGS}": (403, None),
    **{f"{verb} {TAGS}/{{tag}}": (403, None) for verb in ("GET", "HEAD", "PUT", "DELETE")},
    "PUT /identity/v3/regions/{region_id}": (403, {"region": {"description": "x"}}),
    **{f"GET {path}": (403, None) for path in GRANTS},
    **{f"{verb} {path}/{{role_id}}": (403, None) for path in GRANTS for verb in ("HEAD", "GET", "PUT", "DELETE")},
    **{f"GET {path}/inherited_to_projects": (403, None) for path in INHERITED},
    **{
        f"{verb} {path}/{{role_id}}/inherited_to_projects": (403, None)
        for path in INHERITED
        for verb in ("HEAD", "GET", "PUT", "DELETE")
    },
    **{f"{verb} {IN_GROUP}/{{identity_user_id}}": (403, None) for verb in ("HEAD", "GET", "PUT", "DELETE")},
    f"GET {IN_GROUP}": (403, None),
    **{f"{verb} {IMPLIED}": (403, None) for verb in ("HEAD", "GET", "PUT", "DELETE")},
    "GET /identity/v3/roles/{role_id}/implies": (403, None),
    "GET /identity/v3/role_inferences": (403, None),
    "GET /identity/v3/role_assignments": (403, None),
    f"POST {OF_USER}/password": (401, PASSWORD),
    f"GET {OF_USER}/projects": (403, None),
    f"GET {OF_USER}/groups": (403, None),
    f"POST {OF_USER}/application_credentials": (403, CREDENTIAL),
    f"GET {OF_USER}/application_credentials": (403, None),
    f"GET {OF_USER}/application_credentials/{{credential_id}}": (403, None),
    f"DELETE {OF_USER}/application_credentials/{{credential_id}}": (403, None),
    "POST /identity/v3/credentials": (403, {"credential": KEPT}),
    "GET /identity/v3/credentials/{kept_id}": (403, None),
    "PATCH /identity/v3/credentials/{kept_id}": (403, {"credential": {"blob": "x"}}),
    "DELETE /identity/v3/credentials/{kept_id}": (403, None),
    f"POST {OF_USER}/credentials/OS-EC2": (403, {"tenant_id": "{identity_project_id}"}),
    f"GET {OF_USER}/credentials/OS-EC2": (403, None),
    f"GET {OF_USER}/credentials/OS-EC2/{{access}}": (403, None),
    f"DELETE {OF_USER}/credentials/OS-EC2/{{access}}": (403, None),
    "POST /identity/v3/OS-TRUST/trusts": (403, GIVEN),
    **{
        f"{verb} /identity/v3/OS-TRUST/trusts{who}": (403, None)
        for verb in ("GET", "HEAD")
        for who in ("", "?trustor_user_id={identity_user_id}", "?trustee_user_id={identity_user_id}")
    },
    **dict.fromkeys(OF_A_TRUST, (403, None)),
    "GET /identity/v3/auth/tokens # X-Subject-Token": (403, None),
    "HEAD /identity/v3/auth/tokens # X-Subject-Token": (403, None),
    "DELETE /identity/v3/auth/tokens # X-Subject-Token": (403, None),
}

PROVIDER = "/placement/resource_providers/{nobody}"
PLACEMENT: dict[str, Line] = {
    "GET /placement/resource_providers": (403, None),
    "POST /placement/resource_providers": (403, {"name": "x"}),
    f"GET {PROVIDER}": (403, None),
    f"PUT {PROVIDER}": (403, {"name": "x"}),
    f"DELETE {PROVIDER}": (403, None),
    **{f"{verb} {PROVIDER}/inventories": (403, {}) for verb in ("PUT", "POST")},
    **{f"{verb} {PROVIDER}/inventories": (403, None) for verb in ("GET", "DELETE")},
    **{
        f"{verb} {PROVIDER}/inventories/{{key}}": (403, {} if verb == "PUT" else None)
        for verb in ("GET", "PUT", "DELETE")
    },
    **{f"{verb} {PROVIDER}/traits": (403, {} if verb == "PUT" else None) for verb in ("GET", "PUT", "DELETE")},
    **{f"{verb} {PROVIDER}/aggregates": (403, {} if verb == "PUT" else None) for verb in ("GET", "PUT")},
    f"GET {PROVIDER}/usages": (403, None),
    f"GET {PROVIDER}/allocations": (403, None),
    **{
        f"{verb} /placement/allocations/{{server_id}}": (403, {} if verb == "PUT" else None)
        for verb in ("GET", "PUT", "DELETE")
    },
    "POST /placement/allocations": (403, {}),
    "POST /placement/reshaper": (403, {}),
    "GET /placement/usages?project_id=demo": (403, None),
    "GET /placement/allocation_candidates?resources=VCPU:1": (403, None),
    "GET /placement/resource_classes": (403, None),
    "POST /placement/resource_classes": (403, {"name": "CUSTOM_X"}),
    "GET /placement/resource_classes/VCPU": (403, None),
    "PUT /placement/resource_classes/CUSTOM_X": (403, None),
    "DELETE /placement/resource_classes/CUSTOM_X": (403, None),
    "GET /placement/traits": (403, None),
    "GET /placement/traits/HW_CPU_X86_AVX": (403, None),
    "PUT /placement/traits/CUSTOM_X": (403, None),
    "DELETE /placement/traits/CUSTOM_X": (403, None),
}

MATRIX = SERVERS | COMPUTE | PROXIED | IMAGE | METADEFS | NETWORK | VOLUME | IDENTITY | PLACEMENT

# What lists say to a stranger: the status, and whether the owner finds something by it.
Listing = tuple[int, bool]

LISTS: dict[str, Listing] = {
    "GET /compute/v2.1/servers": (200, True),
    "GET /compute/v2.1/servers/detail": (200, True),
    "GET /compute/v2.1/servers/detail?name=secret": (200, True),
    "GET /compute/v2.1/servers/detail?tenant_id=demo": (200, True),
    "GET /compute/v2.1/servers/detail?project_id=demo": (200, True),
    "GET /compute/v2.1/servers?ip=10.66": (200, True),
    "GET /compute/v2.1/servers?uuid={server_id}": (200, True),
    "GET /compute/v2.1/servers?all_tenants=1": (403, False),
    "GET /compute/v2.1/flavors": (200, True),
    "GET /compute/v2.1/flavors/detail?is_public=None": (200, True),
    "GET /compute/v2.1/flavors/detail?is_public=False": (200, True),
    "GET /compute/v2.1/os-keypairs": (200, True),
    "GET /compute/v2.1/os-server-groups": (200, True),
    "GET /compute/v2.1/os-server-groups?all_projects=1": (200, True),
    "GET /compute/v2.1/limits": (200, False),
    "GET /compute/v2.1/limits?tenant_id=demo": (403, False),
    "GET /image/v2/images": (200, True),
    "GET /image/v2/images?id=in:{image_id},{shared_image_id}": (200, True),
    "GET /image/v2/images?owner=demo": (200, True),
    "GET /image/v2/images?visibility=private": (200, True),
    "GET /image/v2/images?visibility=shared&member_status=all": (200, True),
    "GET /image/v2/images?name=secret-private": (200, True),
    f"GET {SPACES}": (200, True),
    f"GET {SPACES}?visibility=private": (200, True),
    f"GET {SPACES}?resource_types=OS::Nova::Flavor&sort_key=namespace": (200, True),
    f"GET {PUBLIC_SPACE}": (200, False),
    "GET /identity/v3/credentials": (200, False),
    "GET /network/v2.0/networks": (200, True),
    "GET /network/v2.0/networks?project_id=demo": (200, True),
    "GET /network/v2.0/networks?name=secret-network": (200, True),
    "GET /network/v2.0/networks?id={network_id}&fields=id": (200, True),
    "GET /network/v2.0/subnets": (200, True),
    "GET /network/v2.0/subnets?project_id=demo": (200, True),
    "GET /network/v2.0/subnets?network_id={network_id}": (200, True),
    "GET /network/v2.0/subnetpools": (200, True),
    "GET /network/v2.0/subnetpools?project_id=demo": (200, True),
    "GET /network/v2.0/ports": (200, True),
    "GET /network/v2.0/ports?device_id={server_id}": (200, True),
    f"GET /compute/v2.1/os-security-groups {OLD}": (200, True),
    f"GET /compute/v2.1/os-security-groups?all_tenants=1 {OLD}": (200, True),
    f"GET /compute/v2.1/os-networks {OLD}": (200, True),
    f"GET /compute/v2.1/os-floating-ips {OLD}": (200, True),
    f"GET /compute/v2.1/os-floating-ip-pools {OLD}": (200, False),
    f"GET /compute/v2.1/os-tenant-networks {OLD}": (200, True),
    f"GET /compute/v2.1/os-volumes {OLD}": (200, True),
    f"GET /compute/v2.1/os-volumes/detail {OLD}": (200, True),
    f"GET /compute/v2.1/os-snapshots {OLD}": (200, True),
    f"GET /compute/v2.1/os-snapshots/detail {OLD}": (200, True),
    "GET /network/v2.0/ports?network_id={network_id}": (200, True),
    "GET /network/v2.0/routers": (200, True),
    "GET /network/v2.0/routers?project_id=demo": (200, True),
    "GET /network/v2.0/routers?name=secret-router": (200, True),
    "GET /network/v2.0/floatingips": (200, True),
    "GET /network/v2.0/floatingips?floating_network_id={external_network_id}": (200, True),
    "GET /network/v2.0/subnets?network_id={external_network_id}": (200, False),
    "GET /network/v2.0/ports?project_id=demo": (200, True),
    "GET /network/v2.0/security-groups": (200, True),
    "GET /network/v2.0/security-groups?project_id=demo": (200, True),
    "GET /network/v2.0/security-group-rules": (200, True),
    "GET /network/v2.0/security-group-rules?security_group_id={group_id}": (200, True),
    "GET /network/v2.0/agents": (200, False),
    "GET /network/v2.0/quotas": (403, False),
    "GET /volume/v3/volumes": (200, True),
    "GET /volume/v3/volumes/detail": (200, True),
    "GET /volume/v3/volumes/detail?all_tenants=1&project_id=demo": (200, True),
    "GET /volume/v3/volumes/detail?name=secret-volume": (200, True),
    "GET /volume/v3/volumes?with_count=True": (200, True),
    "GET /volume/v3/volumes/summary": (200, False),
    "GET /volume/v3/volumes/summary?all_tenants=1": (200, False),
    "GET /volume/v3/snapshots": (200, True),
    "GET /volume/v3/snapshots/detail?all_tenants=1": (200, True),
    "GET /volume/v3/snapshots/detail?volume_id={volume_id}": (200, True),
    **{
        f"GET /volume/v3/{noun}{rest}": (200, True)
        for noun in TRANSFERS
        for rest in ("", "/detail", "?all_tenants=1", "?volume_id={offered_volume_id}")
    },
    "GET /volume/v3/messages": (200, True),
    "GET /volume/v3/messages?resource_uuid={broken_volume_id}": (200, True),
    "GET /volume/v3/messages?all_tenants=1": (200, True),
    "GET /volume/v3/attachments": (200, True),
    "GET /volume/v3/attachments/detail?all_tenants=1&instance_id={server_id}": (200, True),
    "GET /volume/v3/types": (200, True),
    "GET /volume/v3/types?is_public=None": (200, True),
    "GET /volume/v3/limits": (200, False),
    "GET /volume/v3/limits?project_id=demo": (403, False),
}

# What the owner doesn't get either, administrators alone do or nobody has.
SEEN_BY_NOBODY = (
    "GET /compute/v2.1/servers?all_tenants=1",
    f"GET {OF_SERVER}/diagnostics",
    *(f"GET {OF_SERVER}/migrations{one}" for one in ("", "/{number}")),
    *(f"GET /compute/v2.1/os-hypervisors/{path}" for path in ("statistics", *(f"{{nobody}}/{part}" for part in GONE))),
    "GET /network/v2.0/agents/{nobody}",
    "GET /network/v2.0/agents/{nobody}/l3-routers",
    "GET /network/v2.0/routers/{router_id}/l3-agents",
    "GET /network/v2.0/quotas",
)

# Routes at which there is nothing that belongs to a project.
OF_NO_TENANT = (
    *(f"POST /compute/v2.1/{noun} {OLD}" for noun in ("os-security-groups", "os-volumes", "os-floating-ips")),
    "POST /identity/v3/auth/tokens",
    *(f"GET /identity/v3/auth/{path}" for path in ("catalog", "projects", "domains", "system")),  # the caller's own
    *(f"GET /identity/v3/{noun}{one}" for noun in READ_BY_ALL for one in ("", "/{row_id}")),
    "POST /compute/v2.1/os-keypairs",
    "POST /compute/v2.1/os-server-groups",
    "GET /compute/v2.1/os-quota-sets/{project_id}/defaults",
    "GET /compute/v2.1/os-availability-zone",
    "GET /compute/v2.1/extensions",
    "GET /compute/v2.1/extensions/{alias}",
    "POST /image/v2/images",
    *(f"GET /image/v2/schemas/{name}" for name in ("image", "images", "member", "members")),
    "GET /image/v2/metadefs/resource_types",
    *(f"GET /image/v2/schemas/metadefs/{name}{end}" for name in METADEF_ROWS for end in ("", "s")),
    *(f"GET /image/v2/schemas/metadefs/{name}" for name in ("property", "properties")),
    *(f"GET /image/v2/info/{name}" for name in ("import", "stores")),
    "GET /network/v2.0/availability_zones",
    "GET /network/v2.0/extensions",
    "GET /network/v2.0/extensions/{alias}",
    *(f"GET /volume/v3/{name}" for name in ("os-availability-zone", "extensions", "resource_filters")),
    "GET /volume/v3/extensions/{alias}",
    # not in the newest version: `compute/test_images.py` plays these in an older one
    *(f"GET /compute/v2.1/images{detail}" for detail in ("", "/detail")),
    *(f"{verb} /compute/v2.1/images/{{image_id}}" for verb in ("GET", "DELETE")),
    *(f"{verb} /compute/v2.1/images/{{image_id}}/metadata" for verb in ("GET", "POST", "PUT")),
    *(f"{verb} /compute/v2.1/images/{{image_id}}/metadata/{{key}}" for verb in ("GET", "PUT", "DELETE")),
    # what this cloud has none of
    "GET /volume/v3/group_types",
    *(
        f"GET /volume/v3/{name}{detail}"
        for name in (
            "backups", "consistencygroups", "groups", "group_snapshots",
        )
        for detail in ("", "/detail")
    ),
)  # fmt: skip

# What a stranger may not name in a body of his own.
SERVER = {"name": "x", "flavorRef": "tiny", "imageRef": "{public_image_id}", "networks": "none"}
BOOT = "POST /compute/v2.1/servers # with"
MINE = "/compute/v2.1/servers/{own_server_id}"


def disk(kind: str, of: str) -> dict[str, Any]:
    return {"boot_index": -1, "destination_type": "volume", "source_type": kind, "uuid": of}


REFERENCES: dict[str, Line] = {
    f"{BOOT} a flavor": (400, {"server": SERVER | {"flavorRef": "{flavor_id}"}}),
    f"{BOOT} an image": (400, {"server": SERVER | {"imageRef": "{image_id}"}}),
    f"{BOOT} a shared image": (400, {"server": SERVER | {"imageRef": "{shared_image_id}"}}),
    f"{BOOT} a network": (400, {"server": SERVER | {"networks": [{"uuid": "{network_id}"}]}}),
    f"{BOOT} a port": (400, {"server": SERVER | {"networks": [{"port": "{port_id}"}]}}),
    f"{BOOT} a key pair": (400, {"server": SERVER | {"key_name": "{keypair}"}}),
    f"{BOOT} a security group": (
        400, {"server": SERVER | {"networks": "auto", "security_groups": [{"name": "{group_id}"}]}},
    ),
    f"{BOOT} a security group by name": (
        400, {"server": SERVER | {"networks": "auto", "security_groups": [{"name": "secret-security_group"}]}},
    ),
    f"{BOOT} a server group": (400, {"server": SERVER, "os:scheduler_hints": {"group": "{server_group_id}"}}),
    f"{BOOT} a volume": (
        400, {"server": SERVER | {"block_device_mapping_v2": [disk("volume", "{free_volume_id}")]}},
    ),
    f"{BOOT} a snapshot": (
        400, {"server": SERVER | {"block_device_mapping_v2": [disk("snapshot", "{snapshot_id}")]}},
    ),
    f"POST {MINE}/os-volume_attachments": (404, {"volumeAttachment": {"volumeId": "{free_volume_id}"}}),
    f"POST {MINE}/os-interface # a port": (404, {"interfaceAttachment": {"port_id": "{port_id}"}}),
    f"POST {MINE}/os-interface # a network": (404, {"interfaceAttachment": {"net_id": "{network_id}"}}),
    "POST /network/v2.0/ports # on a network": (404, {"port": {"network_id": "{network_id}"}}),
    "POST /network/v2.0/ports # in a security group": (
        404, {"port": {"network_id": "{shared_network_id}", "security_groups": ["{group_id}"]}},
    ),
    "POST /network/v2.0/routers # through a network": (
        404, {"router": {"external_gateway_info": {"network_id": "{network_id}"}}},
    ),
    "POST /network/v2.0/floatingips # of a network": (404, {"floatingip": {"floating_network_id": "{network_id}"}}),
    "POST /network/v2.0/floatingips # to a port": (404, {"floatingip": FLOATING | {"port_id": "{port_id}"}}),
    "POST /network/v2.0/subnets # from a pool": (
        404, {"subnet": {"network_id": "{network_id}", "subnetpool_id": "{pool_id}", "ip_version": 4}},
    ),
    "POST /volume/v3/volumes # of a volume": (404, {"volume": {"size": 1, "source_volid": "{free_volume_id}"}}),
    "POST /volume/v3/volumes # of a snapshot": (404, {"volume": {"size": 1, "snapshot_id": "{snapshot_id}"}}),
    "POST /volume/v3/volumes # of an image": (404, {"volume": {"size": 1, "imageRef": "{image_id}"}}),
    "POST /volume/v3/volumes # of a type": (404, {"volume": {"size": 1, "volume_type": "{type_id}"}}),
}  # fmt: skip
