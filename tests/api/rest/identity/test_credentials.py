"""Credentials over HTTP: what is kept of one's own and shown again, and pairs of keys among it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.identity.sealing import Seal
from actors.records import Credential
from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import by_password, log_in, play_as_admin
from tests.world import World

BLOB = json.dumps({"access": "key", "secret": "hidden"})


async def bob_in_lab(http: httpx.AsyncClient, name: str = "bob") -> tuple[str, str, dict[str, str]]:
    """User, project, and the header of the user's token there."""
    user, project = await made(http, "user", name=name), await made(http, "project", name=f"of {name}")
    [member] = (await http.get(f"{V3}/roles?name=member")).json()["roles"]
    await http.put(f"{V3}/projects/{project['id']}/users/{user['id']}/roles/{member['id']}")
    token, _ = await log_in(http, by_password("pw", name, project={"id": project["id"]}))
    return user["id"], project["id"], {"X-Auth-Token": token}


def test_the_life_of_a_credential(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        user, project, mine = await bob_in_lab(http)
        wanted = {"user_id": user, "project_id": project, "type": "ec2", "blob": BLOB}
        answer = await http.post(f"{V3}/credentials", json={"credential": wanted}, headers=mine)
        assert answer.status_code == 201, answer.text
        kept = answer.json()["credential"]
        one = f"{V3}/credentials/{kept['id']}"
        assert {name: kept[name] for name in wanted} == wanted and kept["links"]["self"].endswith(one)
        assert (await http.get(one, headers=mine)).json() == {"credential": kept}
        seed = {"user_id": user, "type": "totp", "blob": "JBSWY3DP"}
        plain = (await http.post(f"{V3}/credentials", json={"credential": seed}, headers=mine)).json()["credential"]
        assert plain["project_id"] is None
        assert (await http.get(f"{V3}/credentials?type=totp", headers=mine)).json()["credentials"] == [plain]
        assert len((await http.get(f"{V3}/credentials?user_id={user}")).json()["credentials"]) == 2
        rows = await world.conductor.load(Credential)
        assert all("hidden" not in row.sealed and "JBSWY3DP" not in row.sealed for row in rows) and len(rows) == 2
        changed = await http.patch(one, json={"credential": {"blob": "other"}}, headers=mine)
        assert changed.json()["credential"] == kept | {"blob": "other"}
        fixed = [{"user_id": "x"}, {"project_id": "x"}, {"type": "x"}]
        assert [(await http.patch(one, json={"credential": it})).status_code for it in fixed] == [400] * 3
        assert (await http.delete(one, headers=mine)).status_code == 204
        assert [(await http.request(verb, one)).status_code for verb in ("GET", "DELETE")] == [404, 404]

    play_as_admin(tmp_path, story)


def test_what_is_refused(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        user, project, mine = await bob_in_lab(http)
        other, elsewhere, theirs = await bob_in_lab(http, "eve")
        good = {"user_id": user, "project_id": project, "type": "ec2", "blob": BLOB}

        async def status(headers: dict[str, str], **fields: Any) -> int:
            body = {"credential": {name: value for name, value in (good | fields).items() if value is not None}}
            said = {"content": json.dumps(body), "headers": headers | {"Content-Type": "application/json"}}
            return (await http.post(f"{V3}/credentials", **said)).status_code

        wrong: list[dict[str, Any]] = [
            {"blob": "no json"},
            {"blob": "[1]"},
            {"blob": "{}"},
            {"blob": '{"access": 5}'},
            {"blob": "[" * 10_000},
            {"blob": None},
            {"blob": ""},
            {"blob": "\ud800", "type": "cert"},
            {"blob": "x" * 40_000, "type": "cert"},
            {"blob": {"access": "key"}},
            {"type": None},
            {"user_id": None},
            {"project_id": None},
        ]
        assert [await status(mine, **fields) for fields in wrong] == [400] * len(wrong)
        assert await status(mine, project_id=elsewhere) == await status(mine, project_id="nowhere") == 403
        assert await status(mine, user_id=other) == 403
        assert await status(dict(http.headers), user_id="nobody") == 404
        assert await status(mine) == await status(mine) == 201
        assert await status(mine, blob=json.dumps({"access": "key", "secret": "another"})) == 409
        assert await status(theirs, user_id=other, project_id=elsewhere) == 409

    play_as_admin(tmp_path, story)


def test_nobody_sees_anothers_but_an_administrator(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        user, _, mine = await bob_in_lab(http)
        _, _, theirs = await bob_in_lab(http, "eve")
        body = {"credential": {"user_id": user, "type": "cert", "blob": "hidden"}}
        kept = (await http.post(f"{V3}/credentials", json=body)).json()["credential"]
        one = f"{V3}/credentials/{kept['id']}"
        asked = [("GET", None), ("PATCH", {"credential": {"blob": "x"}}), ("DELETE", None)]
        refused = [await http.request(verb, one, json=said, headers=theirs) for verb, said in asked]
        assert [answer.status_code for answer in refused] == [403] * 3
        assert (await http.get(f"{V3}/credentials/nowhere", headers=theirs)).status_code == 403
        assert (await http.get(f"{V3}/credentials", headers=theirs)).json()["credentials"] == []
        assert (await http.get(one, headers=mine)).json()["credential"]["blob"] == "hidden"
        assert (await http.get(one)).status_code == 200
        assert (await http.delete(f"{V3}/users/{user}")).status_code == 204
        assert (await http.get(one)).status_code == 404

    play_as_admin(tmp_path, story)


def test_pairs_of_keys(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        user, project, mine = await bob_in_lab(http)
        _, elsewhere, theirs = await bob_in_lab(http, "eve")
        pairs = f"{V3}/users/{user}/credentials/OS-EC2"
        made_two = [await http.post(pairs, json={"tenant_id": project}, headers=mine) for _ in range(2)]
        assert [answer.status_code for answer in made_two] == [201, 201]
        first, second = [answer.json()["credential"] for answer in made_two]
        assert (first["user_id"], first["tenant_id"], first["trust_id"]) == (user, project, None)
        assert first["access"] and first["secret"] and first["access"] != second["access"]
        one = f"{pairs}/{first['access']}"
        assert first["links"]["self"].endswith(one)
        assert (await http.get(one, headers=mine)).json() == {"credential": first}
        await http.post(
            f"{V3}/credentials", json={"credential": {"user_id": user, "type": "cert", "blob": "x"}}, headers=mine
        )
        listed = (await http.get(pairs, headers=mine)).json()["credentials"]
        assert sorted(row["access"] for row in listed) == sorted([first["access"], second["access"]])
        assert {row["type"] for row in (await http.get(f"{V3}/credentials")).json()["credentials"]} == {"ec2", "cert"}
        refused = [
            await http.get(one, headers=theirs),
            await http.get(pairs, headers=theirs),
            await http.delete(one, headers=theirs),
            await http.post(pairs, json={"tenant_id": project}, headers=theirs),
            await http.post(pairs, json={"tenant_id": elsewhere}, headers=mine),
        ]
        assert [answer.status_code for answer in refused] == [403] * 5
        assert (await http.post(pairs, json={"tenant_id": "nowhere"})).status_code == 404
        assert (await http.delete(one, headers=mine)).status_code == 204
        assert [(await http.request(verb, one, headers=mine)).status_code for verb in ("GET", "DELETE")] == [404, 404]

    play_as_admin(tmp_path, story)


@pytest.mark.parametrize("unrestricted", [False, True])
def test_a_restricted_program_makes_none(tmp_path: Path, unrestricted: bool) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        user, project, mine = await bob_in_lab(http)
        body = {"application_credential": {"name": "ci", "unrestricted": unrestricted}}
        answer = await http.post(f"{V3}/users/{user}/application_credentials", json=body, headers=mine)
        method = {name: answer.json()["application_credential"][name] for name in ("id", "secret")}
        login = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": method}}}
        token, _ = await log_in(http, login)
        pairs = f"{V3}/users/{user}/credentials/OS-EC2"
        answer = await http.post(pairs, json={"tenant_id": project}, headers={"X-Auth-Token": token})
        assert answer.status_code == (201 if unrestricted else 403)

    play_as_admin(tmp_path, story)


def test_a_key_that_is_lost_is_said_and_what_it_sealed_can_be_deleted(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        me = (await http.get(f"{V3}/users?name=admin")).json()["users"][0]["id"]
        sealed = Seal(tmp_path / "elsewhere").closed("x", is_first=True)
        await world.conductor.commit([Credential(id="lost", user_id=me, type="cert", sealed=sealed)])
        await world.identity.start()
        one = f"{V3}/credentials/lost"
        assert [(await http.request(verb, one)).status_code for verb in ("GET", "DELETE", "GET")] == [500, 204, 404]

    play_as_admin(tmp_path, story)
