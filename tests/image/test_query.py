"""Lists of images: who sees what, filters, order, pages."""

from __future__ import annotations

from typing import Any

import pytest

from actors.errors import CallerError
from actors.image.messages import ImageQuery, TimeBound
from actors.image.query import listed
from actors.image.rules import Shelf
from actors.records import Image, ImageMember
from tests.image.doors import caller

ANN = caller("ann", "p-ann")
BOB = caller("bob", "p-bob")
ROOT = caller("root", "p-root", ("admin",))


def image(name: str, visibility: str = "private", project: str = "p-ann", **more: Any) -> Image:
    fields = {"status": "active", "disk_format": "raw", "visibility": visibility, "project_id": project}
    return Image(id=f"id-{name}", name=name, **(fields | more))


def member(name: str, project: str, status: str) -> dict[str, ImageMember]:
    row = ImageMember(id=f"id-{name}:{project}", image_id=f"id-{name}", project_id=project, status=status)
    return {project: row}


IMAGES = [
    image("mine", created_at=1.0, size=10, tags=("a", "b"), properties={"os": "debian"}, min_disk_gib=2),
    image("public", "public", "p-root", created_at=2.0, size=20, disk_format="qcow2"),
    image("community", "community", "p-root", created_at=3.0, size=30),
    image("accepted", "shared", "p-root", created_at=4.0, size=40),
    image("pending", "shared", "p-root", created_at=5.0, size=50, status="queued"),
    image("unoffered", "shared", "p-root", created_at=6.0),
    image("hidden", "public", "p-root", created_at=7.0, os_hidden=True),
    image("bobs", "private", "p-bob", created_at=8.0, protected=True),
]
SHELF = Shelf(
    {row.id: row for row in IMAGES},
    {"id-accepted": member("accepted", "p-ann", "accepted"), "id-pending": member("pending", "p-ann", "pending")},
)


def names(who: Any = ANN, **query: Any) -> list[str]:
    return [row.name for row in listed(SHELF, ImageQuery(**query), who)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"hidden": False}, ["mine", "public", "accepted"]),
        ({"hidden": True}, ["hidden"]),
        ({"visibility": "community"}, ["community"]),
        ({"visibility": "all"}, ["mine", "public", "community", "accepted", "hidden"]),
        ({"visibility": "shared", "member_status": "pending"}, ["pending"]),
        ({"visibility": "shared", "member_status": "all"}, ["accepted", "pending"]),
        ({"texts": {"id": ("id-mine", "id-public", "id-bobs")}}, ["mine", "public"]),
        ({"texts": {"name": ("mine",)}}, ["mine"]),
        ({"texts": {"disk_format": ("qcow2",)}}, ["public"]),
        ({"texts": {"owner": ("p-ann",)}}, ["mine"]),
        ({"tags": ("a", "b")}, ["mine"]),
        ({"tags": ("a", "c")}, []),
        ({"properties": {"os": "debian"}}, ["mine"]),
        ({"wholes": {"min_disk": 2}}, ["mine"]),
        ({"size_min": 20, "size_max": 40}, ["public", "accepted"]),
        ({"protected": True}, []),
        ({"times": (TimeBound("created_at", "gte", 2.0), TimeBound("created_at", "lt", 4.0))}, ["public"]),
        ({"order": (("name", "desc"),), "hidden": False}, ["public", "mine", "accepted"]),
        ({"order": (("disk_format", "asc"), ("size", "desc")), "hidden": False}, ["public", "accepted", "mine"]),
        ({"limit": 2}, ["mine", "public"]),
        ({"limit": 2, "marker": "id-public"}, ["accepted", "hidden"]),
        ({"limit": 0}, []),
    ],
)
def test_a_member_lists(query: dict[str, Any], expected: list[str]) -> None:
    assert names(**query) == expected


def test_nobody_lists_what_is_not_offered_but_an_administrator() -> None:
    assert names(BOB) == ["public", "hidden", "bobs"]
    assert names(ROOT, visibility="all") == [row.name for row in IMAGES]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"visibility": "x"}, "visibility"),
        ({"member_status": "x"}, "member_status"),
        ({"order": (("x", "asc"),)}, "sort_key"),
        ({"order": (("name", "up"),)}, "sort_dir"),
        ({"marker": "id-bobs"}, "marker"),
    ],
)
def test_what_cannot_be_asked_is_named(query: dict[str, Any], field: str) -> None:
    with pytest.raises(CallerError) as refused:
        names(**query)
    assert (refused.value.fault.status, refused.value.fault.field) == (400, field)
