"""The quick way to show a server answers what the ordinary route answers, or leaves it to that route."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
import pytest

from actors.api.rest.app import Edge, made
from actors.api.rest.policy import Policy
from tests.world import EDGE_URL, World, in_world, token

PLAIN = "/compute/v2.1/servers"


def ordinary(world: World) -> Edge:
    """The edge without the quick way."""
    policy = partial(Policy, world.rooms.config.policy, world.rooms.clock)
    return Edge({"compute": made("compute", world.rooms, policy, quickly=False)})


async def both(world: World, path: str, headers: dict[str, str], verb: str = "GET") -> list[httpx.Response]:
    answers = []
    for edge in (world.edge, ordinary(world)):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url=EDGE_URL) as http:
            answers.append(await http.request(verb, path, headers=headers))
    return answers


def told(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], str]:
    """All of it, but for its own id."""
    ours = answer.headers["X-Openstack-Request-Id"]
    headers = [(name, value) for name, value in answer.headers.multi_items() if value != ours]
    return answer.status_code, sorted(headers), answer.text.replace(ours, "")


@pytest.mark.parametrize("version", ["", "2.1", "2.15", "2.47", "2.96", "latest"])
@pytest.mark.parametrize("who", ["member", "admin", "reader"])
def test_both_ways_say_the_same(tmp_path: Path, version: str, who: str) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        [failed] = await world.boot(world.request("failed", availability_zone="nowhere"))
        tokens = {"member": world.member, "admin": world.admin, "reader": token("demo", ("reader",))}
        for header in ("OpenStack-API-Version", "X-OpenStack-Nova-API-Version"):
            value = f"compute {version}" if header.startswith("Open") else version
            headers = {"X-Auth-Token": tokens[who]} | ({header: value} if version else {})
            for one in (server, failed):
                quick, slow = await both(world, f"{PLAIN}/{one.id}", headers)
                assert told(quick) == told(slow)
                assert quick.status_code == 200 and quick.json()["server"]["id"] == one.id

    in_world(tmp_path, play)


def test_refusals_are_the_ordinary_routes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        mine = {"X-Auth-Token": world.member}
        for path, headers, verb, status in (
            (f"{PLAIN}/{server.id}", {}, "GET", 401),
            (f"{PLAIN}/{server.id}", {"X-Auth-Token": "x"}, "GET", 401),
            (f"{PLAIN}/{server.id}", {"X-Auth-Token": token("other")}, "GET", 404),
            (f"{PLAIN}/{server.id}", {"X-Auth-Token": token("demo", ("guest",))}, "GET", 403),
            (f"{PLAIN}/{server.id}", mine | {"OpenStack-API-Version": "compute 2.999"}, "GET", 406),
            (f"{PLAIN}/{server.id}", mine, "PATCH", 405),
            (f"{PLAIN}/00000000-0000-4000-8000-000000000000", mine, "GET", 404),
            (f"{PLAIN}/nothing", mine, "GET", 404),
            (f"{PLAIN}/{server.id}/nothing", mine, "GET", 404),
        ):
            quick, slow = await both(world, path, headers, verb)
            assert told(quick) == told(slow)
            assert quick.status_code == status, path

    in_world(tmp_path, play)


@pytest.mark.parametrize("host", ["novaray.test", "[2001:db8::1]:8774", "10.0.0.1:80", "x y", "a/b", "", "a@b:c"])
def test_links_lead_to_the_host_that_was_asked(tmp_path: Path, host: str) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        quick, slow = await both(world, f"{PLAIN}/{server.id}", {"X-Auth-Token": world.member, "Host": host})
        assert told(quick) == told(slow)

    in_world(tmp_path, play)
