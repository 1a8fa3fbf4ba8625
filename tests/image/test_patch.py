"""Changes to an image: what each name takes, what can't be changed, and all or none."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.errors import CallerError
from actors.image.messages import ImageChange
from actors.image.patch import READ_ONLY, patched
from actors.records import Image
from tests.image.doors import caller

ANN = caller("ann", "p-ann")
ROOT = caller("root", "p-root", ("admin",))
IMAGE = Image(
    id="i",
    name="debian",
    project_id="p-ann",
    status="active",
    visibility="private",
    disk_format="raw",
    properties={"os_distro": "debian"},
)


def change(act: str, name: str, value: Any = None) -> ImageChange:
    return msgspec.convert({"act": act, "name": name, "value": value}, ImageChange)


@pytest.mark.parametrize(
    ("name", "value", "field", "stored"),
    [
        ("name", "bookworm", "name", "bookworm"),
        ("name", None, "name", ""),
        ("visibility", "shared", "visibility", "shared"),
        ("min_disk", 3, "min_disk_gib", 3),
        ("min_ram", 256, "min_ram_mib", 256),
        ("protected", True, "protected", True),
        ("os_hidden", True, "os_hidden", True),
        ("tags", ["a", "b", "a"], "tags", ("a", "b")),
        ("disk_format", "raw", "disk_format", "raw"),
        ("os_distro", "devuan", "properties", {"os_distro": "devuan"}),
        (
            "owner_specified.openstack.md5",
            "",
            "properties",
            {"os_distro": "debian", "owner_specified.openstack.md5": ""},
        ),
    ],
)
def test_each_name_has_its_field(name: str, value: Any, field: str, stored: Any) -> None:
    assert getattr(patched(IMAGE, (change("add", name, value),), ANN), field) == stored


@pytest.mark.parametrize(
    ("act", "name", "value", "status"),
    [
        *(("replace", name, "x", 403) for name in sorted(READ_ONLY)),
        ("remove", "name", None, 403),
        ("replace", "absent", "x", 409),
        ("remove", "absent", None, 409),
        ("add", "os_distro", 5, 400),
        ("add", "min_disk", "5", 400),
        ("add", "min_disk", True, 400),
        ("add", "min_ram", 2**31, 400),
        ("add", "protected", "yes", 400),
        ("add", "tags", "a", 400),
        ("add", "tags", ["x" * 256], 400),
        ("add", "name", "x" * 256, 400),
        ("add", "visibility", "everyone", 400),
        ("add", "visibility", "public", 403),
        ("add", "owner", "p-bob", 403),
        ("add", "disk_format", "qcow2", 403),
        ("add", "", "x", 400),
        ("add", "note", "a\x00b", 400),
    ],
)
def test_what_cannot_be_is_refused(act: str, name: str, value: Any, status: int) -> None:
    with pytest.raises(CallerError) as refused:
        patched(IMAGE, (change("add", "good", "x"), change(act, name, value)), ANN)
    assert refused.value.fault.status == status


def test_an_administrator_publishes_and_gives_away() -> None:
    after = patched(IMAGE, (change("replace", "visibility", "public"), change("replace", "owner", "p-bob")), ROOT)
    assert (after.visibility, after.project_id) == ("public", "p-bob")


def test_formats_are_said_before_data_comes() -> None:
    queued = msgspec.structs.replace(IMAGE, status="queued", disk_format="")
    assert patched(queued, (change("replace", "disk_format", "qcow2"),), ANN).disk_format == "qcow2"


def test_changes_follow_each_other() -> None:
    changes = (change("add", "a", "1"), change("replace", "a", "2"), change("remove", "os_distro"))
    assert patched(IMAGE, changes, ANN).properties == {"a": "2"}
