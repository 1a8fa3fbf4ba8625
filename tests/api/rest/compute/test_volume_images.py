"""Images of servers that boot from a volume, made and booted over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from actors.errors import CallerFault
from actors.messages import BlockDevice, ServerView
from actors.volume.messages import ListVolumes
from tests.api.rest.compute.test_server_parts import ask, client
from tests.world import World, in_world


async def on_volume(world: World) -> ServerView:
    data = BlockDevice(source_type="volume", destination_type="volume", source_id=await world.volume())
    [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(), data)))
    assert server.status == "ACTIVE", server.fault
    return server


async def snapshots(world: World) -> list[Any]:
    [found] = await world.volumes.list_snapshots([ListVolumes(token=world.member)])
    assert not isinstance(found, CallerFault)
    return found


def test_such_an_image_has_no_data_but_a_snapshot_of_each_volume(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        answer = await ask(world, f"/compute/v2.1/servers/{server.id}", {"createImage": {"name": "shot"}})
        assert answer.status_code == 202
        async with client(world) as http:
            image = (await http.get(f"/image/v2/images/{answer.json()['image_id']}")).json()
        assert (image["status"], image["size"]) == ("active", 0)
        rows = json.loads(image["block_device_mapping"])
        assert {row["snapshot_id"] for row in rows} == {one.id for one in await snapshots(world)}
        assert [row["boot_index"] for row in rows] == [0, None]
        assert (await world.api.instance_actions(world.member, server.id))[0].name == "createImage"

    in_world(tmp_path, play)


def test_a_server_that_boots_from_it_has_volumes_of_its_own(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        answer = await ask(world, f"/compute/v2.1/servers/{server.id}", {"createImage": {"name": "shot"}})
        [copy] = await world.boot(world.request(image=answer.json()["image_id"]))
        assert (copy.status, copy.image_id, len(copy.volumes)) == ("ACTIVE", "", 2), copy.fault
        assert not {one.source_id for one in copy.volumes} & {one.source_id for one in server.volumes}

    in_world(tmp_path, play)


def test_what_is_refused_leaves_no_snapshot(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        url = f"/compute/v2.1/servers/{server.id}"
        backup = {"createBackup": {"name": "b", "backup_type": "daily", "rotation": 1}}
        assert (await ask(world, url, backup)).status_code == 400
        assert (await ask(world, url, {"os-resetState": {"state": "error"}}, by=world.admin)).status_code == 202
        assert (await ask(world, url, {"createImage": {"name": "shot"}})).status_code == 409
        assert await snapshots(world) == []

    in_world(tmp_path, play)


def test_a_mapping_that_can_t_be_read_is_refused(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http:
            properties = {"block_device_mapping": "[{", "disk_format": "raw", "container_format": "bare", "name": "bad"}
            image = (await http.post("/image/v2/images", json=properties)).json()
            octets = {"Content-Type": "application/octet-stream"}
            await http.put(f"/image/v2/images/{image['id']}/file", content=bytes(4096), headers=octets)
            server = {"name": "x", "flavorRef": "tiny", "imageRef": image["id"], "networks": "none"}
            answer = await http.post("/compute/v2.1/servers", json={"server": server})
        assert answer.status_code == 400 and "block_device_mapping" in answer.text

    in_world(tmp_path, play)
