"""A quota is exact, however many ask at once, and a refusal names it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from tests.laws.test_boot_laws import fails_after, tables
from tests.world import World, in_world

ASKED, QUOTA = 200, 50
SERVERS = "/compute/v2.1/servers"


def test_two_hundred_at_once_against_a_quota_of_fifty(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as admin:
            limits = {"quota_set": {"instances": QUOTA, "cores": ASKED, "ram": 128 * ASKED}}
            assert (await admin.put("/compute/v2.1/os-quota-sets/demo", json=limits)).status_code == 200
        async with world.http(world.member, OpenStack_API_Version="compute 2.96") as http:
            server = {"name": "vm", "flavorRef": "tiny", "imageRef": world.image.id, "networks": "none"}
            answers = await asyncio.gather(*(http.post(SERVERS, json={"server": server}) for _ in range(ASKED)))
            assert Counter(answer.status_code for answer in answers) == {202: QUOTA, 403: ASKED - QUOTA}
            refusals = [answer.json()["forbidden"]["message"] for answer in answers if answer.status_code == 403]
            assert all("instances" in message for message in refusals), refusals[0]
            await world.settled()
            listed = (await http.get(SERVERS)).json()["servers"]
            assert len(listed) == QUOTA
            for one in listed:  # some may have found no room: what they held is free again too
                assert (await http.delete(f"{SERVERS}/{one['id']}")).status_code == 204
            await world.settled()
            used = (await http.get("/compute/v2.1/limits")).json()["limits"]["absolute"]
        assert (used["totalInstancesUsed"], used["totalCoresUsed"], used["totalRAMUsed"]) == (0, 0, 0)

    in_world(tmp_path, play)


def test_boots_that_fail_half_way_leak_nothing(tmp_path: Path) -> None:
    """The last step of every build fails. One in ERROR counts until it is deleted, as in Nova."""

    async def play(world: World) -> None:
        small = {"quota_set": {"instances": 2, "cores": 2, "ram": 256}}
        async with world.http(world.admin) as admin:
            assert (await admin.put("/compute/v2.1/os-quota-sets/demo", json=small)).status_code == 200
            volumes = {"quota_set": {"volumes": 2, "gigabytes": 2}}
            assert (await admin.put("/volume/v3/os-quota-sets/demo", json=volumes)).status_code == 200
            ports = {"quota": {"port": 2}}
            assert (await admin.put("/network/v2.0/quotas/demo", json=ports)).status_code == 200
        before = await world.state()
        disk = {
            "boot_index": 0, "source_type": "image", "uuid": world.image.id, "destination_type": "volume",
            "volume_size": 1, "delete_on_termination": True,
        }  # fmt: skip
        server = {"name": "vm", "flavorRef": "tiny", "block_device_mapping_v2": [disk], "networks": "auto"}
        async with world.http(world.member, OpenStack_API_Version="compute 2.96") as http:
            for _ in range(3):
                for status in (202, 202, 403):
                    assert (await http.post(SERVERS, json={"server": server})).status_code == status
                await world.settled()
                listed = (await http.get(f"{SERVERS}/detail")).json()["servers"]
                assert [one["status"] for one in listed] == ["ERROR", "ERROR"]
                for one in listed:
                    assert (await http.delete(f"{SERVERS}/{one['id']}")).status_code == 204
                await world.settled()
                used = (await http.get("/compute/v2.1/limits")).json()["limits"]["absolute"]
                assert (used["totalInstancesUsed"], used["totalCoresUsed"], used["totalRAMUsed"]) == (0, 0, 0)
                taken = (await http.get("/volume/v3/limits")).json()["limits"]["absolute"]
                assert (taken["totalVolumesUsed"], taken["totalGigabytesUsed"]) == (0, 0)
            assert (await http.get("/network/v2.0/ports?device_owner=compute:nova")).json() == {"ports": []}
        assert await world.state() == before

    in_world(tmp_path, play, **tables("start_paused", fails_after))
