"""Lists of images: which of those that a caller may see, in which order, and which page of them. Pure.

What a list shows is less than what can be seen by id: community images only when asked for, images offered by others
only once accepted (or in the status asked for), hidden ones only when asked for.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from actors.errors import CallerError, bad_request
from actors.image.messages import ImageQuery
from actors.image.rules import VISIBILITIES, Shelf, is_visible
from actors.messages import AuthContext
from actors.records import Image

SORT_KEYS = {
    "name": "name",
    "status": "status",
    "container_format": "container_format",
    "disk_format": "disk_format",
    "size": "size",
    "id": "id",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "visibility": "visibility",
    "owner": "project_id",
    "min_disk": "min_disk_gib",
    "min_ram": "min_ram_mib",
}
TEXT_FIELDS = {
    "id": "id",
    "name": "name",
    "status": "status",
    "owner": "project_id",
    "disk_format": "disk_format",
    "container_format": "container_format",
    "checksum": "checksum",
    "os_hash_value": "os_hash_value",
}
WHOLE_FIELDS = {"min_disk": "min_disk_gib", "min_ram": "min_ram_mib"}
TIME_FIELDS = ("created_at", "updated_at")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def listed(shelf: Shelf, query: ImageQuery, who: AuthContext) -> list[Image]:
    """A page of images. Raises `CallerError` 400 for what can't be asked."""
    _check(query)
    shown = [image for image in shelf.images.values() if _is_listed(shelf, image, query, who)]
    return _page(_ordered([image for image in shown if _matches(image, query)], query), query)


def _check(query: ImageQuery) -> None:
    if query.visibility not in ("", "all", *VISIBILITIES):
        raise CallerError(bad_request("visibility", f"one of {', '.join(VISIBILITIES)}, all"))
    if query.member_status not in ("pending", "accepted", "rejected", "all"):
        raise CallerError(bad_request("member_status", "pending, accepted, rejected or all"))
    for key, direction in query.order:
        if key not in SORT_KEYS:
            raise CallerError(bad_request("sort_key", f"one of {', '.join(SORT_KEYS)}"))
        if direction not in ("asc", "desc"):
            raise CallerError(bad_request("sort_dir", "asc or desc"))


def _is_listed(shelf: Shelf, image: Image, query: ImageQuery, who: AuthContext) -> bool:
    if not is_visible(shelf, image, who):
        return False
    if query.visibility not in ("", "all"):
        if image.visibility != query.visibility:
            return False
    elif image.visibility == "community" and query.visibility == "":
        return image.project_id == who.project_id
    if image.visibility != "shared" or image.project_id == who.project_id:
        return True
    member = shelf.member(image, who.project_id)
    if member is None:
        return who.is_admin
    return query.member_status in ("all", member.status)


def _matches(image: Image, query: ImageQuery) -> bool:
    return (
        (query.hidden is None or image.os_hidden == query.hidden)
        and (query.protected is None or image.protected == query.protected)
        and image.size >= query.size_min
        and (query.size_max < 0 or image.size <= query.size_max)
        and set(query.tags) <= set(image.tags)
        and all(getattr(image, TEXT_FIELDS[key]) in wanted for key, wanted in query.texts.items())
        and all(getattr(image, WHOLE_FIELDS[key]) == wanted for key, wanted in query.wholes.items())
        and all(image.properties.get(name) == value for name, value in query.properties.items())
        and all(COMPARISONS[bound.comparison](getattr(image, bound.field), bound.at) for bound in query.times)
    )


def _ordered(images: list[Image], query: ImageQuery) -> list[Image]:
    """Stable by the last key first, so that the first one decides."""
    for key, direction in reversed(query.order):
        images.sort(key=lambda image: _value(image, key), reverse=direction == "desc")
    return images


def _value(image: Image, key: str) -> Any:
    return getattr(image, SORT_KEYS[key])


def _page(images: list[Image], query: ImageQuery) -> list[Image]:
    start = 0
    if query.marker:
        places = [place for place, image in enumerate(images) if image.id == query.marker]
        if not places:
            raise CallerError(bad_request("marker", f"there is no image {query.marker!r} in this list"))
        start = places[0] + 1
    return images[start:] if query.limit < 0 else images[start : start + query.limit]
