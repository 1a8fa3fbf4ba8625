"""What every cloud has, and what an older one gets beside what it has."""

from __future__ import annotations

from actors.identity.directory import Target
from actors.identity.draft import Draft
from actors.identity.first import furnish
from actors.identity.kinds import Row
from actors.records import ImpliedRole, Role, RoleAssignment

OLD = [
    *(Role(id=f"r-{name}", name=name) for name in ("admin", "member", "reader", "service")),
    ImpliedRole(id="r-admin:r-member", prior_role_id="r-admin", implied_role_id="r-member"),
]
ROOT = RoleAssignment(id="a", role_id="r-admin", user_id="u1", system=True)


def furnished(*rows: Row) -> Draft:
    one = Draft(rows, 0.0, 0.0)
    furnish(one)
    return one


def implied(one: Draft) -> set[tuple[str, str]]:
    names = {role.id: role.name for role in one.all(Role)}
    return {(names[row.prior_role_id], names[row.implied_role_id]) for row in one.all(ImpliedRole)}


def test_a_new_cloud_has_keystones_roles() -> None:
    one = furnished()
    assert {role.name for role in one.all(Role)} == {"admin", "manager", "member", "reader", "service"}
    assert implied(one) == {("admin", "manager"), ("manager", "member"), ("member", "reader")}
    again = Draft(one.rows(), 0.0, 0.0)
    furnish(again)
    assert again.changes == []


def test_an_older_cloud_gets_the_manager_and_keeps_what_was_decided_there() -> None:
    one = furnished(*OLD, ROOT)
    assert implied(one) == {("admin", "member"), ("admin", "manager"), ("manager", "member")}
    held = one.roles(one.role_ids("u1", Target(system=True)))
    assert [role.name for role in held] == ["admin", "manager", "member"]


def test_a_manager_that_is_somebodys_own_is_left_alone() -> None:
    assert implied(furnished(*OLD, Role(id="r-manager", name="manager"))) == {("admin", "member")}
