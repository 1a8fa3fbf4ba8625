"""The rules of changing projects, users, roles and assignments."""

from __future__ import annotations

import pytest

from actors.errors import CallerFault
from actors.identity.directory import Directory, Draft, assignment
from actors.identity.messages import CreateProject, CreateUser, Delete, RoleGrant
from actors.records import Change, Drop, Project, Role, RoleAssignment, User

ROLES = [Role(id=f"r-{name}", name=name) for name in ("admin", "member", "reader", "service")]
DEMO = Project(id="p1", name="demo")
ALICE = User(id="u1", name="alice", password_hash="h")


def draft(*rows: Project | User | RoleAssignment) -> Draft:
    return Directory([*ROLES, DEMO, ALICE, *rows]).draft(now=100.0, token_lifetime_s=10.0)


def create_user(name: str, user_id: str = "u9", project: str = "") -> CreateUser:
    return CreateUser(token="t", name=name, password="x", id=user_id, default_project_id=project)


def status(reply: object) -> int:
    assert isinstance(reply, CallerFault)
    return reply.status


@pytest.mark.parametrize(
    ("role", "effective"),
    [
        ("admin", ("admin", "member", "reader")),
        ("member", ("member", "reader")),
        ("reader", ("reader",)),
        ("service", ("service",)),
    ],
)
def test_roles_imply_others(role: str, effective: tuple[str, ...]) -> None:
    one = draft()
    assert isinstance(one.assign(RoleGrant(token="t", role=role, user="alice", project="demo")), RoleAssignment)
    assert one.roles_of("u1", "p1") == effective
    assert one.roles_of("u1", "p2") == ()


def test_the_same_request_twice_changes_nothing_more() -> None:
    one = draft()
    project = CreateProject(token="t", name="lab")
    assert one.create_project(project) == one.create_project(project)
    user = create_user("bob")
    assert one.create_user(user, "h1") == one.create_user(user, "h2")
    grant = RoleGrant(token="t", role="member", user="bob", project="lab")
    assert one.assign(grant) == one.assign(grant)
    assert [type(change) for change in one.changes] == [Project, User, RoleAssignment]
    assert one.users["u9"].password_hash == "h1"


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\nb", "x" * 256, "\u202eevil"])
def test_bad_names(name: str) -> None:
    one = draft()
    assert status(one.create_user(create_user(name), "h")) == 400
    assert status(one.create_project(CreateProject(token="t", name=name))) == 400
    assert one.changes == []


@pytest.mark.parametrize("user_id", ["", "a/b", "a:b", "x" * 65, "é"])
def test_bad_ids(user_id: str) -> None:
    assert status(draft().create_user(create_user("bob", user_id), "h")) == 400


@pytest.mark.parametrize(("name", "row_id"), [("demo", "new"), ("p1", "new"), ("lab", "p1"), ("lab", "demo")])
def test_no_project_can_pass_for_another(name: str, row_id: str) -> None:
    one = draft()
    assert status(one.create_project(CreateProject(token="t", name=name, id=row_id))) == 409
    assert one.changes == []


def test_what_is_not_there() -> None:
    one = draft()
    assert status(one.create_user(create_user("bob", project="nowhere"), "h")) == 404
    for role, user, project in (("x", "alice", "demo"), ("admin", "x", "demo"), ("admin", "alice", "x")):
        assert status(one.assign(RoleGrant(token="t", role=role, user=user, project=project))) == 404
        assert status(one.unassign(RoleGrant(token="t", role=role, user=user, project=project))) == 404
    assert status(one.delete_user(Delete(token="t", id="x"))) == 404
    assert status(one.delete_project(Delete(token="t", id="x"))) == 404
    assert one.changes == [] and one.revoked == []


@pytest.mark.parametrize("which", ["user", "project"])
def test_deletion_takes_assignments_and_tokens_along(which: str) -> None:
    held = assignment(ROLES[0], ALICE, DEMO)
    one = draft(held)
    if which == "user":
        assert one.delete_user(Delete(token="t", id="u1")) is None
        expected: list[Change] = [Drop("User", "u1"), Drop("RoleAssignment", held.id)]
    else:
        assert one.delete_project(Delete(token="t", id="p1")) is None
        expected = [Drop("Project", "p1"), Drop("RoleAssignment", held.id)]
    assert one.changes == expected
    assert one.roles_of("u1", "p1") == ()
    assert [row.expires_at for row in one.revoked] == [110.0]
    assert one.create_user(create_user("alice"), "h") if which == "user" else one.project("demo") is None


def test_unassigning_revokes_once() -> None:
    one = draft(assignment(ROLES[1], ALICE, DEMO))
    grant = RoleGrant(token="t", role="member", user="alice", project="demo")
    assert one.unassign(grant) is None and one.unassign(grant) is None
    assert len(one.changes) == 1 and len(one.revoked) == 1
    assert one.roles_of("u1", "p1") == ()


def test_a_draft_leaves_its_original_alone() -> None:
    directory = Directory([*ROLES, DEMO, ALICE])
    directory.draft(0.0, 1.0).delete_user(Delete(token="t", id="u1"))
    assert directory.user("alice") == ALICE
