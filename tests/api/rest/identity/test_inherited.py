"""Roles that the projects below a project or a domain inherit: OS-INHERIT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.rest.identity.test_revocations import good
from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import by_password, log_in, play_as_admin
from tests.world import World

INHERITED = "inherited_to_projects"


class Family:
    """A project with one below it and one below that, another beside them, and a user in a group."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def begin(self) -> None:
        http = self.http
        self.top, self.beside = [await made(http, "project", name=name) for name in ("top", "beside")]
        self.middle = await made(http, "project", name="middle", parent_id=self.top["id"])
        self.leaf = await made(http, "project", name="leaf", parent_id=self.middle["id"])
        self.bob, self.team, self.role = await made(http, "user"), await made(http, "group"), await made(http, "role")
        await http.put(f"{V3}/groups/{self.team['id']}/users/{self.bob['id']}")

    def roles(self, scope: str, actor: str) -> str:
        scope_id = self.top["id"] if scope == "projects" else "default"
        actor_id = self.bob["id"] if actor == "users" else self.team["id"]
        return f"{V3}/OS-INHERIT/{scope}/{scope_id}/{actor}/{actor_id}/roles"

    def path(self, scope: str, actor: str) -> str:
        return f"{self.roles(scope, actor)}/{self.role['id']}/{INHERITED}"

    async def where(self) -> set[str]:
        """Projects that give Bob a token with the role."""
        found = set()
        for name in ("top", "beside", "middle", "leaf"):
            answer = await self.http.post(f"{V3}/auth/tokens", json=by_password("pw", "bob", project={"name": name}))
            if answer.status_code == 201:
                assert [role["name"] for role in answer.json()["token"]["roles"]] == ["operator"]
                found.add(name)
        return found


def played(folder: Path, story: Any) -> None:
    async def play(world: World, http: httpx.AsyncClient) -> None:
        family = Family(http)
        await family.begin()
        await story(family, http)

    play_as_admin(folder, play)


@pytest.mark.parametrize("actor", ["users", "groups"])
@pytest.mark.parametrize(
    ("scope", "reached"), [("projects", {"middle", "leaf"}), ("domains", {"top", "beside", "middle", "leaf"})]
)
def test_they_are_good_below_and_not_there_itself(tmp_path: Path, scope: str, reached: set[str], actor: str) -> None:
    async def story(family: Family, http: httpx.AsyncClient) -> None:
        path = family.path(scope, actor)
        assert [(await http.request(verb, path)).status_code for verb in ("HEAD", "DELETE")] == [404, 404]
        assert await family.where() == set()
        assert (await http.put(path)).status_code == (await http.put(path)).status_code == 204
        assert [(await http.request(verb, path)).status_code for verb in ("HEAD", "GET")] == [204, 204]
        listed = await http.get(f"{family.roles(scope, actor)}/{INHERITED}")
        assert [role["id"] for role in listed.json()["roles"]] == [family.role["id"]]
        plain = family.roles(scope, actor).replace("OS-INHERIT/", "")
        assert (await http.get(plain)).json()["roles"] == []
        assert (await http.head(f"{plain}/{family.role['id']}")).status_code == 404
        assert await family.where() == reached
        mine = (await http.get(f"{V3}/users/{family.bob['id']}/projects")).json()["projects"]
        assert {row["name"] for row in mine} >= reached
        refused = await http.post(f"{V3}/auth/tokens", json=by_password("pw", "bob", domain={"id": "default"}))
        assert refused.status_code == 401
        assert (await http.delete(path)).status_code == 204
        assert await family.where() == set()

    played(tmp_path, story)


def test_the_list_shows_them_and_where_they_are_good(tmp_path: Path) -> None:
    async def story(family: Family, http: httpx.AsyncClient) -> None:
        await http.put(family.path("projects", "groups"))
        of_middle = f"{V3}/projects/{family.middle['id']}/users/{family.bob['id']}/roles/{family.role['id']}"
        await http.put(of_middle)

        async def found(query: str) -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = (await http.get(f"{V3}/role_assignments?{query}")).json()["role_assignments"]
            return rows

        [kept] = await found("scope.OS-INHERIT:inherited_to=projects")
        assert kept["scope"] == {"project": {"id": family.top["id"]}, "OS-INHERIT:inherited_to": "projects"}
        assert kept["links"]["assignment"].endswith(family.path("projects", "groups"))
        of_bob = f"effective&user.id={family.bob['id']}"
        assert {row["scope"]["project"]["id"] for row in await found(of_bob)} == {
            family.middle["id"],
            family.leaf["id"],
        }
        [in_leaf] = await found(f"{of_bob}&scope.project.id={family.leaf['id']}")
        assert in_leaf["links"]["assignment"] == kept["links"]["assignment"]
        member = f"{V3}/groups/{family.team['id']}/users/{family.bob['id']}"
        assert in_leaf["links"]["membership"].endswith(member)
        assert (await http.head(in_leaf["links"]["assignment"])).status_code == (await http.head(member)).status_code
        assert in_leaf["user"] == {"id": family.bob["id"]} and "OS-INHERIT:inherited_to" in in_leaf["scope"]
        assert len(await found(f"{of_bob}&scope.project.id={family.middle['id']}")) == 2
        assert await found(f"{of_bob}&scope.project.id={family.top['id']}") == []
        assert await found(f"effective&user.id=nobody&scope.project.id={family.leaf['id']}") == []

    played(tmp_path, story)


@pytest.mark.parametrize("scope", ["projects", "domains"])
@pytest.mark.parametrize("how", ["role", "member"])
def test_the_tokens_of_the_projects_below_go_with_them(tmp_path: Path, scope: str, how: str) -> None:
    async def story(family: Family, http: httpx.AsyncClient) -> None:
        await http.put(family.path(scope, "groups"))
        far = await made(http, "project", domain_id=(await made(http, "domain"))["id"])
        await http.put(f"{V3}/projects/{far['id']}/users/{family.bob['id']}/roles/{family.role['id']}")
        below, _ = await log_in(http, by_password("pw", "bob", project={"id": family.leaf["id"]}))
        elsewhere, _ = await log_in(http, by_password("pw", "bob", project={"id": far["id"]}))
        membership = f"{V3}/groups/{family.team['id']}/users/{family.bob['id']}"
        gone = await http.delete(family.path(scope, "groups") if how == "role" else membership)
        assert gone.status_code == 204
        assert [await good(http, token) for token in (below, elsewhere)] == [False, True]

    played(tmp_path, story)


def test_an_administrator_by_inheritance_is_safe_from_one_of_the_domain(tmp_path: Path) -> None:
    async def story(family: Family, http: httpx.AsyncClient) -> None:
        roles = {role["name"]: role["id"] for role in (await http.get(f"{V3}/roles")).json()["roles"]}
        dora = await made(http, "user", name="dora")
        await http.put(f"{V3}/domains/default/users/{dora['id']}/roles/{roles['admin']}")
        token, _ = await log_in(http, by_password("pw", "dora", domain={"id": "default"}))
        as_dora = {"X-Auth-Token": token}
        path = family.roles("domains", "users")
        given = await http.put(f"{path}/{roles['admin']}/{INHERITED}", headers=as_dora)
        assert given.status_code == 403
        assert (await http.put(f"{path}/{roles['member']}/{INHERITED}", headers=as_dora)).status_code == 204
        assert (await http.put(f"{path}/{roles['admin']}/{INHERITED}")).status_code == 204
        one = f"{V3}/users/{family.bob['id']}"
        assert (await http.patch(one, json={"user": {"password": "mine"}}, headers=as_dora)).status_code == 403

    played(tmp_path, story)
