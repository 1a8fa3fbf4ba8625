"""Who looks after one domain: its manager and its administrator, and whom neither may touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import by_password, log_in, play_as_admin
from tests.world import World


class Lab:
    """A domain with a user who looks after it by a role, and what others are asked for on their behalf."""

    def __init__(self, http: httpx.AsyncClient, role: str) -> None:
        self.http, self.role = http, role

    async def begin(self) -> None:
        http = self.http
        self.roles = {role["name"]: role["id"] for role in (await http.get(f"{V3}/roles")).json()["roles"]}
        self.domain = (await made(http, "domain"))["id"]
        await self.user("mia", f"domains/{self.domain}", self.role)
        user = {"name": "mia", "domain": {"id": self.domain}, "password": "pw"}
        identity = {"methods": ["password"], "password": {"user": user}}
        login = {"auth": {"identity": identity, "scope": {"domain": {"id": self.domain}}}}
        self.headers = {"X-Auth-Token": (await log_in(http, login))[0]}

    async def user(self, name: str, scope: str = "", role: str = "") -> str:
        row = await made(self.http, "user", name=name, domain_id=self.domain)
        if scope:
            path = f"{V3}/{scope}/users/{row['id']}/roles/{self.roles[role]}"
            assert (await self.http.put(path)).status_code == 204
        return str(row["id"])

    async def status(self, verb: str, path: str, body: Any = None) -> int:
        return (await self.http.request(verb, f"{V3}/{path}", json=body, headers=self.headers)).status_code


def played(folder: Path, role: str, story: Any) -> None:
    async def play(world: World, http: httpx.AsyncClient) -> None:
        lab = Lab(http, role)
        await lab.begin()
        await story(lab, http)

    play_as_admin(folder, play)


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_they_make_and_change_what_is_in_their_domain_alone(tmp_path: Path, role: str) -> None:
    async def story(lab: Lab, http: httpx.AsyncClient) -> None:
        for noun in ("project", "user", "group"):
            row = {"name": "new", "domain_id": lab.domain}
            assert await lab.status("POST", f"{noun}s", {noun: row}) == 201
            assert await lab.status("POST", f"{noun}s", {noun: row | {"domain_id": "default"}}) == 403
            found = await http.get(f"{V3}/{noun}s?name=new", headers=lab.headers)
            [mine] = found.json()[f"{noun}s"]
            assert await lab.status("PATCH", f"{noun}s/{mine['id']}", {noun: {"description": "up"}}) == 200
            assert await lab.status("DELETE", f"{noun}s/{mine['id']}") == 204
        assert await lab.status("GET", "roles") == await lab.status("GET", f"domains/{lab.domain}") == 200
        assert await lab.status("POST", "roles", {"role": {"name": "mine"}}) == 403
        assert await lab.status("PATCH", f"domains/{lab.domain}", {"domain": {"description": "x"}}) == 403

    played(tmp_path, role, story)


@pytest.mark.parametrize(
    ("role", "given"), [("manager", {"manager", "member", "reader"}), ("admin", {"manager", "member", "reader", "own"})]
)
def test_they_give_the_roles_up_to_their_own(tmp_path: Path, role: str, given: set[str]) -> None:
    async def story(lab: Lab, http: httpx.AsyncClient) -> None:
        bob, project = await lab.user("bob"), (await made(http, "project", domain_id=lab.domain))["id"]
        lab.roles["own"] = (await made(http, "role", name="own"))["id"]
        for name in ("admin", "manager", "member", "reader", "own"):
            for scope in (f"projects/{project}", f"domains/{lab.domain}"):
                path = f"{scope}/users/{bob}/roles/{lab.roles[name]}"
                assert await lab.status("PUT", path) == (204 if name in given else 403), path
                assert (await http.put(f"{V3}/{path}")).status_code == 204
                assert await lab.status("DELETE", path) == (204 if name in given else 403), path
        assert await lab.status("PUT", f"system/users/{bob}/roles/{lab.roles['reader']}") == 403

    played(tmp_path, role, story)


def test_a_manager_touches_no_administrator(tmp_path: Path) -> None:
    async def story(lab: Lab, http: httpx.AsyncClient) -> None:
        boss = await lab.user("boss", f"domains/{lab.domain}", "admin")
        changes = {"user": {"password": "mine"}}
        assert await lab.status("PATCH", f"users/{boss}", changes) == 403
        assert await lab.status("DELETE", f"users/{boss}") == 403
        assert await lab.status("PATCH", f"users/{await lab.user('bob')}", changes) == 200

    played(tmp_path, "manager", story)


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_nor_does_any_of_them_one_of_the_cloud_by_whatever_way_it_is(tmp_path: Path, role: str) -> None:
    async def story(lab: Lab, http: httpx.AsyncClient) -> None:
        [project] = (await http.get(f"{V3}/projects?name=admin")).json()["projects"]
        team = (await made(http, "group", domain_id=lab.domain))["id"]
        member = await lab.user("member")
        await http.put(f"{V3}/groups/{team}/users/{member}")
        held = f"{V3}/projects/{project['id']}/groups/{team}/roles/{lab.roles['admin']}"
        assert (await http.put(held)).status_code == 204
        root = await lab.user("root", "system", "admin")
        for user in (member, root):
            assert await lab.status("PATCH", f"users/{user}", {"user": {"password": "mine"}}) == 403
        assert await lab.status("PUT", f"groups/{team}/users/{await lab.user('bob')}") == 403
        _, said = await log_in(http, by_password(project={"name": "admin"}))
        assert said["user"]["name"] == "admin"

    played(tmp_path, role, story)


def test_a_manager_in_a_project_manages_nothing(tmp_path: Path) -> None:
    async def story(lab: Lab, http: httpx.AsyncClient) -> None:
        project = await made(http, "project")
        bob = await made(http, "user")
        path = f"{V3}/projects/{project['id']}/users/{bob['id']}/roles/{lab.roles['manager']}"
        assert (await http.put(path)).status_code == 204
        token, _ = await log_in(http, by_password("pw", "bob", project={"id": project["id"]}))
        lab.headers = {"X-Auth-Token": token}
        asked = [("GET", "roles"), ("GET", "users"), ("GET", "projects"), ("POST", "projects")]
        body = {"project": {"name": "x"}}
        assert [await lab.status(verb, path, body if verb == "POST" else None) for verb, path in asked] == [403] * 4

    played(tmp_path, "manager", story)
