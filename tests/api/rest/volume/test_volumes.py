"""Volumes over HTTP: bodies by microversion, actions, metadata, lists; others see nothing, bad input does nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.api.rest.volume.actions import ACTIONS
from actors.messages import BlockDevice
from actors.volume.messages import VolumeRequest
from tests.world import World, in_world, token

BOB = token("other", user="bob")
NOBODY = "00000000-0000-4000-8000-000000000000"
SERVER = "11111111-2222-4333-8444-555555555555"
FIRST = {
    *("id", "status", "size", "availability_zone", "created_at", "updated_at", "attachments", "name", "description"),
    *("volume_type", "snapshot_id", "source_volid", "metadata", "links", "user_id", "bootable", "encrypted"),
    *("replication_status", "consistencygroup_id", "multiattach"),
}
SHOWN = {"os-vol-tenant-attr:tenant_id"}
OF_ADMINS = {
    *("os-vol-host-attr:host", "os-vol-mig-status-attr:migstat", "os-vol-mig-status-attr:name_id"),
    "migration_status",
}
SINCE = {13: {"group_id"}, 48: {"shared_targets", "service_uuid"}, 63: {"volume_type_id"}, 65: {"consumes_quota"}}
SINCE_FOR_ADMINS = {21: {"provider_id"}, 61: {"cluster_name"}}


def speaking(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"volume {version}"}


async def make(world: World, http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await http.post("/volume/v3/volumes", json={"volume": {"size": 1, "name": "data", **fields}})
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()["volume"]
    await settled(world, made["id"])
    return made


async def settled(world: World, volume_id: str) -> None:
    await world.volumes.wait([VolumeRequest(token=world.member, volume_id=volume_id)], 5.0)


async def show(http: httpx.AsyncClient, volume_id: str) -> dict[str, Any]:
    answer = await http.get(f"/volume/v3/volumes/{volume_id}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()["volume"]
    return shown


async def act(http: httpx.AsyncClient, volume_id: str, name: str, said: Any = None) -> httpx.Response:
    return await http.post(f"/volume/v3/volumes/{volume_id}/action", json={name: said})


@pytest.mark.parametrize("minor", [0, 12, 13, 21, 27, 48, 59, 61, 63, 64, 65, 71])
def test_each_microversion_has_exactly_its_fields(tmp_path: Path, minor: int) -> None:
    newer = set().union(*(names for since, names in SINCE.items() if since <= minor))
    for_admins = set().union(*(names for since, names in SINCE_FOR_ADMINS.items() if since <= minor))

    async def play(world: World) -> None:
        version = speaking(f"3.{minor}")
        async with world.http(world.member, **version) as http, world.http(world.admin, **version) as root:
            made = await make(world, http)
            assert set(made) == FIRST | newer
            assert set(await show(http, made["id"])) == FIRST | newer | SHOWN
            listed = (await http.get("/volume/v3/volumes/detail")).json()
            assert set(listed["volumes"][0]) == FIRST | newer | SHOWN and "count" not in listed
            assert set(await show(root, made["id"])) == FIRST | newer | SHOWN | OF_ADMINS | for_admins

    in_world(tmp_path, play)


def test_a_volume_as_the_command_line_makes_it(tmp_path: Path) -> None:
    sent = {
        "volume_type": None,
        "imageRef": None,
        "backup_id": None,
        "metadata": None,
        "snapshot_id": None,
        "description": None,
        "availability_zone": None,
        "consistencygroup_id": None,
        "name": "vol1",
        "source_volid": None,
        "size": 1,
    }

    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.71")) as http:
            answer = await http.post("/volume/v3/demo/volumes", json={"volume": sent})
            volume = answer.json()["volume"]
            assert (answer.status_code, volume["status"], volume["volume_type"]) == (202, "creating", "__DEFAULT__")
            assert volume["links"][0]["href"].endswith(f"/volume/v3/demo/volumes/{volume['id']}")
            await settled(world, volume["id"])
            assert (await http.get("/volume/v3/demo/volumes/vol1")).status_code == 404
            found = (await http.get("/volume/v3/demo/volumes/detail", params={"name": "vol1"})).json()["volumes"]
            assert [(row["id"], row["status"]) for row in found] == [(volume["id"], "available")]
            assert (await http.delete(f"/volume/v3/demo/volumes/{volume['id']}")).status_code == 202
            assert (await http.get(f"/volume/v3/demo/volumes/{volume['id']}")).status_code == 404
            assert (await http.get("/volume/v3/other/volumes")).status_code == 400

    in_world(tmp_path, play)


def test_volumes_of_images_snapshots_and_volumes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            of_image = await make(world, http, imageRef=world.image.id)
            shown = await show(http, of_image["id"])
            assert (shown["bootable"], shown["status"]) == ("true", "available")
            assert shown["volume_image_metadata"]["image_id"] == world.image.id
            clone = await make(world, http, source_volid=of_image["id"], size=None)
            assert (clone["source_volid"], clone["size"], clone["bootable"]) == (of_image["id"], 1, "true")
            wanted = {"snapshot": {"volume_id": of_image["id"], "name": "s", "metadata": {"a": "b"}}}
            snapshot = (await http.post("/volume/v3/snapshots", json=wanted)).json()["snapshot"]
            of_snapshot = await make(world, http, snapshot_id=snapshot["id"], size=2)
            assert (of_snapshot["snapshot_id"], of_snapshot["size"]) == (snapshot["id"], 2)

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("volume", "status"),
    [
        ({}, 400),
        ({"size": 0}, 400),
        ({"size": -1}, 400),
        ({"size": 2**63}, 400),
        ({"size": "x"}, 400),
        ({"size": 1.5}, 400),
        ({"size": True}, 400),
        ({"size": 1, "name": "x" * 256}, 400),
        ({"size": 1, "name": 5}, 400),
        ({"size": 1, "description": "\ud800"}, 400),
        ({"size": 1, "metadata": {"a": 1}}, 400),
        ({"size": 1, "metadata": {"": "x"}}, 400),
        ({"size": 1, "metadata": {"a": "\x00"}}, 400),
        ({"size": 1, "metadata": []}, 400),
        ({"size": 1, "imageRef": "nobody"}, 404),
        ({"size": 1, "snapshot_id": NOBODY}, 404),
        ({"size": 1, "source_volid": NOBODY}, 404),
        ({"size": 1, "volume_type": "gold"}, 404),
        ({"size": 1, "availability_zone": "moon"}, 400),
        ({"size": 1, "multiattach": True}, 400),
        ({"size": 1, "backup_id": NOBODY}, 404),
        ({"size": 1, "status": "available"}, 400),
        ([], 400),
        (None, 400),
    ],
)
def test_a_bad_creation_is_refused_in_cinders_form(tmp_path: Path, volume: Any, status: int) -> None:
    async def play(world: World) -> None:
        before = await world.volumes.world()
        async with world.http(world.member, **speaking("3.71")) as http:
            content = json.dumps({"volume": volume})
            answer = await http.post(
                "/volume/v3/volumes", content=content, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == status, answer.text
            [(name, fault)] = answer.json().items()
            assert (name, fault["code"]) == ({400: "badRequest", 404: "itemNotFound"}[status], status)
        assert await world.volumes.world() == before

    in_world(tmp_path, play)


def test_an_image_without_data_makes_no_volume(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            queued = (await http.post("/image/v2/images", json={"name": "queued"})).json()["id"]
            sent = {"volume": {"size": 1, "imageRef": queued}}
            answer = await http.post("/volume/v3/volumes", json=sent)
            assert answer.status_code == 400 and "queued" in answer.json()["badRequest"]["message"]
            assert (await http.get("/volume/v3/volumes")).json()["volumes"] == []

    in_world(tmp_path, play)


CINDERS = {
    "volumes": 10, "snapshots": 10, "gigabytes": 1_000, "per_volume_gigabytes": -1, "backups": 10,
    "backup_gigabytes": 1_000, "groups": 10,
    "volumes___DEFAULT__": -1, "snapshots___DEFAULT__": -1, "gigabytes___DEFAULT__": -1,
}  # fmt: skip


def test_a_new_project_has_cinders_quotas_and_its_eleventh_volume_is_refused(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(token("new")) as http:
            for path in ("new", "new/defaults"):
                shown = (await http.get(f"/volume/v3/os-quota-sets/{path}")).json()["quota_set"]
                assert shown == CINDERS | {"id": "new"}
            too_large = await http.post("/volume/v3/volumes", json={"volume": {"size": 1_001}})
            assert too_large.status_code == 413
            sent = {"volume": {"size": 1}}
            answers = [(await http.post("/volume/v3/volumes", json=sent)).status_code for _ in range(11)]
            assert answers == [202] * 10 + [413]

    in_world(tmp_path, play)


def test_the_quota_says_which_limit_is_in_the_way(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as root:
            changed = await root.put("/volume/v3/os-quota-sets/demo", json={"quota_set": {"volumes": "1"}})
            assert changed.json()["quota_set"]["volumes"] == 1
            await make(world, http)
            refused = await http.post("/volume/v3/volumes", json={"volume": {"size": 1}})
            assert refused.status_code == 413 and "volumes" in refused.json()["overLimit"]["message"]
            used = (await http.get("/volume/v3/os-quota-sets/demo", params={"usage": "True"})).json()["quota_set"]
            assert used["volumes"] == {"limit": 1, "in_use": 1, "reserved": 0}
            plain = (await http.get("/volume/v3/os-quota-sets/demo", params={"usage": "False"})).json()["quota_set"]
            assert (plain["id"], plain["volumes"]) == ("demo", 1)
            limits = (await http.get("/volume/v3/limits")).json()["limits"]["absolute"]
            assert (limits["maxTotalVolumes"], limits["totalVolumesUsed"], limits["totalGigabytesUsed"]) == (1, 1, 1)
            defaults = (await root.get("/volume/v3/os-quota-sets/demo/defaults")).json()["quota_set"]
            assert defaults["volumes"] == 10
            for bad in ({"horses": 1}, {"volumes": -2}, {"volumes": None}, {"volumes": 1.5}, {"volumes": "9" * 30}, {}):
                assert (await root.put("/volume/v3/os-quota-sets/demo", json={"quota_set": bad})).status_code == 400
            assert (
                await http.put("/volume/v3/os-quota-sets/demo", json={"quota_set": {"volumes": 9}})
            ).status_code == 403
            assert (await http.get("/volume/v3/os-quota-sets/other")).status_code == 403
            assert (await root.delete("/volume/v3/os-quota-sets/demo")).status_code == 200
            await make(world, http)

    in_world(tmp_path, play)


def test_what_no_volume_has_is_refused_by_every_microversion(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.0")) as http:
            url = f"/volume/v3/volumes/{(await make(world, http))['id']}"
            for odd in ({"volume": {"name": "new", "size": 5}}, {"volume": {"name": "new"}, "more": 1}):
                assert (await http.put(url, json=odd)).status_code == 400
            assert (await http.put(url, json={"volume": {"display_name": "new"}})).json()["volume"]["name"] == "new"

    in_world(tmp_path, play)


def test_update_and_metadata(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.71")) as http:
            volume_id = (await make(world, http, metadata={"a": "1"}))["id"]
            url = f"/volume/v3/volumes/{volume_id}"
            changed = await http.put(url, json={"volume": {"name": "new", "description": "text"}})
            assert (changed.json()["volume"]["name"], changed.json()["volume"]["description"]) == ("new", "text")
            for empty in ({"volume": {}}, {"volume": {"size": 5}}, {}):
                assert (await http.put(url, json=empty)).status_code == 400
            added = await http.post(f"{url}/metadata", json={"metadata": {"b": "2"}})
            assert added.json() == {"metadata": {"a": "1", "b": "2"}}
            assert (await http.get(f"{url}/metadata/b")).json() == {"meta": {"b": "2"}}
            assert (await http.put(f"{url}/metadata/b", json={"meta": {"b": "3"}})).json() == {"meta": {"b": "3"}}
            assert (await http.put(f"{url}/metadata/b", json={"meta": {"c": "3"}})).status_code == 400
            assert [(await http.delete(f"{url}/metadata/a")).status_code for _ in range(2)] == [200, 404]
            replaced = await http.put(f"{url}/metadata", json={"metadata": {"z": "9"}})
            assert replaced.json() == (await http.get(f"{url}/metadata")).json() == {"metadata": {"z": "9"}}
            assert (await http.get(f"/volume/v3/backups/{volume_id}/metadata")).status_code == 404

    in_world(tmp_path, play)


def test_actions_change_a_volume(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as root:
            volume_id = (await make(world, http))["id"]
            for name, said, status in (
                ("os-reserve", None, "attaching"),
                ("os-unreserve", None, "available"),
                ("os-attach", {"instance_uuid": SERVER, "mountpoint": "/dev/vdb", "mode": "rw"}, "in-use"),
                ("os-begin_detaching", None, "detaching"),
                ("os-roll_detaching", {}, "in-use"),
                ("os-detach", {}, "available"),
                ("os-extend", {"new_size": "3"}, "available"),
                ("os-update_readonly_flag", {"readonly": True}, "available"),
            ):
                answer = await act(http, volume_id, name, said)
                assert answer.status_code == 202, (name, answer.text)
                assert (await show(http, volume_id))["status"] == status, name
                if name == "os-attach":
                    [attachment] = (await show(http, volume_id))["attachments"]
                    assert (attachment["server_id"], attachment["device"]) == (SERVER, "/dev/vdb")
            assert (await act(http, volume_id, "os-set_bootable", {"bootable": "True"})).status_code == 200
            shown = await show(http, volume_id)
            assert (shown["size"], shown["bootable"], shown["metadata"]) == (3, "true", {"readonly": "True"})
            items = {"metadata": {"os": "debian"}}
            assert (await act(http, volume_id, "os-set_image_metadata", items)).json() == items
            assert (await act(http, volume_id, "os-show_image_metadata")).json() == items
            assert (await act(http, volume_id, "os-unset_image_metadata", {"key": "os"})).status_code == 200
            assert (await act(http, volume_id, "os-reset_status", {"status": "error"})).status_code == 403
            assert (await act(root, volume_id, "os-reset_status", {"status": "error"})).status_code == 202
            assert (await act(http, volume_id, "os-force_delete")).status_code == 403
            assert (await act(root, volume_id, "os-force_delete")).status_code == 202
            assert (await http.get(f"/volume/v3/volumes/{volume_id}")).status_code == 404

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("os-extend", {"new_size": 1}),
        ("os-extend", {"new_size": "x"}),
        ("os-extend", {"new_size": 10**10}),
        ("os-extend", {}),
        ("os-extend", []),
        ("os-unreserve", None),
        ("os-roll_detaching", None),
        ("os-begin_detaching", None),
        ("os-detach", {"attachment_id": NOBODY}),
        ("os-attach", {}),
        ("os-attach", {"instance_uuid": "x"}),
        ("os-attach", {"instance_uuid": SERVER, "mode": "wo"}),
        ("os-set_bootable", {"bootable": "perhaps"}),
        ("os-update_readonly_flag", {"readonly": 7}),
        ("os-set_image_metadata", {"metadata": {"a": 5}}),
        ("os-volume_upload_image", {}),
        ("os-volume_upload_image", {"image_name": "x", "disk_format": "ploop"}),
        ("os-migrate_volume", {"host": "x"}),
        ("os-reimage", {"image_id": NOBODY}),
        ("", None),
    ],
)
def test_a_bad_action_changes_nothing(tmp_path: Path, name: str, said: Any) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            volume_id = (await make(world, http))["id"]
            before = await show(http, volume_id)
            answer = await act(http, volume_id, name, said)
            assert answer.status_code == 400, answer.text
            assert await show(http, volume_id) == before
            url = f"/volume/v3/volumes/{volume_id}/action"
            for body in ({}, {"os-reserve": None, "os-extend": None}, [], "x"):
                assert (await http.post(url, json=body)).status_code == 400

    in_world(tmp_path, play)


def test_a_volume_becomes_an_image(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            volume_id = (await make(world, http, imageRef=world.image.id))["id"]
            answer = await act(http, volume_id, "os-volume_upload_image", {"image_name": "copy", "disk_format": "raw"})
            said = answer.json()["os-volume_upload_image"]
            assert (answer.status_code, said["status"], said["image_name"]) == (202, "uploading", "copy")
            await world.volumes.uploaded()
            image = (await http.get(f"/image/v2/images/{said['image_id']}")).json()
            assert (image["status"], image["name"], image["visibility"]) == ("active", "copy", "private")
            body = {"image_name": "copy", "disk_format": "qcow2"}
            said = (await act(http, volume_id, "os-volume_upload_image", body)).json()["os-volume_upload_image"]
            await world.volumes.uploaded()
            image = (await http.get(f"/image/v2/images/{said['image_id']}")).json()
            assert (image["status"], image["disk_format"], image["virtual_size"]) == ("active", "qcow2", 1 << 30)
            assert (await show(http, volume_id))["status"] == "available"

    in_world(tmp_path, play)


def test_lists_have_filters_pages_counts_and_a_summary(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.71")) as http, world.http(world.admin) as root:
            for name, size in (("a", 3), ("b", 1), ("c", 2)):
                await make(world, http, name=name, size=size, metadata={"k": name})
            for query, names in (
                ({"name": "a"}, "a"),
                ({"name~": "b"}, "b"),
                ({"status": "available", "sort": "size:asc"}, "bca"),
                ({"sort_key": "name", "sort_dir": "asc", "limit": "2"}, "ab"),
                ({"sort_key": "name", "sort_dir": "asc", "offset": "1"}, "bc"),
                ({"metadata": "{'k': 'c'}"}, "c"),
                ({"bootable": "true"}, ""),
                ({"created_at": "gt:2099-01-01T00:00:00"}, ""),
                ({"user_id": "nobody"}, ""),
                ({"name": "['a', 'b']", "sort": "name:asc"}, "ab"),
                ({"size": "[1, 3]", "sort": "name:asc"}, "ab"),
                ({"name": "['a"}, ""),
            ):
                found = (await http.get("/volume/v3/volumes", params=query)).json()["volumes"]
                assert "".join(row["name"] for row in found) == names, query
                assert all(set(row) == {"id", "name", "links"} for row in found)
            url, pages = "/volume/v3/demo/volumes/detail?limit=2&sort=name:asc&with_count=true", []
            while url:
                page = (await http.get(url)).json()
                assert page["count"] == 3
                pages.append("".join(row["name"] for row in page["volumes"]))
                url = page["volumes_links"][0]["href"] if "volumes_links" in page else ""
            assert pages == ["ab", "c"]
            full = (await http.get("/volume/v3/volumes?limit=3")).json()
            assert "volumes_links" in full  # a page that is full says where others may be
            for path in ("volumes", "volumes/detail", "snapshots", "attachments"):
                assert (await http.get(f"/volume/v3/{path}", params={"marker": NOBODY})).status_code == 404
            summary = (await http.get("/volume/v3/volumes/summary")).json()["volume-summary"]
            assert summary == {
                "total_size": 6,
                "total_count": 3,
                "metadata": {"k": sorted("abc", key=summary["metadata"]["k"].index)},
            }
            assert (await root.get("/volume/v3/volumes")).json()["volumes"] == []
            everyones = await root.get("/volume/v3/volumes", params={"all_tenants": "True"})
            assert len(everyones.json()["volumes"]) == 3
            assert (await root.get("/volume/v3/volumes/summary")).status_code == 404  # 3.0 has none

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "-1"},
        {"limit": "x"},
        {"offset": "9" * 30},
        {"sort": "mood"},
        {"sort_dir": "up"},
        {"all_tenants": "perhaps"},
        {"bootable": "perhaps"},
        {"metadata": "{"},
        {"metadata": "{'a': 1}"},
        {"metadata": "(" * 3000},
        {"updated_at": "yesterday"},
    ],
)
def test_what_cannot_be_asked_is_a_bad_request(tmp_path: Path, query: dict[str, str]) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.71")) as http:
            for path in ("volumes", "volumes/detail", "snapshots"):
                answer = await http.get(f"/volume/v3/{path}", params=query)
                if path != "snapshots" or "bootable" not in query:
                    assert answer.status_code == 400, (path, answer.text)

    in_world(tmp_path, play)


def test_another_projects_volume_is_not_there_by_any_verb(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        version = speaking("3.71")
        async with world.http(world.member, **version) as http, world.http(BOB, **version) as other:
            volume_id = (await make(world, http))["id"]
            before = await show(http, volume_id)
            calls: list[tuple[str, str, Any]] = [
                ("GET", "", None),
                ("PUT", "", {"volume": {"name": "x"}}),
                ("DELETE", "", None),
                ("GET", "/metadata", None),
                ("POST", "/metadata", {"metadata": {"a": "b"}}),
                ("PUT", "/metadata", {"metadata": {"a": "b"}}),
                ("GET", "/metadata/a", None),
                ("PUT", "/metadata/a", {"meta": {"a": "b"}}),
                ("DELETE", "/metadata/a", None),
                *(("POST", "/action", {name: {}}) for name in ACTIONS),
            ]
            for verb, path, body in calls:
                answer = await other.request(verb, f"/volume/v3/volumes/{volume_id}{path}", json=body)
                assert answer.status_code == 404, (verb, path, body, answer.text)
            attach = {"attachment": {"volume_uuid": volume_id, "instance_uuid": SERVER}}
            assert (await other.post("/volume/v3/attachments", json=attach)).status_code == 404
            snapshot = {"snapshot": {"volume_id": volume_id}}
            assert (await other.post("/volume/v3/snapshots", json=snapshot)).status_code == 404
            clone = {"volume": {"source_volid": volume_id, "size": 1}}
            assert (await other.post("/volume/v3/volumes", json=clone)).status_code == 404
            everyones = {"all_tenants": "1", "project_id": "demo"}
            assert (await other.get("/volume/v3/volumes", params=everyones)).json()["volumes"] == []
            assert await show(http, volume_id) == before

    in_world(tmp_path, play)


def test_a_servers_volume_shows_its_server_which_alone_lets_go(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        volume_id = await world.volume()
        device = BlockDevice(source_type="volume", destination_type="volume", source_id=volume_id)
        [server] = await world.boot(world.request(block_devices=(device,)))
        async with world.http(world.member, **speaking("3.71")) as http:
            shown = await show(http, volume_id)
            assert shown["status"] == "in-use"
            assert [row["server_id"] for row in shown["attachments"]] == [server.id]
            [listed] = (await http.get("/volume/v3/attachments", params={"volume_id": volume_id})).json()["attachments"]
            assert listed["id"] == shown["attachments"][0]["attachment_id"]
            assert (await http.delete(f"/volume/v3/attachments/{listed['id']}")).status_code == 409
            assert (await act(http, volume_id, "os-detach", {})).status_code == 409
            assert (await http.delete(f"/volume/v3/volumes/{volume_id}")).status_code == 400
            await world.delete(server)
            assert (await show(http, volume_id))["attachments"] == []

    in_world(tmp_path, play)
