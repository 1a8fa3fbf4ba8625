"""POST /servers/{id}/action with `rebuild`: what each microversion may say, and what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.world import World, in_world

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUTU1wXnpyTBz0B3WVMmDcbLdpCvJXLGkjwnPIVYkVB me"


async def answered(world: World, version: str, said: dict[str, Any], by: str = "") -> Any:
    """Of a server that has a description and a key; the answer to its rebuild."""
    [server] = await world.boot(world.request(description="first", public_key=KEY, user_data="YQ=="))
    async with world.http(by or world.member, OpenStack_API_Version=f"compute {version}") as http:
        body = {"rebuild": {"imageRef": server.image_id} | said}
        answer = await http.post(f"/compute/v2.1/servers/{server.id}/action", json=body)
        await world.settled()
        shown = (await http.get(f"/compute/v2.1/servers/{server.id}")).json()["server"]
    return server, answer, shown


def test_the_answer_shows_the_server_as_it_is_made_anew(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        said = {"name": "again", "metadata": {"a": "b"}, "adminPass": "secret", "OS-DCF:diskConfig": "AUTO"}
        server, answer, shown = await answered(world, "2.1", said)
        assert (answer.status_code, answer.headers["Location"][-36:]) == (202, server.id)
        body = answer.json()["server"]
        assert (body["status"], body["name"], body["adminPass"]) == ("REBUILD", "again", "secret")
        assert (body["metadata"], body["OS-DCF:diskConfig"]) == ({"a": "b"}, "AUTO")
        assert {"key_name", "user_data", "security_groups"}.isdisjoint(body)
        [[address]] = body["addresses"].values()
        assert address.keys() == {"version", "addr"}
        assert (shown["status"], shown["name"], shown["image"]["id"]) == ("ACTIVE", "again", server.image_id)

    in_world(tmp_path, play)


def test_what_is_said_to_be_null_is_taken_away(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        said = {"description": None, "user_data": None, "key_name": None}
        _, answer, shown = await answered(world, "2.57", said)
        body = answer.json()["server"]
        assert (body["key_name"], body["user_data"], body["description"]) == (None, None, None)
        assert shown["description"] is None
        _, answer, _ = await answered(world, "2.75", {}, world.admin)
        whole = answer.json()["server"]
        assert whole["user_data"] == "YQ==" and whole["OS-EXT-SRV-ATTR:hostname"]
        assert "OS-EXT-SRV-ATTR:user_data" not in whole
        _, answer, _ = await answered(world, "2.57", {})
        assert (answer.json()["server"]["user_data"], answer.json()["server"]["description"]) == ("YQ==", "first")

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("version", "field", "value"),
    [
        ("2.18", "description", "x"),
        ("2.53", "key_name", None),
        ("2.56", "user_data", None),
        ("2.57", "personality", []),
        ("2.62", "trusted_image_certificates", None),
        ("2.89", "hostname", "host"),
        ("2.93", "hostname", "host.example"),
        ("2.1", "flavorRef", "1"),
    ],
)
def test_a_field_that_the_version_has_not_is_refused(tmp_path: Path, version: str, field: str, value: Any) -> None:
    async def play(world: World) -> None:
        _, answer, shown = await answered(world, version, {field: value})
        assert answer.status_code == 400
        assert field in answer.json()["badRequest"]["message"]
        assert shown["status"] == "ACTIVE"

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("version", "another", "status"), [("2.92", True, 400), ("2.92", False, 202), ("2.93", True, 202)]
)
def test_the_volume_that_it_boots_from_is_written_over_since_2_93(
    tmp_path: Path, version: str, another: bool, status: int
) -> None:
    """Before, only the image that it has already may be named, and the volume stays as it is."""

    async def play(world: World) -> None:
        other = await world.upload("other", b"another disk")
        [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        wanted = other if another else world.image
        async with world.http(world.member, OpenStack_API_Version=f"compute {version}") as http:
            body = {"rebuild": {"imageRef": wanted.id, "name": "again"}}
            answer = await http.post(f"/compute/v2.1/servers/{server.id}/action", json=body)
            assert answer.status_code == status, answer.text
            if status == 202:
                told = answer.json()["server"]
                assert (told["status"], told["image"], told["name"]) == ("REBUILD", "", "again")
            else:
                assert "Unable to rebuild with a different image" in answer.json()["badRequest"]["message"]
            await world.settled()
            shown = (await http.get(f"/compute/v2.1/servers/{server.id}")).json()["server"]
            assert (shown["status"], shown["image"]) == ("ACTIVE", "")
            [attached] = shown["os-extended-volumes:volumes_attached"]
            root = (await http.get(f"/volume/v3/volumes/{attached['id']}")).json()["volume"]
            written = other if another and status == 202 else world.image
            assert (root["status"], root["volume_image_metadata"]["image_id"]) == ("in-use", written.id)

    in_world(tmp_path, play)


def test_an_image_that_does_not_fit_the_volume_is_refused(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin, OpenStack_API_Version="compute 2.93") as http:
            wanted = {"name": "large", "min_disk": 2, "disk_format": "raw", "container_format": "bare"}
            large = (await http.post("/image/v2/images", json=wanted | {"visibility": "public"})).json()["id"]
            data = {"Content-Type": "application/octet-stream"}
            assert (await http.put(f"/image/v2/images/{large}/file", content=b"x", headers=data)).status_code == 204
            [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
            for image, text in ((large, "smaller than the minimum size"), ("nowhere", "Cannot find image")):
                body = {"rebuild": {"imageRef": image}}
                answer = await http.post(f"/compute/v2.1/servers/{server.id}/action", json=body)
                assert answer.status_code == 400 and text in answer.text
            shown = (await http.get(f"/compute/v2.1/servers/{server.id}")).json()["server"]
            assert shown["status"] == "ACTIVE"

    in_world(tmp_path, play)
