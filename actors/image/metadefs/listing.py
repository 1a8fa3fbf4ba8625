"""Which namespaces a list has, and in which order. Pure."""

from __future__ import annotations

from actors.errors import CallerError, bad_request, not_found
from actors.image.metadefs.forms import VISIBILITIES
from actors.image.metadefs.messages import MetadefQuery
from actors.image.metadefs.rules import Shelf, is_visible
from actors.messages import AuthContext
from actors.records import MetadefNamespace, MetadefTag

SORT_KEYS = {  # as Glance names them → the row's field
    "namespace": "namespace",
    "display_name": "display_name",
    "description": "description",
    "visibility": "visibility",
    "protected": "protected",
    "owner": "project_id",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "id": "id",
}
TAG_SORT_KEYS = ("name", "created_at", "updated_at", "id")
DIRECTIONS = ("asc", "desc")


def listed(shelf: Shelf, query: MetadefQuery, who: AuthContext) -> list[MetadefNamespace]:
    """Raises `CallerError`: 400 for what can't be asked, 404 for a marker that the caller doesn't see."""
    if query.visibility not in ("", *VISIBILITIES):
        raise CallerError(bad_request("visibility", f"Invalid visibility value: {query.visibility}"))
    check_order(query.sort_key, query.sort_dir, tuple(SORT_KEYS))
    field = SORT_KEYS[query.sort_key]
    visible = [row for row in shelf.values() if is_visible(row, who)]
    visible.sort(
        key=lambda row: (getattr(row, field), row.created_at, row.id),
        reverse=query.sort_dir == "desc",
    )
    if query.marker:
        visible = visible[_after(visible, query.marker) :]
    wanted = [row for row in visible if _fits(row, query)]
    return wanted if query.limit < 0 else wanted[: query.limit]


def tags_of(row: MetadefNamespace, sort_key: str, sort_dir: str, marker: str, limit: int) -> list[MetadefTag]:
    """A page of a namespace's tags; of those that were made together the last one counts as the newest."""
    check_order(sort_key, sort_dir, TAG_SORT_KEYS)
    tags = list(row.tags)
    if sort_key != "id":
        tags.sort(key=lambda tag: getattr(tag, sort_key))
    if sort_dir == "desc":
        tags.reverse()
    if marker:
        places = [place for place, tag in enumerate(tags) if tag.name == marker]
        if not places:
            raise CallerError(not_found("marker", f"Could not find metadata tag {marker}"))
        tags = tags[places[0] + 1 :]
    return tags if limit < 0 else tags[:limit]


def check_order(sort_key: str, sort_dir: str, keys: tuple[str, ...]) -> None:
    if sort_dir not in DIRECTIONS:
        raise CallerError(bad_request("sort_dir", f"Invalid sort direction: {sort_dir}"))
    if sort_key not in keys:
        raise CallerError(bad_request("sort_key", f"Invalid sort key: {sort_key}; one of {', '.join(keys)}"))


def _after(rows: list[MetadefNamespace], marker: str) -> int:
    for place, row in enumerate(rows):
        if row.namespace == marker:
            return place + 1
    raise CallerError(not_found("marker", f"Metadata definition namespace={marker} was not found."))


def _fits(row: MetadefNamespace, query: MetadefQuery) -> bool:
    if query.visibility and row.visibility != query.visibility:
        return False
    types = query.resource_types
    return types is None or any(one.name in types for one in row.associations)
