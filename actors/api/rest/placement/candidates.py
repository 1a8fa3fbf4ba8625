"""/allocation_candidates: which providers could take what is asked, and what would be allocated there."""

from __future__ import annotations

from itertools import chain, islice

from fastapi import APIRouter, Depends, Request
from msgspec.structs import replace

from actors.api.rest.answers import Json
from actors.api.rest.context import Caller, Rooms
from actors.api.rest.microversions import Spoken, Version
from actors.api.rest.placement import trees, views
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
from actors.api.rest.placement.everything import hosts_and_others
from actors.api.rest.placement.names import check_names
from actors.api.rest.placement.trees import Candidate
from actors.api.rest.rooms import EdgeRooms
from actors.errors import CallerError, bad_request
from actors.scheduler.messages import CandidateGroup, CandidateQuery

router = APIRouter()

SINCE = {"resources": 10, "required": 17, "member_of": 21, "in_tree": 31}  # parameters of a group
OTHERS = {"limit": 16, "group_policy": 25, "root_required": 35, "same_subtree": 36}
SHARED_SINCE = (1, 29)  # from then on several providers may give what is asked
SUFFIXES_SINCE, TEXT_SUFFIXES_SINCE = 25, 33
GROUPS_LIMIT = 32  # of one request
LIMIT_DIGITS = 9


@router.get("/allocation_candidates", dependencies=[Depends(since(10))])
async def list_candidates(request: Request, rooms: Rooms, caller: Administrator, spoken: Spoken) -> Json:
    query = _query(request, spoken)
    await check_names(rooms, caller, (*query.groups.values(), query.root))
    found = await _found(rooms, caller, query, spoken)
    wanted = {name for group in query.groups.values() for name in group.resources}
    summaries = {each.id: each for candidate in found for each in candidate.providers}
    return Json(
        {
            "allocation_requests": [views.allocation_request(each, spoken) for each in found],
            "provider_summaries": {
                each.id: views.provider_summary(each, wanted, spoken) for each in summaries.values()
            },
        }
    )


async def _found(rooms: EdgeRooms, caller: Caller, query: CandidateQuery, spoken: Version) -> list[Candidate]:
    """Hosts first. One that has providers below it, or is shared with, is a tree, as those without hosts are."""
    if not await rooms.api.providers(caller.token):
        return [trees.of_one(each, query) for each in await rooms.scheduler.candidates(query)]
    hosts, others = await hosts_and_others(rooms, caller)
    query = trees.in_trees(query, [*hosts, *others])
    shared = spoken >= SHARED_SINCE
    givers = [each for each in others if shared and trees.SHARES in each.traits]
    roots = {each.root for each in others} | {each.id for each in hosts if trees.sharing_with([each], givers)}
    grown = trees.by_tree(each for each in (*hosts, *others) if each.root in roots)
    alone = await rooms.scheduler.candidates(replace(query, limit=0))
    found = chain(
        (trees.of_one(each, query) for each in alone if each.id not in roots),
        *(
            trees.candidates(tree, query, shared=shared, sharing=trees.sharing_with(tree, givers))
            for tree in grown.values()
        ),
    )
    return list(islice(found, query.limit or None))


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
    return CandidateQuery(
        groups=groups,
        limit=_limit(request),
        isolate=policy == "isolate",
        root=_of_root(root) if root else CandidateGroup(resources={}),
        subtrees=_subtrees(request, groups),
    )


def _subtrees(request: Request, groups: dict[str, CandidateGroup]) -> tuple[frozenset[str], ...]:
    found = tuple(frozenset(value.split(",")) for value in request.query_params.getlist("same_subtree"))
    if any(not suffix or suffix not in groups for suffixes in found for suffix in suffixes):
        raise CallerError(bad_request("same_subtree", "Real suffixes should be specified in 'same_subtree'", BAD_VALUE))
    return found


def _of_root(text: str) -> CandidateGroup:
    """What the top of a tree must have; a host is its own."""
    names = text.split(",")
    if not all(SUFFIX.fullmatch(name.removeprefix("!")) for name in names):
        raise CallerError(bad_request("root_required", "Invalid query string parameters: no traits", BAD_VALUE))
    return CandidateGroup(
        resources={},
        required=tuple(frozenset({name}) for name in names if not name.startswith("!")),
        forbidden=frozenset(name[1:] for name in names if name.startswith("!")),
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
