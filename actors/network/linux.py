"""The real data plane: netlink, nftables, dnsmasq and routers in the node's network namespace.

Made by the agent's shell; asked by the agent. Owns the threads that live in the namespace, and one socket on which the
kernel tells of every change of a device. Invariant: what a node's configuration made can be found and removed from
that configuration alone (aliases of bridges, folders of DHCP networks), whoever made it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from actors.cluster.config import CloudConfig, NodeConfig
from actors.errors import HostError, HostFault
from actors.network import firewall, namespaces, nft_command
from actors.network.dataplane import Wiring
from actors.network.dhcp import DhcpServer, bound, namespace_of, pid_of
from actors.network.dhcp_files import DhcpPaths
from actors.network.l2 import Segment, Tap, WiringError, network_orders
from actors.network.links import Links
from actors.network.messages import DhcpNetworkInfo, PortFirewall, RouterInfo
from actors.network.netns_thread import NetnsThread
from actors.network.nftables import Json
from actors.network.routers import Routers

LINK_GROUP = 1  # RTMGRP_LINK of rtnetlink(7)
NEWS_BYTES = 1 << 16
MODPROBE_DEADLINE_S = 30.0
DHCP_AT_ONCE = 8  # networks brought up side by side
BRIDGE_FILTERING = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")


class LinuxDataplane:
    enforces = True

    def __init__(self, config: NodeConfig, cloud: CloudConfig) -> None:
        self._config = config
        self._cloud = cloud
        self._node = NetnsThread(config.netns)
        self._filter = NetnsThread(config.netns)  # nft takes long enough to be out of the way of taps
        self._links = Links()
        self._news = asyncio.Event()
        self._socket: socket.socket | None = None
        self._servers: dict[str, DhcpServer] = {}
        self._infos: dict[str, DhcpNetworkInfo] = {}
        self._busy: dict[str, asyncio.Lock] = {}
        self._room = asyncio.Semaphore(DHCP_AT_ONCE)
        self._routers = Routers(config.routers, self._node, self._links)

    async def start(self) -> None:
        for tool in ("ip", "nft", "dnsmasq"):
            if shutil.which(tool) is None:
                raise self._fault(f"{tool} is not installed")
        try:
            await self._node.run(self._need_bridge_filtering)
            self._socket = await self._node.run(_link_news)
        except OSError as error:
            raise self._fault(f"network namespace {self._config.netns!r}: {error}") from error
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._drain)

    async def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        for server in self._servers.values():
            server.let_go()
        await self._node.run(self._links.close)
        self._node.close()
        self._filter.close()

    # ------------------------------------------------------------ L2

    async def taps(self) -> dict[str, int]:
        return await self._node.run(self._links.taps)

    async def taps_changed(self, wait_s: float) -> None:
        # not wait_for: Python 3.11's forgets a cancellation that comes together with the news
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        self._news.clear()

    async def join(self, segments: list[Segment], peers: list[tuple[str, ...]]) -> list[str]:
        return await self._node.run(self._join, segments, peers)

    def _join(self, segments: list[Segment], peers: list[tuple[str, ...]]) -> list[str]:
        return [
            _why(lambda: self._links.carry_out(network_orders(segment, self._config, endpoints)))  # noqa: B023 - at once
            for segment, endpoints in zip(segments, peers, strict=True)
        ]

    async def wire(self, wirings: list[Wiring]) -> list[str]:
        return await self._node.run(self._wire, wirings)

    def _wire(self, wirings: list[Wiring]) -> list[str]:
        orders = [Tap(wiring.device, wiring.segment.bridge, wiring.segment.mtu) for wiring in wirings]
        return [_why(lambda: self._links.carry_out([order])) for order in orders]  # noqa: B023 - called at once

    async def unwire(self, devices: list[str]) -> None:
        await self._node.run(self._links.unwire, set(devices))

    async def networks(self) -> list[str]:
        return list(await self._node.run(self._links.networks))

    async def lost(self, segments: list[Segment]) -> list[str]:
        return await self._node.run(self._lost, segments)

    def _lost(self, segments: list[Segment]) -> list[str]:
        return [segment.network_id for segment in segments if not self._links.index(segment.bridge)]

    async def leave(self, network_ids: list[str]) -> None:
        await self._node.run(self._links.remove_networks, set(network_ids))

    async def guard(self, ports: list[PortFirewall]) -> None:
        await self._nft(firewall.ruleset(ports))

    async def _nft(self, document: Json) -> None:
        try:
            await self._filter.run(nft_command.load, document)
        except (OSError, subprocess.SubprocessError) as error:
            raise self._fault(f"nft: {error}") from error

    # ------------------------------------------------------------ DHCP

    async def serve_dhcp(self, infos: list[DhcpNetworkInfo]) -> list[str]:
        return list(await asyncio.gather(*[self._serve(info) for info in infos]))

    async def _serve(self, info: DhcpNetworkInfo) -> str:
        self._infos[info.network_id] = info
        return await self._for_dhcp(info.network_id, lambda server: server.serve(info))

    async def stop_dhcp(self, network_ids: list[str]) -> None:
        for why in await asyncio.gather(*[self._stop(network_id) for network_id in network_ids]):
            if why:
                raise self._fault(why)

    async def _stop(self, network_id: str) -> str:
        self._infos.pop(network_id, None)
        return await self._for_dhcp(network_id, DhcpServer.stop)

    async def dhcp_networks(self) -> list[str]:
        folder = self._config.dhcp
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    async def revive_dhcp(self) -> list[str]:
        for network_id in self._infos:
            bound(self._paths(network_id).log)
        dead = [info for network_id, info in self._infos.items() if not pid_of(self._paths(network_id))]
        replies = [await self._for_dhcp(info.network_id, lambda server: server.revive(info)) for info in dead]  # noqa: B023
        return [info.network_id for info, why in zip(dead, replies, strict=True) if not why]

    async def _for_dhcp(self, network_id: str, act: Callable[[DhcpServer], Awaitable[object]]) -> str:
        """One act at a time on a network's server; why it failed, '' if it did not."""
        server = self._servers.setdefault(network_id, self._server(network_id))
        async with self._busy.setdefault(network_id, asyncio.Lock()), self._room:
            try:
                await act(server)
            except (OSError, WiringError) as error:
                return f"DHCP of network {network_id}: {error}"
        return ""

    def _server(self, network_id: str) -> DhcpServer:
        return DhcpServer(network_id, self._config.dhcp, self._node, self._links)

    def _paths(self, network_id: str) -> DhcpPaths:
        return DhcpPaths(self._config.dhcp / network_id)

    async def open_socket(self, network_id: str) -> socket.socket:
        if network_id not in self._infos:
            raise LookupError(f"network {network_id} has no DHCP on host {self._config.host}")
        return await self._server(network_id).open_socket()

    # ------------------------------------------------------------ routers

    async def serve_routers(self, infos: list[RouterInfo]) -> list[str]:
        return await self._routers.serve(infos)

    async def stop_routers(self, router_ids: list[str]) -> None:
        failed = [why for why in await self._routers.stop(router_ids) if why]
        if failed:
            raise self._fault("; ".join(failed))

    async def routers(self) -> list[str]:
        return self._routers.here()

    async def revive_routers(self) -> list[str]:
        return await self._routers.revive()

    async def announce_routers(self) -> None:
        await self._routers.announce()

    # ------------------------------------------------------------ audits

    async def remove_all(self) -> None:
        await self.stop_routers(await self.routers())
        await self.stop_dhcp(await self.dhcp_networks())
        await self.leave(await self.networks())
        await self._nft(firewall.removal())
        for folder in (self._config.dhcp, self._config.routers):
            shutil.rmtree(folder, ignore_errors=True)

    async def world(self) -> dict[str, list[str]]:
        links = await self._node.run(self._links.all)
        named = {link.index: link.name for link in links}
        served = await self.dhcp_networks()
        return {
            "networks": sorted(await self.networks()),
            "taps": sorted(
                f"{link.name} {named.get(link.master, '')}".strip() for link in links if link.name.startswith("tap")
            ),
            "tunnels": sorted(link.name for link in links if link.kind in ("vxlan", "vlan")),
            "dhcp": served,
            "dhcp_namespaces": sorted({namespace_of(each) for each in served} & set(namespaces.names())),
            "dnsmasq": [each for each in served if pid_of(self._paths(each))],
            "dhcp_entries": _lines(served, (self._paths(each).host for each in served)),
            "leases": _lines(served, (self._paths(each).leases for each in served)),
            "tables": await self._filter.run(nft_command.tables),
            **await self._routers.world(),
        }

    # ------------------------------------------------------------ inside

    def _need_bridge_filtering(self) -> None:
        """Without it security groups would let everything pass, so a host that lacks it takes no guests."""
        if not BRIDGE_FILTERING.exists() and shutil.which("modprobe"):
            subprocess.run(["modprobe", "br_netfilter"], capture_output=True, timeout=MODPROBE_DEADLINE_S, check=False)
        if not BRIDGE_FILTERING.exists():
            raise self._fault("security groups need the kernel's br_netfilter: run `modprobe br_netfilter`")

    def _drain(self) -> None:
        """Something changed: what, the next listing says. A message that was lost by overflow says no less."""
        assert self._socket is not None
        try:
            while self._socket.recv(NEWS_BYTES):
                pass
        except BlockingIOError:
            pass
        except OSError:  # ENOBUFS: the kernel had more to say than fitted
            pass
        self._news.set()

    def _fault(self, cause: str) -> HostError:
        return HostError(HostFault("network_agent", self._config.host, cause))


def _link_news() -> socket.socket:
    news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    news.bind((0, LINK_GROUP))
    return news


def _why(act: Callable[[], None]) -> str:
    try:
        act()
    except WiringError as error:
        return str(error)
    return ""


def _lines(network_ids: list[str], paths: Iterable[Path]) -> list[str]:
    texts = [path.read_text() if path.exists() else "" for path in paths]
    return [f"{each} {line}" for each, text in zip(network_ids, texts, strict=True) for line in text.splitlines()]
