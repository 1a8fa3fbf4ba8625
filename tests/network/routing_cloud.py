"""A cloud with an external network, and how tests of routers ask it for things."""

from __future__ import annotations

from typing import Any

from actors.errors import value_of
from actors.network.messages import CreatePort, CreateSubnet, Reference
from actors.network.router_messages import (
    CreateFloatingIp,
    CreateRouter,
    ExternalGateway,
    InterfaceRequest,
    RouterInterface,
    UpdateFloatingIp,
    UpdateRouter,
)
from actors.records import FloatingIp, Network, Port, Router, Subnet
from tests.network.cloud import ADMIN, ALICE, Cloud, live_rows


class RoutedCloud(Cloud):
    """`outside` is its external network, with 172.24.4.0/24; its nodes have a device for physical network `public`."""

    outside: Network

    async def begin(self, flat: bool = False, nodes: tuple[str, ...] = ("h1", "h2", "h3")) -> RoutedCloud:
        for node in nodes:
            await self.room.agent_started(node, f"172.31.0.{node[-1]}", ("public",))
        more = {"network_type": "flat", "physical_network": "public"} if flat else {}
        self.outside = await self.network(ADMIN, "", name="outside", external=True, **more)
        asked = CreateSubnet(
            token=ADMIN, network_id=self.outside.id, cidr="172.24.4.0/24", gateway_ip="172.24.4.1", enable_dhcp=False
        )
        value_of((await self.room.create_subnets([asked]))[0])
        return self

    async def router(self, gateway: bool = True, token: str = ALICE, **more: Any) -> Router:
        out = ExternalGateway(network_id=self.outside.id) if gateway else None
        return value_of((await self.room.create_routers([CreateRouter(token=token, gateway=out, **more)]))[0])

    async def update(self, router: Router, token: str = ALICE, **more: Any) -> Any:
        return (await self.room.update_routers([UpdateRouter(token=token, id=router.id, **more)]))[0]

    async def add(self, router: Router, token: str = ALICE, **named: str) -> Any:
        return (await self.room.add_router_interfaces([InterfaceRequest(token=token, id=router.id, **named)]))[0]

    async def remove(self, router: Router, token: str = ALICE, **named: str) -> Any:
        return (await self.room.remove_router_interfaces([InterfaceRequest(token=token, id=router.id, **named)]))[0]

    async def floating(self, token: str = ALICE, **more: Any) -> Any:
        asked = CreateFloatingIp(token=token, network_id=self.outside.id, **more)
        return (await self.room.create_floating_ips([asked]))[0]

    async def lead(self, floating: FloatingIp, token: str = ALICE, **more: Any) -> Any:
        return (await self.room.update_floating_ips([UpdateFloatingIp(token=token, id=floating.id, **more)]))[0]

    async def made_port(self, network: Network, token: str = ALICE, **more: Any) -> Port:
        return value_of((await self.room.create_ports([CreatePort(token=token, network_id=network.id, **more)]))[0])

    async def subnet_of(self, network: Network) -> Subnet:
        rows = await live_rows(self).ready()
        return next(iter(rows.subnets_of[network.id].values()))

    async def routed(self) -> tuple[Router, Network, RouterInterface]:
        """A router between a network of Alice's and the outside."""
        router, network = await self.router(), await self.network()
        return router, network, value_of(await self.add(router, subnet_id=(await self.subnet_of(network)).id))

    def kept_router(self, router: Router) -> Router:
        kept = self.ledger.rows["Router"][router.id]
        assert isinstance(kept, Router)
        return kept

    def kept_floating(self, floating: FloatingIp) -> FloatingIp:
        kept = self.ledger.rows["FloatingIp"][floating.id]
        assert isinstance(kept, FloatingIp)
        return kept


def named(row: Any, token: str = ALICE) -> Reference:
    return Reference(token=token, id=row.id)
