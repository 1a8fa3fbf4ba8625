"""The network room's door: who asks, the rows, and the shape that every request's handling has.

Owns the live rows and the notices; `administration.py`, `editing.py` and `service.py` build on it. Invariant: nobody
hears of a change before it is on disk.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault
from actors.faces import AgentFace, ComputeFace
from actors.fencing import Epochs
from actors.messages import AuthContext, FloatingIps
from actors.network import access, quotas, views
from actors.network.floating_notices import FloatingNotices, TellFloating
from actors.network.live_rows import LiveRows
from actors.network.messages import DhcpQuery, NetworkNews, Reference, RouterInfo
from actors.network.notices import Notices
from actors.network.router_place import place
from actors.network.router_views import floating_ips_of, gone, router_info
from actors.network.rows import Revised, Rows
from actors.network.server_port import serve
from actors.network.touched import Touched
from actors.records import Change, ComputeNode, Drop, Ledger, drop


class Asking(Protocol):
    """Any request of administration."""

    @property
    def token(self) -> str: ...


Asked = TypeVar("Asked", bound=Asking)
Made = TypeVar("Made", bound=Revised)


class TokenVerifier(Protocol):
    """What every room knows of identity (`actors/identity/tokens.py`)."""

    def verify(self, token: str, now: float) -> AuthContext:
        """Raises `CallerError` (401) for whatever is not a valid token."""


class Door:
    def __init__(
        self,
        config: CloudConfig,
        ledger: Ledger,
        verifier: TokenVerifier,
        agents: Callable[[str], AgentFace],
        computes: Callable[[str], ComputeFace],
        clock: Clock,
        random: random.Random,
        tell_floating: TellFloating | None = None,
    ) -> None:
        """`tell_floating`: who shows what leads to servers' ports."""
        self._config = config
        self._limits = quotas.LIMITS | config.network_quotas  # of projects for which no other are set
        self._verifier = verifier
        self._clock = clock
        self._began = clock.now()
        self._random = random
        self._ledger = ledger
        self._live = LiveRows(ledger, clock.now, self._rows_loaded)
        self._epochs = Epochs()
        self._asking: asyncio.Task[None] | None = None  # which ports are up; held, so that it is not collected
        self._downs: set[str] = set()  # ports that were reported down since then
        self._notices = Notices(agents, computes, self._news, self._router_infos)
        self._floating = FloatingNotices(self._shown, tell_floating)

    async def start(self) -> None:
        """Load the rows, and who may still act for the nodes."""
        self._epochs = Epochs(await self._ledger.load(ComputeNode))
        await self._live.ready()

    def _rows_loaded(self) -> None:
        """What was not on disk is forgotten, and memory begins anew."""

    async def _door(self, token: str) -> tuple[Rows, AuthContext]:
        context = self._verifier.verify(token, self._clock.now())
        return await self._live.ready(), context

    async def _write(
        self,
        requests: list[Asked],
        make: Callable[[Rows, Asked, AuthContext], tuple[Made, list[Change]]],
        together: bool = False,
    ) -> list[Made | CallerFault]:
        """Make or change a row for each request; of new rows that are asked for `together`, all or none are made. Then
        the first that is refused answers for those that follow it: thousands are not looked at in vain."""
        rows = await self._live.ready()
        touched = Touched(rows)
        replies: list[Made | CallerFault] = []
        new: list[Change] = []
        for request in requests:
            if together and replies and isinstance(replies[-1], CallerFault):
                replies.append(replies[-1])
                continue
            try:
                context = self._verifier.verify(request.token, self._clock.now())
                access.check_writer(context)
                made, changes = make(rows, request, context)
            except CallerError as error:
                replies.append(error.fault)
            else:
                self._change(touched, changes)
                new += changes
                replies.append(made)
        if together and any(isinstance(reply, CallerFault) for reply in replies):
            self._change(touched, [drop(row) for row in reversed(new) if not isinstance(row, Drop)])
        else:
            self._place(rows, touched)
            replies = [reply if isinstance(reply, CallerFault) else _kept(rows, reply) for reply in replies]
        await self._settle(rows, touched)
        return replies

    async def _show(
        self, references: list[Reference], find: Callable[[Rows, Reference, AuthContext], Made]
    ) -> list[Made | CallerFault]:
        rows = await self._live.ready()
        replies: list[Made | CallerFault] = []
        for reference in references:
            try:
                replies.append(find(rows, reference, self._verifier.verify(reference.token, self._clock.now())))
            except CallerError as error:
                replies.append(error.fault)
        return replies

    async def _delete(
        self,
        references: list[Reference],
        find: Callable[[Rows, Reference, AuthContext], Made],
        without: Callable[[Rows, Made, AuthContext], list[Change]],
    ) -> list[CallerFault | None]:
        rows = await self._live.ready()
        touched = Touched(rows)
        replies: list[CallerFault | None] = []
        for reference in references:
            try:
                context = self._verifier.verify(reference.token, self._clock.now())
                access.check_writer(context)
                found = find(rows, reference, context)
                access.check_revision(found, reference.revision)
                changes = without(rows, found, context)
            except CallerError as error:
                replies.append(error.fault)
            else:
                self._change(touched, changes)
                replies.append(None)
        await self._settle(rows, touched)
        return replies

    def _news(self, node: str, network_id: str, version: str) -> NetworkNews | None:
        """None while the rows have to be loaded anew: what was decided last may not be on disk."""
        rows = self._live.known()
        if rows is None:
            return None
        network, dhcp = rows.networks.get(network_id), None
        if network is not None and network.dhcp_host == node:
            asked = DhcpQuery(network_id=network_id, version=version)
            dhcp = views.dhcp_network(rows, asked, self._era, self._config.dns_domain)
        told = None if isinstance(dhcp, CallerFault) else dhcp
        ports = views.to_come(rows, told, node) if told is not None else ()
        return NetworkNews(
            network_id=network_id,
            peers=views.peers(rows, network_id),
            dhcp=told,
            ports=ports,
            edition=f"{self._era}/{rows.alterations[network_id]}",
        )

    @property
    def _era(self) -> str:
        """Of the versions that are counted now."""
        return f"{self._began}.{self._live.loads}"

    def _router_infos(self, router_ids: list[str]) -> list[RouterInfo] | None:
        """None while the rows have to be loaded anew."""
        rows = self._live.known()
        if rows is None:
            return None
        found = ((one, rows.routers.get(one)) for one in router_ids)
        return [router_info(rows, router) if router else gone(router_id) for router_id, router in found]

    def _shown(self, port_ids: list[str]) -> list[FloatingIps] | None:
        """What leads to those that are instances' ports; None while the rows have to be loaded anew."""
        rows = self._live.known()
        return None if rows is None else floating_ips_of(rows, port_ids)

    def _change(self, touched: Touched, changes: list[Change]) -> None:
        """Stage changes, noting first the networks whose hosts must hear of them."""
        touched.by(changes)
        self._live.stage(changes)

    async def _settle(self, rows: Rows, touched: Touched, left: Collection[str] = ()) -> None:
        """What every change ends with: routers and DHCP in their places, all of it on disk, the agents (but of hosts
        that left) told, and who shows floating IPs."""
        self._place(rows, touched)
        self._serve(rows, touched)
        await self._live.durable()
        urgent = {notice for notice in touched.urgent() if notice[0] not in left}
        routers = {notice for notice in touched.of_routers() if notice[0] not in left}
        await self._notices.tell(urgent, touched.soon(), routers)
        await self._floating.tell(touched.refloated)

    def _place(self, rows: Rows, touched: Touched) -> None:
        for router_id in touched.routers:
            self._change(touched, place(rows, router_id, self._notices.hears))

    def _serve(self, rows: Rows, touched: Touched) -> None:
        for network_id in touched:
            self._live.stage(serve(rows, network_id, self._clock.now(), self._random))


def _kept(rows: Rows, made: Made) -> Made:
    """The row with the revision that it was kept with."""
    kept = rows.tables[type(made).__name__][made.id]
    assert isinstance(kept, type(made))
    return kept
