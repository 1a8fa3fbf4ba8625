"""Routers and floating IPs as users make, see, change and delete them.

Called through the REST edge. `define_router.py`, `define_interface.py` and `floating_ips.py` decide; where a router
runs is `router_place.py`'s, and who hears of it is settled as for any other change.
"""

from __future__ import annotations

from actors.errors import CallerFault
from actors.messages import AuthContext
from actors.network import access, define_interface, define_router, floating_ips, router_views
from actors.network.editing import Editing, expected
from actors.network.messages import Reference
from actors.network.router_messages import (
    CreateFloatingIp,
    CreateRouter,
    FloatingEnd,
    InterfaceRequest,
    RouterInterface,
    UpdateFloatingIp,
    UpdateRouter,
)
from actors.network.rows import Rows
from actors.records import Change, FloatingIp, Port, Router, drop


class RouterAdministration(Editing):
    # ------------------------------------------------------------ routers

    async def create_routers(self, requests: list[CreateRouter], together: bool = False) -> list[Router | CallerFault]:
        def make(rows: Rows, request: CreateRouter, context: AuthContext) -> tuple[Router, list[Change]]:
            self._check_quota(rows, access.check_project(context, request.project_id), "router")
            return _router(define_router.router_from(request, context, rows, self._clock.now(), self._random))

        return await self._write(requests, make, together)

    async def update_routers(self, requests: list[UpdateRouter]) -> list[Router | CallerFault]:
        def make(rows: Rows, request: UpdateRouter, context: AuthContext) -> tuple[Router, list[Change]]:
            found = expected(define_router.find(rows, request, context), request)
            now = self._clock.now()
            return _router(define_router.router_changed(request, context, found, rows, now, self._random))

        return await self._write(requests, make)

    async def list_routers(self, token: str) -> list[Router]:
        rows, context = await self._door(token)
        return [router for router in rows.routers.values() if access.owns(context, router)]

    async def show_routers(self, references: list[Reference]) -> list[Router | CallerFault]:
        return await self._show(references, define_router.find)

    async def delete_routers(self, references: list[Reference]) -> list[CallerFault | None]:
        return await self._delete(references, define_router.find, define_router.without_router)

    async def gateways(self, router_ids: list[str]) -> dict[str, Port]:
        """The ports of these routers' gateways, by router; asked of routers that the caller was shown."""
        rows = await self._live.ready()
        found = {router_id: router_views.gateway(rows, router_id) for router_id in router_ids}
        return {router_id: port for router_id, port in found.items() if port is not None}

    async def add_router_interfaces(self, requests: list[InterfaceRequest]) -> list[RouterInterface | CallerFault]:
        """By subnet with its gateway's address, by port with what the port has."""
        done: list[RouterInterface] = []

        def make(rows: Rows, request: InterfaceRequest, context: AuthContext) -> tuple[Router, list[Change]]:
            def allowed(project_id: str) -> None:
                self._check_quota(rows, project_id, "port")

            router = define_router.find(rows, request, context)
            now = self._clock.now()
            port = define_interface.interface_from(request, context, router, rows, now, self._random, allowed)
            done.append(define_interface.interface_of(router, port))
            return router, [port, router]

        return _in_order(await self._write(requests, make), done)

    async def remove_router_interfaces(self, requests: list[InterfaceRequest]) -> list[RouterInterface | CallerFault]:
        """The port goes, also where it was there before it was the router's."""
        done: list[RouterInterface] = []

        def make(rows: Rows, request: InterfaceRequest, context: AuthContext) -> tuple[Router, list[Change]]:
            router = define_router.find(rows, request, context)
            port = define_interface.interface_to_remove(request, context, router, rows)
            done.append(define_interface.interface_of(router, port))
            return router, [*floating_ips.freed_of(rows, port), drop(port), router]

        return _in_order(await self._write(requests, make), done)

    # ------------------------------------------------------------ floating IPs

    async def create_floating_ips(
        self, requests: list[CreateFloatingIp], together: bool = False
    ) -> list[FloatingIp | CallerFault]:
        def make(rows: Rows, request: CreateFloatingIp, context: AuthContext) -> tuple[FloatingIp, list[Change]]:
            def allowed(project_id: str) -> None:
                self._check_quota(rows, project_id, "floatingip")

            now = self._clock.now()
            changes = floating_ips.floating_from(request, context, rows, now, self._random, allowed)
            floating = changes[-1]
            assert isinstance(floating, FloatingIp)
            return floating, changes

        return await self._write(requests, make, together)

    async def update_floating_ips(self, requests: list[UpdateFloatingIp]) -> list[FloatingIp | CallerFault]:
        def make(rows: Rows, request: UpdateFloatingIp, context: AuthContext) -> tuple[FloatingIp, list[Change]]:
            found = expected(floating_ips.find(rows, request, context), request)
            changed = floating_ips.floating_changed(request, context, found, rows)
            return changed, [changed]

        return await self._write(requests, make)

    async def list_floating_ips(self, token: str) -> list[FloatingIp]:
        rows, context = await self._door(token)
        return [floating for floating in rows.floating_ips.values() if access.owns(context, floating)]

    async def show_floating_ips(self, references: list[Reference]) -> list[FloatingIp | CallerFault]:
        return await self._show(references, floating_ips.find)

    async def delete_floating_ips(self, references: list[Reference]) -> list[CallerFault | None]:
        return await self._delete(references, floating_ips.find, floating_ips.without_floating)

    async def where_they_lead(self, floating: list[FloatingIp]) -> dict[str, FloatingEnd]:
        """By id, of those that lead anywhere; asked of floating IPs that the caller was shown."""
        rows = await self._live.ready()
        running = {router.id for router in rows.routers.values() if router.host and router.admin_state_up}
        return {
            one.id: FloatingEnd(rows.ports[one.port_id], one.router_id in running)
            for one in floating
            if one.port_id in rows.ports
        }


def _router(changes: list[Change]) -> tuple[Router, list[Change]]:
    router = changes[-1]
    assert isinstance(router, Router)
    return router, changes


def _in_order(replies: list[Router | CallerFault], done: list[RouterInterface]) -> list[RouterInterface | CallerFault]:
    """What was done, in the places of those that were not refused."""
    rest = iter(done)
    return [reply if isinstance(reply, CallerFault) else next(rest) for reply in replies]
