"""POST /servers/{id}/action with `shelve`, `unshelve` and `shelveOffload`: what is said and answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.messages import ServerView
from tests.acts.test_shelve import shelve
from tests.api.rest.compute.test_rescue import ask, shown
from tests.world import NODE_NAME, World, in_world, token


async def shelved(world: World) -> ServerView:
    [server] = await world.boot(world.request())
    return await shelve(world, server)


def test_it_is_shelved_and_runs_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        answer = await ask(world, server, {"shelve": None})
        assert (answer.status_code, answer.content) == (202, b"")
        async with world.http(world.admin) as http:
            view = (await http.get(f"/compute/v2.1/servers/{server.id}")).json()["server"]
        seen = (view["OS-EXT-STS:vm_state"], view["OS-EXT-STS:task_state"], view["OS-EXT-STS:power_state"])
        assert (view["status"], *seen) == ("SHELVED_OFFLOADED", "shelved_offloaded", None, 4)
        assert (view["OS-EXT-SRV-ATTR:host"], view["hostId"]) == (None, "")
        async with world.http(world.member) as http:
            listed = (await http.get("/compute/v2.1/servers?status=SHELVED_OFFLOADED")).json()["servers"]
            found = (await http.get("/image/v2/images?name=vm-shelved")).json()["images"]
        assert [one["id"] for one in listed] == [server.id]
        assert (found[0]["image_type"], found[0]["base_image_ref"]) == ("snapshot", world.image.id)
        answer = await ask(world, server, {"unshelve": None})
        assert (answer.status_code, answer.content) == (202, b"")
        assert (await shown(world, server))["status"] == "ACTIVE"

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("version", "said", "by_admin", "code"),
    [
        ("2.76", {"availability_zone": "nowhere"}, False, 202),  # it counts for nothing yet
        ("2.77", {"availability_zone": "nova"}, False, 202),
        ("2.77", {"availability_zone": "nowhere"}, False, 400),
        ("2.77", {"availability_zone": None}, False, 400),
        ("2.77", {"host": NODE_NAME}, True, 400),
        ("2.77", {}, False, 400),
        ("2.91", {"availability_zone": None}, False, 202),
        ("2.91", {"host": NODE_NAME}, True, 202),
        ("2.91", {"host": NODE_NAME}, False, 403),
        ("2.91", {"host": "nobody"}, True, 400),
        ("2.91", {"host": NODE_NAME, "availability_zone": "nova"}, True, 202),
        ("2.91", {"host": None}, True, 400),
        ("2.91", {"node": NODE_NAME}, True, 400),
        ("2.91", {}, False, 400),
        ("2.91", [], False, 400),
    ],
)
def test_where_it_is_to_run(tmp_path: Path, version: str, said: Any, by_admin: bool, code: int) -> None:
    async def play(world: World) -> None:
        server = await shelved(world)
        answer = await ask(world, server, {"unshelve": said}, version, world.admin if by_admin else "")
        assert answer.status_code == code, answer.text
        assert (await shown(world, server))["status"] == ("ACTIVE" if code == 202 else "SHELVED_OFFLOADED")

    in_world(tmp_path, play)


def test_whom_the_operator_lets_choose_the_host(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other = await shelved(world), token("other")
        (tmp_path / "policy.yaml").write_text('"os_compute_api:os-shelve:unshelve_to_host": "role:member"\n')
        said = {"unshelve": {"host": NODE_NAME}}
        assert (await ask(world, server, said, by=other)).status_code == 404
        assert (await ask(world, server, said)).status_code == 202
        assert (await shown(world, server))["status"] == "ACTIVE"

    in_world(tmp_path, play)


def test_it_has_no_console_while_it_is_nowhere(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await shelved(world)
        answer = await ask(world, server, {"os-getConsoleOutput": {}})
        text = f"Instance {server.id} is not ready"
        assert answer.json() == {"conflictingRequest": {"code": 409, "message": text}}
        await ask(world, server, {"unshelve": None})
        await ask(world, server, {"os-stop": None})
        assert (await shown(world, server))["status"] == "SHUTOFF"
        assert (await ask(world, server, {"os-getConsoleOutput": {}})).status_code == 200

    in_world(tmp_path, play)


def test_refusals_have_nova_s_words(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await shelved(world)
        for name, by in (("shelve", ""), ("shelveOffload", world.admin), ("os-start", "")):
            answer = await ask(world, server, {name: None}, by=by)
            text = f"Cannot '{name.removeprefix('os-')}' instance {server.id} while it is in vm_state shelved_offloaded"
            assert answer.json() == {"conflictingRequest": {"code": 409, "message": text}}
        assert (await ask(world, server, {"shelveOffload": None})).status_code == 403
        assert (await ask(world, server, {"shelve": None}, by=token("other"))).status_code == 404
        assert (await ask(world, server, {"unshelve": None}, by=token("other"))).status_code == 404
        assert (await ask(world, server, {"unshelve": None}, by=token(roles=("reader",)))).status_code == 403

    in_world(tmp_path, play)
