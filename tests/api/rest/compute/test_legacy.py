"""/v2: the same servers, in the version that compute had before there were microversions."""

from __future__ import annotations

from pathlib import Path

from tests.api.rest.compute.test_servers import body, client, launched, refused
from tests.world import World, in_world


def test_v2_is_version_2_1_whatever_is_asked_for(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.96") as http, client(world, "2.1") as plain:
            server = await launched(world, plain, body(world))
            old = await http.get(f"/compute/v2/servers/{server['id']}")
            new = await plain.get(f"/compute/v2.1/servers/{server['id']}")
            assert old.json() == new.json()
            assert "X-OpenStack-Nova-API-Version" in new.headers
            assert not [
                name for name in ("X-OpenStack-Nova-API-Version", "OpenStack-API-Version") if name in old.headers
            ]
            assert "OpenStack-API-Version" not in old.headers.get("Vary", "")
            refused(await http.get("/compute/v2/servers/none"), 404, "itemNotFound")
        async with world.http() as nobody:
            assert (await nobody.get(f"/compute/v2/servers/{server['id']}")).status_code == 401

    in_world(tmp_path, play)
