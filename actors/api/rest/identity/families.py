"""The projects above and below one, as its request asks for them: whole rows or ids alone. Pure.

At the top of each family is its domain, which is shown among the ids. Facts: docs.openstack.org/api-ref/identity, «Show
project details».
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from actors.errors import CallerError, bad_request
from actors.records import Project

ASKED = ("parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids")
FALSE = ("0", "false", "no", "off")

Ids = dict[str, Any]  # each id with those beyond it; None = there are none


def asked_for(query: Mapping[str, str]) -> list[str]:
    """Raises `CallerError` 400 where the same is asked for in both ways."""
    found = [name for name in ASKED if name in query and query[name].lower() not in FALSE]
    for part in ("parents", "subtree"):
        if {f"{part}_as_list", f"{part}_as_ids"} <= set(found):
            text = f"Cannot use {part}_as_list and {part}_as_ids query params at the same time."
            raise CallerError(bad_request("", text))
    return found


def parents(project: Project, there: Mapping[str, Project]) -> list[Project]:
    """Those of `there`, the nearest first."""
    found: list[Project] = []
    while (above := there.get(project.parent_id)) is not None and above not in found:
        found.append(above)
        project = above
    return found


def parent_ids(project: Project, there: Mapping[str, Project]) -> Ids:
    ids: Ids = {project.domain_id: None}
    for above in reversed(parents(project, there)):
        ids = {above.id: ids}
    return ids


def subtree(project: Project, there: Iterable[Project]) -> list[Project]:
    """All below it, each after the one that it is below."""
    below: defaultdict[str, list[Project]] = defaultdict(list)
    for each in there:
        below[each.parent_id].append(each)
    found = [project]
    for one in found:
        found += below.pop(one.id, [])
    return found[1:]


def subtree_ids(project: Project, there: Iterable[Project]) -> Ids | None:
    rows = subtree(project, there)
    ids: dict[str, Ids] = {each.id: {} for each in (project, *rows)}
    for each in reversed(rows):
        ids[each.parent_id][each.id] = ids.pop(each.id) or None
    return ids[project.id] or None
