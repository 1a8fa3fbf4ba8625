"""A quota is exact, however many ask at once, and a refusal names it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

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
