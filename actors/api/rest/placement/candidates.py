"""/allocation_candidates: which hosts could take what is asked, and what would be allocated there."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, Depends, Request

from actors.api.rest.answers import Json
from actors.api.rest.context import Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.placement import views
from actors.api.rest.placement.asked import (
    BAD_VALUE,
    MISSING_VALUE,
    NUMBER,
    PARTS,
    SUFFIX,
    Administrator,
    group_of,
    since,
)
from actors.errors import CallerError, bad_request
from actors.scheduler.messages import CandidateGroup, CandidateQuery

router = APIRouter()

SINCE = {"resources": 10, "required": 17, "member_of": 21, "in_tree": 31}  # parameters of a group
OTHERS = {"limit": 16, "group_policy": 25, "root_required": 35, "same_subtree": 36}
SUFFIXES_SINCE, TEXT_SUFFIXES_SINCE = 25, 33
GROUPS_LIMIT = 32  # of one request
LIMIT_DIGITS = 9


@router.get("/allocation_candidates", dependencies=[Depends(since(10))])
async def list_candidates(request: Request, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    query = _query(request, spoken)
    total: Counter[str] = Counter()
    for group in query.groups.values():
        total.update(group.resources)
    found = await rooms.scheduler.candidates(query)
    suffixes = [suffix for suffix, group in query.groups.items() if group.resources]
    return Json(
        {
            "allocation_requests": [views.allocation_request(each, dict(total), suffixes, spoken) for each in found],
            "provider_summaries": {each.id: views.provider_summary(each, set(total), spoken) for each in found},
        }
    )


def _query(request: Request, spoken: Version) -> CandidateQuery:
    suffixes = _suffixes(request, spoken)
    groups = {suffix: group_of(request, spoken, suffix) for suffix in suffixes}
    if not any(group.resources for group in groups.values()):
        raise CallerError(bad_request("", "At least one request group is required.", MISSING_VALUE))
    named = [suffix for suffix in suffixes if suffix]
    for suffix in named:
        if not groups[suffix].resources and not request.query_params.get("same_subtree"):
            text = f"All traits and aggregates of group {suffix!r} must be associated with resources"
            raise CallerError(bad_request("", text, "placement.query.missing_value"))
    policy = request.query_params.get("group_policy", "")
    if policy not in ("", "none", "isolate") or (len(named) > 1 and not policy):
        text = 'The "group_policy" parameter, none or isolate, is required with several request groups'
        raise CallerError(bad_request("", text, MISSING_VALUE))
    root = request.query_params.get("root_required", "")
    if root:
        groups[""] = _with_root(groups.get("", CandidateGroup(resources={})), root)
    return CandidateQuery(groups=groups, limit=_limit(request), isolate=policy == "isolate")


def _with_root(group: CandidateGroup, text: str) -> CandidateGroup:
    """A host is its own root, so what its root must have is asked of itself."""
    names = text.split(",")
    if not all(SUFFIX.fullmatch(name.removeprefix("!")) for name in names):
        raise CallerError(bad_request("root_required", "Invalid query string parameters: no traits", BAD_VALUE))
    return CandidateGroup(
        resources=group.resources,
        required=(*group.required, *(frozenset({name}) for name in names if not name.startswith("!"))),
        forbidden=group.forbidden | {name[1:] for name in names if name.startswith("!")},
        member_of=group.member_of,
        not_member_of=group.not_member_of,
        in_tree=group.in_tree,
    )


def _suffixes(request: Request, spoken: Version) -> list[str]:
    """Of the groups that the parameters speak of; raises `CallerError` 400 for a parameter that is none."""
    found: dict[str, None] = {}
    for name in request.query_params:
        if spoken >= (1, OTHERS.get(name, 1_000)):
            continue
        part = next((part for part in PARTS if name.startswith(part)), "")
        suffix = name[len(part) :]
        if not part or spoken < (1, SINCE[part]) or not _is_suffix(suffix, spoken):
            raise CallerError(
                bad_request("", f"Invalid query string parameters: {name[:64]!r} does not match", BAD_VALUE)
            )
        found[suffix] = None
    if len(found) > GROUPS_LIMIT:
        raise CallerError(bad_request("", f"a request has at most {GROUPS_LIMIT} groups", BAD_VALUE))
    return list(found)


def _is_suffix(text: str, spoken: Version) -> bool:
    if not text:
        return True
    if spoken < (1, SUFFIXES_SINCE):
        return False
    form = SUFFIX if spoken >= (1, TEXT_SUFFIXES_SINCE) else NUMBER
    return form.fullmatch(text) is not None


def _limit(request: Request) -> int:
    text = request.query_params.get("limit")
    if text is None:
        return 0
    if not NUMBER.fullmatch(text) or len(text) > LIMIT_DIGITS:
        raise CallerError(bad_request("limit", "Invalid query string parameters: limit is a number above 0", BAD_VALUE))
    return int(text)
