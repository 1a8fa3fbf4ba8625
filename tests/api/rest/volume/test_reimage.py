"""POST /v3/volumes/{id}/action with `os-reimage`, which Cinder has since 3.68."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api.rest.volume.test_volumes import NOBODY, SERVER, act, make, settled, show, speaking
from tests.world import World, in_world


def test_an_image_is_written_over_a_volume(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.68")) as http:
            made = await make(world, http)
            answer = await act(http, made["id"], "os-reimage", {"image_id": world.image.id})
            assert (answer.status_code, answer.content) == (202, b"")
            await settled(world, made["id"])
            shown = await show(http, made["id"])
            assert (shown["status"], shown["bootable"]) == ("available", "true")
            assert shown["volume_image_metadata"]["image_id"] == world.image.id

    in_world(tmp_path, play)


def test_one_that_is_reserved_is_written_where_that_is_said(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, **speaking("3.68")) as http:
            volume = (await make(world, http))["id"]
            held = {"attachment": {"volume_uuid": volume, "instance_uuid": SERVER}}
            assert (await http.post("/volume/v3/attachments", json=held)).status_code == 200
            wanted: dict[str, Any] = {"image_id": world.image.id}
            refused = await act(http, volume, "os-reimage", wanted)
            assert refused.status_code == 400
            assert "must be available or error, but current status is: reserved" in refused.text
            assert (await act(http, volume, "os-reimage", wanted | {"reimage_reserved": "true"})).status_code == 202
            await settled(world, volume)
            assert (await show(http, volume))["status"] == "reserved"

    in_world(tmp_path, play)


def test_bad_requests_change_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with (
            world.http(world.member, **speaking("3.67")) as older,
            world.http(world.member, **speaking("3.68")) as http,
        ):
            made = await make(world, http)
            before, good = await show(http, made["id"]), {"image_id": world.image.id}
            assert (await act(older, made["id"], "os-reimage", good)).status_code == 400
            for said, status in (
                ({}, 400),
                (None, 400),
                ({"image_id": 7}, 400),
                (good | {"reimage_reserved": "perhaps"}, 400),
                (good | {"colour": "red"}, 400),
                ({"image_id": NOBODY}, 404),
            ):
                assert (await act(http, made["id"], "os-reimage", said)).status_code == status, said
            assert await show(http, made["id"]) == before

    in_world(tmp_path, play)


def test_its_rule_is_cinder_s(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        (world.folder / "policy.yaml").write_text('"volume_extension:volume_actions:reimage": "!"\n')
        async with world.http(world.member, **speaking("3.68")) as http:
            made = await make(world, http)
            refused = await act(http, made["id"], "os-reimage", {"image_id": world.image.id})
            assert refused.status_code == 403 and "volume_actions:reimage " in refused.text

    in_world(tmp_path, play)
