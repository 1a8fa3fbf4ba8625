"""Snapshots, attachments, types and what the cloud says of its block storage, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.rest.volume.test_volumes import BOB, NOBODY, SERVER, make, show, speaking
from tests.world import World, in_world


async def snapshot(http: httpx.AsyncClient, volume_id: str, **fields: Any) -> dict[str, Any]:
    answer = await http.post("/volume/v3/snapshots", json={"snapshot": {"volume_id": volume_id, **fields}})
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()["snapshot"]
    return made


def test_snapshots_from_creation_to_deletion(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.65")) as http, world.http(BOB, **speaking("3.65")) as other:
            volume_id = (await make(world, http))["id"]
            made = await snapshot(http, volume_id, name="s1", description=None, metadata=None)
            url = f"/volume/v3/snapshots/{made['id']}"
            shown = (await http.get(url)).json()["snapshot"]
            assert (shown["status"], shown["volume_id"], shown["size"]) == ("available", volume_id, 1)
            assert shown["os-extended-snapshot-attributes:progress"] == "100%" and shown["consumes_quota"] is True
            plain = (await http.get(url, headers=speaking("3.0"))).json()["snapshot"]
            assert set(shown) - set(plain) == {"group_snapshot_id", "user_id", "consumes_quota"}
            named = (await http.put(url, json={"snapshot": {"name": "s2"}})).json()["snapshot"]
            assert named["name"] == "s2"
            assert (await http.post(f"{url}/metadata", json={"metadata": {"a": "b"}})).json() == {
                "metadata": {"a": "b"}
            }
            assert (await http.delete(f"{url}/metadata/a")).status_code == 200
            for query, count in (({"name": "s2"}, 1), ({"volume_id": volume_id}, 1), ({"status": "error"}, 0)):
                listed = (await http.get("/volume/v3/snapshots/detail", params=query)).json()["snapshots"]
                assert len(listed) == count
            calls: list[tuple[str, str, Any]] = [
                ("GET", "", None),
                ("PUT", "", {"snapshot": {"name": "x"}}),
                ("DELETE", "", None),
                ("POST", "/action", {"os-reset_status": {"status": "error"}}),
                ("POST", "/metadata", {"metadata": {"a": "b"}}),
            ]
            for verb, path, body in calls:
                assert (await other.request(verb, url + path, json=body)).status_code == 404, (verb, path)
            assert (await other.get("/volume/v3/snapshots")).json()["snapshots"] == []
            reset = {"os-reset_status": {"status": "error"}}
            assert (await http.post(f"{url}/action", json=reset)).status_code == 403
            assert (await http.post(f"{url}/action", json={"os-nothing": {}})).status_code == 400
            assert (await http.delete(f"/volume/v3/volumes/{volume_id}")).status_code == 400
            assert (await http.delete(url)).status_code == 202
            assert (await http.get(url)).status_code == 404
            await snapshot(http, volume_id)
            gone = await http.delete(f"/volume/v3/volumes/{volume_id}", params={"cascade": "True"})
            assert gone.status_code == 202
            assert (await http.get("/volume/v3/snapshots")).json()["snapshots"] == []

    in_world(tmp_path, play)


def test_a_volume_is_reverted_since_3_40(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.40")) as http:
            volume_id = (await make(world, http))["id"]
            taken = await snapshot(http, volume_id)
            url, wanted = f"/volume/v3/volumes/{volume_id}/action", {"revert": {"snapshot_id": taken["id"]}}
            assert (await http.post(url, json=wanted, headers=speaking("3.39"))).status_code == 400
            assert (await http.post(url, json=wanted)).status_code == 202
            assert (await show(http, volume_id))["status"] == "available"
            for bad, status in (({}, 400), ({"snapshot_id": 5}, 400), ({"snapshot_id": NOBODY}, 404)):
                assert (await http.post(url, json={"revert": bad})).status_code == status

    in_world(tmp_path, play)


def test_a_volume_in_use_needs_force_until_3_66(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            volume_id = (await make(world, http))["id"]
            attach = {"os-attach": {"instance_uuid": SERVER}}
            await http.post(f"/volume/v3/volumes/{volume_id}/action", json=attach)
            wanted = {"snapshot": {"volume_id": volume_id}}
            assert (await http.post("/volume/v3/snapshots", json=wanted)).status_code == 400
            newest = speaking("3.66")
            assert (await http.post("/volume/v3/snapshots", json=wanted, headers=newest)).status_code == 202
            unforced = {"snapshot": {"volume_id": volume_id, "force": False}}
            assert (await http.post("/volume/v3/snapshots", json=unforced, headers=newest)).status_code == 400
            for bad in ({}, {"volume_id": 5}, {"volume_id": NOBODY}, {"volume_id": volume_id, "metadata": {"a": 1}}):
                assert (await http.post("/volume/v3/snapshots", json={"snapshot": bad})).status_code in (400, 404)

    in_world(tmp_path, play)


def test_attachments_are_held_connected_completed_and_ended(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.54")) as http, world.http(BOB, **speaking("3.54")) as other:
            volume_id = (await make(world, http))["id"]
            wanted = {"volume_uuid": volume_id, "instance_uuid": SERVER, "mode": "rw"}
            held = (await http.post("/volume/v3/attachments", json={"attachment": wanted})).json()["attachment"]
            assert (held["status"], held["instance"], held["connection_info"]) == ("reserved", SERVER, {})
            assert (await show(http, volume_id))["status"] == "reserved"
            assert (await http.post("/volume/v3/attachments", json={"attachment": wanted})).status_code == 400
            url = f"/volume/v3/attachments/{held['id']}"
            connector = {"attachment": {"connector": {"host": "metal-1"}}}
            for verb, path, body in (
                ("GET", "", None),
                ("PUT", "", connector),
                ("POST", "/action", {"os-complete": {}}),
                ("DELETE", "", None),
            ):
                assert (await other.request(verb, url + path, json=body)).status_code == 404
            connected = (await http.put(url, json=connector)).json()["attachment"]
            assert connected["connection_info"]["driver_volume_type"] == "nbd"
            assert (await http.post(f"{url}/action", json={"os-finish": {}})).status_code == 400
            assert (await http.post(f"{url}/action", json={"os-complete": {}})).status_code == 204
            shown = await show(http, volume_id)
            assert (shown["status"], shown["attachments"][0]["attachment_id"]) == ("in-use", held["id"])
            detailed = (await http.get("/volume/v3/attachments/detail")).json()["attachments"]
            assert [row["attach_mode"] for row in detailed] == ["rw"]
            assert (await http.delete(url)).json() == {"attachments": []}
            assert (await show(http, volume_id))["status"] == "available"
            assert (await http.get("/volume/v3/attachments", headers=speaking("3.26"))).status_code == 404

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    "attachment",
    [
        {},
        {"volume_uuid": "here", "instance_uuid": "x"},
        {"volume_uuid": "here"},
        {"volume_uuid": "here", "instance_uuid": SERVER, "mode": "wo"},
        {"volume_uuid": "here", "instance_uuid": SERVER, "connector": "x"},
        {"volume_uuid": 5, "instance_uuid": SERVER},
    ],
)
def test_a_bad_attachment_holds_nothing(tmp_path: Path, attachment: dict[str, Any]) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.71")) as http:
            volume_id = (await make(world, http))["id"]
            sent = {key: volume_id if value == "here" else value for key, value in attachment.items()}
            answer = await http.post("/volume/v3/attachments", json={"attachment": sent})
            assert answer.status_code == 400, answer.text
            assert (await show(http, volume_id))["status"] == "available"

    in_world(tmp_path, play)


def test_types_and_their_extra_specs(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as root:
            [default] = (await http.get("/volume/v3/types", params={"is_public": "none"})).json()["volume_types"]
            assert default["name"] == "__DEFAULT__"
            assert (await http.get("/volume/v3/types/default")).json()["volume_type"] == default
            wanted = {"name": "gold", "os-volume-type-access:is_public": False, "extra_specs": {"acme:a": "b"}}
            assert (await http.post("/volume/v3/types", json={"volume_type": wanted})).status_code == 403
            kind = (await root.post("/volume/v3/types", json={"volume_type": wanted})).json()["volume_type"]
            assert (kind["is_public"], kind["extra_specs"]) == (False, {"acme:a": "b"})
            assert (await root.post("/volume/v3/types", json={"volume_type": wanted})).status_code == 409
            url = f"/volume/v3/types/{kind['id']}"
            assert (await http.get(url)).status_code == 404
            assert (await root.post(f"{url}/action", json={"addProjectAccess": {"project": "demo"}})).status_code == 202
            access = (await root.get(f"{url}/os-volume-type-access")).json()["volume_type_access"]
            assert access == [{"volume_type_id": kind["id"], "project_id": "demo"}]
            assert (await http.get(url)).status_code == 200
            assert (await http.put(url, json={"volume_type": {"name": "x"}})).status_code == 403
            assert (await root.post(f"{url}/extra_specs", json={"extra_specs": {"c": "d"}})).status_code == 200
            assert (await root.put(f"{url}/extra_specs/c", json={"c": "e"})).json() == {"c": "e"}
            assert (await root.get(f"{url}/extra_specs")).json() == {"extra_specs": {"acme:a": "b", "c": "e"}}
            assert [(await root.delete(f"{url}/extra_specs/c")).status_code for _ in range(2)] == [202, 404]
            volume = await make(world, http, volume_type="gold")
            assert volume["volume_type"] == "gold"
            assert (await root.delete(url)).status_code == 400
            retype = {"os-retype": {"new_type": "__DEFAULT__", "migration_policy": "never"}}
            retyped = await http.post(f"/volume/v3/volumes/{volume['id']}/action", json=retype)
            assert retyped.status_code == 202
            assert (await show(http, volume["id"]))["volume_type"] == "__DEFAULT__"
            assert (await root.delete(url)).status_code == 202
            for bad in ({}, {"name": ""}, {"name": "x" * 256}, {"name": 5}, {"name": "y", "extra_specs": {"a": 1}}):
                assert (await root.post("/volume/v3/types", json={"volume_type": bad})).status_code == 400

    in_world(tmp_path, play)


def test_what_the_cloud_says_of_itself(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        newest = speaking("3.71")
        async with world.http(world.member, **newest) as http, world.http(world.admin, **newest) as root:
            zones = (await http.get("/volume/v3/demo/os-availability-zone")).json()["availabilityZoneInfo"]
            assert zones == [{"zoneName": "nova", "zoneState": {"available": True}}]
            [service] = (await root.get("/volume/v3/os-services")).json()["services"]
            assert (service["binary"], service["state"], service["backend_state"]) == ("cinder-volume", "up", "up")
            assert (await root.get("/volume/v3/os-services", params={"host": "x"})).json()["services"] == []
            [pool] = (await root.get("/volume/v3/scheduler-stats/get_pools", params={"detail": "true"})).json()["pools"]
            said = (await root.get(f"/volume/v3/capabilities/{pool['name'].replace('#', '%23')}")).json()
            assert said["storage_protocol"] == pool["capabilities"]["storage_protocol"] == "nbd"
            for path in ("os-services", "scheduler-stats/get_pools", "capabilities/x"):
                assert (await http.get(f"/volume/v3/{path}")).status_code == 403
            assert (await http.get("/volume/v3/backups/detail")).json() == {"backups": []}
            assert (await http.get("/volume/v3/groups")).json() == {"groups": []}
            assert (await http.get("/volume/v3/groups", headers=speaking("3.12"))).status_code == 404
            assert (await http.get(f"/volume/v3/backups/{NOBODY}")).status_code == 404
            filters = (await http.get("/volume/v3/resource_filters")).json()["resource_filters"]
            assert {row["resource"] for row in filters} == {"volume", "snapshot", "attachment"}
            assert (await http.get("/volume/v3/volumes", headers=speaking("3.72"))).status_code == 406

    in_world(tmp_path, play)


def test_without_a_good_token_nothing_is_said(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http("wrong") as http:
            for path in ("volumes", "demo/volumes/detail", "types", "limits", "os-services", "backups"):
                answer = await http.get(f"/volume/v3/{path}")
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)

    in_world(tmp_path, play)
