"""/v2.0/quotas"""

from __future__ import annotations

from fastapi import APIRouter

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Rooms
from actors.api.rest.network import views
from actors.api.rest.network.bodies import EditedQuota
from actors.network.messages import QuotaQuery, SetQuota

router = APIRouter(prefix="/quotas")

NO_LIMITS = ("check_limit", "force", "project_id", "tenant_id")  # fields of the body beside the limits


@router.get("")
async def list_quotas(rooms: Rooms, caller: Asking) -> Json:
    quotas = await rooms.network.list_quotas(caller.token)
    return Json({"quotas": [limits | {"project_id": id, "tenant_id": id} for id, limits in quotas.items()]})


@router.get("/{project_id}")
async def show_quota(project_id: str, rooms: Rooms, caller: Asking) -> Json:
    quota = await rooms.network.show_quota(QuotaQuery(token=caller.token, project_id=project_id))
    return Json({"quota": views.limits(quota)})


@router.get("/{project_id}/default")
async def default_quota(project_id: str, rooms: Rooms, caller: Asking) -> Json:
    await rooms.network.show_quota(QuotaQuery(token=caller.token, project_id=project_id))  # whose it is
    return Json({"quota": await rooms.network.default_quota(caller.token)})


@router.get("/{project_id}/details")
@router.get("/{project_id}/details.json")  # as Neutron's reference has it
async def quota_details(project_id: str, rooms: Rooms, caller: Asking) -> Json:
    quota = await rooms.network.show_quota(QuotaQuery(token=caller.token, project_id=project_id))
    return Json({"quota": views.allowances(quota)})


@router.put("/{project_id}")
async def set_quota(project_id: str, body: EditedQuota, rooms: Rooms, caller: Asking) -> Json:
    given = body.quota.given(*NO_LIMITS)
    limits = {name: limit for name, limit in given.items() if limit is not None}
    checked = body.quota.check_limit and not body.quota.force
    request = SetQuota(token=caller.token, project_id=project_id, limits=limits, check_limit=checked)
    return Json({"quota": views.limits(await rooms.network.set_quota(request))})


@router.delete("/{project_id}")
async def reset_quota(project_id: str, rooms: Rooms, caller: Asking) -> Json:
    await rooms.network.set_quota(SetQuota(token=caller.token, project_id=project_id, limits=None))
    return Json(None, status_code=204)
