"""Tells guests about themselves at http://169.254.169.254, in OpenStack's tree and in EC2's.

Part of `agent.py`. One listening socket a network, made inside it; the requester is known by its address there, which
the anti-spoofing rules make trustworthy. Invariant: an instance is told its own documents and nobody else's; who has no
port on the network gets 404, for every path.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from actors.clock import Clock
from actors.errors import CallerError
from actors.network.dataplane import Dataplane
from actors.network.dhcp_files import METADATA_ADDRESS
from actors.network.messages import DhcpHost

PORT = 80
BACKLOG = 128  # connections waiting to be accepted, a network
CONNECTIONS_EACH = 32  # at a time of one address
DOCUMENTS_WAIT_S = 20.0
FRESH_S = 1.0  # how long an instance's documents count, however often its guest asks: they come from the conductor
EC2_VERSIONS = ("2009-04-04", "latest")
EC2_DOCUMENT = "ec2/latest/meta-data.json"
EC2_USER_DATA = "ec2/latest/user-data"

Documents = Callable[[str], Awaitable[dict[str, bytes]]]
"""Instance id → its documents by path: `openstack/latest/meta_data.json` and so on; raises `CallerError` if unknown."""
HostAt = Callable[[str, str], DhcpHost | None]
"""(network id, address) → the port that has it."""

log = logging.getLogger(__name__)


class _Shared(web.Server):
    """A guest that keeps very many connections open cuts off itself, and not the others, nor the agent's own work."""

    def __init__(self, handler: Any, **settings: Any) -> None:
        super().__init__(handler, **settings)
        self._addresses: dict[web.RequestHandler, str] = {}  # of those that are connected
        self._open: Counter[str] = Counter()  # their connections

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        address = str((transport.get_extra_info("peername") or ("",))[0])
        self._addresses[handler] = address
        self._open[address] += 1
        if self._open[address] > CONNECTIONS_EACH:
            transport.abort()

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        address = self._addresses.pop(handler, None)
        if address is not None:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


class MetadataServers:
    def __init__(self, dataplane: Dataplane, host_at: HostAt, documents: Documents, clock: Clock) -> None:
        self._clock = clock
        self._fresh: dict[str, tuple[float, dict[str, bytes]]] = {}  # by instance: when they were asked for
        self._dataplane = dataplane
        self._host_at = host_at
        self._documents = documents
        self._runners: dict[str, web.ServerRunner] = {}

    async def serve(self, network_ids: list[str]) -> None:
        """One server for each of these networks, none for others."""
        for network_id in set(self._runners) - set(network_ids):
            await self._runners.pop(network_id).cleanup()
        for network_id in network_ids:
            if network_id not in self._runners:
                await self._open(network_id)

    async def close(self) -> None:
        await self.serve([])

    async def _open(self, network_id: str) -> None:
        try:
            listener = await self._dataplane.open_socket(network_id)
            listener.bind((METADATA_ADDRESS, PORT))
        except (LookupError, OSError) as error:
            log.error("no metadata in network %s: %s", network_id, error)
            return
        runner = web.ServerRunner(self._server(network_id))
        await runner.setup()
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        self._runners[network_id] = runner

    def _server(self, network_id: str) -> web.Server:
        async def answer(request: web.BaseRequest) -> web.Response:
            if request.method not in ("GET", "HEAD"):
                return web.Response(status=405)
            return await self._answer(network_id, request.remote or "", request.path)

        return _Shared(answer, access_log=None)

    async def _answer(self, network_id: str, address: str, path: str) -> web.Response:
        host = self._host_at(network_id, address)
        if host is None or not host.device_id:
            return web.Response(status=404)
        try:
            async with asyncio.timeout(DOCUMENTS_WAIT_S):
                documents = await self._documents_of(host.device_id)
        except CallerError as error:
            return web.Response(status=error.fault.status)
        except (TimeoutError, ConnectionError):
            return web.Response(status=503)
        content = find(documents, path)
        return web.Response(status=404) if content is None else web.Response(body=content, content_type=_kind(path))

    async def _documents_of(self, instance_id: str) -> dict[str, bytes]:
        now = self._clock.monotonic()
        if instance_id not in self._fresh or now - self._fresh[instance_id][0] >= FRESH_S:
            documents = await self._documents(instance_id)
            self._fresh = {each: known for each, known in self._fresh.items() if now - known[0] < FRESH_S}
            self._fresh[instance_id] = now, documents
        return self._fresh[instance_id][1]


# ---------------------------------------------------------------- pure


def find(documents: dict[str, bytes], path: str) -> bytes | None:
    """What stands at a path: a document, the list of what is below it, or None."""
    words = [word for word in path.split("/") if word]
    if not words:
        return _lines(EC2_VERSIONS)
    if words[0] == "openstack":
        return _document("/".join(words), documents)
    if words[0] in EC2_VERSIONS:
        return _ec2(words[1:], documents)
    return None


def _document(path: str, documents: dict[str, bytes]) -> bytes | None:
    if path in documents:
        return documents[path]
    below = [name.removeprefix(f"{path}/") for name in documents if name.startswith(f"{path}/")]
    listed = dict.fromkeys(name.partition("/")[0] for name in below)
    return _lines(listed) if listed else None


def _ec2(words: list[str], documents: dict[str, bytes]) -> bytes | None:
    match words:
        case []:
            return _lines(["meta-data/", *(["user-data"] if EC2_USER_DATA in documents else [])])
        case ["user-data"]:
            return documents.get(EC2_USER_DATA)
        case ["meta-data", *below] if EC2_DOCUMENT in documents:
            return _leaf(json.loads(documents[EC2_DOCUMENT]), below)
    return None


def _leaf(tree: Any, words: list[str]) -> bytes | None:
    """EC2 gives each value its own path; what has values below it ends in a slash when listed."""
    for word in words:
        if isinstance(tree, list) and word.isdigit() and int(word) < len(tree):
            tree = tree[int(word)]
        elif isinstance(tree, dict) and word in tree:
            tree = tree[word]
        else:
            return None
    if isinstance(tree, dict):
        return _lines(_listed(name, value) for name, value in tree.items() if name != "_name")
    if isinstance(tree, list):
        return _lines(str(item) for item in tree)
    return str(tree).encode()


def _listed(name: str, value: Any) -> str:
    """A public key is listed by number and name, `0=mine`, and read by its number."""
    if isinstance(value, dict):
        return str(value.get("_name") or f"{name}/")
    return name


def _lines(names: Iterable[str]) -> bytes:
    return "\n".join(names).encode()


def _kind(path: str) -> str:
    return "application/json" if path.endswith(".json") else "text/plain"
