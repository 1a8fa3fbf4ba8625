"""What Keystone refuses, and with which status."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import by_password, log_in, play_as_admin
from tests.world import World


def test_a_tag_is_given_once(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        twice = {"tags": ["red", "red"]}
        assert (await http.post(f"{V3}/projects", json={"project": {"name": "twice", **twice}})).status_code == 400
        project = await made(http, "project", tags=["blue"])
        path = f"{V3}/projects/{project['id']}"
        assert (await http.put(f"{path}/tags", json=twice)).status_code == 400
        assert (await http.patch(path, json={"project": twice})).status_code == 400
        assert (await http.get(f"{path}/tags")).json()["tags"] == ["blue"]

    play_as_admin(tmp_path, story)


def test_a_project_stays_below_its_parent(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        top, other = await made(http, "project", name="top"), await made(http, "project", name="other")
        child = await made(http, "project", name="child", parent_id=top["id"])

        async def moved(row: dict[str, str], parent_id: str) -> int:
            answer = await http.patch(f"{V3}/projects/{row['id']}", json={"project": {"parent_id": parent_id}})
            return answer.status_code

        assert [await moved(child, other["id"]), await moved(child, "default"), await moved(top, other["id"])] == [
            403
        ] * 3
        assert [await moved(row, row["parent_id"]) for row in (child, top)] == [200, 200]

    play_as_admin(tmp_path, story)


def test_only_a_token_of_a_project_has_a_catalog(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        await made(http, "user", name="bob", password="pw")
        unscoped, _ = await log_in(http, by_password("pw", "bob"))
        assert (await http.get(f"{V3}/auth/catalog", headers={"X-Auth-Token": unscoped})).status_code == 403
        assert (await http.get(f"{V3}/auth/catalog")).status_code == 200

    play_as_admin(tmp_path, story)


def test_roles_of_nobody_and_nowhere_are_not_found(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        project, user, group = [await made(http, kind, name="one") for kind in ("project", "user", "group")]
        for path, status in (
            (f"projects/{project['id']}/users/{user['id']}", 200),
            (f"projects/{project['id']}/groups/{group['id']}", 200),
            (f"domains/default/users/{user['id']}", 200),
            (f"system/users/{user['id']}", 200),
            (f"projects/nowhere/users/{user['id']}", 404),
            (f"projects/{project['id']}/users/nobody", 404),
            (f"projects/{project['id']}/groups/nobody", 404),
            (f"domains/nowhere/groups/{group['id']}", 404),
            ("system/groups/nobody", 404),
        ):
            assert (await http.get(f"{V3}/{path}/roles")).status_code == status, path

    play_as_admin(tmp_path, story)
