"""What every request has in common, whichever service it asks: in process, over the rooms themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.world import EDGE_URL, World, in_world

REQUEST_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DOCUMENTS = {  # path → (status, id of the first version in it)
    "/identity": (300, "v3.14"),
    "/identity/v3": (200, "v3.14"),
    "/compute": (200, "v2.0"),
    "/compute/v2": (200, "v2.0"),
    "/compute/v2.1": (200, "v2.1"),
    "/image": (300, "v2.16"),
    "/image/versions": (200, "v2.16"),
    "/network": (200, "v2.0"),
    "/volume": (300, "v3.0"),
    "/volume/v3": (200, "v3.0"),
    "/placement": (200, "v1.0"),
}


@pytest.mark.parametrize("slash", ["", "/"])
def test_version_documents_need_no_token(tmp_path: Path, slash: str) -> None:
    async def play(world: World) -> None:
        async with world.http() as http:
            for path, (status, first) in DOCUMENTS.items():
                answer = await http.get(path + slash)
                assert answer.status_code == status, path
                body = answer.json()
                versions = body["version"] if "version" in body else body["versions"]
                found = versions if isinstance(versions, list) else versions.get("values", [versions])
                assert found[0]["id"] == first, path
                assert found[0]["links"][0]["href"].startswith(EDGE_URL + "/" + path.split("/")[1])

    in_world(tmp_path, play)


def test_every_answer_has_a_request_id_of_its_own(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http() as http:
            answers = [await http.get(path) for path in ("/identity", "/identity", "/nothing", "/compute/v2.1/nothing")]
            by_both_names = (await http.get("/compute/v2.1")).headers
        ids = [answer.headers["X-Openstack-Request-Id"] for answer in answers]
        assert all(map(REQUEST_ID.fullmatch, ids))
        assert len(set(ids)) == len(ids)
        assert by_both_names["X-Compute-Request-Id"] == by_both_names["X-Openstack-Request-Id"]
        assert "X-Compute-Request-Id" not in answers[0].headers

    in_world(tmp_path, play)


def test_each_service_refuses_in_its_own_form(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http() as http:
            services = ("identity", "compute", "network", "image", "volume", "placement")
            said = {name: (await http.get(f"/{name}/nothing")).json() for name in services}
            wrong_method = await http.request("TRACE", "/compute")
        assert said["identity"]["error"]["code"] == 404
        assert said["compute"]["itemNotFound"]["code"] == said["volume"]["itemNotFound"]["code"] == 404
        assert said["network"]["NeutronError"]["type"] == "HTTPNotFound"
        assert said["image"]["code"] == "404 Not Found"
        assert said["placement"]["errors"][0]["status"] == 404
        assert (wrong_method.status_code, list(wrong_method.json())) == (405, ["badMethod"])

    in_world(tmp_path, play)


def test_a_service_that_is_not_there(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http() as http:
            answer = await http.get("/object-store/v1")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)

    in_world(tmp_path, play)
