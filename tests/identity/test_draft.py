"""The rules of changing identity's rows: pure, on a draft."""

from __future__ import annotations

from typing import Any

import pytest

from actors.errors import CallerError, CallerFault
from actors.identity.assignments import assignment, effective
from actors.identity.directory import Directory, Target
from actors.identity.draft import Draft
from actors.identity.first import furnish
from actors.identity.kinds import KINDS, Row
from actors.identity.messages import RoleGrant
from actors.records import Domain, Drop, Group, Project, Role, RoleAssignment, User

DEMO = Project(id="p1", name="demo")
ALICE = User(id="u1", name="alice", password_hash="h")
TEAM = Group(id="g1", name="team", user_ids=("u1",))
IN_DEMO = Target(project_id="p1")


def draft(*rows: Row) -> Draft:
    first = Draft([DEMO, ALICE, TEAM, *rows], 0.0, 0.0)
    furnish(first)
    return Draft(first.rows(), now=100.0, tokens_end_at=110.0)


def create(one: Draft, kind: str, row_id: str = "new", **fields: Any) -> Row | CallerFault:
    return one.create(KINDS[kind], row_id, fields)


def grant(one: Draft, role: str, **where: Any) -> RoleAssignment:
    fields = where or {"user": "alice", "project": "demo"}
    wanted = assignment(one, RoleGrant(token="t", role=role, **fields))
    one.assign(wanted)
    return wanted


def names(one: Directory, target: Target = IN_DEMO) -> tuple[str, ...]:
    return tuple(role.name for role in one.roles(one.role_ids("u1", target)))


def status(reply: object) -> int:
    assert isinstance(reply, CallerFault)
    return reply.status


def unchanged(one: Draft) -> bool:
    return one.changes == [] and one.revoked == []


def test_no_region_is_above_itself() -> None:
    one = draft()
    create(one, "region", "north")
    create(one, "region", "west", parent_region_id="north")
    for region, parent in (("west", "west"), ("north", "west")):
        assert status(one.update(KINDS["region"], region, {"parent_region_id": parent})) == 400
    assert not isinstance(one.update(KINDS["region"], "west", {"parent_region_id": "RegionOne"}), CallerFault)


@pytest.mark.parametrize(("url", "refused"), [("http://x/$(project_id)s", False), ("not a url", True), ("", True)])
def test_an_endpoint_has_a_url(url: str, refused: bool) -> None:
    one = draft()
    service = create(one, "service", "s1", type="disks")
    fields = {"service_id": "s1", "interface": "public", "url": url, "region_id": "RegionOne"}
    assert not isinstance(service, CallerFault)
    assert isinstance(create(one, "endpoint", "e1", **fields), CallerFault) == refused


@pytest.mark.parametrize(
    ("role", "held"),
    [("admin", ("admin", "manager", "member", "reader")), ("member", ("member", "reader")), ("reader", ("reader",))],
)
def test_roles_imply_others(role: str, held: tuple[str, ...]) -> None:
    one = draft()
    grant(one, role)
    assert names(one) == held
    assert names(one, Target(project_id="p2")) == names(one, Target(system=True)) == ()


def test_roles_come_from_groups_too_and_go_with_them() -> None:
    one = draft()
    grant(one, "member", group="team", project="demo")
    assert names(one) == ("member", "reader")
    assert one.remove(Group, "g1") is None
    assert names(one) == () and [row.id for row in one.revoked] == ["held/u1:p1::/100.0"]


def test_implied_roles_can_be_made_and_dropped_but_never_in_a_circle() -> None:
    one = draft(Role(id="r9", name="operator"))
    operator, reader, admin = one.role("operator"), one.role("reader"), one.role("admin")
    assert operator and reader and admin
    assert status(one.imply(reader, admin)) == status(one.imply(reader, reader)) == 409
    assert not isinstance(one.imply(operator, reader), CallerFault)
    grant(one, "operator")
    assert names(one) == ("operator", "reader")
    assert one.imply_no_more(operator, reader) is None and status(one.imply_no_more(operator, reader)) == 404
    assert names(one) == ("operator",) and len(one.revoked) == 1


