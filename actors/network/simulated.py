"""A data plane without a kernel: for load tests, the law tests and machines without root.

Keeps in dictionaries what `linux.py` keeps in the kernel, so that the same laws can be asked of both.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from actors.network import dhcp_files
from actors.network.dataplane import Wiring
from actors.network.l2 import Segment
from actors.network.messages import DhcpNetworkInfo, PortFirewall
from actors.network.naming import bridge_device, tap_device


class SimulatedDataplane:
    enforces = False

    def __init__(self) -> None:
        self._taps: dict[str, int] = {}
        self._bridge_of: dict[str, str] = {}  # tap → network id
        self._joined: dict[str, tuple[str, ...]] = {}  # network id → peers
        self._dhcp: dict[str, DhcpNetworkInfo] = {}
        self._guarded: list[PortFirewall] = []
        self._made = 0
        self._news = asyncio.Event()

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    # ------------------------------------------------------------ L2

    async def taps(self) -> dict[str, int]:
        return dict(self._taps)

    async def taps_changed(self, wait_s: float) -> None:
        # not wait_for: Python 3.11's forgets a cancellation that comes together with the news
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        self._news.clear()

    async def announce(self, appeared: list[str], gone: list[str]) -> None:
        for device in appeared:
            if device not in self._taps:
                self._made += 1
                self._taps[device] = self._made
        for device in gone:
            self._taps.pop(device, None)
            self._bridge_of.pop(device, None)
        self._news.set()

    async def join(self, segments: list[Segment], peers: list[tuple[str, ...]]) -> list[str]:
        for segment, endpoints in zip(segments, peers, strict=True):
            self._joined[segment.network_id] = endpoints
        return [""] * len(segments)

    async def wire(self, wirings: list[Wiring]) -> list[str]:
        return [self._wire(wiring) for wiring in wirings]

    def _wire(self, wiring: Wiring) -> str:
        if wiring.device not in self._taps:
            return f"{wiring.device}: no such device"
        if wiring.segment.network_id not in self._joined:
            return f"{wiring.segment.bridge}: no such device"
        self._bridge_of[wiring.device] = wiring.segment.network_id
        return ""

    async def networks(self) -> list[str]:
        return list(self._joined)

    async def lost(self, segments: list[Segment]) -> list[str]:
        return [segment.network_id for segment in segments if segment.network_id not in self._joined]

    async def leave(self, network_ids: list[str]) -> None:
        gone = {network_id for network_id in network_ids if self._joined.pop(network_id, None) is not None}
        self._bridge_of = {tap: network for tap, network in self._bridge_of.items() if network not in gone}

    async def guard(self, ports: list[PortFirewall]) -> None:
        self._guarded = ports

    # ------------------------------------------------------------ DHCP

    async def serve_dhcp(self, infos: list[DhcpNetworkInfo]) -> list[str]:
        for info in infos:
            self._dhcp[info.network_id] = info
            if info.port is not None:
                await self.announce([tap_device(info.port.id)], [])
        return [""] * len(infos)

    async def stop_dhcp(self, network_ids: list[str]) -> None:
        for network_id in network_ids:
            info = self._dhcp.pop(network_id, None)
            if info is not None and info.port is not None:
                await self.announce([], [tap_device(info.port.id)])

    async def dhcp_networks(self) -> list[str]:
        return list(self._dhcp)

    async def revive_dhcp(self) -> list[str]:
        return []

    async def open_socket(self, network_id: str) -> socket.socket:
        raise LookupError(f"network {network_id} is simulated: nothing answers in it")

    # ------------------------------------------------------------ audits

    async def remove_all(self) -> None:
        self._taps.clear()
        self._bridge_of.clear()
        self._joined.clear()
        self._dhcp.clear()
        self._guarded = []

    async def world(self) -> dict[str, list[str]]:
        entries = [
            f"{network_id} {' '.join(entry)}"
            for network_id, info in self._dhcp.items()
            for entry in dhcp_files.reservations(info)
        ]
        return {
            "networks": sorted(self._joined),
            "taps": sorted(f"{tap} {self._bridge(tap)}".strip() for tap in self._taps),
            "dhcp": sorted(self._dhcp),
            "dhcp_entries": sorted(entries),
            "guarded": sorted(port.device for port in self._guarded),
        }

    def _bridge(self, tap: str) -> str:
        """What the bridge that it is in would be called ('' = it is in none)."""
        return bridge_device(self._bridge_of[tap]) if tap in self._bridge_of else ""

    def files(self, network_id: str) -> dhcp_files.DhcpFiles:
        """What `linux.py` would have written for the network."""
        return dhcp_files.files(self._dhcp[network_id])
