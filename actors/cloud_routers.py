"""Ways out of the cloud, and into it, as a driver script makes them: routers and floating IPs.

Beside `cloud_rooms.py`, whose session they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from actors.cloud_rooms import Session, found
from actors.cluster import names
from actors.errors import CallerError, not_found
from actors.network.messages import Reference
from actors.network.router_messages import (
    CreateFloatingIp,
    CreateRouter,
    ExternalGateway,
    InterfaceRequest,
    UpdateFloatingIp,
)
from actors.records import FloatingIp, Router


class Routers:
    """They join subnets to each other and to an external network."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[Router]:
        return cast("list[Router]", self._session.call(names.NETWORK, "list_routers", self._session.token))

    def get(self, name: str) -> Router:
        return found("router", self.all(), name)

    def create(self, name: str, *, external_network_id: str = "", subnet_ids: Sequence[str] = ()) -> Router:
        """With its gateway in that network ('' = none) and an interface in each of these subnets."""
        gateway = ExternalGateway(network_id=external_network_id) if external_network_id else None
        request = CreateRouter(token=self._session.token, name=name, gateway=gateway)
        router: Router = self._session.one(names.NETWORK, "create_routers", request, again=False)
        for subnet_id in subnet_ids:
            self.add_interface(router.id, subnet_id)
        return router

    def add_interface(self, router_id: str, subnet_id: str) -> None:
        """It becomes the gateway of that subnet."""
        request = InterfaceRequest(token=self._session.token, id=router_id, subnet_id=subnet_id)
        self._session.one(names.NETWORK, "add_router_interfaces", request, again=False)

    def remove_interface(self, router_id: str, subnet_id: str) -> None:
        request = InterfaceRequest(token=self._session.token, id=router_id, subnet_id=subnet_id)
        self._session.one(names.NETWORK, "remove_router_interfaces", request, again=False)

    def delete(self, name: str) -> None:
        """One that has no interface any more."""
        reference = Reference(token=self._session.token, id=self.get(name).id)
        self._session.one(names.NETWORK, "delete_routers", reference)


class FloatingIps:
    """Addresses of an external network that lead to a server's own one."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[FloatingIp]:
        return cast("list[FloatingIp]", self._session.call(names.NETWORK, "list_floating_ips", self._session.token))

    def get(self, address: str) -> FloatingIp:
        """By its address or id."""
        for one in self.all():
            if address in (one.address, one.id):
                return one
        raise CallerError(not_found("floating IP", f"Floating IP {address} could not be found."))

    def create(self, network_id: str, *, port_id: str = "") -> FloatingIp:
        """The next free address of that external network, leading to this port ('' = nowhere yet)."""
        request = CreateFloatingIp(token=self._session.token, network_id=network_id, port_id=port_id)
        return cast(FloatingIp, self._session.one(names.NETWORK, "create_floating_ips", request, again=False))

    def lead(self, address: str, port_id: str) -> FloatingIp:
        """To another port ('' = nowhere)."""
        request = UpdateFloatingIp(token=self._session.token, id=self.get(address).id, port_id=port_id)
        return cast(FloatingIp, self._session.one(names.NETWORK, "update_floating_ips", request))

    def delete(self, address: str) -> None:
        reference = Reference(token=self._session.token, id=self.get(address).id)
        self._session.one(names.NETWORK, "delete_floating_ips", reference)
