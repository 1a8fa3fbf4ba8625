"""Identity's rows over HTTP: made, found, changed and deleted by those who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.rest.identity.test_tokens import by_password, log_in, play_as_admin
from tests.world import World

V3 = "/identity/v3"
NEW: dict[str, dict[str, Any]] = {
    "domain": {"name": "lab"},
    "project": {"name": "lab", "description": "a place", "tags": ["blue"]},
    "user": {"name": "bob", "password": "pw", "email": "bob@example.org"},
    "group": {"name": "team"},
    "role": {"name": "operator"},
    "region": {"id": "north"},
    "service": {"type": "dns", "name": "designate"},
}
CHANGED: dict[str, dict[str, Any]] = {"region": {"description": "up"}, "user": {"description": "up", "enabled": False}}


async def made(http: httpx.AsyncClient, kind: str, **fields: Any) -> dict[str, Any]:
    answer = await http.post(f"{V3}/{kind}s", json={kind: NEW.get(kind, {}) | fields})
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()[kind]
    return row


@pytest.mark.parametrize("kind", NEW)
def test_the_life_of_a_row(tmp_path: Path, kind: str) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        row = await made(http, kind)
        assert {name: row[name] for name in NEW[kind] if name != "password"} == {
            name: value for name, value in NEW[kind].items() if name != "password"
        }
        one = f"{V3}/{kind}s/{row['id']}"
        assert row["links"]["self"].endswith(one)
        assert (await http.get(one)).json() == {kind: row}
        assert row in (await http.get(f"{V3}/{kind}s")).json()[f"{kind}s"]
        changes = CHANGED.get(kind, {"description": "up"})
        changed = await http.patch(one, json={kind: changes})
        assert changed.json() == {kind: row | changes}
        if kind == "domain":
            assert (await http.delete(one)).status_code == 403
            assert (await http.patch(one, json={kind: {"enabled": False}})).status_code == 200
        assert (await http.delete(one)).status_code == 204
        assert [(await http.request(verb, one)).status_code for verb in ("GET", "DELETE")] == [404, 404]
        assert (await http.patch(one, json={kind: changes})).status_code == 404

    play_as_admin(tmp_path, story)


def test_endpoints_join_the_catalog(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        service = await made(http, "service")
        fields = {"service_id": service["id"], "interface": "public", "url": "http://dns/$(project_id)s"}
        await made(http, "endpoint", **fields, region_id="RegionOne")
        found = (await http.get(f"{V3}/endpoints?service_id={service['id']}")).json()["endpoints"]
        assert [one["url"] for one in found] == ["http://dns/$(project_id)s"]
        entries = {entry["type"]: entry for entry in (await http.get(f"{V3}/auth/catalog")).json()["catalog"]}
        assert entries["dns"]["endpoints"][0]["url"].startswith("http://dns/") and "$" not in str(entries["dns"])
        wrong = await http.post(f"{V3}/endpoints", json={"endpoint": fields | {"interface": "secret"}})
        lost = await http.post(f"{V3}/endpoints", json={"endpoint": fields | {"service_id": "none"}})
        nowhere = await http.post(f"{V3}/endpoints", json={"endpoint": fields | {"region_id": "nowhere"}})
        assert (wrong.status_code, lost.status_code, nowhere.status_code) == (400, 400, 400)
        assert nowhere.json()["error"]["message"].endswith("There is no region nowhere.")

    play_as_admin(tmp_path, story)


def test_an_endpoint_brings_the_region_along_that_it_names_in_the_older_way(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        service = await made(http, "service")
        fields = {"service_id": service["id"], "interface": "public", "url": "http://dns"}
        refused = await http.post(f"{V3}/endpoints", json={"endpoint": fields | {"region": "west", "interface": "x"}})
        assert refused.status_code == 400 and (await http.get(f"{V3}/regions/west")).status_code == 404
        bad = await http.post(f"{V3}/endpoints", json={"endpoint": fields | {"region": "no / region"}})
        assert bad.status_code == 400
        one = await made(http, "endpoint", **fields, region="west")
        assert one["region_id"] == one["region"] == "west"
        assert (await http.get(f"{V3}/regions/west")).json()["region"]["id"] == "west"
        await made(http, "endpoint", **fields, region="west")  # it is there now
        path = f"{V3}/endpoints/{one['id']}"
        moved = await http.patch(path, json={"endpoint": {"region": "east"}})
        assert moved.json()["endpoint"]["region_id"] == "east"
        assert (await http.get(f"{V3}/regions/east")).status_code == 200
        both = await http.patch(path, json={"endpoint": {"region": "south", "region_id": "west"}})
        assert both.json()["endpoint"]["region_id"] == "west"
        assert (await http.get(f"{V3}/regions/south")).status_code == 404
        nowhere = await http.patch(path, json={"endpoint": {"region_id": "nowhere"}})
        assert nowhere.status_code == 400

    play_as_admin(tmp_path, story)


def test_a_region_is_made_by_the_id_in_its_path(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        answer = await http.put(f"{V3}/regions/west", json={"region": {"description": "far"}})
        assert answer.status_code == 201
        assert answer.json()["region"] == (await http.get(f"{V3}/regions/west")).json()["region"]
        assert answer.json()["region"]["description"] == "far"
        other = await http.put(f"{V3}/regions/west", json={"region": {"id": "east"}})
        taken = await http.put(f"{V3}/regions/west", json={"region": {"description": "near"}})
        assert (other.status_code, taken.status_code) == (400, 409)

    play_as_admin(tmp_path, story)


def test_a_region_is_made_once(tmp_path: Path) -> None:
    """As in Keystone: also where the second request says the same, by either of the two ways."""

    async def story(world: World, http: httpx.AsyncClient) -> None:
        west = {"region": {"id": "west", "description": "far"}}
        assert (await http.post(f"{V3}/regions", json=west)).status_code == 201
        for changes in ({}, {"description": "near"}):
            sent = {"region": west["region"] | changes}
            for verb, path in (("POST", f"{V3}/regions"), ("PUT", f"{V3}/regions/west")):
                refused = await http.request(verb, path, json=sent)
                assert refused.status_code == 409, refused.text
                assert "Duplicate ID, west." in refused.json()["error"]["message"]
        assert (await http.get(f"{V3}/regions/west")).json()["region"]["description"] == "far"
        assert (await http.post(f"{V3}/regions", json={"region": {}})).status_code == 201

    play_as_admin(tmp_path, story)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("domain", {"name": "x" * 65}),
        ("project", {"name": "x" * 65}),
        ("user", {"name": "x" * 256}),
        *((kind, {"enabled": said}) for kind in ("domain", "project", "user", "service") for said in ("True", 1)),
        ("project", {"tags": [f"t{number}" for number in range(81)]}),
    ],
)
def test_what_no_row_can_be_made_of(tmp_path: Path, kind: str, fields: dict[str, Any]) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        answer = await http.post(f"{V3}/{kind}s", json={kind: NEW[kind] | fields})
        assert answer.status_code == 400, answer.text
        changed = await http.patch(f"{V3}/{kind}s/{(await made(http, kind))['id']}", json={kind: fields})
        assert changed.status_code == 400, changed.text

    play_as_admin(tmp_path, story)


def test_lists_are_filtered(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        domain = await made(http, "domain")
        for name, fields in (("web-1", {}), ("web-2", {"enabled": False}), ("Web-3", {"domain_id": domain["id"]})):
            await made(http, "project", **({"name": name} | fields))

        async def names(query: str) -> list[str]:
            found = (await http.get(f"{V3}/projects?{query}")).json()["projects"]
            return sorted(row["name"] for row in found)

        assert await names("name=web-1") == ["web-1"]
        assert await names("name__startswith=web") == ["web-1", "web-2"]
        assert await names("name__icontains=WEB") == ["Web-3", "web-1", "web-2"]
        assert await names("enabled=false") == ["web-2"]
        assert await names(f"domain_id={domain['id']}") == ["Web-3"]
        assert await names("name=nobody") == []
        assert len(await names("colour=red")) == 5

    play_as_admin(tmp_path, story)


def test_a_project_is_shown_with_those_above_and_below_it(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        top = await made(http, "project", name="top")
        middle = await made(http, "project", name="middle", parent_id=top["id"])
        left = await made(http, "project", name="left", parent_id=middle["id"])
        right = await made(http, "project", name="right", parent_id=middle["id"])

        async def shown(project: dict[str, Any], query: str) -> dict[str, Any]:
            found: dict[str, Any] = (await http.get(f"{V3}/projects/{project['id']}?{query}")).json()["project"]
            return {name: found.pop(name) for name in ("parents", "subtree") if name in found} | (
                {} if found == project else {"changed": found}
            )

        assert await shown(left, "") == await shown(left, "parents_as_ids=false") == {}
        assert await shown(left, "parents_as_ids&subtree_as_ids") == {
            "parents": {middle["id"]: {top["id"]: {"default": None}}},
            "subtree": None,
        }
        assert await shown(top, "parents_as_ids") == {"parents": {"default": None}}
        assert await shown(top, "subtree_as_ids") == {"subtree": {middle["id"]: {left["id"]: None, right["id"]: None}}}
        assert await shown(left, "parents_as_list=True") == {"parents": [{"project": middle}, {"project": top}]}
        assert await shown(middle, "subtree_as_list=1") == {"subtree": [{"project": left}, {"project": right}]}
        both = await http.get(f"{V3}/projects/{left['id']}?parents_as_ids&parents_as_list")
        assert both.status_code == 400

    play_as_admin(tmp_path, story)


@pytest.mark.parametrize("kind", ["project", "user"])
def test_fields_of_ones_own_are_kept_and_shown(tmp_path: Path, kind: str) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        row = await made(http, kind, cost_centre="42", nested={"a": [1, None]}, id="mine", links="mine")
        one = f"{V3}/{kind}s/{row['id']}"
        assert (row["cost_centre"], row["nested"]) == ("42", {"a": [1, None]})
        assert row["id"] != "mine" and row["links"]["self"].endswith(one)
        changed = await http.patch(one, json={kind: {"cost_centre": None, "colour": "red"}})
        assert changed.status_code == 200
        shown = (await http.get(one)).json()[kind]
        assert shown == {name: value for name, value in row.items() if name != "cost_centre"} | {"colour": "red"}
        assert shown in (await http.get(f"{V3}/{kind}s")).json()[f"{kind}s"]
        assert (await http.patch(one, json={kind: {"colour": 2**63}})).status_code == 400
        assert (await http.get(one)).json()[kind] == shown

    play_as_admin(tmp_path, story)


def test_no_project_acts_as_a_domain(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        wrong = await http.post(f"{V3}/projects", json={"project": {"name": "d", "is_domain": True}})
        assert wrong.status_code == 400
        assert (await made(http, "project", is_domain=False))["is_domain"] is False

    play_as_admin(tmp_path, story)


def test_projects_are_found_by_their_tags(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        for name, tags in (("p-1", ["a", "b"]), ("p-2", ["b"]), ("p-3", [])):
            await made(http, "project", name=name, tags=tags)

        async def names(query: str) -> list[str]:
            found = (await http.get(f"{V3}/projects?name__startswith=p-&{query}")).json()["projects"]
            return sorted(row["name"] for row in found)

        assert await names("tags=a,b") == ["p-1"]
        assert await names("tags-any=a,b") == ["p-1", "p-2"]
        assert await names("not-tags=a,b") == ["p-2", "p-3"]
        assert await names("not-tags-any=a,b") == ["p-3"]

    play_as_admin(tmp_path, story)


def test_who_is_no_administrator_sees_itself(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        project, bob = await made(http, "project"), await made(http, "user")
        roles = {role["name"]: role["id"] for role in (await http.get(f"{V3}/roles")).json()["roles"]}
        grant = f"{V3}/projects/{project['id']}/users/{bob['id']}/roles/{roles['member']}"
        assert (await http.head(grant)).status_code == 404
        assert (await http.put(grant)).status_code == (await http.put(grant)).status_code == 204
        assert (await http.head(grant)).status_code == 204
        admin_id = (await http.get(f"{V3}/users?name=admin")).json()["users"][0]["id"]
        token, _ = await log_in(http, by_password("pw", "bob", project={"id": project["id"]}))
        mine = {"X-Auth-Token": token}
        assert (await http.get(f"{V3}/users/{bob['id']}", headers=mine)).json()["user"] == bob
        assert (await http.get(f"{V3}/projects", headers=mine)).status_code == 403
        own = await http.get(f"{V3}/users/{bob['id']}/projects", headers=mine)  # where clients go on then
        assert [row["id"] for row in own.json()["projects"]] == [project["id"]]
        above = await http.get(f"{V3}/projects/{project['id']}?parents_as_list&subtree_as_list", headers=mine)
        assert above.json()["project"]["parents"] == above.json()["project"]["subtree"] == []
        assert (await http.get(f"{V3}/domains/default", headers=mine)).json()["domain"]["name"] == "Default"
        far = await made(http, "domain")
        assert (await http.get(f"{V3}/domains/{far['id']}", headers=mine)).status_code == 403
        assert [row["id"] for row in (await http.get(f"{V3}/users/{bob['id']}/projects")).json()["projects"]] == [
            project["id"]
        ]
        there = [await http.get(f"{V3}/users/{admin_id}", headers=mine)]
        not_there = [await http.get(f"{V3}/users/nobody", headers=mine)]
        assert [(one.status_code, one.json()["error"]["message"]) for one in there] == [
            (one.status_code, one.json()["error"]["message"]) for one in not_there
        ]
        for verb, path in (("GET", "role_assignments"), ("GET", "services"), ("POST", "users"), ("DELETE", "users/x")):
            body = {"user": {"name": "x", "password": "x"}} if verb == "POST" else None
            answer = await http.request(verb, f"{V3}/{path}", json=body, headers=mine)
            assert answer.status_code == 403, path
        assert (await http.delete(grant)).status_code == 204
        assert (await http.get(f"{V3}/users/{bob['id']}", headers=mine)).status_code == 401

    play_as_admin(tmp_path, story)


def test_assignments_are_listed_with_names_and_filters(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        project, bob, team = await made(http, "project"), await made(http, "user"), await made(http, "group")
        role = await made(http, "role")
        assert (await http.put(f"{V3}/groups/{team['id']}/users/{bob['id']}")).status_code == 204
        assert (await http.head(f"{V3}/groups/{team['id']}/users/{bob['id']}")).status_code == 204
        members = (await http.get(f"{V3}/groups/{team['id']}/users")).json()["users"]
        assert [row["name"] for row in members] == ["bob"]
        assert [row["id"] for row in (await http.get(f"{V3}/users/{bob['id']}/groups")).json()["groups"]] == [
            team["id"]
        ]
        held = f"{V3}/projects/{project['id']}/groups/{team['id']}/roles"
        assert (await http.put(f"{held}/{role['id']}")).status_code == 204
        assert [row["name"] for row in (await http.get(held)).json()["roles"]] == ["operator"]

        async def found(query: str) -> list[dict[str, Any]]:
            answer = await http.get(f"{V3}/role_assignments?{query}")
            return [{k: v for k, v in row.items() if k != "links"} for row in answer.json()["role_assignments"]]

        plain = {"role": {"id": role["id"]}, "group": {"id": team["id"]}, "scope": {"project": {"id": project["id"]}}}
        assert await found(f"group.id={team['id']}") == await found(f"role.id={role['id']}") == [plain]
        assert await found(f"user.id={bob['id']}") == []
        real = plain | {"user": {"id": bob["id"]}}
        del real["group"]
        assert await found(f"user.id={bob['id']}&effective") == [real]
        [named] = await found(f"scope.project.id={project['id']}&include_names=1")
        assert named["group"]["name"] == "team" and named["scope"]["project"]["domain"]["name"] == "Default"
        assert [one["scope"] for one in await found("scope.system=all")] == [{"system": {"all": True}}]
        for both in ("user.id=x&group.id=y", "scope.project.id=x&scope.system=all", "group.id=x&effective"):
            assert (await http.get(f"{V3}/role_assignments?{both}")).status_code == 400

    play_as_admin(tmp_path, story)


def test_roles_are_made_to_imply_others(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        operator = await made(http, "role")
        reader = (await http.get(f"{V3}/roles?name=reader")).json()["roles"][0]
        one = f"{V3}/roles/{operator['id']}/implies/{reader['id']}"
        assert (await http.get(one)).status_code == 404
        assert (await http.put(one)).status_code == 201
        assert (await http.head(one)).status_code == 204
        shown = (await http.get(one)).json()["role_inference"]
        assert shown["implies"]["name"] == "reader"
        assert shown["prior_role"]["links"]["self"].endswith(f"{V3}/roles/{operator['id']}")
        listed = (await http.get(f"{V3}/role_inferences")).json()["role_inferences"]
        pairs = {(row["prior_role"]["name"], implied["name"]) for row in listed for implied in row["implies"]}
        assert pairs == {
            ("admin", "manager"),
            ("manager", "member"),
            ("member", "reader"),
            ("operator", "reader"),
        }
        assert (await http.put(f"{V3}/roles/{reader['id']}/implies/{operator['id']}")).status_code == 409
        assert (await http.delete(one)).status_code == 204 and (await http.delete(one)).status_code == 404

    play_as_admin(tmp_path, story)


def test_a_user_changes_its_password_by_the_old_one(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        bob = await made(http, "user")
        path = f"{V3}/users/{bob['id']}/password"
        old, _ = await log_in(http, by_password("pw", "bob"))
        wrong = await http.post(path, json={"user": {"password": "new", "original_password": "no"}})
        right = await http.post(path, json={"user": {"password": "new", "original_password": "pw"}})
        assert (wrong.status_code, right.status_code) == (401, 204)
        assert (await http.get(f"{V3}/auth/projects", headers={"X-Auth-Token": old})).status_code == 401
        assert (await http.post(f"{V3}/auth/tokens", json=by_password("pw", "bob"))).status_code == 401
        await log_in(http, by_password("new", "bob"))

    play_as_admin(tmp_path, story)


def test_a_program_logs_in_by_an_application_credential(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        me = (await http.get(f"{V3}/users?name=admin")).json()["users"][0]["id"]
        path = f"{V3}/users/{me}/application_credentials"
        wanted = {
            "name": "ci",
            "roles": [{"name": "reader"}],
            "unrestricted": False,
            "secret": None,
            "expires_at": None,
        }
        answer = await http.post(path, json={"application_credential": wanted})
        assert answer.status_code == 201, answer.text
        credential = answer.json()["application_credential"]
        assert [role["name"] for role in credential["roles"]] == ["reader"]
        shown = (await http.get(f"{path}/{credential['id']}")).json()["application_credential"]
        assert shown == {name: value for name, value in credential.items() if name != "secret"}
        method = {"id": credential["id"], "secret": credential["secret"]}
        by_id = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": method}}}
        token, said = await log_in(http, by_id)
        assert [role["name"] for role in said["roles"]] == ["reader"] and said["project"]["name"] == "admin"
        as_program = {"X-Auth-Token": token}
        another = await http.post(path, json={"application_credential": {"name": "x"}}, headers=as_program)
        assert another.status_code == 403  # it is restricted
        named = {"name": "ci", "user": {"id": me}, "secret": credential["secret"]}
        by_id["auth"]["identity"]["application_credential"] = named
        await log_in(http, by_id)
        by_id["auth"]["identity"]["application_credential"] = named | {"secret": "wrong"}
        assert (await http.post(f"{V3}/auth/tokens", json=by_id)).status_code == 401
        assert (await http.delete(f"{path}/{credential['id']}")).status_code == 204
        assert (await http.get(f"{V3}/auth/projects", headers=as_program)).status_code == 401
        assert (await http.get(path)).json()["application_credentials"] == []

    play_as_admin(tmp_path, story)
