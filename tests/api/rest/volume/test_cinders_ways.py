"""Small things that clients of Cinder count on, over HTTP: what is said of types, hosts, progress."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.rest.volume.test_others import snapshot
from tests.api.rest.volume.test_volumes import NOBODY, SERVER, act, make, show
from tests.world import World, in_world

V3 = "/volume/v3"


def test_a_new_type_and_a_changed_one_say_less_than_one_that_is_shown(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root:
            made = (await root.post(f"{V3}/types", json={"volume_type": {"name": "gold"}})).json()["volume_type"]
            plain = {"id", "name", "description", "is_public", "extra_specs"}
            assert set(made) == {*plain, "os-volume-type-access:is_public"}
            path = f"{V3}/types/{made['id']}"
            assert set((await root.put(path, json={"volume_type": {"name": "g"}})).json()["volume_type"]) == plain
            assert set((await root.get(path)).json()["volume_type"]) == {*made, "qos_specs_id"}

    in_world(tmp_path, play)


def test_a_volume_says_whether_it_is_read_only_once_somebody_did(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            volume_id = (await make(world, http, metadata={"a": "b"}))["id"]
            assert (await show(http, volume_id))["metadata"] == {"a": "b"}
            for readonly in (True, False):
                await act(http, volume_id, "os-update_readonly_flag", {"readonly": readonly})
                assert (await show(http, volume_id))["metadata"] == {"a": "b", "readonly": str(readonly)}

    in_world(tmp_path, play)


def test_whoever_makes_a_snapshot_says_how_far_it_is(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as root:
            made = await snapshot(http, (await make(world, http))["id"])
            path = f"{V3}/snapshots/{made['id']}"

            async def tell(**said: str) -> int:
                return (await http.post(f"{path}/action", json={"os-update_snapshot_status": said})).status_code

            assert await tell(status="error") == 400  # it is there already
            await root.post(f"{path}/action", json={"os-reset_status": {"status": "creating"}})
            assert await tell(status="deleting") == 400
            for odd in ("80", "101%", "x%"):
                assert await tell(status="error", progress=odd) == 400
            assert await tell(status="error", progress="80%") == 202
            shown = (await http.get(path)).json()["snapshot"]
            assert (shown["status"], shown["os-extended-snapshot-attributes:progress"]) == ("error", "80%")

    in_world(tmp_path, play)


def test_an_administrator_detaches_by_force_but_not_from_a_server(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as root:
            volume_id = (await make(world, http))["id"]
            await act(http, volume_id, "os-attach", {"instance_uuid": SERVER, "mountpoint": "/dev/vdb"})
            [attachment] = (await show(http, volume_id))["attachments"]
            await act(root, volume_id, "os-reset_status", {"status": "error"})
            force = {"attachment_id": attachment["attachment_id"], "connector": None}
            assert (await act(http, volume_id, "os-detach", force)).status_code == 400
            assert (await act(http, volume_id, "os-force_detach", force)).status_code == 403
            assert (await act(root, volume_id, "os-force_detach", force)).status_code == 202
            shown = await show(http, volume_id)
            assert (shown["status"], shown["attachments"]) == ("available", [])
            assert (await act(http, volume_id, "os-detach", {})).status_code == 202  # nobody has it
            assert (await show(http, volume_id))["status"] == "available"
            [server] = await world.boot(world.request(block_devices=(world.root_volume(),)))
            [theirs] = [row["id"] for row in (await http.get(f"{V3}/volumes?status=in-use")).json()["volumes"]]
            assert (await act(root, theirs, "os-force_detach", {})).status_code == 409
            [holder] = (await show(http, theirs))["attachments"]
            assert holder["server_id"] == server.id

    in_world(tmp_path, play)


def test_the_limits_of_all_projects_are_an_administrators_to_set(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root, world.http(world.member) as http:
            path, wanted = f"{V3}/os-quota-class-sets/default", {"volumes": 0, "snapshots": 3}
            assert (await http.put(path, json={"quota_class_set": wanted})).status_code == 403
            changed = (await root.put(path, json={"quota_class_set": wanted})).json()["quota_class_set"]
            assert (changed["volumes"], changed["snapshots"], changed["backups"]) == (0, 3, 10)
            shown = (await root.get(path)).json()["quota_class_set"]
            assert shown == changed | {"id": "default"}
            new = (await root.get(f"{V3}/os-quota-sets/admin")).json()["quota_set"]
            assert (new["volumes"], new["snapshots"]) == (0, 3)
            refused = await root.post(f"{V3}/volumes", json={"volume": {"size": 1}})
            assert refused.status_code == 413
            await make(world, http)  # a project with limits of its own has these
            for odd in ({}, {"volumes": -2}, {"nothing": 1}, {"volumes": "x"}):
                assert (await root.put(path, json={"quota_class_set": odd})).status_code == 400
            other = f"{V3}/os-quota-class-sets/gold"
            assert (await root.put(other, json={"quota_class_set": wanted})).status_code == 400
            await world.volumes.start()  # from what is on disk
            assert (await root.get(path)).json()["quota_class_set"] == shown

    in_world(tmp_path, play)


def test_the_host_of_volumes_and_its_services_are_found_by_name(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root, world.http(world.member) as http:
            await snapshot(http, (await make(world, http, size=3))["id"])
            [host] = (await root.get(f"{V3}/os-hosts")).json()["hosts"]
            assert (host["service"], host["service-status"]) == ("cinder-volume", "available")
            totals = [row["resource"] for row in (await root.get(f"{V3}/os-hosts/{host['host_name']}")).json()["host"]]
            assert [row["project"] for row in totals] == ["(total)", "demo"]
            count = {"volume_count": "1", "total_volume_gb": "3", "snapshot_count": "1", "total_snapshot_gb": "3"}
            assert all(count.items() <= row.items() for row in totals)
            assert (await root.get(f"{V3}/os-hosts/nowhere")).status_code == 404
            for name, found in ((host["host_name"], 1), (host["host_name"].partition("@")[0], 1), ("nov", 0)):
                services = (await root.get(f"{V3}/os-services", params={"host": name})).json()["services"]
                assert len(services) == found, name
            extensions = (await http.get(f"{V3}/extensions")).json()["extensions"]
            assert "Hosts" in {one["name"] for one in extensions}
            assert (await http.get(f"{V3}/extensions/os-hosts")).json()["extension"]["name"] == "Hosts"
            assert (await http.get(f"{V3}/extensions/os-nothing")).status_code == 404

    in_world(tmp_path, play)


@pytest.mark.parametrize("path", [f"{V3}/volumes/", f"{V3}/demo/volumes/", "/image/v2/images/"])
def test_an_empty_id_is_nothing(tmp_path: Path, path: str) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            for verb in ("GET", "PUT", "DELETE"):
                assert (await http.request(verb, path, json={"volume": {}})).status_code == 404
            assert (await http.get(f"{V3}/")).status_code == (await http.get(V3)).status_code == 200
            for nothing in (None, "", NOBODY):
                body = {"snapshot": {"volume_id": nothing}}
                assert (await http.post(f"{V3}/snapshots", json=body)).status_code == 404

    in_world(tmp_path, play)
