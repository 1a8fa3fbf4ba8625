"""Whose tokens are taken back when one is, or when a role is, and whose are not."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import by_password, by_token, log_in, play_as_admin
from tests.world import World


async def good(http: httpx.AsyncClient, token: str) -> bool:
    answer = await http.get(f"{V3}/auth/projects", headers={"X-Auth-Token": token})
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


async def bob_in(http: httpx.AsyncClient, *projects: str) -> list[str]:
    """A user with a role in each; the assignments' paths."""
    bob, role = await made(http, "user"), await made(http, "role")
    paths = []
    for name in projects:
        project = await made(http, "project", name=name)
        paths.append(f"{V3}/projects/{project['id']}/users/{bob['id']}/roles/{role['id']}")
        assert (await http.put(paths[-1])).status_code == 204
    return paths


def test_a_scoped_token_goes_alone(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        await bob_in(http, "one", "two")
        unscoped, said = await log_in(http, by_password("pw", "bob"))
        assert "project" not in said and said["methods"] == ["password"]
        scoped, said = await log_in(http, by_token(unscoped, project={"name": "one"}))
        assert set(said["methods"]) == {"password", "token"}
        gone = await http.delete(f"{V3}/auth/tokens", headers={"X-Subject-Token": scoped})
        assert gone.status_code == 204
        assert not await good(http, scoped) and await good(http, unscoped)
        _, said = await log_in(http, by_token(unscoped, project={"name": "two"}))
        assert said["project"]["name"] == "two"

    play_as_admin(tmp_path, story)


def test_a_role_that_is_taken_takes_the_tokens_of_its_place_alone(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        [one, _] = await bob_in(http, "one", "two")
        unscoped, _ = await log_in(http, by_password("pw", "bob"))
        in_one, _ = await log_in(http, by_password("pw", "bob", project={"name": "one"}))
        in_two, _ = await log_in(http, by_password("pw", "bob", project={"name": "two"}))
        assert (await http.delete(one)).status_code == 204
        assert [await good(http, token) for token in (in_one, in_two, unscoped)] == [False, True, True]
        refused = await http.post(f"{V3}/auth/tokens", json=by_token(unscoped, project={"name": "one"}))
        assert refused.status_code == 401

    play_as_admin(tmp_path, story)


def test_an_administrator_who_takes_a_role_of_its_own_elsewhere_goes_on(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        me = (await http.get(f"{V3}/users?name=admin")).json()["users"][0]["id"]
        role, project = await made(http, "role"), await made(http, "project")
        held = f"{V3}/projects/{project['id']}/users/{me}/roles/{role['id']}"
        assert [(await http.request(verb, held)).status_code for verb in ("PUT", "DELETE")] == [204, 204]
        assert await good(http, http.headers["X-Auth-Token"])

    play_as_admin(tmp_path, story)
