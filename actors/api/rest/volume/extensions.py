"""/v3/extensions: what once were extensions of the interface and is here; clients look before they use one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking
from actors.api.rest.versions import UPDATED
from actors.api.rest.volume.paths import of_own_project
from actors.errors import CallerError, not_found

router = APIRouter(prefix="/v3/extensions", dependencies=[Depends(of_own_project)])

EXTENSIONS = {  # alias → (name, what it is)
    "OS-SCH-HNT": ("SchedulerHints", "Hints of where a volume should be made."),
    "capabilities": ("Capabilities", "What the back end can do."),
    "encryption": ("VolumeTypeEncryption", "How volumes of a type are to be encrypted."),
    "os-admin-actions": ("AdminActions", "What administrators do to volumes and snapshots whatever their status is."),
    "os-availability-zone": ("AvailabilityZones", "The availability zones of volumes."),
    "os-extended-snapshot-attributes": ("ExtendedSnapshotAttributes", "Whose a snapshot is, and how far."),
    "os-hosts": ("Hosts", "The host of the back end, and what projects have there."),
    "os-quota-class-sets": ("QuotaClasses", "The limits of all projects."),
    "os-quota-sets": ("Quotas", "The limits of a project."),
    "os-services": ("Services", "The services of block storage."),
    "os-snapshot-actions": ("SnapshotActions", "Whoever makes a snapshot says how far that is."),
    "os-types-extra-specs": ("TypesExtraSpecs", "Extra specs of volume types."),
    "os-types-manage": ("TypesManage", "Volume types are made and changed."),
    "os-used-limits": ("UsedLimits", "What a project has of its limits."),
    "os-vol-host-attr": ("VolumeHostAttribute", "The host of a volume."),
    "os-vol-image-meta": ("VolumeImageMetadata", "What a volume's image said of itself."),
    "os-vol-mig-status-attr": ("VolumeMigStatusAttribute", "The state of a volume's migration."),
    "os-vol-tenant-attr": ("VolumeTenantAttribute", "The project of a volume."),
    "os-volume-actions": ("VolumeActions", "Volumes are attached, detached, extended, retyped and copied to images."),
    "os-volume-transfer": ("VolumeTransfer", "A volume goes to another project."),
    "os-volume-type-access": ("VolumeTypeAccess", "Who may use a volume type that is not public."),
    "qos-specs": ("Qos_specs_manage", "QoS specs, which volume types are associated with."),
    "scheduler-stats": ("Scheduler_stats", "The pool of the back end."),
}


@router.get("")
async def list_extensions(_: Asking) -> Json:
    return Json({"extensions": [_body(alias) for alias in EXTENSIONS]})


@router.get("/{alias}")
async def show_extension(alias: str, _: Asking) -> Json:
    if alias not in EXTENSIONS:
        raise CallerError(not_found("alias", f"Extension with alias {alias[:64]} could not be found."))
    return Json({"extension": _body(alias)})


def _body(alias: str) -> dict[str, Any]:
    name, description = EXTENSIONS[alias]
    return {"alias": alias, "name": name, "description": description, "updated": UPDATED, "links": []}