def test_the_effective_list_names_every_user_and_role() -> None:
    one = draft()
    held = [grant(one, "member", group="team", project="demo"), grant(one, "reader")]
    found = effective(one, held)
    roles = {role.id: role.name for role in one.all(Role)}
    assert sorted((row.user_id, row.group_id, roles[row.role_id]) for row in found) == [
        ("u1", "", "member"),
        ("u1", "", "reader"),
    ]


@pytest.mark.parametrize(
    "where",
    [
        {"user": "alice"},
        {"project": "demo"},
        {"user": "alice", "group": "team", "project": "demo"},
        {"user": "alice", "project": "demo", "system": True},
    ],
)
def test_a_grant_has_one_holder_and_one_place(where: dict[str, Any]) -> None:
    with pytest.raises(CallerError) as refused:
        grant(draft(), "reader", **where)
    assert refused.value.fault.status == 400


@pytest.mark.parametrize("missing", ["role", "user", "project"])
def test_a_grant_of_what_is_not_there(missing: str) -> None:
    with pytest.raises(CallerError) as refused:
        fields = {"role": "reader", "user": "alice", "project": "demo"} | {missing: "x"}
        assignment(draft(), RoleGrant(token="t", **fields))
    assert refused.value.fault.status == 404


def test_the_same_request_twice_changes_nothing_more() -> None:
    one = draft()
    for _ in range(2):
        assert isinstance(create(one, "project", "p2", name="lab"), Project)
        assert isinstance(create(one, "user", "u2", name="bob", password_hash="h"), User)
        grant(one, "member", user="bob", project="lab")
    assert [type(change) for change in one.changes] == [Project, User, RoleAssignment]


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\nb", "x" * 256, "\u202eevil", "\ud800"])
@pytest.mark.parametrize("kind", ["project", "user", "group", "domain", "role"])
def test_bad_names(kind: str, name: str) -> None:
    one = draft()
    more = {"password_hash": ""} if kind == "user" else {}
    assert status(create(one, kind, name=name, **more)) == 400
    assert unchanged(one)


@pytest.mark.parametrize("row_id", ["", "a/b", "a:b", "x" * 65, "é", "group=g1"])
def test_bad_ids(row_id: str) -> None:
    assert status(create(draft(), "project", row_id, name="lab")) == 400


@pytest.mark.parametrize("fields", [{"name": 5}, {"name": "a", "enabled": "yes"}, {"name": "a", "colour": "red"}])
def test_bad_fields(fields: dict[str, Any]) -> None:
    assert status(create(draft(), "project", **fields)) == 400


@pytest.mark.parametrize(("name", "row_id"), [("demo", "new"), ("p1", "new"), ("lab", "p1"), ("lab", "demo")])
def test_no_project_can_pass_for_another(name: str, row_id: str) -> None:
    one = draft()
    assert status(create(one, "project", row_id, name=name)) == 409
    assert unchanged(one)


def test_each_domain_has_names_of_its_own() -> None:
    one = draft(Domain(id="d2", name="Other"))
    assert isinstance(create(one, "project", name="demo", domain_id="d2"), Project)
    assert one.project("demo") == DEMO and one.project("demo", "d2") != DEMO
    assert status(create(one, "domain", "d3", name="OTHER")) == 409
    assert status(create(one, "project", "p9", name="lost", domain_id="d9")) == 404


def test_renaming_frees_the_old_name_and_takes_no_other() -> None:
    one = draft(Project(id="p2", name="lab"))
    assert status(one.update(KINDS["project"], "p1", {"name": "lab"})) == 409
    assert isinstance(one.update(KINDS["project"], "p1", {"name": "shop"}), Project)
    assert one.project("demo") is None and isinstance(create(one, "project", name="demo"), Project)
    assert status(one.update(KINDS["project"], "p1", {"domain_id": "d2"})) == 400
    assert status(one.update(KINDS["project"], "p9", {"name": "x"})) == 404


