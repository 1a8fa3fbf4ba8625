"""/os-instance_usage_audit_log: how far each host's audit of a month's use is. None here makes one, as where Nova's
`instance_usage_audit` is off (its default), so every host is said not to have run. Pure but for the routes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from actors.api.rest.answers import Json
from actors.api.rest.context import Asking, Caller, Rooms
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request

router = APIRouter(prefix="/os-instance_usage_audit_log")

FORMATS = ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S")


@router.get("")
async def index(rooms: Rooms, caller: Asking) -> Response:
    """Of the last whole month."""
    now = datetime.fromtimestamp(rooms.clock.now(), UTC)
    return Json({"instance_usage_audit_logs": await _logs(rooms, caller, now)})


@router.get("/{before}")
async def show(before: str, rooms: Rooms, caller: Asking) -> Response:
    """Of the last month that was whole by then."""
    return Json({"instance_usage_audit_log": await _logs(rooms, caller, moment(before))})


def moment(text: str) -> datetime:
    """Raises `CallerError` 400."""
    for form in FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise CallerError(bad_request("", f"Invalid timestamp for date {text[:64]}"))


def whole_month(before: datetime) -> tuple[datetime, datetime]:
    """The beginnings of the last month that was over by then, and of the one after it."""
    end = datetime(before.year, before.month, 1)
    return (datetime(end.year - 1, 12, 1) if end.month == 1 else datetime(end.year, end.month - 1, 1)), end


async def _logs(rooms: EdgeRooms, caller: Caller, before: datetime) -> dict[str, Any]:
    nodes = sorted(node.id for node in await rooms.api.nodes(caller.token))
    begin, end = whole_month(before)
    return {
        "period_beginning": str(begin),
        "period_ending": str(end),
        "num_hosts": len(nodes),
        "num_hosts_done": 0,
        "num_hosts_running": 0,
        "num_hosts_not_run": len(nodes),
        "hosts_not_run": nodes,
        "total_instances": 0,
        "total_errors": 0,
        "overall_status": f"0 of {len(nodes)} hosts done. 0 errors.",
        "log": {},
    }
