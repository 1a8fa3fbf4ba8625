"""Getting tokens over HTTP, by every method and for every scope, and losing them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.errors import value_of
from actors.identity.messages import Create, PasswordLogin, RoleGrant
from tests.world import ADMIN_PASSWORD, World, in_world

Body = dict[str, Any]


def by_password(password: str = ADMIN_PASSWORD, name: str = "admin", **scope: Any) -> Body:
    user = {"name": name, "domain": {"name": "Default"}, "password": password}
    auth: Body = {"identity": {"methods": ["password"], "password": {"user": user}}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


def by_token(token: str, **scope: Any) -> Body:
    auth: Body = {"identity": {"methods": ["token"], "token": {"id": token}}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


PROJECT = {"project": {"name": "admin", "domain": {"id": "default"}}}
SYSTEM = {"system": {"all": True}}


async def log_in(http: httpx.AsyncClient, body: Body) -> tuple[str, Body]:
    answer = await http.post("/identity/v3/auth/tokens", json=body)
    assert answer.status_code == 201, answer.text
    return answer.headers["X-Subject-Token"], answer.json()["token"]


def play_as_admin(folder: Path, story: Any) -> None:
    async def play(world: World) -> None:
        await world.identity.bootstrap(ADMIN_PASSWORD)
        async with world.http() as http:
            http.headers["X-Auth-Token"], _ = await log_in(http, by_password(**PROJECT))
            await story(world, http)

    in_world(folder, play)


def test_a_token_says_what_clients_read(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        _, token = await log_in(http, by_password(**PROJECT))
        assert token["user"]["name"] == "admin" and token["user"]["domain"] == {"id": "default", "name": "Default"}
        assert token["project"]["name"] == "admin"
        assert [role["name"] for role in token["roles"]] == ["admin", "manager", "member", "reader"]
        assert token["methods"] == ["password"] and token["expires_at"].endswith("Z")
        urls = {
            (entry["type"], one["interface"]): one["url"] for entry in token["catalog"] for one in entry["endpoints"]
        }
        assert urls["compute", "public"] == "http://novaray.test/compute/v2.1"
        for cinder in ("volumev3", "block-storage"):
            assert urls[cinder, "internal"].endswith("/volume/v3/" + token["project"]["id"])

    play_as_admin(tmp_path, story)


def test_every_scope_and_from_each_to_the_next(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        unscoped_body = by_password()
        unscoped_body["auth"]["scope"] = "unscoped"
        unscoped, said = await log_in(http, unscoped_body)
        assert not {"roles", "catalog", "project"} & set(said)
        system, said = await log_in(http, by_token(unscoped, **SYSTEM))
        assert said["system"] == {"all": True} and said["methods"] == ["password", "token"]
        urls = [one["url"] for entry in said["catalog"] for one in entry["endpoints"]]
        assert urls and not any("$(" in url or "volume" in url for url in urls)
        _, said = await log_in(http, by_token(system, **PROJECT))
        assert said["project"]["name"] == "admin"
        refused = await http.post("/identity/v3/auth/tokens", json=by_token(system, domain={"id": "default"}))
        assert refused.status_code == 401
        _, said = await log_in(http, by_password())
        assert said["project"]["name"] == "admin"  # the default one

    play_as_admin(tmp_path, story)


def test_an_unscoped_token_is_good_for_identity_alone(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        body = by_password()
        body["auth"]["scope"] = "unscoped"
        token, _ = await log_in(http, body)
        mine = await http.get("/identity/v3/auth/projects", headers={"X-Auth-Token": token})
        assert [project["name"] for project in mine.json()["projects"]] == ["admin"]
        assert (await http.get("/identity/v3/users", headers={"X-Auth-Token": token})).status_code in (200, 403)

    play_as_admin(tmp_path, story)


def test_a_token_is_looked_at_and_taken_back(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        token, said = await log_in(http, by_password(**PROJECT))
        subject = {"X-Subject-Token": token}
        shown = await http.get("/identity/v3/auth/tokens", headers=subject)
        assert shown.json()["token"] == said and shown.headers["X-Subject-Token"] == token
        assert (await http.head("/identity/v3/auth/tokens", headers=subject)).status_code == 200
        assert (await http.delete("/identity/v3/auth/tokens", headers=subject)).status_code == 204
        for method in ("GET", "HEAD", "DELETE"):
            assert (await http.request(method, "/identity/v3/auth/tokens", headers=subject)).status_code == 404
        assert (await http.get("/identity/v3/users", headers={"X-Auth-Token": token})).status_code == 401
        assert (await http.post("/identity/v3/auth/tokens", json=by_token(token))).status_code == 401

    play_as_admin(tmp_path, story)


WRONG: list[tuple[int, Any]] = [
    (401, by_password("wrong")),
    (401, by_password(name="nobody")),
    (401, by_password(project={"name": "nowhere", "domain": {"id": "default"}})),
    (401, by_token("garbage")),
    (401, {"auth": {"identity": {"methods": ["oauth1"]}}}),
    (400, {"auth": {"identity": {"methods": []}}}),
    (400, {"auth": {"identity": {"methods": ["password"]}}}),
    (400, {"auth": {"identity": {"methods": "password"}}}),
    (400, {"auth": 5}),
    (400, {}),
    (400, []),
    (400, by_password(project={"name": "admin"}, system={"all": True})),
    (400, by_password(system={"all": False})),
    (400, by_password("x" * 10_000)),
]


@pytest.mark.parametrize(("status", "body"), WRONG, ids=range(len(WRONG)))
def test_what_is_refused_is_refused_in_keystones_form(tmp_path: Path, status: int, body: Any) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        answer = await http.post("/identity/v3/auth/tokens", json=body)
        assert answer.status_code == status, answer.text
        error = answer.json()["error"]
        assert error["code"] == status and "X-Subject-Token" not in answer.headers
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
        assert ADMIN_PASSWORD not in answer.text

    play_as_admin(tmp_path, story)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'"', b"[" * 10_000, b'{"auth": ' + b"9" * 5_000 + b"}", b""])
def test_what_is_no_json(tmp_path: Path, content: bytes) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await http.post("/identity/v3/auth/tokens", content=content, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400)

    play_as_admin(tmp_path, story)


def test_a_body_that_is_too_big(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        headers = {"Content-Type": "application/json"}

        async def endless() -> Any:
            while True:
                yield b"[" * 65_536

        for content in (b" " * 600_000, endless()):
            answer = await http.post("/identity/v3/auth/tokens", content=content, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, 413)

    play_as_admin(tmp_path, story)


def test_an_administrator_of_a_domain_can_not_become_one_of_the_cloud(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        admin = http.headers["X-Auth-Token"]
        make = Create(token=admin, kind="user", fields={"name": "dora"}, password="pw")
        dora = value_of((await world.identity.create([make]))[0])
        grant = RoleGrant(token=admin, role="admin", user="dora", domain="default")
        value_of((await world.identity.assign_roles([grant]))[0])
        token, said = await log_in(http, by_password("pw", "dora", domain={"id": "default"}))
        assert said["domain"]["id"] == "default"
        as_dora = {"X-Auth-Token": token}
        users = {user["name"]: user["id"] for user in (await http.get("/identity/v3/users")).json()["users"]}
        roles = {role["name"]: role["id"] for role in (await http.get("/identity/v3/roles")).json()["roles"]}
        projects = (await http.get("/identity/v3/projects?name=admin")).json()["projects"]
        made = await http.post("/identity/v3/users", json={"user": {"name": "eve", "password": "x"}}, headers=as_dora)
        assert made.status_code == 201
        path = f"/identity/v3/projects/{projects[0]['id']}/users/{dora.id}/roles"
        assert (await http.put(f"{path}/{roles['member']}", headers=as_dora)).status_code == 204
        forbidden = [
            await http.put(f"{path}/{roles['admin']}", headers=as_dora),
            await http.put(f"/identity/v3/system/users/{dora.id}/roles/{roles['reader']}", headers=as_dora),
            await http.patch(f"/identity/v3/users/{users['admin']}", json={"user": {"password": "x"}}, headers=as_dora),
            await http.post("/identity/v3/domains", json={"domain": {"name": "mine"}}, headers=as_dora),
            await http.post("/identity/v3/roles", json={"role": {"name": "mine"}}, headers=as_dora),
        ]
        assert [answer.status_code for answer in forbidden] == [403] * 5
        login = PasswordLogin(user="admin", password=ADMIN_PASSWORD)
        value_of((await world.identity.authenticate([login]))[0])  # the password is what it was

    play_as_admin(tmp_path, story)
