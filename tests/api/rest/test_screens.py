"""The websocket behind a remote console: through the edge and the node's own port to what speaks RFB there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from actors.api.rest.screens import console_url, screens
from actors.compute.simulated_guests import SimulatedGuests
from tests.world import World, in_world

BANNER = b"RFB 003.008\n"


class Screened(SimulatedGuests):
    """Guests whose screen says what every VNC server says first, and then what it hears."""

    async def vnc(self, instance_id: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(BANNER)
            while heard := await reader.read(100):
                writer.write(heard)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        return await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])


class Client:
    """A websocket client of an ASGI application, without a socket."""

    def __init__(self, world: World, ticket: str) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.said.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/vnc",
            "query_string": f"token={ticket}".encode(),
            "headers": [],
            "subprotocols": ["binary"],
        }
        self.task = asyncio.create_task(world.edge(scope, self.said.get, self.heard.put))

    async def bytes(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            got += (await asyncio.wait_for(self.heard.get(), 5.0))["bytes"]
        return got


async def ticket_of(world: World) -> str:
    [server] = await world.boot(world.request())
    world.hypervisor.guests.__class__ = Screened
    return await world.api.open_console(world.member, server.id)


def test_bytes_go_both_ways_and_the_client_s_end_ends_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        client = Client(world, await ticket_of(world))
        assert await client.heard.get() == {"type": "websocket.accept", "subprotocol": "binary", "headers": []}
        assert await client.bytes(len(BANNER)) == BANNER
        client.said.put_nowait({"type": "websocket.receive", "bytes": BANNER})
        assert await client.bytes(len(BANNER)) == BANNER
        client.said.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(client.task, 5.0)
        await world.compute.close()

    in_world(tmp_path, play)


def test_without_a_good_ticket_nobody_is_let_in(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await ticket_of(world)
        for ticket in ("", "0" * 64):
            client = Client(world, ticket)
            assert (await client.heard.get())["type"] == "websocket.close"
            await asyncio.wait_for(client.task, 5.0)

    in_world(tmp_path, play)


def test_a_node_s_port_joins_only_those_who_know_a_secret_and_once(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        world.hypervisor.guests.__class__ = Screened
        screen = await world.compute.screen(server.id)
        for secret, heard in (("f" * 64, b""), (screen.secret, BANNER), (screen.secret, b"")):
            reader, writer = await asyncio.open_connection(screen.host, screen.port)
            writer.write(secret.encode())
            assert await asyncio.wait_for(reader.read(len(BANNER)), 5.0) == heard
            writer.close()
        await world.compute.close()

    in_world(tmp_path, play)


def test_a_guest_without_a_screen_ends_the_connection(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        client = Client(world, await world.api.open_console(world.member, server.id))
        while (await asyncio.wait_for(client.heard.get(), 5.0))["type"] != "websocket.close":
            pass
        await asyncio.wait_for(client.task, 5.0)
        await world.compute.close()

    in_world(tmp_path, play)


def test_the_url_is_of_a_page_whose_path_is_the_websocket() -> None:
    url = urlsplit(console_url("http://edge:8774/cloud", "t1"))
    assert (url.netloc, url.path, parse_qs(url.query)) == (
        "edge:8774",
        "/cloud/vnc/vnc_lite.html",
        {"path": ["cloud/vnc?token=t1"]},
    )
    assert parse_qs(urlsplit(console_url("http://edge:8774", "t1")).query) == {"path": ["vnc?token=t1"]}


def test_the_page_and_its_script_are_served_where_the_machine_has_them(tmp_path: Path) -> None:
    pages = tmp_path / "novnc"
    (pages / "core").mkdir(parents=True)
    (pages / "vnc_lite.html").write_text("<html>the page</html>")
    (pages / "core" / "rfb.js").write_text("export default class RFB {}")
    (tmp_path / "secret").write_text("not this")

    async def play(world: World) -> None:
        shown = screens(world.rooms, (tmp_path / "nothing", pages))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(shown), base_url="http://edge") as http:
            page, script = await http.get("/vnc_lite.html?path=x"), await http.get("/core/rfb.js")
            assert (page.text, page.headers["content-type"]) == ("<html>the page</html>", "text/html; charset=utf-8")
            assert script.headers["content-type"].startswith("text/javascript")
            assert [(await http.get(path)).status_code for path in ("/../secret", "/%2e%2e/secret", "/core", "/x")] == [
                404
            ] * 4
            assert (await http.get("/")).status_code == 426
        bare = screens(world.rooms, (tmp_path / "nothing",))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(bare), base_url="http://edge") as http:
            answer = await http.get("/vnc_lite.html")
            assert (answer.status_code, "novnc" in answer.text) == (404, True)

    in_world(tmp_path, play)
