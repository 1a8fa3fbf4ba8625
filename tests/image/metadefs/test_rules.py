"""Who sees and changes which namespace, and what each change makes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from actors.errors import CallerError
from actors.image.metadefs import rules
from actors.image.metadefs.listing import listed, tags_of
from actors.image.metadefs.messages import (
    AddTags,
    Associate,
    AssociationDraft,
    CreateMetadef,
    DropParts,
    Edit,
    MetadefQuery,
    NamespaceDraft,
    ObjectDraft,
    PutObject,
    PutProperty,
    Redescribe,
    RenameTag,
)
from actors.messages import AuthContext
from actors.records import MetadefNamespace
from tests.image.doors import KnownTokens

CALLERS = KnownTokens().callers
ANN, BOB, ROOT = CALLERS["ann"], CALLERS["bob"], CALLERS["root"]
PROPERTY = {"title": "T", "type": "string"}
DRAFT = NamespaceDraft(
    namespace="n",
    owner="p-ann",
    associations=(AssociationDraft(name="OS::Nova::Flavor", prefix="hw:"),),
    properties={"cores": PROPERTY, "ram": PROPERTY},
    objects=(ObjectDraft(name="disk"), ObjectDraft(name="net")),
    tags=("slow", "fast"),
)


def made(draft: NamespaceDraft = DRAFT, now: float = 1.0, **more: Any) -> MetadefNamespace:
    request = CreateMetadef(token="", draft=msgspec.structs.replace(draft, **more))
    return rules.new_namespace({}, request, ROOT, now)


def shelf(*rows: MetadefNamespace) -> dict[str, MetadefNamespace]:
    return {row.id: row for row in rows}


def after(row: MetadefNamespace, edit: Edit, who: AuthContext = ROOT) -> MetadefNamespace:
    return rules.changed(shelf(row), row, edit, who, 2.0)


def status(act: Any, *arguments: Any) -> int:
    with pytest.raises(CallerError) as error:
        act(*arguments)
    return error.value.fault.status


def test_who_may_know_of_it_and_who_may_change_it() -> None:
    private, public = made(), made(namespace="open", visibility="public")
    rows = shelf(private, public)
    for who in (ANN, ROOT):
        assert rules.owned(rows, "n", who) == private
    assert status(rules.seen, rows, "n", BOB) == status(rules.owned, rows, "n", BOB) == 404
    assert status(rules.seen, rows, "nothing", ROOT) == 404
    assert rules.seen(rows, "open", BOB) == public
    assert status(rules.owned, rows, "open", BOB) == 403


def test_what_an_administrator_of_no_project_made_is_nobody_elses() -> None:
    root, eve = (msgspec.structs.replace(who, project_id="") for who in (ROOT, BOB))
    row = rules.new_namespace({}, CreateMetadef(token="", draft=NamespaceDraft(namespace="n")), root, 1.0)
    assert status(rules.seen, shelf(row), "n", eve) == 404 and rules.owned(shelf(row), "n", root) == row


def test_administrators_make_namespaces_and_have_them_public() -> None:
    request = CreateMetadef(token="", draft=DRAFT)
    assert status(rules.new_namespace, {}, request, ANN, 1.0) == 403
    row = made()
    assert row.project_id == "p-ann"
    publish = Redescribe(draft=NamespaceDraft(namespace="n", visibility="public"))
    assert status(after, row, publish, ANN) == 403
    assert after(row, publish).visibility == "public"
    give_away = Redescribe(draft=NamespaceDraft(namespace="n", owner="p-bob"))
    assert status(after, row, give_away, ANN) == 403
    assert after(row, give_away).project_id == "p-bob"


def test_the_same_creation_twice_is_one_and_another_of_that_name_a_conflict() -> None:
    request = CreateMetadef(token="", draft=DRAFT)
    row = rules.new_namespace({}, request, ROOT, 1.0)
    assert rules.new_namespace(shelf(row), request, ROOT, 2.0) is row
    assert status(rules.new_namespace, shelf(row), CreateMetadef(token="", draft=DRAFT), ROOT, 2.0) == 409
    other = CreateMetadef(token="", draft=NamespaceDraft(namespace="m"), id=row.id)
    assert status(rules.new_namespace, shelf(row), other, ROOT, 2.0) == 409
    full = {str(n): msgspec.structs.replace(row, id=str(n), namespace=str(n)) for n in range(rules.NAMESPACES_LIMIT)}
    assert status(rules.new_namespace, full, CreateMetadef(token="", draft=DRAFT), ROOT, 2.0) == 413


def test_describing_it_anew_keeps_its_parts_and_forgets_what_is_not_said() -> None:
    row = made(display_name="N", description="d", visibility="public", protected=True)
    changed = after(row, Redescribe(draft=NamespaceDraft(namespace="m")))
    assert (changed.namespace, changed.display_name, changed.visibility) == ("m", "", "private")
    assert (changed.protected, changed.project_id, changed.created_at, changed.updated_at) == (
        False, ROOT.project_id, 1.0, 2.0,
    )  # fmt: skip
    assert (changed.objects, changed.properties, changed.tags) == (row.objects, row.properties, row.tags)
    other = made(namespace="m")
    assert (
        status(rules.changed, shelf(row, other), row, Redescribe(draft=NamespaceDraft(namespace="m")), ROOT, 2) == 409
    )


def test_each_kind_of_part_comes_changes_its_name_and_goes() -> None:
    row = made()
    assert [one.name for one in after(row, PutObject(draft=ObjectDraft(name="cpu"))).objects] == ["disk", "net", "cpu"]
    renamed = after(row, PutObject(draft=ObjectDraft(name="cpu"), instead_of="disk")).objects
    assert [(one.name, one.created_at, one.updated_at) for one in renamed] == [("cpu", 1.0, 2.0), ("net", 1.0, 1.0)]
    assert list(after(row, PutProperty(name="io", schema=PROPERTY)).properties) == ["cores", "ram", "io"]
    assert list(after(row, PutProperty(name="io", schema=PROPERTY, instead_of="cores")).properties) == ["io", "ram"]
    same = after(row, PutProperty(name="ram", schema={"title": "R", "type": "number"}, instead_of="ram"))
    assert same.properties["ram"]["title"] == "R"
    assert [tag.name for tag in after(row, RenameTag(tag="slow", name="slower")).tags] == ["slower", "fast"]
    assert [tag.name for tag in after(row, AddTags(names=("new",))).tags] == ["slow", "fast", "new"]
    assert [tag.name for tag in after(row, AddTags(names=("new",), append=False)).tags] == ["new"]
    assert after(row, AddTags(names=(), append=False)) == row
    image = after(row, Associate(draft=AssociationDraft(name="OS::Glance::Image"))).associations[-1]
    assert (image.name, image.created_at) == ("OS::Glance::Image", 2.0)
    for kind, name in (("objects", "net"), ("properties", "ram"), ("tags", "fast")):
        assert len(getattr(after(row, DropParts(kind=kind, name=name)), kind)) == 1  # type: ignore[arg-type]
    for kind in rules.CALLED:
        assert not getattr(after(row, DropParts(kind=kind)), kind)


TWICE: list[Edit] = [
    PutObject(draft=ObjectDraft(name="net")),
    PutObject(draft=ObjectDraft(name="net"), instead_of="disk"),
    PutProperty(name="ram", schema=PROPERTY),
    PutProperty(name="ram", schema=PROPERTY, instead_of="cores"),
    AddTags(names=("fast",)),
    AddTags(names=("a", "a"), append=False),
    RenameTag(tag="slow", name="fast"),
    Associate(draft=AssociationDraft(name="OS::Nova::Flavor")),
]
MISSING: list[Edit] = [
    PutObject(draft=ObjectDraft(name="x"), instead_of="nothing"),
    PutProperty(name="x", schema=PROPERTY, instead_of="nothing"),
    RenameTag(tag="nothing", name="x"),
    *(DropParts(kind=kind, name="nothing") for kind in rules.CALLED),
]


def test_no_part_is_there_twice_and_what_is_missing_is_not_changed() -> None:
    row = made()
    assert [status(after, row, edit) for edit in TWICE] == [409] * len(TWICE)
    assert [status(after, row, edit) for edit in MISSING] == [404] * len(MISSING)
    with pytest.raises(CallerError, match="already exists"):
        made(tags=("a", "a"))


def test_what_is_protected_loses_nothing_and_may_gain() -> None:
    row = made(protected=True)
    assert status(rules.deletable, row) == 403
    for kind, name in (
        ("objects", "net"),
        ("properties", "ram"),
        ("tags", "fast"),
        ("associations", "OS::Nova::Flavor"),
    ):
        assert status(after, row, DropParts(kind=kind, name=name)) == 403  # type: ignore[arg-type]
        assert status(after, row, DropParts(kind=kind)) == 403  # type: ignore[arg-type]
    assert len(after(row, AddTags(names=("new",))).tags) == 3
    assert rules.deletable(after(row, Redescribe(draft=NamespaceDraft(namespace="n"))))


def test_a_namespace_has_an_end() -> None:
    row = made()
    too_many = tuple(str(n) for n in range(rules.PARTS_LIMIT))
    assert status(after, row, AddTags(names=too_many)) == 413
    long = {"title": "x" * rules.NAMESPACE_LIMIT_BYTES, "type": "string"}
    assert status(after, row, PutProperty(name="long", schema=long)) == 413
    assert status(after, row, PutProperty(name="odd", schema=PROPERTY | {"title": "\ud800"})) == 400
    assert status(after, row, AddTags(names=("a/b",))) == 400


def test_resource_types_are_noted_once() -> None:
    row = made(associations=(AssociationDraft(name="a"), AssociationDraft(name="b")))
    assert [one.id for one in rules.new_types(row, ["a"], 3.0)] == ["b"]
    assert status(rules.new_types, row, [str(n) for n in range(rules.RESOURCE_TYPES_LIMIT)], 3.0) == 413


# ---------------------------------------------------------------- lists


def test_a_list_has_what_is_asked_for_in_its_order() -> None:
    volumes = (AssociationDraft(name="OS::Cinder::Volume"),)
    rows = shelf(
        made(now=1.0, namespace="c", visibility="public"),
        made(now=2.0, namespace="a", associations=volumes),
        made(now=3.0, namespace="b", owner="p-bob"),
    )

    def names(who: AuthContext = ROOT, **asked: Any) -> str:
        return "".join(row.namespace for row in listed(rows, MetadefQuery(**asked), who))

    assert (names(), names(ANN), names(BOB)) == ("bac", "ac", "bc")
    assert names(sort_dir="asc") == "cab"
    assert (names(sort_key="namespace", sort_dir="asc"), names(sort_key="namespace")) == ("abc", "cba")
    assert (names(visibility="public"), names(visibility="private")) == ("c", "ba")
    assert names(resource_types=("OS::Nova::Flavor",)) == "bc"
    assert names(resource_types=("OS::Cinder::Volume", "OS::Nova::Flavor")) == "bac"
    assert (names(resource_types=("OS::None",)), names(resource_types=())) == ("", "")
    assert (names(limit=2), names(limit=2, marker="a"), names(limit=0)) == ("ba", "c", "")
    for asked, refused in (
        ({"visibility": "shared"}, 400), ({"sort_key": "odd"}, 400), ({"sort_dir": "up"}, 400), ({"marker": "d"}, 404),
    ):  # fmt: skip
        with pytest.raises(CallerError) as error:
            names(**asked)
        assert error.value.fault.status == refused
    with pytest.raises(CallerError, match="a was not found"):
        names(BOB, marker="a")


def test_tags_in_pages_the_newest_first() -> None:
    row = after(made(tags=("b", "a")), AddTags(names=("c",)))

    def names(key: str = "created_at", direction: str = "desc", marker: str = "", limit: int = -1) -> str:
        return "".join(tag.name for tag in tags_of(row, key, direction, marker, limit))

    assert (names(), names(direction="asc")) == ("cab", "bac")
    assert (names("name", "asc"), names("name", "asc", "a", 1), names(limit=0)) == ("abc", "b", "")
    assert (
        status(names, "odd") == 400 and status(names, "name", "up") == 400 and status(names, "name", "asc", "x") == 404
    )
