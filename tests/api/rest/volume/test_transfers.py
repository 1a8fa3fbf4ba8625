"""Volumes that go to another project, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.messages import AttachRequest, BlockDevice
from actors.volume.quotas import UNLIMITED
from tests.api.rest.volume.test_others import snapshot
from tests.api.rest.volume.test_volumes import BOB, NOBODY, make, show, speaking
from tests.world import World, in_world, token

V3 = "/volume/v3"
OLDER, NEWER = f"{V3}/os-volume-transfer", f"{V3}/volume-transfers"


async def offer(http: httpx.AsyncClient, volume_id: str, path: str = NEWER, **fields: Any) -> dict[str, Any]:
    answer = await http.post(path, json={"transfer": {"volume_id": volume_id, **fields}})
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()["transfer"]
    return made


async def accept(http: httpx.AsyncClient, transfer_id: str, key: str, path: str = NEWER) -> httpx.Response:
    return await http.post(f"{path}/{transfer_id}/accept", json={"accept": {"auth_key": key}})


@pytest.mark.parametrize(
    ("version", "path", "more"),
    [
        ("3.0", OLDER, set()),
        ("3.55", NEWER, {"no_snapshots"}),
        ("3.57", NEWER, {"no_snapshots", "source_project_id", "destination_project_id", "accepted"}),
    ],
)
def test_a_volume_goes_to_whoever_has_the_key(tmp_path: Path, version: str, path: str, more: set[str]) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking(version)) as http, world.http(BOB, **speaking(version)) as bob:
            volume_id = (await make(world, http))["id"]
            made = await offer(http, volume_id, path, name="gift")
            detailed = {"id", "name", "volume_id", "links", "created_at", *more}
            assert set(made) == {*detailed, "auth_key"} and len(made["auth_key"]) == 16
            assert (await show(http, volume_id))["status"] == "awaiting-transfer"
            assert (await http.delete(f"{V3}/volumes/{volume_id}")).status_code == 400
            shown = (await http.get(f"{path}/{made['id']}")).json()["transfer"]
            assert shown == {name: made[name] for name in detailed}
            assert (await http.get(f"{path}/detail")).json()["transfers"] == [shown]
            [brief] = (await http.get(path)).json()["transfers"]
            assert set(brief) == {"id", "name", "volume_id", "links"}
            assert (await bob.get(path)).json()["transfers"] == []
            assert (await bob.get(f"{path}/{made['id']}")).status_code == 404
            for anybody in (bob, http):
                wrong = await accept(anybody, made["id"], "0" * 16, path)
                assert wrong.status_code == 400 and "Invalid auth key" in wrong.text
            accepted = await accept(bob, made["id"], made["auth_key"], path)
            assert (accepted.status_code, set(accepted.json()["transfer"])) == (202, set(brief))
            theirs = await show(bob, volume_id)
            assert (theirs["status"], theirs["user_id"]) == ("available", "bob")
            assert theirs["os-vol-tenant-attr:tenant_id"] == "other"
            assert (await http.get(f"{V3}/volumes/{volume_id}")).status_code == 404
            assert (await http.get(f"{path}/{made['id']}")).status_code == 404
            assert (await accept(bob, made["id"], made["auth_key"], path)).status_code == 404

    in_world(tmp_path, play)


def test_an_offer_is_taken_back_and_outlives_the_room(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.71")) as http, world.http(BOB, **speaking("3.71")) as bob:
            volume_id = (await make(world, http))["id"]
            made = await offer(http, volume_id)
            await world.volumes.start()  # from what is on disk
            second = await http.post(NEWER, json={"transfer": {"volume_id": volume_id}})
            assert second.status_code == 400
            assert (await bob.delete(f"{NEWER}/{made['id']}")).status_code == 404
            assert (await http.delete(f"{NEWER}/{made['id']}")).status_code == 202
            assert (await show(http, volume_id))["status"] == "available"
            assert (await accept(bob, made["id"], made["auth_key"])).status_code == 404
            assert (await http.delete(f"{NEWER}/{made['id']}")).status_code == 404
            assert (await http.post(NEWER, json={"transfer": {"volume_id": NOBODY}})).status_code == 404
            for odd in ({}, {"volume_id": volume_id, "name": "x" * 256}, {"volume_id": volume_id, "to": "bob"}):
                assert (await http.post(NEWER, json={"transfer": odd})).status_code == 400, odd

    in_world(tmp_path, play)


def test_snapshots_go_along_unless_they_are_to_stay(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.71")) as http, world.http(BOB, **speaking("3.71")) as bob:
            going, staying = [(await make(world, http))["id"] for _ in range(2)]
            along, left = [(await snapshot(http, volume_id))["id"] for volume_id in (going, staying)]
            for volume_id, no_snapshots in ((going, False), (staying, True)):
                made = await offer(http, volume_id, no_snapshots=no_snapshots)
                assert (await accept(bob, made["id"], made["auth_key"])).status_code == 202
            assert [row["id"] for row in (await bob.get(f"{V3}/snapshots")).json()["snapshots"]] == [along]
            assert [row["id"] for row in (await http.get(f"{V3}/snapshots")).json()["snapshots"]] == [left]
            used = (await bob.get(f"{V3}/os-quota-sets/other?usage=True")).json()["quota_set"]
            assert [used[name]["in_use"] for name in ("volumes", "snapshots", "gigabytes")] == [2, 1, 3]
            cascade = {"cascade": "True"}
            assert (await bob.delete(f"{V3}/volumes/{staying}", params=cascade)).status_code == 400  # another's
            assert (await bob.delete(f"{V3}/volumes/{going}", params=cascade)).status_code == 202
            assert (await http.delete(f"{V3}/snapshots/{left}")).status_code == 202
            assert (await bob.delete(f"{V3}/volumes/{staying}")).status_code == 202

    in_world(tmp_path, play)


def test_who_accepts_needs_the_quota_for_all_of_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(BOB) as bob, world.http(world.admin) as root:
            volume_id = (await make(world, http, size=2))["id"]
            await snapshot(http, volume_id)
            made = await offer(http, volume_id, OLDER)
            for short in ({"volumes": 0}, {"snapshots": 0}, {"gigabytes": 3}):
                limits = UNLIMITED | short
                await root.put(f"{V3}/os-quota-sets/other", json={"quota_set": limits})
                assert (await accept(bob, made["id"], made["auth_key"], OLDER)).status_code == 413, short
                assert (await show(http, volume_id))["status"] == "awaiting-transfer"
            await root.put(f"{V3}/os-quota-sets/other", json={"quota_set": UNLIMITED | {"gigabytes": 4}})
            assert (await accept(bob, made["id"], made["auth_key"], OLDER)).status_code == 202
            used = (await root.get(f"{V3}/os-quota-sets/demo?usage=True")).json()["quota_set"]
            assert [used[name]["in_use"] for name in ("volumes", "snapshots", "gigabytes")] == [0, 0, 0]

    in_world(tmp_path, play)


def test_an_offer_ends_with_its_volume(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as root:
            volume_id = (await make(world, http))["id"]
            made = await offer(http, volume_id, OLDER)
            forced = await root.post(f"{V3}/volumes/{volume_id}/action", json={"os-force_delete": None})
            assert forced.status_code == 202
            assert (await http.get(f"{OLDER}/{made['id']}")).status_code == 404
            assert (await http.get(OLDER)).json()["transfers"] == []

    in_world(tmp_path, play)


def test_an_offer_holds_once_and_for_the_project_that_made_it(tmp_path: Path) -> None:
    """An administrator may end one by halves; its key is then good for nothing."""

    async def play(world: World) -> None:
        third = world.http(token("third"), **speaking("3.71"))
        async with world.http(world.member, **speaking("3.71")) as http, world.http(BOB, **speaking("3.71")) as bob:
            volume_id = (await make(world, http))["id"]
            stale = await offer(http, volume_id)
            async with world.http(world.admin, **speaking("3.71")) as admin:
                reset = {"os-reset_status": {"status": "available"}}
                assert (await admin.post(f"{V3}/volumes/{volume_id}/action", json=reset)).status_code == 202
            made = await offer(http, volume_id)
            assert (await accept(bob, stale["id"], stale["auth_key"])).status_code == 404
            assert (await accept(bob, made["id"], made["auth_key"])).status_code == 202
            again = await offer(bob, volume_id)
            async with third:
                assert (await accept(third, made["id"], made["auth_key"])).status_code == 404
                assert (await accept(third, again["id"], again["auth_key"])).status_code == 202

    in_world(tmp_path, play)


def test_an_offered_volume_is_attached_to_nothing_and_snapshots_outlive_their_volume_s_server(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        blank = BlockDevice(
            source_type="blank", destination_type="volume", size_gib=1, boot_index=-1, delete_on_termination=True
        )
        [server] = await world.boot(world.request(block_devices=(blank,)))
        [volume] = server.volumes
        async with world.http(world.member, **speaking("3.71")) as http:
            body = {"snapshot": {"volume_id": volume.source_id, "force": True}}
            assert (await http.post(f"{V3}/snapshots", json=body)).status_code == 202
            await world.delete(server)
            shown = await show(http, volume.source_id)
            assert (shown["status"], shown["attachments"]) == ("available", [])
            await offer(http, volume.source_id)
            assert (await show(http, volume.source_id))["status"] == "awaiting-transfer"
        [fault] = await world.volumes.validate(
            [
                AttachRequest(
                    token=world.member,
                    instance_id=server.id,
                    attempt=0,
                    project_id="demo",
                    host="",
                    devices=(BlockDevice(source_type="volume", destination_type="volume", source_id=volume.source_id),),
                )
            ]
        )
        assert fault is not None and fault.status == 409

    in_world(tmp_path, play)
