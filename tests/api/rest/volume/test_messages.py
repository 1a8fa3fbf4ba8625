"""What is told of volumes that could not be made, over HTTP."""

from __future__ import annotations

from pathlib import Path

from actors.volume.user_messages import NO_BACKEND
from tests.api.rest.volume.test_volumes import BOB, NOBODY, act, make, show, speaking
from tests.world import World, in_world

V3 = "/volume/v3"


def test_a_volume_that_no_back_end_is_for_ends_in_error_and_says_why(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        newest = speaking("3.71")
        async with world.http(world.member, **newest) as http, world.http(world.admin, **newest) as root:
            for name, backend in (("ssd", "ssd"), ("plain", "qcow2")):
                kind = {"name": name, "extra_specs": {"volume_backend_name": backend}}
                assert (await root.post(f"{V3}/types", json={"volume_type": kind})).status_code == 200
            fine = await make(world, http, volume_type="plain")
            assert (await show(http, fine["id"]))["status"] == "available"
            assert (await http.get(f"{V3}/messages")).json()["messages"] == []
            broken = await make(world, http, volume_type="ssd")
            assert (await show(http, broken["id"]))["status"] == "error"
            await world.volumes.start()  # from what is on disk
            [message] = (await http.get(f"{V3}/messages")).json()["messages"]
            assert (message["event_id"], message["message_level"]) == (NO_BACKEND, "ERROR")
            assert (message["resource_uuid"], message["resource_type"]) == (broken["id"], "VOLUME")
            assert "Could not find any available weighted backend" in message["user_message"]
            assert message["request_id"].startswith("req-") and message["guaranteed_until"] > message["created_at"]
            path = f"{V3}/messages/{message['id']}"
            assert (await http.get(path)).json()["message"] == message
            assert (await http.get(path, headers=speaking("3.2"))).status_code == 404
            for query, count in (({"resource_uuid": broken["id"]}, 1), ({"resource_uuid": fine["id"]}, 0)):
                found = (await http.get(f"{V3}/messages", params=query)).json()["messages"]
                assert len(found) == count
            retype = await act(http, fine["id"], "os-retype", {"new_type": "ssd", "migration_policy": "never"})
            assert retype.status_code == 400
            async with world.http(BOB, **newest) as bob:
                assert (await bob.get(f"{V3}/messages")).json()["messages"] == []
                assert (await bob.get(path)).status_code == (await bob.delete(path)).status_code == 404
            assert (await http.delete(path)).status_code == 204
            assert (await http.delete(path)).status_code == 404
            assert (await http.get(f"{V3}/messages/{NOBODY}")).status_code == 404
            assert (await http.delete(f"{V3}/volumes/{broken['id']}")).status_code == 202

    in_world(tmp_path, play)
