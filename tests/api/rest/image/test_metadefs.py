"""Definitions of metadata over REST, as Glance's own clients see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.rest.image.test_images import BOB
from tests.world import World, in_world

SPACES = "/image/v2/metadefs/namespaces"
CORES = {"title": "Cores", "type": "integer", "default": 2}
WHOLE: dict[str, Any] = {
    "namespace": "OS::Compute::Mine",
    "display_name": "Mine",
    "description": "Of this cloud",
    "visibility": "public",
    "resource_type_associations": [{"name": "OS::Nova::Flavor", "prefix": "hw:"}, {"name": "OS::Glance::Image"}],
    "properties": {"cores": CORES},
    "objects": [{"name": "disk", "required": ["bus"], "properties": {"bus": {"title": "Bus", "type": "string"}}}],
    "tags": [{"name": "slow"}, {"name": "fast"}],
}
NAMED = f"{SPACES}/{WHOLE['namespace']}"


async def made(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await http.post(SPACES, json=WHOLE | more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def body(http: httpx.AsyncClient, verb: str, path: str, status: int = 200, **more: Any) -> Any:
    answer = await http.request(verb, path, **more)
    assert answer.status_code == status, (verb, path, answer.text)
    return answer.json() if answer.content else None


def test_a_namespace_from_its_making_to_its_end(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http, world.http(BOB) as other:
            answer = await http.post(SPACES, json=WHOLE)
            assert answer.headers["location"].endswith("/image/v2/metadefs/namespaces/OS%3A%3ACompute%3A%3AMine")
            whole = answer.json()
            assert whole == await body(other, "GET", NAMED)
            assert (whole["owner"], whole["protected"], whole["schema"]) == (
                "admin", False, "/v2/schemas/metadefs/namespace",
            )  # fmt: skip
            assert whole["self"] == "/v2/metadefs/namespaces/OS::Compute::Mine"
            assert whole["properties"]["cores"] == CORES | {"default": "2"}
            assert [tag["name"] for tag in whole["tags"]] == ["fast", "slow"]
            assert whole["objects"][0]["self"] == f"{whole['self']}/objects/disk"
            assert await body(http, "POST", SPACES, 409, json={"namespace": WHOLE["namespace"]})
            short = await body(http, "PUT", NAMED, json={"namespace": "renamed", "protected": True})
            assert (short["visibility"], short["protected"]) == ("private", True)
            assert "description" not in short and "objects" not in short
            assert (await other.get(f"{SPACES}/renamed")).status_code == 404
            assert (await http.delete(f"{SPACES}/renamed")).status_code == 403
            await body(http, "PUT", f"{SPACES}/renamed", json={"namespace": "renamed"})
            assert (await http.delete(f"{SPACES}/renamed")).status_code == 204
            assert (await http.delete(f"{SPACES}/renamed")).status_code == 404
            types = (await body(http, "GET", "/image/v2/metadefs/resource_types"))["resource_types"]
            assert [one["name"] for one in types] == ["OS::Nova::Flavor", "OS::Glance::Image"]

    in_world(tmp_path, play)


def test_properties_are_named_as_a_resource_has_them(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            await made(http)
            of_flavor = await body(http, "GET", NAMED, params={"resource_type": "OS::Nova::Flavor"})
            assert list(of_flavor["properties"]) == ["hw:cores"]
            assert (of_flavor["objects"][0]["required"], list(of_flavor["objects"][0]["properties"])) == (
                ["hw:bus"], ["hw:bus"],
            )  # fmt: skip
            for unknown in ("OS::Glance::Image", "OS::Nothing"):
                plain = await body(http, "GET", NAMED, params={"resource_type": unknown})
                assert list(plain["properties"]) == ["cores"]
            flavor = {"resource_type": "OS::Nova::Flavor"}
            assert (await body(http, "GET", f"{NAMED}/properties/hw:cores", params=flavor))["name"] == "cores"
            await body(http, "GET", f"{NAMED}/properties/cores", 404, params=flavor)
            await body(http, "GET", f"{NAMED}/properties/cores", 404, params={"resource_type": "OS::Glance::Image"})
            await body(http, "GET", f"{NAMED}/properties/cores", 404, params={"resource_type": "OS::Nothing"})

    in_world(tmp_path, play)


def test_lists_in_pages_by_filters_and_orders(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            assert (await body(http, "GET", SPACES)) == {
                "namespaces": [], "first": "/v2/metadefs/namespaces", "schema": "/v2/schemas/metadefs/namespaces",
            }  # fmt: skip
            for name in ("a", "b", "c"):
                await made(http, namespace=name, visibility="private" if name == "b" else "public")
            order = "sort_key=namespace&sort_dir=asc"
            page = await body(http, "GET", f"{SPACES}?limit=2&{order}")
            assert [one["namespace"] for one in page["namespaces"]] == ["a", "b"]
            assert "objects" not in page["namespaces"][0]
            assert len(page["namespaces"][0]["resource_type_associations"]) == 2
            assert page["first"] == f"/v2/metadefs/namespaces?limit=2&{order}"
            rest = await body(http, "GET", f"/image{page['next']}")
            assert [one["namespace"] for one in rest["namespaces"]] == ["c"] and "next" not in rest
            public = await body(http, "GET", f"{SPACES}?visibility=public")
            assert {one["namespace"] for one in public["namespaces"]} == {"a", "c"}
            assert (await body(http, "GET", f"{SPACES}?resource_types=OS::None"))["namespaces"] == []
            for wrong in ("limit=-1", "limit=x", "sort_dir=up", "sort_key=odd", "visibility=shared"):
                await body(http, "GET", f"{SPACES}?{wrong}", 400)
            await body(http, "GET", f"{SPACES}?marker=nothing", 404)

    in_world(tmp_path, play)


PARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "objects": ({"name": "one"}, {"name": "two", "description": "d", "required": ["x"]}),
    "properties": (
        {"name": "one"} | CORES,
        {"name": "two", "title": "T", "type": "array", "items": {"type": "string"}},
    ),
}


@pytest.mark.parametrize("kind", PARTS)
def test_a_part_from_its_making_to_its_end(tmp_path: Path, kind: str) -> None:
    one, two = PARTS[kind]

    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            await body(http, "POST", SPACES, 201, json={"namespace": "n"})
            parts = f"{SPACES}/n/{kind}"
            first = await body(http, "POST", parts, 201, json=one)
            assert first["name"] == "one" and first == await body(http, "GET", f"{parts}/one")
            await body(http, "POST", parts, 409, json=one)
            assert len((await body(http, "GET", parts))[kind]) == 1
            second = await body(http, "PUT", f"{parts}/one", json=two)
            assert second == await body(http, "GET", f"{parts}/two") and two.items() <= second.items()
            await body(http, "GET", f"{parts}/one", 404)
            await body(http, "PUT", f"{parts}/one", 404, json=two)
            await body(http, "POST", parts, 201, json=one)
            await body(http, "PUT", f"{parts}/two", 409, json=two | {"name": "one"})
            for bad in ({}, two | {"name": ""}, two | {"nonsense": 1}, [two]):
                for verb, path in (("POST", parts), ("PUT", f"{parts}/two")):
                    await body(http, verb, path, 400, json=bad)
            await body(http, "PUT", f"{parts}/two", 403, json=two | {"created_at": "x"})
            await body(http, "DELETE", f"{parts}/two", 204)
            await body(http, "DELETE", f"{parts}/two", 404)
            await body(http, "DELETE", parts, 204)
            assert not (await body(http, "GET", parts))[kind]

    in_world(tmp_path, play)


def test_tags_one_by_one_and_many_at_once(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            await body(http, "POST", SPACES, 201, json={"namespace": "n"})
            tags = f"{SPACES}/n/tags"

            async def names(**asked: Any) -> str:
                return "".join(tag["name"] for tag in (await body(http, "GET", tags, params=asked))["tags"])

            async def put(names: str, status: int = 201, **headers: str) -> None:
                many = {"tags": [{"name": name} for name in names]}
                await body(http, "POST", tags, status, json=many, headers=headers)

            assert set(await body(http, "POST", f"{tags}/x", 201)) == {"name", "created_at", "updated_at"}
            await body(http, "POST", f"{tags}/x", 409)
            await body(http, "POST", f"{tags}/{'x' * 81}", 400)
            await put("ab")
            assert await names() == "ba"
            await put("c", **{"X-Openstack-Append": "True"})
            assert await names() == "cba"
            await put("c", 409, **{"X-Openstack-Append": "true"})
            await put("dd", 409)
            await put("")
            assert (await names(sort_key="name", sort_dir="asc", limit=2), await names(marker="b")) == ("ab", "a")
            await body(http, "GET", tags, 404, params={"marker": "nothing"})
            assert (await body(http, "PUT", f"{tags}/a", json={"name": "z"}))["name"] == "z"
            await body(http, "PUT", f"{tags}/z", 409, json={"name": "b"})
            await body(http, "PUT", f"{tags}/a", 404, json={"name": "y"})
            for bad in ({}, {"tags": "x"}, {"tags": [{}]}, {"tags": [{"name": "y", "nonsense": 1}]}):
                await body(http, "POST", tags, 400, json=bad)
            await body(http, "DELETE", f"{tags}/z", 204)
            await body(http, "GET", f"{tags}/z", 404)
            await body(http, "DELETE", tags, 204)
            assert await names() == ""

    in_world(tmp_path, play)


def test_resources_are_associated_and_disassociated(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            await body(http, "POST", SPACES, 201, json={"namespace": "n"})
            types = f"{SPACES}/n/resource_types"
            volume = {"name": "OS::Cinder::Volume", "prefix": "v_", "properties_target": "image"}
            assert volume.items() <= (await body(http, "POST", types, 201, json=volume)).items()
            await body(http, "POST", types, 409, json=volume)
            await body(http, "POST", types, 400, json={"prefix": "v_"})
            [listed] = (await body(http, "GET", types))["resource_type_associations"]
            assert volume.items() <= listed.items()
            await body(http, "DELETE", f"{types}/OS::Cinder::Volume", 204)
            await body(http, "DELETE", f"{types}/OS::Cinder::Volume", 404)
            [kept] = (await body(http, "GET", "/image/v2/metadefs/resource_types"))["resource_types"]
            assert kept["name"] == "OS::Cinder::Volume"

    in_world(tmp_path, play)


def test_what_is_protected_loses_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            await made(http, protected=True)
            lost = ("", "/objects", "/objects/disk", "/properties", "/properties/cores", "/tags", "/tags/fast")
            for path in (*lost, "/resource_types/OS::Nova::Flavor"):
                refused = await body(http, "DELETE", f"{NAMED}{path}", 403)
                assert "protected" in refused["message"]

    in_world(tmp_path, play)


def test_schemas_name_every_field(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            whole = await made(http)
            [tag, *_] = whole["tags"]
            [one] = whole["objects"]
            [association, *_] = whole["resource_type_associations"]
            shown = {"namespace": whole, "object": one, "resource_type": association, "tag": tag}
            shown["property"] = await body(http, "GET", f"{NAMED}/properties/cores")
            for name, row in shown.items():
                schema = await body(http, "GET", f"/image/v2/schemas/metadefs/{name}")
                assert set(row) <= set(schema["properties"]) and set(schema["required"]) <= set(row)
            for many in ("namespaces", "objects", "properties", "tags", "resource_types"):
                schema = await body(http, "GET", f"/image/v2/schemas/metadefs/{many}")
                assert {"first", "next", "schema", schema["name"]} == set(schema["properties"])

    in_world(tmp_path, play)
