"""Rules of identity that an operator gives: they look at the rows that a request is about, as Keystone's do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.api.rest.identity.targets import rows_named
from actors.records import Trust
from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import log_in, play_as_admin
from tests.world import World, token

IN_ROLE = "/v3/projects/{scope_id}/users/{actor_id}/roles/{role_id}"


def test_the_rows_that_a_path_names() -> None:
    assert rows_named("/v3/users/{row_id}", {"row_id": "u"}) == {"user": "u"}
    found = rows_named(IN_ROLE, {"scope_id": "p", "actor_id": "u", "role_id": "r"})
    assert found == {"project": "p", "user": "u", "role": "r"}
    assert rows_named("/v3/users", {}) == {}


def by_id(user: str, **scope: Any) -> Any:
    known = {"methods": ["password"], "password": {"user": {"id": user, "password": "pw"}}}
    return {"auth": {"identity": known, "scope": scope}}


def played(folder: Path, rules: dict[str, str], story: Any) -> None:
    (folder / "policy.yaml").write_text("".join(f'"identity:{name}": "{says}"\n' for name, says in rules.items()))
    play_as_admin(folder, story)


async def statuses(world: World, who: str, *asked: tuple[str, str, object]) -> list[int]:
    async with world.http(who) as http:
        return [(await http.request(verb, V3 + path, json=body)).status_code for verb, path, body in asked]


def test_a_user_of_its_own_row_alone(tmp_path: Path) -> None:
    """Keystone's own example; and who is neither is told nothing of whether there is such a user."""
    says = "rule:admin_required or (role:reader and system_scope:all) or user_id:%(target.user.id)s"

    async def story(world: World, http: httpx.AsyncClient) -> None:
        bob, eve = [(await made(http, "user", name=name))["id"] for name in ("bob", "eve")]
        asked = [("GET", f"/users/{one}", None) for one in (bob, eve, "nobody")]
        for user in (bob, eve):
            expected = [200 if user == one else 403 for one in (bob, eve, "nobody")]
            assert await statuses(world, token("demo", ("member",), user), *asked) == expected
            assert await statuses(world, token("demo", ("reader",), user), *asked) == expected
        assert [(await http.request(verb, V3 + path)).status_code for verb, path, _ in asked] == [200, 200, 404]

    played(tmp_path, {"get_user": says}, story)


def test_the_owner_of_the_path(tmp_path: Path) -> None:
    """`rule:owner` is about the user that the path names, not about who asks."""

    async def story(world: World, http: httpx.AsyncClient) -> None:
        bob, eve = [(await made(http, "user", name=name))["id"] for name in ("bob", "eve")]
        asked = [("GET", f"/users/{one}/projects", None) for one in (bob, eve)]
        assert await statuses(world, token("demo", ("guest",), bob), *asked) == [200, 403]
        assert await statuses(world, token("demo", ("guest",), eve), *asked) == [403, 200]
        assert [(await http.get(f"{V3}/users/{one}/projects")).status_code for one in (bob, eve)] == [403, 403]

    played(tmp_path, {"list_user_projects": "rule:owner"}, story)


def test_what_a_rule_gives_it_gives_alone(tmp_path: Path) -> None:
    """A role of the operator's own sees, changes and makes users of one domain, which by default only admins do."""
    all_users = "rule:admin_required or role:helpdesk"
    of_one_domain = "rule:admin_required or (role:helpdesk and 'default':%(target.user.domain_id)s)"
    rules = dict.fromkeys(("list_users", "get_user"), all_users)
    rules |= dict.fromkeys(("update_user", "create_user"), of_one_domain)

    async def story(world: World, http: httpx.AsyncClient) -> None:
        far = (await made(http, "domain", name="far"))["id"]
        near_by, far_off = await made(http, "user", name="bob"), await made(http, "user", name="bob", domain_id=far)
        helper = token("demo", ("helpdesk",), "hal")
        asked = [
            ("GET", "/users", None),
            ("GET", f"/users/{far_off['id']}", None),
            ("PATCH", f"/users/{near_by['id']}", {"user": {"enabled": False}}),
            ("PATCH", f"/users/{far_off['id']}", {"user": {"enabled": False}}),
            ("POST", "/users", {"user": {"name": "new"}}),
            ("POST", "/users", {"user": {"name": "new", "domain_id": far}}),
            ("DELETE", f"/users/{near_by['id']}", None),  # of which the file says nothing
        ]
        assert await statuses(world, helper, *asked) == [200, 200, 200, 403, 201, 403, 403]
        assert await statuses(world, token("demo", ("member",), "ann"), *asked) == [403] * 7
        shown = (await http.get(f"{V3}/users/{near_by['id']}")).json()["user"]
        assert shown["enabled"] is False

    played(tmp_path, rules, story)


