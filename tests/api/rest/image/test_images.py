"""Images over HTTP: bodies, patches, lists, members, tags; other projects see nothing, bad input changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.api.rest.image.bodies import OLD_PATCH_TYPE, PATCH_TYPE
from tests.world import World, in_world, token

BOB = token("other", user="bob")
CORE = {
    *("id", "name", "status", "visibility", "owner", "disk_format", "container_format", "size", "virtual_size"),
    *("checksum", "os_hash_algo", "os_hash_value", "min_disk", "min_ram", "protected", "os_hidden", "tags"),
    *("created_at", "updated_at", "self", "file", "schema"),
}
NOBODY = "00000000-0000-4000-8000-000000000000"


async def make(http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    body = {"name": "debian", "disk_format": "raw", "container_format": "bare", **fields}
    answer = await http.post("/image/v2/images", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def patch(http: httpx.AsyncClient, image_id: str, *operations: Any, kind: str = PATCH_TYPE) -> httpx.Response:
    content, headers = json.dumps(operations), {"Content-Type": kind}
    return await http.patch(f"/image/v2/images/{image_id}", content=content, headers=headers)


def test_a_new_image_is_queued_shared_and_says_how_data_comes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            sent = {"name": "cirros", "owner_specified.openstack.md5": "", "tags": ["a"], "min_disk": 1}
            answer = await http.post("/image/v2/images", json=sent)
            body = answer.json()
            assert set(body) == CORE | {"owner_specified.openstack.md5"}
            assert (body["status"], body["visibility"], body["owner"]) == ("queued", "shared", "demo")
            assert body["disk_format"] is body["container_format"] is body["size"] is body["checksum"] is None
            assert (body["tags"], body["min_disk"], body["self"]) == (["a"], 1, f"/v2/images/{body['id']}")
            assert answer.headers["OpenStack-image-import-methods"] == "glance-direct"
            assert answer.headers["Location"].endswith(f"/image/v2/images/{body['id']}")
            assert (await http.get(f"/image/v2/images/{body['id']}")).json() == body
            assert (await http.delete(f"/image/v2/images/{body['id']}")).status_code == 204
            assert (await http.get(f"/image/v2/images/{body['id']}")).status_code == 404

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": 5}, 400),
        ({"name": "x" * 256}, 400),
        ({"name": "a\x00b"}, 400),
        ({"name": "\ud800"}, 400),
        ({"id": "nobody"}, 400),
        ({"id": 7}, 400),
        ({"disk_format": "exe"}, 400),
        ({"container_format": "box"}, 400),
        ({"visibility": "everyone"}, 400),
        ({"visibility": "public"}, 403),
        ({"owner": "another"}, 403),
        ({"min_disk": -1}, 400),
        ({"min_ram": 2**64}, 400),
        ({"min_ram": "1"}, 400),
        ({"protected": "yes"}, 400),
        ({"tags": "a"}, 400),
        ({"tags": [1]}, 400),
        ({"status": "active"}, 403),
        ({"size": 5}, 403),
        ({"locations": []}, 403),
        ({"os_distro": {"a": 1}}, 400),
        ({"os_distro": "\udfff"}, 400),
        ({"": "x"}, 400),
        ([], 400),
        ("x", 400),
        (None, 400),
    ],
)
def test_a_bad_creation_is_refused_in_glances_form(tmp_path: Path, body: Any, status: int) -> None:
    async def play(world: World) -> None:
        before = world.images.world()
        async with world.http(world.member) as http:
            content = json.dumps(body)
            answer = await http.post("/image/v2/images", content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == status, answer.text
            assert answer.json()["code"].startswith(str(status))
        assert world.images.world() == before

    in_world(tmp_path, play)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 10_000])
def test_a_body_that_is_no_json_is_a_bad_request(tmp_path: Path, content: bytes) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            for kind in ("application/json", PATCH_TYPE):
                headers = {"Content-Type": kind}
                created = await http.post("/image/v2/images", content=content, headers=headers)
                url = f"/image/v2/images/{world.image.id}"
                patched = await http.patch(url, content=content, headers={"Content-Type": PATCH_TYPE})
                assert (created.status_code, patched.status_code) == (400, 400)

    in_world(tmp_path, play)


def test_an_id_is_taken_once(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(BOB) as other:
            await make(http, id=NOBODY)
            for client in (http, other):
                answer = await client.post("/image/v2/images", json={"name": "debian", "id": NOBODY})
                assert answer.status_code == 409

    in_world(tmp_path, play)


def test_patches_of_both_forms(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            image_id = (await make(http))["id"]
            answer = await patch(
                http,
                image_id,
                {"op": "replace", "path": "/name", "value": "new"},
                {"op": "add", "path": "/a~1b~0c", "value": "x"},
                {"op": "add", "path": "/tags", "value": ["t"]},
            )
            assert answer.status_code == 200, answer.text
            assert (answer.json()["name"], answer.json()["a/b~c"], answer.json()["tags"]) == ("new", "x", ["t"])
            older = await patch(
                http, image_id, {"add": "/os", "value": "linux"}, {"remove": "/a~1b~0c"}, kind=OLD_PATCH_TYPE
            )
            assert older.json()["os"] == "linux" and "a/b~c" not in older.json()
            assert (await patch(http, image_id, kind="application/json")).status_code == 415

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "replace", "path": "/status", "value": "active"}, 403),
        ({"op": "remove", "path": "/name"}, 403),
        ({"op": "remove", "path": "/absent"}, 409),
        ({"op": "replace", "path": "/absent", "value": "x"}, 409),
        ({"op": "move", "path": "/name", "from": "/id"}, 400),
        ({"op": "add", "path": "name", "value": "x"}, 400),
        ({"op": "add", "path": "/a/b", "value": "x"}, 400),
        ({"op": "add", "path": "/~2", "value": "x"}, 400),
        ({"op": "add", "path": "/name"}, 400),
        ({"op": "add", "path": 5, "value": "x"}, 400),
        ({"op": "add", "path": "/x", "value": 5}, 400),
        ({"op": ["add"], "path": "/x", "value": "y"}, 400),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403),
        ("x", 400),
    ],
)
def test_a_bad_patch_changes_nothing(tmp_path: Path, operation: Any, status: int) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            image = await make(http)
            answer = await patch(http, image["id"], {"op": "add", "path": "/good", "value": "x"}, operation)
            assert answer.status_code == status, answer.text
            assert (await http.get(f"/image/v2/images/{image['id']}")).json() == image

    in_world(tmp_path, play)


def test_lists_have_filters_pages_and_links(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            made = [await make(http, name=name, os=name) for name in ("a", "b", "c,d")]
            hidden = await make(http, name="h", os_hidden=True)
            ids = f"in:{made[0]['id']},{made[2]['id']}"
            for query, names in (
                ({"name": "a"}, ["a"]),
                ({"name": 'in:a,"c,d"'}, ["a", "c,d"]),
                ({"id": ids}, ["a", "c,d"]),
                ({"os": "b"}, ["b"]),
                ({"visibility": "public"}, ["tiny"]),
                ({"status": "active"}, ["tiny"]),
                ({"os_hidden": "True"}, ["h"]),
                ({"owner": "demo", "sort": "name:desc"}, ["c,d", "b", "a"]),
                ({"sort_key": "name", "sort_dir": "asc", "limit": "2"}, ["a", "b"]),
                ({"size_min": "1"}, ["tiny"]),
                ({"created_at": "gt:2099-01-01T00:00:00Z"}, []),
                ({"tag": "none"}, []),
                ({"limit": "0"}, []),
                ({"name": "nobody"}, []),
            ):
                answer = await http.get("/image/v2/images", params=query)
                found = [image["name"] for image in answer.json()["images"]]
                assert (found if "sort" in str(query) else sorted(found)) == names, query
            pages = []
            url = "/v2/images?limit=2&sort=name:asc"
            while url:
                page = (await http.get(f"/image{url}")).json()
                pages.append([image["name"] for image in page["images"]])
                url = page.get("next", "")
            assert pages == [["a", "b"], ["c,d", "tiny"], []]
            assert page["first"].startswith("/v2/images?") and "marker" not in page["first"]
            assert hidden["os_hidden"] is True

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "-1"},
        {"limit": "x"},
        {"limit": "9" * 30},
        {"limit": "²"},
        {"marker": NOBODY},
        {"sort": "mood"},
        {"sort": "name:up"},
        {"sort": "name", "sort_key": "name"},
        {"sort_key": ["name", "id"], "sort_dir": ["asc", "asc", "asc"]},
        {"visibility": "x"},
        {"member_status": "x"},
        {"os_hidden": "maybe"},
        {"size_min": "x"},
        {"created_at": "gt:yesterday"},
        {"name": 'in:a,"b'},
    ],
)
def test_what_cannot_be_asked_is_a_bad_request(tmp_path: Path, query: dict[str, Any]) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            answer = await http.get("/image/v2/images", params=query)
            assert answer.status_code == 400, answer.text

    in_world(tmp_path, play)


def test_another_projects_image_is_not_there_by_any_verb(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(BOB) as other:
            url = f"/image/v2/images/{(await make(http))['id']}"
            before = (await http.get(url)).json()
            octets = {"Content-Type": "application/octet-stream"}
            calls: list[tuple[str, str, dict[str, Any]]] = [
                ("GET", "", {}),
                ("DELETE", "", {}),
                ("PATCH", "", {"content": "[]", "headers": {"Content-Type": PATCH_TYPE}}),
                ("GET", "/file", {}),
                ("PUT", "/file", {"content": b"x", "headers": octets}),
                ("PUT", "/stage", {"content": b"x", "headers": octets}),
                ("POST", "/import", {"json": {"method": {"name": "glance-direct"}}}),
                ("POST", "/actions/deactivate", {}),
                ("POST", "/actions/reactivate", {}),
                ("PUT", "/tags/x", {}),
                ("DELETE", "/tags/x", {}),
                ("GET", "/members", {}),
                ("POST", "/members", {"json": {"member": "other"}}),
                ("GET", "/members/other", {}),
                ("PUT", "/members/other", {"json": {"status": "accepted"}}),
                ("DELETE", "/members/other", {}),
            ]
            for verb, path, more in calls:
                answer = await other.request(verb, url + path, **more)
                assert answer.status_code == 404, (verb, path, answer.text)
            listed = (await other.get("/image/v2/images")).json()["images"]
            assert [image["name"] for image in listed] == ["tiny"]
            assert (await http.get(url)).json() == before
            assert (await other.get(f"/image/v2/images/{world.image.id}")).status_code == 200
            assert (await other.delete(f"/image/v2/images/{world.image.id}")).status_code == 403

    in_world(tmp_path, play)


def test_without_a_good_token_nothing_is_said(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http("wrong") as http:
            for path in ("", f"/{world.image.id}", f"/{world.image.id}/file"):
                answer = await http.get(f"/image/v2/images{path}")
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)
            assert (await http.post("/image/v2/images", content=b"{")).status_code == 401

    in_world(tmp_path, play)


def test_sharing_from_offer_to_acceptance(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(BOB) as other:
            image_id = (await make(http, name="shared"))["id"]
            members = f"/image/v2/images/{image_id}/members"
            offer = await http.post(members, json={"member": "other"})
            assert (offer.status_code, offer.json()["status"], offer.json()["member_id"]) == (200, "pending", "other")
            assert (await http.post(members, json={"member": "other"})).status_code == 409
            pending = await other.get("/image/v2/images", params={"visibility": "shared", "member_status": "pending"})
            assert [image["id"] for image in pending.json()["images"]] == [image_id]
            assert (await other.put(f"{members}/other", json={"status": "odd"})).status_code == 400
            assert (await other.put(f"{members}/other", json={"status": "accepted"})).json()["status"] == "accepted"
            accepted = (await other.get("/image/v2/images")).json()["images"]
            assert image_id in [image["id"] for image in accepted]
            listed = (await http.get(members)).json()
            assert listed["schema"] == "/v2/schemas/members" and len(listed["members"]) == 1
            assert (await http.delete(f"{members}/other")).status_code == 204
            assert (await other.get(f"/image/v2/images/{image_id}")).status_code == 404

    in_world(tmp_path, play)


def test_tags_protection_and_activity(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            url = f"/image/v2/images/{world.image.id}"
            assert (await http.put(f"{url}/tags/blue")).status_code == 204
            assert (await http.get(url)).json()["tags"] == ["blue"]
            assert [(await http.delete(f"{url}/tags/blue")).status_code for _ in range(2)] == [204, 404]
            assert (await http.put(f"{url}/tags/{'x' * 256}")).status_code == 400
            await patch(http, world.image.id, {"op": "replace", "path": "/protected", "value": True})
            assert (await http.delete(url)).status_code == 403
            assert (await http.post(f"{url}/actions/deactivate")).status_code == 204
            assert (await http.get(url)).json()["status"] == "deactivated"
            async with world.http(world.member) as reader:
                assert (await reader.get(f"{url}/file")).status_code == 403
            assert (await http.post(f"{url}/actions/reactivate")).status_code == 204
            queued = (await make(http))["id"]
            assert (await http.post(f"/image/v2/images/{queued}/actions/deactivate")).status_code == 403

    in_world(tmp_path, play)


def test_schemas_name_every_field_of_an_image(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            schema = (await http.get("/image/v2/schemas/image")).json()
            active = (await http.get(f"/image/v2/images/{world.image.id}")).json()
            assert set(active) <= set(schema["properties"])
            for name in ("images", "member", "members"):
                assert (await http.get(f"/image/v2/schemas/{name}")).json()["name"] == name
            ways = (await http.get("/image/v2/info/import")).json()
            assert ways["import-methods"]["value"] == ["glance-direct"]
            assert (await http.get("/image/v2/info/stores")).json()["stores"][0]["id"] == active["stores"]

    in_world(tmp_path, play)


def test_names_that_the_image_service_has_for_itself_are_reserved(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            new = {"name": "x", "disk_format": "raw", "container_format": "bare"}
            refused = await http.post("/image/v2/images", json=new | {"os_glance_foo": "bar"})
            assert refused.status_code == 403, refused.text
            image_id = (await http.post("/image/v2/images", json=new | {"os_distro": "debian"})).json()["id"]
            for act in ("add", "replace", "remove"):
                patch = [{"op": act, "path": "/os_glance_foo", "value": "bar"}]
                kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
                changed = await http.patch(f"/image/v2/images/{image_id}", json=patch, headers=kind)
                assert changed.status_code == 403, changed.text
            shown = (await http.get(f"/image/v2/images/{image_id}")).json()
            assert shown["os_distro"] == "debian" and "os_glance_foo" not in shown

    in_world(tmp_path, play)
