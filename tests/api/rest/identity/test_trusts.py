"""Trusts over HTTP: made, seen and ended by those who may, and the tokens that they give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.records import Trust
from tests.api.rest.identity.test_credentials import bob_in_lab
from tests.api.rest.identity.test_revocations import good
from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import Body, by_password, by_token, log_in, play_as_admin
from tests.world import World

TRUSTS = f"{V3}/OS-TRUST/trusts"


class Lab:
    """Bob has two roles in a project; Eve is another user, with a project of her own."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def furnished(self) -> Lab:
        self.bob, self.project, self.bobs = await bob_in_lab(self.http)
        self.eve, self.elsewhere, self.eves = await bob_in_lab(self.http, "eve")
        self.role = (await made(self.http, "role"))["id"]
        self.held = f"{V3}/projects/{self.project}/users/{self.bob}/roles/{self.role}"
        assert (await self.http.put(self.held)).status_code == 204
        return self

    async def asked(self, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        trust = {"trustor_user_id": self.bob, "trustee_user_id": self.eve, "project_id": self.project}
        trust |= {"impersonation": True, "roles": [{"id": self.role}]} | fields
        trust = {name: value for name, value in trust.items() if value != "left out"}
        return await self.http.post(TRUSTS, json={"trust": trust}, headers=headers or self.bobs)

    async def given(self, headers: dict[str, str] | None = None, **fields: Any) -> Body:
        answer = await self.asked(headers, **fields)
        assert answer.status_code == 201, answer.text
        trust: Body = answer.json()["trust"]
        return trust

    async def status(self, headers: dict[str, str] | None = None, **fields: Any) -> int:
        return (await self.asked(headers, **fields)).status_code

    async def refused(self, trust: Body, name: str = "eve") -> int:
        body = by_password("pw", name, **scope_of(trust))
        return (await self.http.post(f"{V3}/auth/tokens", json=body)).status_code


def scope_of(trust: Body) -> Body:
    return {"OS-TRUST:trust": {"id": trust["id"]}}


def played(folder: Path, story: Any) -> None:
    async def play(world: World, http: httpx.AsyncClient) -> None:
        await story(world, http, await Lab(http).furnished())

    play_as_admin(folder, play)


def test_the_life_of_a_trust(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        trust = await lab.given(expires_at="2999-01-02T03:04:05Z", roles=[{"name": "operator"}])
        one = f"{TRUSTS}/{trust['id']}"
        assert trust["links"]["self"].endswith(one) and trust["roles_links"]["self"].endswith(f"{one}/roles")
        assert [(role["id"], role["name"]) for role in trust["roles"]] == [(lab.role, "operator")]
        assert {name: trust[name] for name in trust if name not in ("id", "links", "roles", "roles_links")} == {
            "trustor_user_id": lab.bob,
            "trustee_user_id": lab.eve,
            "project_id": lab.project,
            "impersonation": True,
            "expires_at": "2999-01-02T03:04:05.000000Z",
            "remaining_uses": None,
            "redelegated_trust_id": None,
            "redelegation_count": 0,
            "deleted_at": None,
        }
        for who in (lab.bobs, lab.eves, dict(http.headers)):
            assert (await http.get(one, headers=who)).json() == {"trust": trust}
        summary = {name: value for name, value in trust.items() if name not in ("roles", "roles_links")}
        for who, query in ((lab.bobs, f"trustor_user_id={lab.bob}"), (lab.eves, f"trustee_user_id={lab.eve}")):
            assert (await http.get(f"{TRUSTS}?{query}", headers=who)).json()["trusts"] == [summary]
            assert (await http.get(f"{TRUSTS}?{query}")).json()["trusts"] == [summary]
        assert (await http.get(f"{TRUSTS}/?trustor_user_id={lab.eve}", headers=lab.eves)).json()["trusts"] == []
        assert (await http.get(TRUSTS)).json()["trusts"] == [summary]
        roles = await http.get(f"{one}/roles", headers=lab.eves)
        assert roles.json() == {"roles": trust["roles"], "links": trust["roles_links"]}
        assert (await http.get(f"{one}/roles/{lab.role}")).json() == {"role": trust["roles"][0]}
        heads = [await http.head(path) for path in (TRUSTS, one, f"{one}/roles", f"{one}/roles/{lab.role}")]
        assert [(head.status_code, head.content) for head in heads] == [(200, b"")] * 4
        assert (await http.head(f"{one}/roles/nothing")).status_code == 404
        assert (await http.delete(one, headers=lab.eves)).status_code == 403
        assert (await http.delete(one, headers=lab.bobs)).status_code == 204
        assert [(await http.request(verb, one, headers=lab.bobs)).status_code for verb in ("GET", "DELETE")] == [
            404
        ] * 2

    played(tmp_path, story)


def test_who_sees_what(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        _, _, zoes = await bob_in_lab(http, "zoe")
        one = f"{TRUSTS}/{(await lab.given())['id']}"
        for path in (one, f"{one}/roles", f"{one}/roles/{lab.role}", TRUSTS, f"{TRUSTS}?trustee_user_id={lab.eve}"):
            assert (await http.get(path, headers=zoes)).status_code == 403, path
        assert (await http.get(TRUSTS, headers=lab.bobs)).status_code == 403
        assert (await http.get(f"{TRUSTS}/nothing", headers=zoes)).status_code == 404
        assert (await http.delete(one)).status_code == 204

    played(tmp_path, story)


def test_what_is_refused(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        [reader, admin] = [
            (await http.get(f"{V3}/roles?name={name}")).json()["roles"][0]["id"] for name in ("reader", "admin")
        ]
        wrong: list[Body] = [
            {"trustor_user_id": "left out"},
            {"trustee_user_id": "left out"},
            {"impersonation": "left out"},
            {"impersonation": "yes"},
            {"expires_at": "bad.123Z"},
            {"expires_at": "1999-01-01T00:00:00Z"},
            {"expires_at": 5},
            {"remaining_uses": 0},
            {"remaining_uses": 2**40},
            {"remaining_uses": True},
            {"remaining_uses": 5, "allow_redelegation": True},
            {"redelegation_count": -1},
            {"roles": [{}]},
            {"roles": [{"id": lab.role, "name": "operator"}]},
        ]
        assert [await lab.status(**fields) for fields in wrong] == [400] * len(wrong)
        lost: list[Body] = [
            {"trustee_user_id": "nobody"},
            {"project_id": "nothing"},
            {"roles": [{"id": "nothing"}]},
            {"roles": [{"name": "nothing"}]},
            {"roles": [{"id": admin}]},
            {"project_id": lab.elsewhere},
        ]
        assert [await lab.status(**fields) for fields in lost] == [404] * len(lost)
        denied: list[Body] = [
            {"roles": []},
            {"trustor_user_id": lab.eve, "trustee_user_id": lab.bob},
            {"allow_redelegation": True, "redelegation_count": 4},
        ]
        assert [await lab.status(**fields) for fields in denied] == [403] * len(denied)
        assert await lab.status(dict(http.headers)) == 403  # not even an administrator gives what is another's
        unscoped, _ = await log_in(http, by_password("pw", "bob"))
        assert await lab.status({"X-Auth-Token": unscoped}) == 403
        assert (await http.get(TRUSTS)).json()["trusts"] == []
        assert await lab.status(roles=[{"id": reader}]) == 201  # a role that another implies

    played(tmp_path, story)


@pytest.mark.parametrize("impersonation", [True, False])
def test_a_token_by_a_trust(tmp_path: Path, impersonation: bool) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        trust = await lab.given(impersonation=impersonation)
        token, said = await log_in(http, by_password("pw", "eve", **scope_of(trust)))
        assert said["OS-TRUST:trust"] == {
            "id": trust["id"],
            "trustor_user": {"id": lab.bob},
            "trustee_user": {"id": lab.eve},
            "impersonation": impersonation,
        }
        assert said["user"]["name"] == ("bob" if impersonation else "eve")
        assert said["project"]["id"] == lab.project and said["catalog"]
        assert [role["name"] for role in said["roles"]] == ["operator"]
        subject = {"X-Subject-Token": token}
        assert (await http.get(f"{V3}/auth/tokens", headers=subject)).json()["token"] == said
        unscoped, _ = await log_in(http, by_password("pw", "eve"))
        _, said = await log_in(http, by_token(unscoped, **scope_of(trust)))
        assert said["methods"] == ["password", "token"]
        assert await lab.refused(trust, "bob") == 403  # he is no trustee
        assert await lab.refused({"id": "nothing"}) == 401
        again = await http.post(f"{V3}/auth/tokens", json=by_token(token, project={"id": lab.project}))
        assert again.status_code == 403

    played(tmp_path, story)


def test_it_says_how_often(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        twice = await lab.given(remaining_uses=2)
        one = f"{TRUSTS}/{twice['id']}"
        await log_in(http, by_password("pw", "eve", **scope_of(twice)))
        assert await lab.refused(twice, "bob") == 403  # which is no use of it
        assert (await http.get(one)).json()["trust"]["remaining_uses"] == 1
        token, _ = await log_in(http, by_password("pw", "eve", **scope_of(twice)))
        assert await lab.refused(twice) == 401
        assert await good(http, token) and (await http.get(one)).status_code == 404
        assert (await http.get(TRUSTS)).json()["trusts"][0]["remaining_uses"] == 0

    played(tmp_path, story)


@pytest.mark.parametrize("impersonation", [True, False])
@pytest.mark.parametrize(
    ("ends", "then"),
    [
        ("DELETE /OS-TRUST/trusts/{trust}", 401),
        ("DELETE /projects/{project}/users/{bob}/roles/{role}", 403),
        ("DELETE /roles/{role}", 403),
        ("DELETE /users/{bob}", 401),
        ("DELETE /users/{eve}", 401),
        ("DELETE /projects/{project}", 401),
        ("PATCH /users/{bob}", 403),
        ("PATCH /users/{eve}", 401),
        ("PATCH /projects/{project}", 401),
    ],
)
def test_what_ends_its_tokens(tmp_path: Path, impersonation: bool, ends: str, then: int) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        trust = await lab.given(impersonation=impersonation)
        token, _ = await log_in(http, by_password("pw", "eve", **scope_of(trust)))
        own, _ = await log_in(http, by_password("pw", "eve", project={"id": lab.elsewhere}))
        verb, path = ends.format(**vars(lab), trust=trust["id"]).split()
        body = {path.split("/")[1][:-1]: {"enabled": False}} if verb == "PATCH" else None
        assert (await http.request(verb, f"{V3}{path}", json=body)).is_success
        assert not await good(http, token)
        assert await lab.refused(trust) == then
        assert await good(http, own) == (lab.eve not in path)  # what is her own goes on
        left = {row.id for row in await world.conductor.load(Trust)}
        assert left == (set() if verb == "DELETE" and "/roles/" not in path else {trust["id"]})

    played(tmp_path, story)


def test_by_a_trust_nobody_makes_what_outlives_it(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        trust = await lab.given(roles=[{"name": "member"}])
        token, _ = await log_in(http, by_password("pw", "eve", **scope_of(trust)))
        as_bob = {"X-Auth-Token": token}
        own = f"{V3}/users/{lab.bob}"
        kept = {"credential": {"user_id": lab.bob, "type": "cert", "blob": "x"}}
        asked: list[tuple[str, str, Any]] = [
            ("POST", f"{own}/application_credentials", {"application_credential": {"name": "x"}}),
            ("GET", f"{own}/application_credentials", None),
            ("POST", f"{V3}/credentials", kept),
            ("GET", f"{V3}/credentials", None),
            ("POST", f"{own}/credentials/OS-EC2", {"tenant_id": lab.project}),
            ("GET", f"{own}/credentials/OS-EC2", None),
        ]
        for verb, path, body in asked:
            assert (await http.request(verb, path, json=body, headers=as_bob)).status_code == 403, path
            assert (await http.request(verb, path, json=body, headers=lab.bobs)).is_success, path
        assert await lab.status(as_bob) == 403  # it may not be passed on

    played(tmp_path, story)


@pytest.mark.parametrize(("unrestricted", "role", "status"), [(False, "member", 403), (True, "member", 201)])
def test_a_program_gives_only_what_it_has(tmp_path: Path, unrestricted: bool, role: str, status: int) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        body = {"name": "ci", "unrestricted": unrestricted, "roles": [{"name": role}]}
        path = f"{V3}/users/{lab.bob}/application_credentials"
        answer = await http.post(path, json={"application_credential": body}, headers=lab.bobs)
        method = {name: answer.json()["application_credential"][name] for name in ("id", "secret")}
        login = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": method}}}
        token, _ = await log_in(http, login)
        program = {"X-Auth-Token": token}
        assert await lab.status(program, roles=[{"name": role}]) == status
        assert await lab.status(program) in (403, 404)  # bob has that role, and the program hasn't
        trust = await lab.given(trustee_user_id=lab.bob)
        login["auth"]["scope"] = scope_of(trust)
        assert (await http.post(f"{V3}/auth/tokens", json=login)).status_code == 401

    played(tmp_path, story)


@pytest.mark.parametrize("impersonation", [True, False])
def test_passing_it_on(tmp_path: Path, impersonation: bool) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        zoe, _, _ = await bob_in_lab(http, "zoe")
        roles = [{"id": lab.role}]
        first = await lab.given(allow_redelegation=True, redelegation_count=2, impersonation=impersonation)
        assert first["redelegation_count"] == 2
        token, _ = await log_in(http, by_password("pw", "eve", **scope_of(first)))
        eves = {"X-Auth-Token": token}
        onward = {"trustor_user_id": lab.bob if impersonation else lab.eve, "trustee_user_id": zoe}
        wrong: list[Body] = [
            {"roles": [{"name": "member"}]},
            {"remaining_uses": 5},
            {"allow_redelegation": True, "redelegation_count": 2},
            *([] if impersonation else [{"impersonation": True}]),
        ]
        assert [await lab.status(eves, **onward | {"impersonation": impersonation} | fields) for fields in wrong] == [
            403
        ] * len(wrong)
        second = await lab.given(eves, **onward, impersonation=impersonation, allow_redelegation=True, roles=roles)
        assert (second["redelegated_trust_id"], second["redelegation_count"]) == (first["id"], 1)
        last, said = await log_in(http, by_password("pw", "zoe", **scope_of(second)))
        assert said["user"]["name"] == ("bob" if impersonation else "zoe")
        assert [role["name"] for role in said["roles"]] == ["operator"]
        assert (await http.patch(f"{V3}/users/{lab.eve}", json={"user": {"enabled": False}})).status_code == 200
        assert not await good(http, last) and await lab.refused(second, "zoe") == 403
        assert (await http.patch(f"{V3}/users/{lab.eve}", json={"user": {"enabled": True}})).status_code == 200
        last, _ = await log_in(http, by_password("pw", "zoe", **scope_of(second)))
        assert (await http.delete(f"{TRUSTS}/{first['id']}")).status_code == 204
        assert not await good(http, last) and await lab.refused(second, "zoe") == 401
        assert await world.conductor.load(Trust) == []

    played(tmp_path, story)


def test_it_ends_when_the_one_that_was_passed_on_does(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient, lab: Lab) -> None:
        ends = "2999-01-01T00:00:00"
        first = await lab.given(allow_redelegation=True, expires_at=ends)
        assert first["redelegation_count"] == 3
        token, _ = await log_in(http, by_password("pw", "eve", **scope_of(first)))
        eves = {"X-Auth-Token": token}
        assert await lab.status(eves, expires_at="2999-01-01T00:00:01Z") == 403
        second = await lab.given(eves)
        assert (second["expires_at"], second["redelegation_count"]) == (first["expires_at"], 0)

    played(tmp_path, story)
