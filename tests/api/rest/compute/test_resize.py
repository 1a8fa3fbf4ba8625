"""POST /servers/{id}/action with `resize`, `confirmResize` and `revertResize`: what is said and answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acts.test_migrate import OTHER, begin
from tests.acts.test_resize import flavor
from tests.api.rest.compute.test_rescue import ask, shown
from tests.world import NODE_NAME, World, in_world, token


@pytest.mark.parametrize(("end", "code", "flavor_then"), [("confirmResize", 204, "big"), ("revertResize", 202, "tiny")])
def test_it_is_resized_and_ended(tmp_path: Path, end: str, code: int, flavor_then: str) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        answer = await ask(world, server, {"resize": {"flavorRef": "big", "OS-DCF:diskConfig": "AUTO"}})
        assert (answer.status_code, answer.content) == (202, b"")
        view = await shown(world, server)
        seen = (view["status"], view["OS-EXT-STS:vm_state"], view["OS-EXT-STS:power_state"], view["OS-DCF:diskConfig"])
        assert seen == ("VERIFY_RESIZE", "resized", 1, "AUTO")
        assert view["flavor"]["id"] == "big"
        async with world.http(world.member) as http:
            listed = (await http.get("/compute/v2.1/servers?status=VERIFY_RESIZE")).json()["servers"]
        assert [one["id"] for one in listed] == [server.id]
        answer = await ask(world, server, {end: None})
        assert (answer.status_code, answer.content) == (code, b"")
        view = await shown(world, server)
        assert (view["status"], view["flavor"]["id"]) == ("ACTIVE", flavor_then)
        assert (await ask(world, server, {end: None})).status_code == 409

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("end", "code", "flavor_then", "host_then", "status"),
    [("confirmResize", 204, "big", OTHER, "confirmed"), ("revertResize", 202, "tiny", NODE_NAME, "reverted")],
)
def test_it_is_resized_on_another_host_and_ended(
    tmp_path: Path, end: str, code: int, flavor_then: str, host_then: str, status: str
) -> None:
    """By its owner, who need not know of hosts."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        assert (await ask(world, server, {"resize": {"flavorRef": "big"}})).status_code == 202
        view = await shown(world, server, world.admin)
        seen = view["status"], view["OS-EXT-SRV-ATTR:host"], view["flavor"]["id"], view["addresses"].keys()
        assert seen == ("VERIFY_RESIZE", OTHER, "big", {"private"})
        assert (await ask(world, server, {end: None})).status_code == code
        view = await shown(world, server, world.admin)
        assert (view["status"], view["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", host_then)
        assert view["flavor"]["id"] == flavor_then
        async with world.http(world.admin, OpenStack_API_Version="compute 2.96") as http:
            [move] = (await http.get("/compute/v2.1/os-migrations")).json()["migrations"]
            actions = (await http.get(f"/compute/v2.1/servers/{server.id}/os-instance-actions")).json()
            limits = (await http.get("/compute/v2.1/os-quota-sets/demo/detail")).json()["quota_set"]
        seen = move["migration_type"], move["status"], move["source_compute"], move["dest_compute"], move["dest_node"]
        assert seen == ("resize", status, NODE_NAME, OTHER, OTHER)
        assert move["old_instance_type_id"] != move["new_instance_type_id"]
        assert [one["action"] for one in actions["instanceActions"]][:2] == [end, "resize"]
        assert limits["cores"]["in_use"] == (2 if flavor_then == "big" else 1)

    in_world(tmp_path, play)


@pytest.mark.parametrize("said", [{}, {"why": "not"}, "now", [1]])
@pytest.mark.parametrize(("end", "code"), [("confirmResize", 204), ("revertResize", 202)])
def test_what_is_said_of_the_ends_counts_for_nothing(tmp_path: Path, end: str, code: int, said: Any) -> None:
    """Nova's schema takes anything there, but no second action beside it."""

    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        await ask(world, server, {"resize": {"flavorRef": "big"}})
        assert (await ask(world, server, {end: said, "pause": None})).status_code == 400
        assert (await shown(world, server))["status"] == "VERIFY_RESIZE"
        assert (await ask(world, server, {end: said})).status_code == code

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        [],
        "big",
        {"flavorRef": None},
        {"flavorRef": ""},
        {"flavorRef": ["big"]},
        {"flavorRef": True},
        {"flavorRef": -1},
        {"flavorRef": "big", "OS-DCF:diskConfig": "SOMETIMES"},
        {"flavorRef": "big", "OS-DCF:diskConfig": None},
        {"flavorRef": "big", "disk_config": "AUTO"},
        {"flavorRef": "big", "imageRef": "x"},
    ],
)
def test_a_strange_body_is_refused(tmp_path: Path, said: Any) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        answer = await ask(world, server, {"resize": said})
        assert (answer.status_code, answer.json()["badRequest"]["code"]) == (400, 400)
        assert (await shown(world, server))["status"] == "ACTIVE"

    in_world(tmp_path, play)