def test_who_manages_a_domain(tmp_path: Path) -> None:
    """Keystone's domain manager gives roles in its own domain's projects; that of an administrator the room refuses."""
    domain = "role:manager and domain_id:%(target.project.domain_id)s and None:%(target.role.domain_id)s"

    async def story(world: World, http: httpx.AsyncClient) -> None:
        far = (await made(http, "domain", name="far"))["id"]
        bob = (await made(http, "user", name="bob", domain_id=far))["id"]
        ours, theirs = [(await made(http, "project", name="p", domain_id=one))["id"] for one in (far, "default")]
        roles = {role["name"]: role["id"] for role in (await http.get(f"{V3}/roles")).json()["roles"]}
        mia = await made(http, "user", name="mia", domain_id=far)
        held = f"{V3}/domains/{far}/users/{mia['id']}/roles/{roles['manager']}"
        assert (await http.put(held)).status_code == 204
        manager, _ = await log_in(http, by_id(mia["id"], domain={"id": far}))
        asked = [
            ("PUT", f"/projects/{project}/users/{bob}/roles/{roles[role]}", None)
            for project, role in ((ours, "member"), (theirs, "member"), (ours, "admin"))
        ]
        assert await statuses(world, manager, *asked) == [204, 403, 403]

    played(tmp_path, {"create_grant": f"rule:admin_required or ({domain})"}, story)


@pytest.mark.parametrize(
    "more",
    [
        {"target.user": {"domain_id": "default"}},
        {"target": {"user.domain_id": "default", "domain_id": "default"}},
        {"user": {"name": "new", "domain_id": "far", "target.user.domain_id": "default"}},
    ],
)
def test_a_body_does_not_say_what_it_is_about(tmp_path: Path, more: dict[str, Any]) -> None:
    """Its fields are the target where it makes a row, and none of it stands for anything else."""
    says = "rule:admin_required or (role:helpdesk and 'default':%(target.user.domain_id)s)"
    asks = "rule:admin_required or 'default':%(target.domain_id)s"

    async def story(world: World, http: httpx.AsyncClient) -> None:
        far = (await made(http, "domain", name="far"))["id"]
        body = {"user": {"name": "new", "domain_id": far}}
        body["user"] |= more.get("user", {}) | {"domain_id": far}
        asked = [("POST", "/users", body | {key: value for key, value in more.items() if key != "user"})]
        asked += [("POST", "/roles", {"role": {"name": "mine"}} | more)]
        assert await statuses(world, token("demo", ("helpdesk",), "hal"), *asked) == [403, 403]

    played(tmp_path, {"create_user": says, "create_role": asks}, story)


@pytest.mark.parametrize(("says", "expected"), [("rule:token_subject", [200, 403]), ("role:member", [200, 200])])
def test_the_subject_of_a_token(tmp_path: Path, says: str, expected: list[int]) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        bob, eve = [(await made(http, "user", name=name))["id"] for name in ("bob", "eve")]
        tokens = [token("demo", ("member",), one) for one in (bob, eve)]
        async with world.http(tokens[0]) as client:
            seen = [await client.get(f"{V3}/auth/tokens", headers={"X-Subject-Token": one}) for one in tokens]
        assert [answer.status_code for answer in seen] == expected

    played(tmp_path, {"validate_token": says}, story)


def test_a_credential_made_under_a_rule_of_the_file_has_no_role_that_was_lent(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        bob = (await made(http, "user", name="bob"))["id"]
        project = (await made(http, "project", name="p"))["id"]
        roles = {role["name"]: role["id"] for role in (await http.get(f"{V3}/roles")).json()["roles"]}
        given = await http.put(f"{V3}/projects/{project}/users/{bob}/roles/{roles['member']}")
        assert given.status_code == 204
        async with world.http(token(project, ("member",), bob)) as client:
            sent = {"application_credential": {"name": "c"}}
            made_one = await client.post(f"{V3}/users/{bob}/application_credentials", json=sent)
            assert made_one.status_code == 201, made_one.text
            held = made_one.json()["application_credential"]["roles"]
            assert [role["name"] for role in held] == ["member"]
            sent["application_credential"]["name"] = "d"
            other = await client.post(f"{V3}/users/someone/application_credentials", json=sent)
            assert other.status_code == 403

    played(tmp_path, {"create_application_credential": "rule:owner"}, story)


def test_whose_trusts_they_are(tmp_path: Path) -> None:
    """A list of one user's has a rule of its own, which knows whose; so has each that there is."""
    help_with = "role:helpdesk and 'eve':%(target.trust.{}_user_id)s"
    rules = {f"list_trusts_for_{who}": help_with.format(who) for who in ("trustor", "trustee")}
    rules |= {"get_trust": help_with.format("trustee"), "create_trust": "not 'eve':%(trust.trustee_user_id)s"}

    async def story(world: World, http: httpx.AsyncClient) -> None:
        who = {"trustor_user_id": "bob", "trustee_user_id": "eve"}
        await world.conductor.commit([Trust(id="t", impersonation=False, **who)])
        await world.identity.start()
        trusts = "/OS-TRUST/trusts"
        asked = [
            *(("GET", f"{trusts}?{name}={user}", None) for name in who for user in ("bob", "eve")),
            ("GET", trusts, None),
            ("GET", f"{trusts}/t", None),
            ("DELETE", f"{trusts}/t", None),
            ("POST", trusts, {"trust": who | {"impersonation": True}}),
        ]
        helper = token("demo", ("helpdesk",), "hal")
        assert await statuses(world, helper, *asked) == [403, 200, 403, 200, 403, 200, 403, 403]
        assert await statuses(world, token("demo", ("member",), "eve"), *asked) == [403] * 8

    played(tmp_path, rules, story)
