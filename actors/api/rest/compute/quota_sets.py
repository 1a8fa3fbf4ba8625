"""Quotas over HTTP: a project's limits, what it uses of them, the cloud's own limits, and the summary called limits."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.bodies import Strict
from actors.api.rest.compute.queries import known_only, unexpected
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.errors import CallerError, bad_request, forbidden
from actors.messages import ProjectQuota

router = APIRouter()

DEFAULT = "default"  # the cloud's own limits, and the name of their class
NETWORKS = ("fixed_ips", "floating_ips", "security_groups", "security_group_rules")  # until 2.35; kept and shown only
FILES = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")  # until 2.56
PLAIN = ("instances", "cores", "ram", "metadata_items", "key_pairs", "server_groups", "server_group_members")
CLASS_GROUPS = ("server_groups", "server_group_members")  # of a class only since 2.50
Limit = int | Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,10}$")]


class QuotaIn(Strict):
    instances: Limit | None = None
    cores: Limit | None = None
    ram: Limit | None = None
    metadata_items: Limit | None = None
    key_pairs: Limit | None = None
    server_groups: Limit | None = None
    server_group_members: Limit | None = None
    injected_files: Limit | None = None
    injected_file_content_bytes: Limit | None = None
    injected_file_path_bytes: Limit | None = None
    fixed_ips: Limit | None = None
    floating_ips: Limit | None = None
    security_groups: Limit | None = None
    security_group_rules: Limit | None = None
    force: bool = False


class QuotaBody(Strict):
    quota_set: QuotaIn


class ClassBody(Strict):
    quota_class_set: QuotaIn


def names(version: Version) -> tuple[str, ...]:
    """Which limits a version knows."""
    return PLAIN + (NETWORKS if version < (2, 36) else ()) + (FILES if version < (2, 57) else ())


def shown(quota: ProjectQuota, version: Version) -> dict[str, int]:
    return {name: quota.limits.get(name, -1) for name in names(version)}


# ---------------------------------------------------------------- a project's


@router.get("/os-quota-sets/{project_id}", dependencies=[known_only("user_id")])
async def show(project_id: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    quota = await rooms.api.quota(asking.token, project_id)
    return Json({"quota_set": {"id": project_id} | shown(quota, version)})


@router.get("/os-quota-sets/{project_id}/detail", dependencies=[known_only("user_id")])
async def show_in_detail(project_id: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    quota = await rooms.api.quota(asking.token, project_id)
    found = {
        name: {"limit": limit, "in_use": quota.used.get(name, 0), "reserved": 0}
        for name, limit in shown(quota, version).items()
    }
    return Json({"quota_set": {"id": project_id} | found})


@router.get("/os-quota-sets/{project_id}/defaults")
async def defaults(project_id: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    quota = await rooms.api.quota(asking.token, DEFAULT)
    return Json({"quota_set": {"id": project_id} | shown(quota, version)})


@router.put("/os-quota-sets/{project_id}")
async def change(project_id: str, body: QuotaBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    changes = _changes(body.quota_set, version)
    quota = await _changed(rooms, asking, project_id, changes, body.quota_set.force)
    return Json({"quota_set": shown(quota, version)})


@router.delete("/os-quota-sets/{project_id}", status_code=202)
async def delete(project_id: str, rooms: Rooms, asking: Asking) -> Response:
    await rooms.api.set_quota(asking.token, project_id, {}, True)
    return Response(status_code=202)


def _changes(given: QuotaIn, version: Version) -> dict[str, int]:
    sent = given.model_dump(exclude={"force"}, exclude_none=True)
    for name in given.model_fields_set - {"force"}:
        if name not in names(version):
            raise unexpected(name)
    return {name: _limit(name, limit) for name, limit in sent.items()}


def _limit(name: str, given: int | str) -> int:
    limit = int(given)
    if not -1 <= limit <= 2**31 - 1:
        raise CallerError(bad_request(name, f"must be from -1 to {2**31 - 1}"))
    return limit


async def _changed(rooms: Any, asking: Any, project_id: str, changes: dict[str, int], force: bool) -> ProjectQuota:
    """With nothing to change only the right to change is asked for."""
    if changes:
        quota: ProjectQuota = await rooms.api.set_quota(asking.token, project_id, changes, force)
        return quota
    if not asking.context.is_admin:
        raise CallerError(forbidden("only an administrator changes quotas"))
    found: ProjectQuota = await rooms.api.quota(asking.token, project_id)
    return found


# ---------------------------------------------------------------- the cloud's


@router.get("/os-quota-class-sets/{name}")
async def show_class(name: str, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    if not asking.context.is_admin:
        raise CallerError(forbidden("only an administrator sees quota classes"))
    return Json({"quota_class_set": {"id": name} | await _of_class(rooms, asking, version)})


@router.put("/os-quota-class-sets/{name}")
async def change_class(name: str, body: ClassBody, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    """The class `default` is the only one that holds anywhere."""
    changes = _changes(body.quota_class_set, version)
    if name != DEFAULT:
        raise CallerError(bad_request("", f"There is one quota class, {DEFAULT!r}, and not {name[:64]!r}"))
    await _changed(rooms, asking, DEFAULT, changes, True)
    return Json({"quota_class_set": await _of_class(rooms, asking, version)})


async def _of_class(rooms: Any, asking: Any, version: Version) -> dict[str, int]:
    found = shown(await rooms.api.quota(asking.token, DEFAULT), version)
    hidden = CLASS_GROUPS if version < (2, 50) else ()
    return {name: limit for name, limit in found.items() if name not in hidden}


# ---------------------------------------------------------------- limits


@router.get("/limits", dependencies=[known_only("tenant_id")])
async def limits(request: Request, rooms: Rooms, asking: Asking, version: Spoken) -> Response:
    project_id = request.query_params.get("tenant_id", "")
    quota = await rooms.api.quota(asking.token, project_id)
    groups = await rooms.api.server_groups(asking.token, bool(project_id))
    owner = project_id or asking.context.project_id
    absolute = _absolute(quota, sum(group.project_id == owner for group in groups), version)
    return Json({"limits": {"rate": [], "absolute": absolute}})


def _absolute(quota: ProjectQuota, groups: int, version: Version) -> dict[str, int]:
    most, used = quota.limits, quota.used
    found = {
        "maxTotalInstances": most["instances"],
        "maxTotalCores": most["cores"],
        "maxTotalRAMSize": most["ram"],
        "maxServerMeta": most["metadata_items"],
        "maxTotalKeypairs": most["key_pairs"],
        "maxServerGroups": most["server_groups"],
        "maxServerGroupMembers": most["server_group_members"],
        "totalInstancesUsed": used["instances"],
        "totalCoresUsed": used["cores"],
        "totalRAMUsed": used["ram"],
        "totalServerGroupsUsed": groups,
    }
    if version < (2, 36):
        found |= {"maxSecurityGroups": -1, "maxSecurityGroupRules": -1, "maxTotalFloatingIps": -1}
        found |= {"totalSecurityGroupsUsed": 0, "totalFloatingIpsUsed": 0}
    if version < (2, 39):
        found["maxImageMeta"] = most["metadata_items"]
    if version < (2, 57):
        found |= {"maxPersonality": most["injected_files"], "maxPersonalitySize": most["injected_file_content_bytes"]}
    return found