def test_refusals_have_nova_s_words(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        answer = await ask(world, server, {"resize": {"flavorRef": "tiny"}})
        text = "When resizing, instances must change flavor!"
        assert answer.json() == {"badRequest": {"code": 400, "message": text}}
        answer = await ask(world, server, {"resize": {"flavorRef": 7}})
        assert answer.json() == {"badRequest": {"code": 400, "message": "Flavor 7 could not be found."}}
        for end in ("confirmResize", "revertResize"):
            answer = await ask(world, server, {end: None})
            text = f"Cannot '{end}' instance {server.id} while it is in vm_state active"
            assert answer.json() == {"conflictingRequest": {"code": 409, "message": text}}
        wanted = {"resize": {"flavorRef": "big"}}
        assert (await ask(world, server, wanted, by=token("other"))).status_code == 404
        assert (await ask(world, server, wanted, by=token(roles=("reader",)))).status_code == 403
        await ask(world, server, {"lock": None}, by=world.admin)
        answer = await ask(world, server, wanted)
        assert (answer.status_code, answer.json()["conflictingRequest"]["message"]) == (
            409,
            f"Instance {server.id} is locked",
        )
        async with world.http(world.admin) as http:
            body = {"quota_set": {"cores": 1}}
            assert (await http.put("/compute/v2.1/os-quota-sets/demo", json=body)).status_code == 200
        answer = await ask(world, server, {"unlock": None}, by=world.admin)
        answer = await ask(world, server, wanted)
        text = "Quota exceeded for cores: Requested 1, but already used 1 of 1 cores"
        assert answer.json() == {"forbidden": {"code": 403, "message": text}}

    in_world(tmp_path, play)


def test_where_its_host_has_no_room_the_action_says_so(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "huge", 2, 1 << 30, 3)
        [server] = await world.boot(world.request())
        assert (await ask(world, server, {"resize": {"flavorRef": "huge"}})).status_code == 202
        assert (await shown(world, server))["status"] == "ACTIVE"
        async with world.http(world.admin, OpenStack_API_Version="compute 2.96") as http:
            path = f"/compute/v2.1/servers/{server.id}/os-instance-actions"
            [last, *_] = (await http.get(path)).json()["instanceActions"]
            detail = (await http.get(f"{path}/{last['request_id']}")).json()["instanceAction"]
        assert (last["action"], last["message"]) == ("resize", "Error")
        [event] = detail["events"]
        assert (event["result"], event["event"]) == ("Error", "compute_finish_resize")
        assert "No valid host was found" in event["traceback"]
        assert "; elsewhere: No valid host was found" in event["traceback"]

    in_world(tmp_path, play)


def test_each_has_its_own_rule(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        reader = token(roles=("reader",))
        await ask(world, server, {"resize": {"flavorRef": "big"}})
        for body in ({"confirmResize": None}, {"revertResize": None}):
            assert (await ask(world, server, body, by=reader)).status_code == 403
        assert (await shown(world, server))["status"] == "VERIFY_RESIZE"

    in_world(tmp_path, play)
