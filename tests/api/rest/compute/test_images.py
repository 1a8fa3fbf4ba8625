"""Images through compute, as clients of older versions ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.errors import value_of
from actors.image.messages import CreateImage
from tests.world import EDGE_URL, World, in_world, token

IMAGES = "/compute/v2.1/images"
DETAIL = {
    "id", "name", "links", "minRam", "minDisk", "metadata", "created", "updated", "status", "progress",
    "OS-EXT-IMG-SIZE:size",
}  # fmt: skip


async def own_image(world: World, name: str = "mine", **fields: Any) -> str:
    wanted = CreateImage(token=world.member, name=name, disk_format="raw", **fields)
    [image] = await world.images.create([wanted])
    return value_of(image).id


def test_images_are_listed_and_shown_in_novas_words(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        queued = await own_image(world, properties={"os_distro": "debian"}, min_disk_gib=3, min_ram_mib=64)
        async with world.http(world.member) as http:
            listed = (await http.get(IMAGES)).json()["images"]
            assert {one["name"] for one in listed} == {"tiny", "mine"}
            assert all(one.keys() == {"id", "name", "links"} for one in listed)
            assert [link["rel"] for link in listed[0]["links"]] == ["self", "bookmark", "alternate"]
            detailed = {one["name"]: one for one in (await http.get(f"{IMAGES}/detail")).json()["images"]}
            tiny, mine = detailed["tiny"], detailed["mine"]
            assert tiny.keys() == mine.keys() == DETAIL
            assert (tiny["status"], tiny["progress"], tiny["OS-EXT-IMG-SIZE:size"]) == ("ACTIVE", 100, 64 * 1024)
            assert (mine["status"], mine["progress"], mine["minDisk"], mine["minRam"]) == ("SAVING", 25, 3, 64)
            assert mine["metadata"] == {"os_distro": "debian"}
            assert (await http.get(f"{IMAGES}/{queued}")).json()["image"] == mine
            for query, names in (
                ("name=mine", ["mine"]),
                ("status=ACTIVE", ["tiny"]),
                ("status=SAVING", ["mine"]),
                ("status=HAPPY", []),
                ("property-os_distro=debian", ["mine"]),
                ("changes-since=2100-01-01T00:00:00Z", []),
                ("server=nothing", []),
            ):
                found = (await http.get(f"{IMAGES}?{query}")).json()["images"]
                assert [one["name"] for one in found] == names, query
            first = (await http.get(f"{IMAGES}?limit=1")).json()
            [more] = first["images_links"]
            [second] = (await http.get(more["href"].removeprefix(EDGE_URL))).json()["images"]
            assert {first["images"][0]["id"], second["id"]} == {queued, world.image.id}
            assert (await http.get(f"{IMAGES}/nothing")).status_code == 404
            assert (await http.get(f"{IMAGES}?limit=x")).status_code == 400

    in_world(tmp_path, play)


def test_an_image_of_a_server_names_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        made = await own_image(world, properties={"instance_uuid": server.id})
        async with world.http(world.member) as http:
            shown = (await http.get(f"{IMAGES}/{made}")).json()["image"]
            assert shown["server"]["id"] == server.id
            assert [one["id"] for one in (await http.get(f"{IMAGES}?server={server.id}")).json()["images"]] == [made]

    in_world(tmp_path, play)


def test_metadata_is_read_and_changed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        path = f"{IMAGES}/{await own_image(world, properties={'a': '1'})}/metadata"
        async with world.http(world.member) as http:

            async def said(verb: str, at: str, body: Any = None) -> Any:
                answer = await http.request(verb, path + at, json=body)
                assert answer.is_success, answer.text
                return answer.json() if answer.content else None

            assert await said("POST", "", {"metadata": {"b": "2"}}) == {"metadata": {"a": "1", "b": "2"}}
            assert await said("GET", "/b") == {"meta": {"b": "2"}}
            assert await said("PUT", "/b", {"meta": {"b": "3"}}) == {"meta": {"b": "3"}}
            assert await said("PUT", "", {"metadata": {"c": "4"}}) == {"metadata": {"c": "4"}}
            assert await said("DELETE", "/c") is None
            assert await said("GET", "") == {"metadata": {}}
            for verb, at, body, status in (
                ("GET", "/c", None, 404),
                ("DELETE", "/c", None, 404),
                ("PUT", "/c", {"meta": {"d": "1"}}, 400),
                ("POST", "", {"metadata": {"visibility": "public"}}, 403),
                ("POST", "", {"metadata": {"size": "1"}}, 403),
                ("POST", "", {"metadata": {"a": 1}}, 400),
            ):
                assert (await http.request(verb, path + at, json=body)).status_code == status, (verb, at, body)

    in_world(tmp_path, play)


def test_deleting_and_what_is_anothers(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        mine = await own_image(world)
        item = {"meta": {"a": "b"}}
        async with world.http(token("other")) as http:
            assert "mine" not in (await http.get(f"{IMAGES}/detail")).text
            for verb, path, body in (
                ("GET", "", None),
                ("DELETE", "", None),
                ("GET", "/metadata", None),
                ("POST", "/metadata", {"metadata": {"a": "b"}}),
                ("PUT", "/metadata", {"metadata": {"a": "b"}}),
                ("GET", "/metadata/a", None),
                ("PUT", "/metadata/a", item),
                ("DELETE", "/metadata/a", None),
            ):
                assert (await http.request(verb, f"{IMAGES}/{mine}{path}", json=body)).status_code == 404, (verb, path)
            assert (await http.delete(f"{IMAGES}/{world.image.id}")).status_code == 403
        async with world.http(token("demo", ("reader",))) as http:
            assert (await http.delete(f"{IMAGES}/{mine}")).status_code == 403
        async with world.http(world.member) as http:
            assert (await http.delete(f"{IMAGES}/{mine}")).status_code == 204
            assert (await http.get(f"{IMAGES}/{mine}")).status_code == 404

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("version", "images", "metadata"), [("2.35", 200, 200), ("2.36", 404, 200), ("2.38", 404, 200), ("2.39", 404, 404)]
)
def test_newer_versions_have_them_no_more(tmp_path: Path, version: str, images: int, metadata: int) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, OpenStack_API_Version=f"compute {version}") as http:
            assert (await http.get(IMAGES)).status_code == images
            assert (await http.get(f"{IMAGES}/{world.image.id}/metadata")).status_code == metadata

    in_world(tmp_path, play)
