"""The network room (Neutron's server): the one writer of networks, subnets, ports and security groups.

Asked by compute (ports for a boot), by the API (would it be allowed; administration), by the agents of the nodes (what
to wire, serve and filter). It tells the agents which networks changed, and compute which ports are plugged.

Invariants: no address or MAC is ever given twice; memory and ledger hold the same rows, but for what is seen of ports'
status (`live_rows.py`); nobody hears of a change before it is on disk; each request may come twice; a network has DHCP
exactly while one of its ports is bound to a host (`server_port.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache

from msgspec.structs import replace

from actors.cluster.names import node_of
from actors.errors import CallerError, CallerFault
from actors.messages import SERVICE, AllocateRequest, AuthContext, DeallocateRequest, PlugEvent, PortDetails, Vif
from actors.network import router_views, views
from actors.network.floating_ips import freed_of
from actors.network.groups import RuleResolver
from actors.network.messages import DhcpNetworkInfo, DhcpQuery, PortFirewall, RouterInfo
from actors.network.naming import COMPUTE_OWNER
from actors.network.plan import Plan, Planner
from actors.network.router_administration import RouterAdministration
from actors.network.router_place import place
from actors.network.rows import Rows
from actors.network.server_port import serve
from actors.network.touched import Touched
from actors.records import Change, NetworkAgent, Port, drop

PLUGGED = "network-vif-plugged"
ASK_TRIES = 100  # times an agent is asked which ports are up, each as long as `notices.AGENT_WAIT_S`
ASK_PAUSE_S = 1.0


class NetworkRoom(RouterAdministration):
    # ------------------------------------------------------------ for a boot

    async def validate(self, requests: list[AllocateRequest]) -> list[CallerFault | None]:
        """Would these be allocated, each by itself? Changes nothing."""
        planner = self._planner(await self._live.ready())
        verify = self._verify_at(planner.now)
        replies: list[CallerFault | None] = []
        for request in requests:
            plan = _plan(planner, request, verify)
            if isinstance(plan, Plan):
                plan.reservation.cancel()
            replies.append(None if isinstance(plan, Plan) else plan)
        return replies

    async def allocate(self, requests: list[AllocateRequest]) -> list[tuple[Vif, ...] | CallerFault]:
        """Ports for instances, each bound to its host; returns when they are durable and DHCP serves them."""
        rows = await self._live.ready()
        planner, touched = self._planner(rows), Touched(rows)
        verify = self._verify_at(planner.now)
        replies: list[tuple[Vif, ...] | CallerFault] = []
        for request in requests:
            plan = self._epochs.fault(request.host, request.epoch) or _plan(planner, request, verify)
            if isinstance(plan, Plan):
                for interface in plan.interfaces:  # also if nothing changes: a repeat makes sure that DHCP has heard
                    touched.add(interface.network.id)
                self._change(touched, plan.changes)
                self._serve_first(rows, plan)
            replies.append(_vifs(rows, plan) if isinstance(plan, Plan) else plan)
        await self._settle(rows, touched)
        return replies

    def _serve_first(self, rows: Rows, plan: Plan) -> None:
        """Before the next boots of the batch take the addresses of which a DHCP server needs one."""
        for interface in plan.interfaces:
            if not rows.networks[interface.network.id].dhcp_host:
                self._live.stage(serve(rows, interface.network.id, self._clock.now(), self._random))

    async def deallocate(self, requests: list[DeallocateRequest]) -> None:
        """Delete the ports that the boots made, unbind the users' own, where they are on the request's host or none."""
        rows = await self._live.ready()
        touched = Touched(rows)
        for request in requests:
            if self._epochs.fault(request.host, request.epoch) is None:
                self._change(touched, _released(rows, request))
        await self._settle(rows, touched)

    async def fence(self, node: str, epoch: int) -> None:
        self._epochs.tell(node, epoch)

    def _planner(self, rows: Rows) -> Planner:
        return Planner(rows, self._clock.now(), self._random, self._limits)

    def _verify_at(self, now: float) -> Callable[[str], AuthContext]:
        """For the requests of one message, which mostly have one token."""
        return cache(lambda token: self._verifier.verify(token, now))

    # ------------------------------------------------------------ for the agents

    async def agent_started(
        self, host: str, underlay_ip: str = "", physical_networks: tuple[str, ...] = ()
    ) -> list[str]:
        """The networks whose DHCP this node serves. A new VXLAN endpoint is told to the other hosts of its networks."""
        rows = await self._live.ready()
        known = rows.agents.get(host)
        here = [network_id for network_id, nodes in rows.nodes_of.items() if host in nodes]
        served = [network.id for network in rows.networks.values() if network.dhcp_host == host]
        self._notices.started(host)
        if known is None or (known.underlay_ip, known.physical_networks) != (underlay_ip, physical_networks):
            touched = Touched(rows)
            for network_id in {*here, *served}:
                touched.add(network_id)
            now = self._clock.now()
            self._live.stage(
                [NetworkAgent(id=host, underlay_ip=underlay_ip, physical_networks=physical_networks, started_at=now)]
            )
            for router_id in list(rows.routers):  # some may wait for such a node, others have to leave this one
                self._change(touched, place(rows, router_id, self._notices.hears))
            self._serve(rows, touched)
            await self._live.durable()
            networks, routers = touched.urgent() | touched.soon(), touched.of_routers()
            others = [{notice for notice in notices if notice[0] != host} for notices in (networks, routers)]
            self._notices.tell_soon(*others)  # and this one asks for everything itself now
        return [network.id for network in rows.networks.values() if network.dhcp_host == host]

    async def routers_on(self, host: str) -> list[RouterInfo]:
        rows = await self._live.ready()
        return [router_views.router_info(rows, rows.routers[one]) for one in rows.routing.on.get(host, {})]

    async def forget_hosts(self, hosts: list[str]) -> None:
        """The hosts left the cluster: their networks' DHCP moves to another host that has ports on them, their routers
        to any node that can run them."""
        rows = await self._live.ready()
        touched, gone = Touched(rows), set(map(node_of, hosts))
        known = gone & rows.agents.keys()
        self._live.stage([drop(rows.agents[node]) for node in sorted(known)])
        for router_id in [one for node in sorted(gone) for one in rows.routing.on.get(node, ())]:
            self._change(touched, place(rows, router_id, self._notices.hears))
        for network in list(rows.networks.values()):
            staying = next((node for node in rows.nodes_of.get(network.id, {}) if node not in gone), "")
            if network.dhcp_host in gone and staying:
                self._change(touched, [replace(network, dhcp_host=staying)])
        if not known:  # forgotten before, by one that may have died before it told anybody
            for network in rows.networks.values():
                touched.add(network.id)
            for router in rows.routers.values():
                touched.add_router(router.id, anyway=True)
        for node in gone:
            self._notices.forget(node)
        await self._settle(rows, touched, gone)

    async def port_details(self, devices: list[str]) -> list[PortDetails | CallerFault]:
        rows = await self._live.ready()
        return [views.port_details(rows, device) for device in devices]

    async def firewall_rules(self, port_ids: list[str]) -> list[PortFirewall | CallerFault]:
        rows = await self._live.ready()
        resolver = RuleResolver(rows)
        return [views.port_firewall(rows, resolver, port_id) for port_id in port_ids]

    async def dhcp_networks(self, network_ids: list[str]) -> list[DhcpNetworkInfo | CallerFault]:
        return await self.dhcp_changes([DhcpQuery(network_id=network_id) for network_id in network_ids])

    async def dhcp_changes(self, queries: list[DhcpQuery]) -> list[DhcpNetworkInfo | CallerFault]:
        rows = await self._live.ready()
        domain = self._config.dns_domain
        return [views.dhcp_network(rows, query, self._era, domain) for query in queries]

    async def peers(self, network_ids: list[str]) -> list[tuple[str, ...]]:
        rows = await self._live.ready()
        return [views.peers(rows, network_id) for network_id in network_ids]

    async def ports_up(self, port_ids: list[str], node: str = "") -> None:
        """Those that are bound become ACTIVE; their computes hear network-vif-plugged each time that this is told.

        What an agent has seen is no decision, so it is not written: after a restart the agents are asked.
        """
        ports = await self._set_status(port_ids, node, "ACTIVE")
        at = self._clock.now()
        await self._notices.plugged(
            (port.host, PlugEvent(name=PLUGGED, instance_id=port.device_id, port_id=port.id, at=at))
            for port in ports
            if port.device_owner.startswith(COMPUTE_OWNER)
        )

    async def ports_down(self, port_ids: list[str], node: str = "") -> None:
        if self._asking is not None and not self._asking.done():
            self._downs.update(port_ids)
        await self._set_status(port_ids, node, "DOWN")

    async def ports_active(self, port_ids: list[str]) -> list[bool]:
        """Asked of taps that an earlier life has left. What their agent said of them, it may have said while the port
        was bound elsewhere, so it is asked, and brings its filters up to date."""
        down = await self._down(port_ids)
        for node in sorted({node_of(port.host) for port in down if port.host}):
            here = [port for port in down if port.host and node_of(port.host) == node]
            await self._notices.tell({(node, port.network_id) for port in here}, set())
            wired = await self._notices.wired(node) or set()
            await self._set_status([port.id for port in here if port.id in wired], node, "ACTIVE")
        still_down = {port.id for port in await self._down(port_ids)}
        ports = (await self._live.ready()).ports
        return [port_id in ports and port_id not in still_down for port_id in port_ids]

    async def _down(self, port_ids: list[str]) -> list[Port]:
        ports = (await self._live.ready()).ports
        return [ports[port_id] for port_id in port_ids if port_id in ports and ports[port_id].status != "ACTIVE"]

    async def vifs(self, port_ids: list[str]) -> list[Vif | None]:
        rows = await self._live.ready()
        ports = [rows.ports.get(port_id) for port_id in port_ids]
        return [views.vif(rows, rows.networks[port.network_id], port, "") if port else None for port in ports]

    async def _set_status(self, port_ids: list[str], node: str, status: str) -> list[Port]:
        """Those of the ports that are bound there: an agent that was away may speak of one that has moved on.

        Nobody is told: DHCP, firewalls and peers do not depend on a port's status.
        """
        rows = await self._live.ready()
        ports = [port for port_id in port_ids if (port := rows.ports.get(port_id)) and _is_bound(port, node)]
        self._live.see([replace(port, status=status) for port in ports if port.status != status])
        return ports

    def _rows_loaded(self) -> None:
        rows = self._live.known()
        assert rows is not None
        self._notices.again((router.host, router.id) for router in rows.routers.values() if router.host)
        self._floating.begin(rows.routing.floating_of_port)
        self._downs.clear()
        self._asking = asyncio.create_task(self._ask_who_is_up())

    async def _ask_who_is_up(self) -> None:
        """Which ports are up is not on disk."""
        hosts = list((await self._live.ready()).agents)
        asked = self._live.loads
        await asyncio.gather(*(self._ask_what_is_up_on(host, asked) for host in hosts), return_exceptions=True)

    async def _ask_what_is_up_on(self, host: str, asked: int) -> None:
        """Until its agent answers, or the rows were loaded again: then it is asked anew. Ports that go down meanwhile
        are left so."""
        for tries_left in reversed(range(ASK_TRIES)):
            wired = await self._notices.wired(host)
            if asked != self._live.loads:
                return
            if wired is not None:
                await self._set_status(sorted(wired - self._downs), host, "ACTIVE")
                return
            if tries_left:
                await asyncio.sleep(ASK_PAUSE_S)

    # ------------------------------------------------------------ for audits

    async def world(self) -> dict[str, list[str]]:
        """Every network, subnet and port as a line, all of it on disk then; and which ports are up, as was seen."""
        await self._live.durable()
        rows = await self._live.ready()
        return views.world(rows) | {"up": views.up(rows)}


def _plan(planner: Planner, request: AllocateRequest, verify: Callable[[str], AuthContext]) -> Plan | CallerFault:
    try:
        return planner.plan(request, SERVICE if planner.is_its_own(request) else verify(request.token))
    except CallerError as error:
        return error.fault


def _is_bound(port: Port, node: str) -> bool:
    return bool(port.host) and node in ("", node_of(port.host))


def _vifs(rows: Rows, plan: Plan) -> tuple[Vif, ...]:
    return tuple(views.vif(rows, each.network, each.port, each.tag) for each in plan.interfaces)


def _released(rows: Rows, request: DeallocateRequest) -> list[Change]:
    changes: list[Change] = []
    for port_id in rows.ports_of_instance.get(request.instance_id, {}):
        port = rows.ports[port_id]
        if request.port_ids and port_id not in request.port_ids:
            continue
        if port.device_id not in ("", request.instance_id):
            continue  # it was made for this instance, and its owner has given it to another since
        if request.host and port.host not in ("", request.host):
            continue  # the boot has gone on to another host, which has it now
        if request.keep:
            changes.append(replace(port, host="", status="DOWN"))
        elif port.made_for == request.instance_id:
            changes += [*freed_of(rows, port), drop(port)]
        elif port.device_owner.startswith(COMPUTE_OWNER):  # others only say that they are the instance's
            changes.append(replace(port, device_id="", device_owner="", host="", status="DOWN", dns_name=""))
    return changes
