"""Tags of projects: by all who may change the project, all at once or one by one."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import by_password, log_in, play_as_admin
from tests.world import World


def test_tags_come_and_go(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        project = await made(http, "project", tags=[])
        path = f"{V3}/projects/{project['id']}/tags"
        added = await http.put(f"{path}/blue")
        assert added.status_code == 201 and added.headers["Location"].endswith(f"{path}/blue")
        assert (await http.put(f"{path}/blue")).status_code == 201
        assert [(await http.request(verb, f"{path}/blue")).status_code for verb in ("GET", "HEAD")] == [204, 204]
        assert (await http.put(f"{path}/deep%20sea")).status_code == 201
        assert (await http.get(path)).json()["tags"] == ["blue", "deep sea"]
        assert (await http.get(f"{V3}/projects/{project['id']}")).json()["project"]["tags"] == ["blue", "deep sea"]
        replaced = await http.put(path, json={"tags": ["red", "green"]})
        assert (replaced.status_code, replaced.json()["tags"]) == (200, ["red", "green"])
        assert [(await http.request(verb, f"{path}/blue")).status_code for verb in ("HEAD", "DELETE")] == [404, 404]
        assert (await http.delete(f"{path}/red")).status_code == 204
        assert (await http.get(path)).json()["tags"] == ["green"]
        assert (await http.delete(path)).status_code == 204
        assert (await http.get(path)).json()["tags"] == []
        assert [(await http.get(f"{V3}/projects/nowhere/tags{one}")).status_code for one in ("", "/x")] == [404, 404]
        assert (await http.put(f"{V3}/projects/nowhere/tags/x")).status_code == 404

    play_as_admin(tmp_path, story)


def test_what_is_no_tag_and_too_many(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        project = await made(http, "project", tags=[])
        path = f"{V3}/projects/{project['id']}/tags"
        for wrong in (["a,b"], ["a/b"], ["a\x00b"], [""], ["x" * 256], [1], "x", [f"t{n}" for n in range(81)]):
            assert (await http.put(path, json={"tags": wrong})).status_code == 400, wrong
        assert (await http.put(path, json={})).status_code == 400
        assert [(await http.put(f"{path}/{wrong}")).status_code for wrong in ("a,b", "x" * 256)] == [400, 400]
        full = [f"t{number}" for number in range(80)]
        assert (await http.put(path, json={"tags": full})).status_code == 200
        assert (await http.put(f"{path}/one-more")).status_code == 400
        assert (await http.get(path)).json()["tags"] == full

    play_as_admin(tmp_path, story)


def test_a_member_sees_the_tags_and_an_administrator_of_the_domain_changes_them(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        project, bob = await made(http, "project"), await made(http, "user")
        dora = await made(http, "user", name="dora")
        roles = {role["name"]: role["id"] for role in (await http.get(f"{V3}/roles")).json()["roles"]}
        await http.put(f"{V3}/projects/{project['id']}/users/{bob['id']}/roles/{roles['member']}")
        await http.put(f"{V3}/domains/default/users/{dora['id']}/roles/{roles['admin']}")
        path = f"{V3}/projects/{project['id']}/tags"
        token, _ = await log_in(http, by_password("pw", "bob", project={"id": project["id"]}))
        mine = {"X-Auth-Token": token}
        assert (await http.get(path, headers=mine)).json()["tags"] == ["blue"]
        assert (await http.head(f"{path}/blue", headers=mine)).status_code == 204
        refused = [
            await http.put(path, json={"tags": []}, headers=mine),
            await http.delete(path, headers=mine),
            await http.put(f"{path}/red", headers=mine),
            await http.delete(f"{path}/blue", headers=mine),
        ]
        assert [answer.status_code for answer in refused] == [403] * 4
        token, _ = await log_in(http, by_password("pw", "dora", domain={"id": "default"}))
        assert (await http.put(f"{path}/red", headers={"X-Auth-Token": token})).status_code == 201
        far = await made(http, "project", domain_id=(await made(http, "domain"))["id"])
        beyond = await http.put(f"{V3}/projects/{far['id']}/tags/red", headers={"X-Auth-Token": token})
        assert beyond.status_code == 403

    play_as_admin(tmp_path, story)
