"""The list of extensions, which old clients look into before they ask; all of it is part of v2.1 anyway."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking
from actors.api.rest.versions import UPDATED
from actors.errors import CallerError, not_found

router = APIRouter()

NAMESPACE = "http://docs.openstack.org/compute/ext/fake_xml"
NAMES = {
    "os-aggregates": "Aggregates",
    "os-attach-interfaces": "AttachInterfaces",
    "os-availability-zone": "AvailabilityZone",
    "os-config-drive": "ConfigDrive",
    "os-console-output": "ConsoleOutput",
    "os-consoles": "Consoles",
    "os-create-server-ext": "Createserverext",
    "os-extended-volumes": "ExtendedVolumes",
    "os-flavor-access": "FlavorAccess",
    "os-flavor-extra-specs": "FlavorExtraSpecs",
    "os-flavor-manage": "FlavorManage",
    "os-floating-ip-pools": "FloatingIpPools",
    "os-floating-ips": "FloatingIps",
    "os-hosts": "Hosts",
    "os-hypervisors": "Hypervisors",
    "os-instance-actions": "InstanceActions",
    "os-instance_usage_audit_log": "OSInstanceUsageAuditLog",
    "os-keypairs": "Keypairs",
    "os-lock-server": "LockServer",
    "os-multiple-create": "MultipleCreate",
    "os-networks": "Networks",
    "os-pause-server": "PauseServer",
    "os-quota-sets": "Quotas",
    "os-rescue": "Rescue",
    "os-scheduler-hints": "SchedulerHints",
    "os-security-groups": "SecurityGroups",
    "os-server-external-events": "ServerExternalEvents",
    "os-server-groups": "ServerGroups",
    "os-services": "Services",
    "os-simple-tenant-usage": "SimpleTenantUsage",
    "os-suspend-server": "SuspendServer",
    "os-tenant-networks": "OSTenantNetworks",
    "os-user-data": "UserData",
    "os-volumes": "Volumes",
}


@router.get("/extensions")
async def index(asking: Asking) -> Response:
    return Json({"extensions": [_body(alias) for alias in NAMES]})


@router.get("/extensions/{alias}")
async def show(alias: str, asking: Asking) -> Response:
    if alias not in NAMES:
        raise CallerError(not_found("extension", "The resource could not be found."))
    return Json({"extension": _body(alias)})


def _body(alias: str) -> dict[str, Any]:
    name = NAMES[alias]
    return {
        "name": name,
        "alias": alias,
        "description": f"{name}.",
        "links": [],
        "namespace": NAMESPACE,
        "updated": UPDATED,
    }
