"""The L2 agent: wires taps as they come, and tidies up as they go. Section D of BOOT_FLOW.

Part of `agent.py`. Owns what it has wired on this node. A sweep compares the taps that are there with those it knows:
new ones are asked about in one batch, guarded first, then wired, then reported up; gone ones are reported down, and a
network without taps leaves the node. A sweep that fails half-way is simply done again: every part may run twice.
Invariant: a tap is in its bridge only after the firewall has its rules, also one that an earlier life had wired; a tap
that nobody knows is left alone, but for that.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from actors.clock import Clock
from actors.cluster.names import node_of
from actors.errors import CallerFault
from actors.faces import NetworkFace
from actors.messages import PortDetails
from actors.network.dataplane import Dataplane, Wiring
from actors.network.l2 import Segment, segment_of
from actors.network.messages import NetworkNews, PortFirewall

RETRY_S = 10.0  # until a tap that nobody knew, or that could not be wired, is tried again
OWN_PORTS = "network:"  # device owners whose ports are the network service's own: not guarded

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Refused:
    """A tap to try again later, and why it was not wired."""

    index: int
    retry_at: float
    why: str


class L2Agent:
    """The caller allows one call at a time (`agent.py` batches them)."""

    def __init__(self, host: str, network: NetworkFace, dataplane: Dataplane, clock: Clock) -> None:
        self._host = host
        self._network = network
        self._dataplane = dataplane
        self._clock = clock
        self._wired: dict[str, PortDetails] = {}  # by device
        self._telling: list[str] = []  # ids of ports that are wired, and of which nobody has answered to have heard
        self._indexes: dict[str, int] = {}  # of the same devices
        self._taps_of: Counter[str] = Counter()  # by network: how many of them
        self._refused: dict[str, _Refused] = {}
        self._guards: dict[str, PortFirewall] = {}  # by device
        self._joined: set[str] = set()  # networks with a bridge here; of an earlier life, too
        self._whole: set[str] = set()  # those joined without a fault: a change of their peers is told by a notice
        self._segments: dict[str, Segment] = {}  # of those that were joined in this life
        self._peers: dict[str, tuple[str, ...]] = {}  # that they were joined with
        self._foreseen: dict[str, PortDetails] = {}  # by device: taps that are to come, as notices have them
        self._editions: dict[str, str] = {}  # by network: of the notice that told last

    async def start(self) -> None:
        """Bridges of an earlier life count as joined; the first sweep keeps those that taps of ours need."""
        self._joined = set(await self._dataplane.networks())

    @property
    def refused(self) -> dict[str, str]:
        """Taps that are not wired, and why."""
        return {device: refused.why for device, refused in self._refused.items()}

    @property
    def networks(self) -> list[str]:
        """Ids of those that have taps here."""
        return list(self._taps_of)

    @property
    def wired(self) -> list[str]:
        """Ids of the ports whose taps are, also of those of which a network room is being told that may have died."""
        return [details.port_id for details in self._wired.values()] + self._telling

    def foresee(self, network_id: str, news: NetworkNews | None) -> None:
        """Taps that are to come in this network. What was said of them before counts if nothing of it has changed."""
        edition = news.edition if news is not None else ""
        if not edition or edition != self._editions.get(network_id):
            others = (foreseen for foreseen in self._foreseen.items() if foreseen[1].network_id != network_id)
            self._foreseen = dict(others)
        self._editions[network_id] = edition
        if news is not None:
            self._foreseen.update((details.device, details) for details in news.ports)

    async def sweep(self) -> None:
        taps = await self._dataplane.taps()
        known = self._indexes
        fresh = sorted((index, device) for device, index in taps.items() if known.get(device) != index)
        gone: list[str] = []
        if len(taps) - len(fresh) < len(known):  # else all that is known is there: the rule, of very many
            gone = sorted(device for device, index in known.items() if taps.get(device) != index)
        left = [name for name, refused in self._refused.items() if taps.get(name) != refused.index]
        for name in left:
            del self._refused[name]
        if left:
            await self._unguard([name for name in left if name not in known])
        now = self._clock.monotonic()
        new = [device for _, device in fresh if device not in self._refused or self._refused[device].retry_at <= now]
        if gone:
            await self._forget(gone)
        if new:
            await self._meet(new, taps)
        await self._leave()

    async def mend(self) -> None:
        """A bridge that somebody took away is made again, and its taps are wired as new ones are."""
        lost = set(await self._dataplane.lost([self._segments[network_id] for network_id in self._taps_of]))
        if not lost:
            return
        log.error("host %s: the bridges of these networks were gone: %s", self._host, ", ".join(sorted(lost)))
        self._whole -= lost
        for device in [device for device, details in self._wired.items() if details.network_id in lost]:
            self._drop(device)
        await self.sweep()

    async def refresh(self, network_ids: list[str], peers: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Peers and security groups of networks that are here may have changed. It asks, but of networks whose `peers`
        are said to be what it knows."""
        ids = {network_id for network_id in network_ids if network_id in self._taps_of}
        if not ids:
            return
        same = {each for each in ids & self._whole if peers and each in peers and peers[each] == self._peers.get(each)}
        changed = [self._segments[network_id] for network_id in sorted(ids - same)]
        for segment, why in zip(changed, await self._join(changed) if changed else [], strict=True):
            if why:
                log.error("host %s: network %s: %s", self._host, segment.network_id, why)
        if self._dataplane.enforces:
            await self._guard([details for details in self._wired.values() if details.network_id in ids])

    # ------------------------------------------------------------ taps that are gone

    async def _forget(self, devices: list[str]) -> None:
        """Remembers them until the network service has heard, so that a failure here is made good by the next sweep."""
        port_ids = [self._wired[device].port_id for device in devices]
        await self._unguard(devices)
        await self._network.ports_down(port_ids, node_of(self._host))
        for device in devices:
            self._drop(device)

    async def _unguard(self, devices: list[str]) -> None:
        unguarded = [self._guards.pop(device) for device in devices if device in self._guards]
        if unguarded:
            await self._dataplane.guard(list(self._guards.values()))

    def _drop(self, device: str) -> None:
        network_id = self._wired.pop(device).network_id
        del self._indexes[device]
        self._taps_of[network_id] -= 1
        if not self._taps_of[network_id]:
            del self._taps_of[network_id]

    async def _leave(self) -> None:
        unused = self._joined - self._taps_of.keys()
        if unused:
            await self._dataplane.leave(sorted(unused))
            self._joined -= unused
            self._whole -= unused
            for network_id in unused:
                self._segments.pop(network_id, None)
                self._peers.pop(network_id, None)
                self._editions.pop(network_id, None)

    # ------------------------------------------------------------ taps that are new

    async def _meet(self, devices: list[str], taps: dict[str, int]) -> None:
        replies: dict[str, PortDetails | CallerFault] = {
            device: self._foreseen.pop(device) for device in devices if device in self._foreseen
        }
        unknown = [device for device in devices if device not in replies]
        if unknown:
            replies |= zip(unknown, await self._network.port_details(unknown), strict=True)
        known, refused = [], {}
        for device in devices:
            reply = replies[device]
            if isinstance(reply, CallerFault):
                refused[device] = reply.message
            elif not reply.admin_state_up:
                refused[device] = "its port or network is administratively down"
            else:
                known.append(reply)
        if refused:
            await self._dataplane.unwire(list(refused))
        for device, why in refused.items():
            self._refuse(device, taps[device], why)
        if known:
            await self._plug(known, taps)

    async def _plug(self, ports: list[PortDetails], taps: dict[str, int]) -> None:
        segments = list({details.network_id: segment_of(details) for details in ports}.values())
        fresh = [segment for segment in segments if segment.network_id not in self._whole]
        whys = dict.fromkeys((segment.network_id for segment in segments), "")
        if fresh:
            whys |= zip((segment.network_id for segment in fresh), await self._join(fresh), strict=True)
        await self._guard(ports)
        joined = [details for details in ports if not whys[details.network_id]]
        wired = await self._wire([Wiring(details.device, segment_of(details)) for details in joined])
        why_of = {details.device: why for details, why in zip(joined, wired, strict=True)}
        failed = [whys[details.network_id] or why_of[details.device] for details in ports]
        up = [details for details, why in zip(ports, failed, strict=True) if not why]
        if up:
            self._telling = [details.port_id for details in up]
            try:
                await self._network.ports_up(self._telling, node_of(self._host))
            finally:
                self._telling = []
        for details, why in zip(ports, failed, strict=True):
            if why:
                log.error("host %s: port %s is not wired: %s", self._host, details.port_id, why)
                self._refuse(details.device, taps[details.device], why)
            else:
                self._refused.pop(details.device, None)
                self._wired[details.device] = details
                self._indexes[details.device] = taps[details.device]
                self._taps_of[details.network_id] += 1

    async def _join(self, segments: list[Segment]) -> list[str]:
        peers = await self._network.peers([segment.network_id for segment in segments])
        whys = await self._dataplane.join(segments, peers)
        self._segments |= {segment.network_id: segment for segment in segments}
        self._joined |= self._segments.keys()
        self._peers |= {segment.network_id: each for segment, each in zip(segments, peers, strict=True)}
        for segment, why in zip(segments, whys, strict=True):
            (self._whole.discard if why else self._whole.add)(segment.network_id)
        return whys

    async def _wire(self, wirings: list[Wiring]) -> list[str]:
        return await self._dataplane.wire(wirings)

    async def _guard(self, ports: list[PortDetails]) -> None:
        guests = [details for details in ports if not details.device_owner.startswith(OWN_PORTS)]
        if not guests or not self._dataplane.enforces:
            return
        rules = await self._network.firewall_rules([details.port_id for details in guests])
        for details, reply in zip(guests, rules, strict=True):
            if isinstance(reply, CallerFault):  # the port has just been deleted: nothing passes until its tap goes
                self._guards[details.device] = _closed(details)
            else:
                self._guards[details.device] = reply
        await self._dataplane.guard(list(self._guards.values()))

    def _refuse(self, device: str, index: int, why: str) -> None:
        self._refused[device] = _Refused(index, self._clock.monotonic() + RETRY_S, why)


def _closed(details: PortDetails) -> PortFirewall:
    segment = segment_of(details)
    return PortFirewall(
        port_id=details.port_id,
        device=details.device,
        bridge=segment.bridge,
        network_id=details.network_id,
        mac_address=details.mac_address,
        ip_addresses=(),
        allowed_address_pairs=(),
        port_security_enabled=True,
        rules=(),
    )