@pytest.mark.parametrize(
    ("kind", "row_id", "fields", "revoked"),
    [
        ("user", "u1", {"enabled": False}, "user/u1/100.0"),
        ("user", "u1", {"password_hash": "other"}, "user/u1/100.0"),
        ("project", "p1", {"enabled": False}, "project/p1/100.0"),
        ("domain", "default", {"enabled": False}, "domain/default/100.0"),
        ("project", "p1", {"description": "x"}, None),
    ],
)
def test_whoever_loses_rights_loses_tokens(kind: str, row_id: str, fields: dict[str, Any], revoked: str | None) -> None:
    one = draft()
    assert not isinstance(one.update(KINDS[kind], row_id, fields), CallerFault)
    assert [row.id for row in one.revoked] == ([revoked] if revoked else [])
    assert all(row.expires_at == 110.0 for row in one.revoked)


@pytest.mark.parametrize(("kind", "row_id"), [(User, "u1"), (Project, "p1")])
def test_deletion_takes_assignments_and_tokens_along(kind: type[Row], row_id: str) -> None:
    one = draft()
    held = grant(one, "admin")
    one.changes.clear()
    assert one.remove(kind, row_id) is None
    assert {Drop(kind.__name__, row_id), Drop("RoleAssignment", held.id)} <= {
        change for change in one.changes if isinstance(change, Drop)
    }
    assert names(one) == () and one.revoked
    assert status(one.remove(kind, row_id)) == 404


def test_a_deleted_user_is_in_no_group() -> None:
    one = draft()
    assert one.remove(User, "u1") is None
    assert [group.user_ids for group in one.all(Group)] == [()]


def test_a_domain_is_disabled_before_it_goes_with_all_that_is_in_it() -> None:
    one = draft(Domain(id="d2", name="Other"), User(id="u2", name="bob", domain_id="d2", password_hash=""))
    assert status(one.remove(Domain, "d2")) == 403
    assert not isinstance(one.update(KINDS["domain"], "d2", {"enabled": False}), CallerFault)
    assert one.remove(Domain, "d2") is None and one.get(User, "u2") is None
    assert status(one.remove(Domain, "default")) == 403


def test_what_is_still_needed_stays() -> None:
    one = draft(Project(id="p2", name="child", parent_id="p1"))
    assert status(one.remove(Project, "p1")) == 409
    assert unchanged(one)


def test_unassigning_revokes_once() -> None:
    one = draft()
    held = grant(one, "member")
    assert one.unassign(held) is None and status(one.unassign(held)) == 404
    assert len(one.revoked) == 1 and names(one) == ()


def test_a_draft_leaves_its_original_alone() -> None:
    directory = Directory(draft().rows())
    Draft(directory.rows(), 0.0, 1.0).remove(User, "u1")
    assert directory.user("alice") == ALICE


def test_what_is_lost_in_one_place_is_kept_in_another() -> None:
    one = draft(Project(id="p2", name="other"))
    operator, reader = create(one, "role", name="operator"), one.role("reader")
    assert isinstance(operator, Role) and reader and not isinstance(one.imply(operator, reader), CallerFault)
    grant(one, "member", user="alice", project="other")
    grant(one, "operator", group="team", project="demo")
    assert one.imply_no_more(operator, reader) is None
    assert [row.id for row in one.revoked] == ["held/u1:p1::/100.0"]
    assert one.unassign(grant(one, "member", user="alice", system=True)) is None
    assert [row.id for row in one.revoked][1:] == ["held/u1:::system/100.0"]


def test_who_leaves_a_group_loses_its_roles_alone() -> None:
    one = draft(Project(id="p2", name="other"))
    grant(one, "member", user="alice", project="other")
    grant(one, "member", group="team", project="demo")
    assert one.remove_member(TEAM, ALICE) is None
    assert [row.id for row in one.revoked] == ["held/u1:p1::/100.0"]


@pytest.mark.parametrize(("places", "everything"), [(16, False), (17, True), (100, True)])
def test_who_loses_much_at_once_loses_all_tokens(places: int, everything: bool) -> None:
    """So that what is taken back stays few, however many places it is good for."""
    one = draft(*(Project(id=f"q{number}", name=f"q{number}", parent_id="p1") for number in range(places)))
    held = grant(one, "member", user="alice", project="demo", inherited=True)
    assert one.unassign(held) is None
    assert ("user/u1/100.0" in {row.id for row in one.revoked}) is everything
    assert len(one.revoked) <= 17
