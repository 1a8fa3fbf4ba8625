"""A data plane without a kernel: for load tests, the law tests and machines without root.

Keeps in dictionaries what `linux.py` keeps in the kernel, so that the same laws can be asked of both. Guests' taps are
those that the simulated hypervisor has made (`actors/simulated_taps.py`).
"""

from __future__ import annotations

import socket

from actors.network import dhcp_files, routing
from actors.network.dataplane import Wiring
from actors.network.l2 import Segment
from actors.network.messages import DhcpNetworkInfo, PortFirewall, RouterInfo
from actors.network.naming import bridge_device, tap_device
from actors.simulated_taps import Taps


class SimulatedDataplane:
    enforces = False

    def __init__(self, taps: Taps) -> None:
        self._guests = taps
        self._own = Taps()  # of the DHCP servers and the routers
        self._bridge_of: dict[tuple[str, int], str] = {}  # tap and its number → network id
        self._joined: dict[str, tuple[str, ...]] = {}  # network id → peers
        self._dhcp: dict[str, DhcpNetworkInfo] = {}
        self._routers: dict[str, RouterInfo] = {}
        self._guarded: list[PortFirewall] = []

    async def start(self) -> None: ...

    async def close(self) -> None:
        self._guests.close()

    # ------------------------------------------------------------ L2

    async def taps(self) -> dict[str, int]:
        return self._guests.there() | self._own.there()

    async def taps_changed(self, wait_s: float) -> None:
        await self._guests.changed(wait_s)

    async def join(self, segments: list[Segment], peers: list[tuple[str, ...]]) -> list[str]:
        for segment, endpoints in zip(segments, peers, strict=True):
            self._joined[segment.network_id] = endpoints
        return [""] * len(segments)

    async def wire(self, wirings: list[Wiring]) -> list[str]:
        taps = await self.taps()
        if len(self._bridge_of) > 2 * len(taps):
            self._bridge_of = {tap: network for tap, network in self._bridge_of.items() if taps.get(tap[0]) == tap[1]}
        return [self._wire(wiring, taps) for wiring in wirings]

    def _wire(self, wiring: Wiring, taps: dict[str, int]) -> str:
        if wiring.device not in taps:
            return f"{wiring.device}: no such device"
        if wiring.segment.network_id not in self._joined:
            return f"{wiring.segment.bridge}: no such device"
        self._bridge_of[wiring.device, taps[wiring.device]] = wiring.segment.network_id
        return ""

    async def unwire(self, devices: list[str]) -> None:
        self._bridge_of = {tap: network for tap, network in self._bridge_of.items() if tap[0] not in devices}

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
                self._own.add([tap_device(info.port.id)])
        return [""] * len(infos)

    async def stop_dhcp(self, network_ids: list[str]) -> None:
        for network_id in network_ids:
            info = self._dhcp.pop(network_id, None)
            if info is not None and info.port is not None:
                self._own.remove([tap_device(info.port.id)])

    async def dhcp_networks(self) -> list[str]:
        return list(self._dhcp)

    async def revive_dhcp(self) -> list[str]:
        return []

    async def open_socket(self, network_id: str) -> socket.socket:
        raise LookupError(f"network {network_id} is simulated: nothing answers in it")

    # ------------------------------------------------------------ routers

    async def serve_routers(self, infos: list[RouterInfo]) -> list[str]:
        for info in infos:
            here = self._router_taps(info.router_id)
            self._routers[info.router_id] = info
            wanted = self._router_taps(info.router_id)
            self._own.remove(sorted(here - wanted))
            self._own.add(sorted(wanted - here))
        return [""] * len(infos)

    def _router_taps(self, router_id: str) -> set[str]:
        info = self._routers.get(router_id)
        return {device.tap for device in routing.devices(info)} if info is not None else set()

    async def stop_routers(self, router_ids: list[str]) -> None:
        for router_id in router_ids:
            self._own.remove(sorted(self._router_taps(router_id)))
            self._routers.pop(router_id, None)

    async def routers(self) -> list[str]:
        return sorted(self._routers)

    async def revive_routers(self) -> list[str]:
        return []

    async def announce_routers(self) -> None: ...

    # ------------------------------------------------------------ audits

    async def remove_all(self) -> None:
        for taps in (self._guests, self._own):
            taps.remove(taps.there())
        self._bridge_of.clear()
        self._joined.clear()
        self._dhcp.clear()
        self._routers.clear()
        self._guarded = []

    async def world(self) -> dict[str, list[str]]:
        taps = await self.taps()
        entries = [
            f"{network_id} {' '.join(entry)}"
            for network_id, info in self._dhcp.items()
            for entry in dhcp_files.reservations(info)
        ]
        return {
            "networks": sorted(self._joined),
            "taps": sorted(f"{name} {self._bridge(name, number)}".strip() for name, number in taps.items()),
            "dhcp": sorted(self._dhcp),
            "dhcp_entries": sorted(entries),
            "guarded": sorted(port.device for port in self._guarded),
            **routing.world(self._routers.values()),
        }

    def _bridge(self, name: str, number: int) -> str:
        """What the bridge that the tap is in would be called ('' = it is in none)."""
        network_id = self._bridge_of.get((name, number))
        return bridge_device(network_id) if network_id else ""

    def files(self, network_id: str) -> dhcp_files.DhcpFiles:
        """What `linux.py` would have written for the network."""
        return dhcp_files.files(self._dhcp[network_id])
