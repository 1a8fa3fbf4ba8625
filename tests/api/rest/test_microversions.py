"""Which microversion is spoken: what stands in the headers, and what does when nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.datastructures import Headers

from actors.api.rest.microversions import Microversions, Version
from actors.errors import CallerError
from tests.world import World, in_world

NOVA = Microversions("compute", Version(2, 1), Version(2, 96), "X-OpenStack-Nova-API-Version")

SPOKEN = {
    "": "2.1",
    "compute 2.1": "2.1",
    "compute 2.53": "2.53",
    "Compute 2.53": "2.53",
    "compute latest": "2.96",
    "volume 3.71": "2.1",
    "volume 3.71, compute 2.79": "2.79",
}
REFUSED = {"compute 2.97": 406, "compute 2.0": 406, "compute 3.1": 406, "compute two": 400, "compute 2.01": 400}
REFUSED |= {"compute 2": 400, "compute 2.1.1": 400, "compute 99999.1": 400}


@pytest.mark.parametrize(("header", "version"), SPOKEN.items())
def test_is_spoken(header: str, version: str) -> None:
    assert str(NOVA.negotiate(Headers({"OpenStack-API-Version": header}))) == version


@pytest.mark.parametrize(("header", "status"), REFUSED.items())
def test_is_refused(header: str, status: int) -> None:
    with pytest.raises(CallerError) as refused:
        NOVA.negotiate(Headers({"OpenStack-API-Version": header}))
    assert refused.value.fault.status == status


def test_the_common_header_counts_before_the_old_one() -> None:
    old = {"X-OpenStack-Nova-API-Version": "2.27"}
    assert NOVA.negotiate(Headers(old)) == (2, 27)
    assert NOVA.negotiate(Headers(old | {"OpenStack-API-Version": "compute 2.79"})) == (2, 79)


def test_gophercloud_names_the_volume_service_by_its_catalog_type(tmp_path: Path) -> None:
    """Cinder takes any type that has `volume` in it, and answers with its own."""

    async def play(world: World) -> None:
        for service in ("volume", "volumev3"):
            async with world.http(world.member, OpenStack_API_Version=f"{service} 3.44") as http:
                listed = await http.get("/volume/v3/attachments")
            assert (listed.status_code, listed.headers["OpenStack-API-Version"]) == (200, "volume 3.44")
        async with world.http(world.member, OpenStack_API_Version="shared-file-system 3.44") as http:
            assert (await http.get("/volume/v3/attachments")).status_code == 404  # 3.0 has none

    in_world(tmp_path, play)


def test_every_answer_says_what_was_spoken(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(OpenStack_API_Version="compute latest") as http:
            good = await http.get("/compute/v2.1")
            lost = await http.get("/compute/v2.1/nothing")
        async with world.http(OpenStack_API_Version="compute 2.999") as http:
            refused = await http.get("/compute/v2.1")
        newest = good.json()["version"]["version"]
        for answer in (good, lost):
            assert answer.headers["OpenStack-API-Version"] == f"compute {newest}"
            assert answer.headers["X-OpenStack-Nova-API-Version"] == newest
            assert "OpenStack-API-Version" in answer.headers["Vary"]
        assert (refused.status_code, refused.json()["computeFault"]["code"]) == (406, 406)
        assert "OpenStack-API-Version" in refused.headers["Vary"]

    in_world(tmp_path, play)
