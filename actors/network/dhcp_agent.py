"""The DHCP agent: keeps the DHCP of the networks that this node serves as the database says. Section C of BOOT_FLOW.

Part of `agent.py`. It asks the network service for everything that a network's DHCP needs, and hands it to the data
plane; it stops what this node serves no longer. Invariant: after `refresh` has returned, a guest that asks is given
what the database held when `refresh` was called.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from actors.cluster.names import node_of
from actors.errors import CallerFault, HostError, HostFault
from actors.faces import NetworkFace
from actors.network.dataplane import Dataplane
from actors.network.messages import DhcpHost, DhcpNetworkInfo, DhcpQuery

log = logging.getLogger(__name__)


class DhcpAgent:
    """The caller allows one call at a time (`agent.py` batches them)."""

    def __init__(self, host: str, network: NetworkFace, dataplane: Dataplane) -> None:
        self._host = host
        self._network = network
        self._dataplane = dataplane
        self._served: dict[str, DhcpNetworkInfo] = {}  # as it was last given to the data plane
        self._hosts: dict[str, dict[str, DhcpHost]] = {}  # of each network, by port
        self._left: dict[str, str] = {}  # the versions at which networks were seen not to be served here

    @property
    def served(self) -> list[str]:
        return list(self._served)

    async def start(self, network_ids: list[str]) -> None:
        """Serve these; what an earlier life has left of others goes."""
        stale = set(await self._dataplane.dhcp_networks()) - set(network_ids)
        if stale:
            await self._dataplane.stop_dhcp(sorted(stale))
        await self.refresh(network_ids)

    async def refresh(self, network_ids: list[str], news: Sequence[DhcpNetworkInfo] = ()) -> None:
        """Brings these networks up to date. Raises `HostError` if one of them could not be; the others are.

        `news` are theirs, in order; it asks about those of whom they do not follow from what it holds, and about those
        that it never saw: such news may have been sent to an earlier life of it, before the network's DHCP moved away.
        """
        if not network_ids:
            return
        followed = Counter(info.network_id for info in news)
        changes = [
            info for info in news if followed[info.network_id] == 1 and self._is_ours(info) and self._follows(info)
        ]
        ask = set(network_ids) - {info.network_id for info in changes}
        if ask:
            changes += await self._asked(sorted(ask))
        wanted = [self._whole(info) for info in changes]
        await self._stop(set(network_ids) - {info.network_id for info in wanted})
        whys = await self._dataplane.serve_dhcp(wanted) if wanted else []
        self._served |= {info.network_id: info for info in wanted}
        failed = [why for why in whys if why]
        if failed:
            raise HostError(HostFault("dhcp", self._host, "; ".join(failed)))

    async def _asked(self, network_ids: list[str]) -> list[DhcpNetworkInfo]:
        """What the network service says of those that are served here; when the others were not is remembered."""
        found = []
        replies = await self._network.dhcp_changes([self._query(network_id) for network_id in network_ids])
        for network_id, reply in zip(network_ids, replies, strict=True):
            self._left.pop(network_id, None)
            if isinstance(reply, CallerFault):
                continue  # there is no such network any more
            if self._is_ours(reply):
                found.append(reply)
            else:
                self._left[network_id] = reply.version
        return found

    def _follows(self, info: DhcpNetworkInfo) -> bool:
        """It tells of all that has changed since what is held, which may be a part of it: that may have been asked for
        meanwhile. What is older than what is held tells nothing. Where nothing is held because the network was not
        served here when it was asked about, the whole of it tells all, if it is newer than that."""
        era, _, version = info.version.rpartition("/")
        if info.network_id in self._served:
            held_era, _, held = self._served[info.network_id].version.rpartition("/")
            since_era, _, since = info.since.rpartition("/")
            return bool(era) and held_era == since_era == era and int(since) <= int(held) <= int(version)
        left_era, _, left = self._left.get(info.network_id, "").rpartition("/")
        return bool(era) and left_era == era and not info.since and int(left) < int(version)

    def _query(self, network_id: str) -> DhcpQuery:
        held = self._served.get(network_id)
        return DhcpQuery(network_id=network_id, version=held.version if held else "")

    def _whole(self, info: DhcpNetworkInfo) -> DhcpNetworkInfo:
        """What is held and what has changed since, together. A host that changed goes to the end, as a new one does."""
        held = self._hosts.get(info.network_id, {}) if info.since else {}
        hosts = self._hosts[info.network_id] = held
        for port_id in (*info.gone, *(host.port_id for host in info.hosts)):
            hosts.pop(port_id, None)
        hosts |= {host.port_id: host for host in info.hosts}
        return replace(info, hosts=tuple(hosts.values()), since="", gone=())

    async def revive(self) -> None:
        for network_id in await self._dataplane.revive_dhcp():
            log.warning("host %s: DHCP of network %s had died and runs again", self._host, network_id)

    def host_at(self, network_id: str, address: str) -> DhcpHost | None:
        """Who has this address in a network that is served here."""
        info = self._served.get(network_id)
        return next((host for host in info.hosts if _has(host, address)), None) if info else None

    async def _stop(self, network_ids: set[str]) -> None:
        here = network_ids & (set(self._served) | set(await self._dataplane.dhcp_networks()))
        if here:
            await self._dataplane.stop_dhcp(sorted(here))
            for network_id in here:
                self._served.pop(network_id, None)
                self._hosts.pop(network_id, None)

    def _is_ours(self, info: DhcpNetworkInfo) -> bool:
        return info.port is not None and node_of(info.network.dhcp_host) == self._host


def _has(host: DhcpHost, address: str) -> bool:
    return any(fixed.ip_address == address for fixed in host.fixed_ips)
