"""POST /servers/{id}/action with `rescue` and `unrescue`: what is said and answered, and what waits meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.messages import ServerView
from tests.acts.test_rescue import BESIDE, image_with
from tests.world import World, in_world, token


async def ask(world: World, server: ServerView, body: Any, version: str = "2.96", by: str = "") -> httpx.Response:
    async with world.http(by or world.member, OpenStack_API_Version=f"compute {version}") as http:
        answer = await http.post(f"/compute/v2.1/servers/{server.id}/action", json=body)
    await world.settled()
    return answer


async def shown(world: World, server: ServerView, by: str = "") -> dict[str, Any]:
    async with world.http(by or world.member) as http:
        found: dict[str, Any] = (await http.get(f"/compute/v2.1/servers/{server.id}")).json()["server"]
    return found


@pytest.mark.parametrize("said", [None, {}, {"adminPass": "mine"}])
def test_it_is_answered_with_the_password_and_shown_as_rescued(tmp_path: Path, said: Any) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        answer = await ask(world, server, {"rescue": said})
        assert (answer.status_code, list(answer.json())) == (200, ["adminPass"])
        password = answer.json()["adminPass"]
        assert password == "mine" if said else len(password) > 8
        view = await shown(world, server)
        seen = (view["status"], view["OS-EXT-STS:vm_state"], view["OS-EXT-STS:power_state"])
        assert seen == ("RESCUE", "rescued", 1)
        async with world.http(world.member) as http:
            listed = (await http.get("/compute/v2.1/servers?status=RESCUE")).json()["servers"]
        assert [one["id"] for one in listed] == [server.id]
        answer = await ask(world, server, {"unrescue": None})
        assert (answer.status_code, answer.content) == (202, b"")
        assert (await shown(world, server))["status"] == "ACTIVE"

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    "said",
    [{"rescue_image_ref": 1}, {"adminPass": None}, {"adminPass": 5}, {"imageRef": "x"}, [], "now", {"a": "b"}],
)
def test_a_strange_body_is_refused(tmp_path: Path, said: Any) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        answer = await ask(world, server, {"rescue": said})
        assert (answer.status_code, answer.json()["badRequest"]["code"]) == (400, 400)
        assert (await shown(world, server))["status"] == "ACTIVE"

    in_world(tmp_path, play)


def test_refusals_have_nova_s_words(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        missing = "5b0c5f4f-0000-4000-8000-000000000000"
        answer = await ask(world, server, {"rescue": {"rescue_image_ref": missing}})
        text = f"Requested rescue image '{missing}' is not supported"
        assert answer.json() == {"badRequest": {"code": 400, "message": text}}
        answer = await ask(world, server, {"unrescue": None})
        text = f"Cannot 'unrescue' instance {server.id} while it is in vm_state active"
        assert answer.json() == {"conflictingRequest": {"code": 409, "message": text}}
        assert (await ask(world, server, {"rescue": None}, by=token("other"))).status_code == 404
        assert (await ask(world, server, {"rescue": None}, by=token(roles=("reader",)))).status_code == 403

    in_world(tmp_path, play)


@pytest.mark.parametrize(("before", "why"), [("lock", "is locked"), ("suspend", "in vm_state suspended")])
def test_what_is_wrong_with_the_server_comes_before_what_is_wrong_with_the_image(
    tmp_path: Path, before: str, why: str
) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        assert (await ask(world, server, {before: None})).status_code == 202
        missing = "5b0c5f4f-0000-4000-8000-000000000000"
        answer = await ask(world, server, {"rescue": {"rescue_image_ref": missing}})
        assert answer.status_code == 409
        assert why in answer.json()["conflictingRequest"]["message"]

    in_world(tmp_path, play)


def test_a_server_on_a_volume_can_be_rescued_since_2_87(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        beside = await image_with(world, **BESIDE)
        [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        body = {"rescue": {"rescue_image_ref": beside.id}}
        answer = await ask(world, server, body, "2.86")
        text = f"Instance {server.id} cannot be rescued: Cannot rescue a volume-backed instance"
        assert answer.json() == {"badRequest": {"code": 400, "message": text}}
        assert (await ask(world, server, body, "2.87")).status_code == 200
        assert (await shown(world, server))["status"] == "RESCUE"

    in_world(tmp_path, play)


def test_meanwhile_it_can_be_looked_at_and_deleted_and_hardly_more(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await ask(world, server, {"rescue": None})
        for body in (
            {"rescue": None},
            {"reboot": {"type": "HARD"}},
            {"reboot": {"type": "SOFT"}},
            {"os-stop": None},
            {"os-start": None},
            {"pause": None},
            {"suspend": None},
            {"createImage": {"name": "x"}},
            {"rebuild": {"imageRef": server.image_id}},
        ):
            answer = await ask(world, server, body)
            assert answer.status_code == 409, body
            assert "while it is in vm_state rescued" in answer.json()["conflictingRequest"]["message"]
        for body in ({"lock": None}, {"unlock": None}):
            assert (await ask(world, server, body)).status_code == 202
        assert (await ask(world, server, {"os-getConsoleOutput": {}})).status_code == 200
        assert (await shown(world, server))["status"] == "RESCUE"
        async with world.http(world.member) as http:
            assert (await http.delete(f"/compute/v2.1/servers/{server.id}")).status_code == 204
            await world.settled()
            assert (await http.get(f"/compute/v2.1/servers/{server.id}")).status_code == 404

    in_world(tmp_path, play)
