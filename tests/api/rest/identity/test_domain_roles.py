"""Roles of one domain: given there, in no token, and good for what they imply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import by_password, log_in, play_as_admin
from tests.world import World


async def named(http: httpx.AsyncClient, query: str = "") -> list[str]:
    return [row["name"] for row in (await http.get(f"{V3}/roles?{query}")).json()["roles"]]


def test_they_are_listed_for_their_domain_alone_and_go_with_it(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        lab, far = await made(http, "domain"), await made(http, "domain", name="far")
        one = await made(http, "role", domain_id=lab["id"])
        assert one["domain_id"] == lab["id"]
        assert (await made(http, "role"))["domain_id"] is None  # of the same name
        await made(http, "role", domain_id=far["id"])
        twice = await http.post(f"{V3}/roles", json={"role": {"name": "operator", "domain_id": lab["id"]}})
        nowhere = await http.post(f"{V3}/roles", json={"role": {"name": "x", "domain_id": "nowhere"}})
        moved = await http.patch(f"{V3}/roles/{one['id']}", json={"role": {"domain_id": far["id"]}})
        assert (twice.status_code, nowhere.status_code, moved.status_code) == (409, 404, 400)
        assert (await named(http)).count("operator") == 1 and await named(http, f"domain_id={lab['id']}") == [
            "operator"
        ]
        await http.patch(f"{V3}/domains/{lab['id']}", json={"domain": {"enabled": False}})
        assert (await http.delete(f"{V3}/domains/{lab['id']}")).status_code == 204
        assert (await http.get(f"{V3}/roles/{one['id']}")).status_code == 404

    play_as_admin(tmp_path, story)


def test_what_they_imply_is_in_the_token_and_they_are_not(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        project, bob, everywhere = await made(http, "project"), await made(http, "user"), await made(http, "role")
        here, too = [await made(http, "role", name=name, domain_id="default") for name in ("here", "too")]
        path = f"{V3}/projects/{project['id']}/users/{bob['id']}/roles/{here['id']}"
        assert (await http.put(path)).status_code == (await http.head(path)).status_code == 204
        login = by_password("pw", "bob", project={"id": project["id"]})
        question = f"{V3}/role_assignments?effective&user.id={bob['id']}&scope.project.id={project['id']}"

        async def effective() -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = (await http.get(question)).json()["role_assignments"]
            return [row["role"]["id"] for row in rows]

        assert (await http.post(f"{V3}/auth/tokens", json=login)).status_code == 401 and await effective() == []
        for prior, implied in ((here, too), (too, everywhere)):
            assert (await http.put(f"{V3}/roles/{prior['id']}/implies/{implied['id']}")).status_code == 201
        _, said = await log_in(http, login)
        assert [role["id"] for role in said["roles"]] == [everywhere["id"]] == await effective()
        assert (await http.put(f"{V3}/roles/{everywhere['id']}/implies/{here['id']}")).status_code == 403

    play_as_admin(tmp_path, story)


def test_they_are_given_in_their_domain_alone(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        lab, project, bob = await made(http, "domain"), await made(http, "project"), await made(http, "user")
        role = await made(http, "role", domain_id=lab["id"])
        beyond = await http.put(f"{V3}/projects/{project['id']}/users/{bob['id']}/roles/{role['id']}")
        of_all = await http.put(f"{V3}/system/users/{bob['id']}/roles/{role['id']}")
        inside = await http.put(f"{V3}/domains/{lab['id']}/users/{bob['id']}/roles/{role['id']}")
        assert (beyond.status_code, of_all.status_code, inside.status_code) == (403, 400, 204)

    play_as_admin(tmp_path, story)
