"""Networks, subnets, ports, security groups and rules as users and administrators make, see and delete them.

The half of the network room that is not on the way of a boot; `service.py` is the other. Deletions that were done
already are 404, as in Neutron; nothing that is in use is deleted (409).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from typing import Protocol, TypeVar

from msgspec.structs import replace

from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault
from actors.faces import AgentFace, ComputeFace
from actors.messages import AuthContext
from actors.network import access, define, define_port, groups, removal
from actors.network.live_rows import LiveRows
from actors.network.messages import (
    CreateNetwork,
    CreatePort,
    CreateSecurityGroup,
    CreateSecurityGroupRule,
    CreateSubnet,
    PortQuery,
    Reference,
)
from actors.network.notices import Notices, Touched
from actors.network.rows import Rows
from actors.network.server_port import serve
from actors.records import Change, Ledger, Network, Port, SecurityGroup, SecurityGroupRule, Subnet

Asked = TypeVar("Asked", CreateNetwork, CreateSubnet, CreatePort, CreateSecurityGroup, CreateSecurityGroupRule)
Made = TypeVar("Made", Network, Subnet, Port, SecurityGroup, SecurityGroupRule)


class TokenVerifier(Protocol):
    """What every room knows of identity (`actors/identity/tokens.py`)."""

    def verify(self, token: str, now: float) -> AuthContext:
        """Raises `CallerError` (401) for whatever is not a valid token."""


class Administration:
    def __init__(
        self,
        config: CloudConfig,
        ledger: Ledger,
        verifier: TokenVerifier,
        agents: Callable[[str], AgentFace],
        computes: Callable[[str], ComputeFace],
        clock: Clock,
        random: random.Random,
    ) -> None:
        self._config = config
        self._verifier = verifier
        self._clock = clock
        self._began = clock.now()
        self._random = random
        self._live = LiveRows(ledger)
        self._notices = Notices(agents, computes)

    async def start(self) -> None:
        """Load the rows; every other method would do it on first use."""
        await self._live.ready()

    # ------------------------------------------------------------ create

    async def create_networks(self, requests: list[CreateNetwork]) -> list[Network | CallerFault]:
        def make(rows: Rows, request: CreateNetwork, context: AuthContext) -> tuple[Network, list[Change]]:
            network = define.network_from(request, context, rows, self._config.vxlan_range, self._random)
            network = replace(network, created_at=self._clock.now())
            return network, [network]

        return await self._create(requests, make)

    async def create_subnets(self, requests: list[CreateSubnet]) -> list[Subnet | CallerFault]:
        def make(rows: Rows, request: CreateSubnet, context: AuthContext) -> tuple[Subnet, list[Change]]:
            subnet = define.subnet_from(request, context, rows, self._random)
            subnet = replace(subnet, created_at=self._clock.now())
            return subnet, [subnet]

        return await self._create(requests, make)

    async def create_ports(self, requests: list[CreatePort]) -> list[Port | CallerFault]:
        def make(rows: Rows, request: CreatePort, context: AuthContext) -> tuple[Port, list[Change]]:
            changes = define_port.port_from(request, context, rows, self._clock.now(), self._random)
            port = changes[-1]
            assert isinstance(port, Port)
            return port, changes

        return await self._create(requests, make)

    async def create_security_groups(self, requests: list[CreateSecurityGroup]) -> list[SecurityGroup | CallerFault]:
        def make(rows: Rows, request: CreateSecurityGroup, context: AuthContext) -> tuple[SecurityGroup, list[Change]]:
            changes = define_port.group_from(request, context, self._random)
            group = changes[0]
            assert isinstance(group, SecurityGroup)
            return group, changes

        return await self._create(requests, make)

    async def create_security_group_rules(
        self, requests: list[CreateSecurityGroupRule]
    ) -> list[SecurityGroupRule | CallerFault]:
        def make(
            rows: Rows, request: CreateSecurityGroupRule, context: AuthContext
        ) -> tuple[SecurityGroupRule, list[Change]]:
            rule = define_port.rule_from(request, context, rows, self._random)
            return rule, [rule]

        return await self._create(requests, make)

    # ------------------------------------------------------------ list and show

    async def list_networks(self, token: str) -> list[Network]:
        rows, context = await self._door(token)
        return [network for network in rows.networks.values() if access.sees_network(context, network)]

    async def list_subnets(self, token: str) -> list[Subnet]:
        rows, context = await self._door(token)
        return [
            subnet for subnet in rows.subnets.values() if access.sees_network(context, rows.networks[subnet.network_id])
        ]

    async def list_ports(self, query: PortQuery) -> list[Port]:
        rows, context = await self._door(query.token)
        ports: Iterable[Port] = rows.ports.values()
        if query.device_id:
            ports = [rows.ports[port_id] for port_id in rows.ports_of_instance.get(query.device_id, {})]
        elif query.network_id:
            ports = rows.ports_of.get(query.network_id, {}).values()
        wanted = [port for port in ports if query.network_id in ("", port.network_id)]
        return [port for port in wanted if access.owns(context, port)]

    async def list_security_groups(self, token: str) -> list[SecurityGroup]:
        """Looking at one's groups makes the default one, as in Neutron."""
        rows, context = await self._door(token)
        self._live.stage(groups.default_group(rows, context.project_id))
        await self._live.durable()
        return [group for group in rows.groups.values() if access.owns(context, group)]

    async def list_security_group_rules(self, token: str) -> list[SecurityGroupRule]:
        rows, context = await self._door(token)
        return [rule for rule in rows.rules.values() if access.owns(context, rule)]

    async def show_networks(self, references: list[Reference]) -> list[Network | CallerFault]:
        return await self._show(references, removal.network)

    async def show_subnets(self, references: list[Reference]) -> list[Subnet | CallerFault]:
        return await self._show(references, removal.subnet)

    async def show_ports(self, references: list[Reference]) -> list[Port | CallerFault]:
        return await self._show(references, removal.port)

    async def show_security_groups(self, references: list[Reference]) -> list[SecurityGroup | CallerFault]:
        return await self._show(references, removal.group)

    async def show_security_group_rules(self, references: list[Reference]) -> list[SecurityGroupRule | CallerFault]:
        return await self._show(references, removal.rule)

    # ------------------------------------------------------------ delete

    async def delete_networks(self, references: list[Reference]) -> list[CallerFault | None]:
        return await self._delete(references, removal.network, removal.without_network)

    async def delete_subnets(self, references: list[Reference]) -> list[CallerFault | None]:
        return await self._delete(references, removal.subnet, removal.without_subnet)

    async def delete_ports(self, references: list[Reference]) -> list[CallerFault | None]:
        return await self._delete(references, removal.port, removal.without_port)

    async def delete_security_groups(self, references: list[Reference]) -> list[CallerFault | None]:
        return await self._delete(references, removal.group, removal.without_group)

    async def delete_security_group_rules(self, references: list[Reference]) -> list[CallerFault | None]:
        return await self._delete(references, removal.rule, removal.without_rule)

    # ------------------------------------------------------------ the shape of all of these

    async def _door(self, token: str) -> tuple[Rows, AuthContext]:
        context = self._verifier.verify(token, self._clock.now())
        return await self._live.ready(), context

    async def _create(
        self, requests: list[Asked], make: Callable[[Rows, Asked, AuthContext], tuple[Made, list[Change]]]
    ) -> list[Made | CallerFault]:
        rows = await self._live.ready()
        touched = Touched(rows)
        replies: list[Made | CallerFault] = []
        for request in requests:
            try:
                context = self._verifier.verify(request.token, self._clock.now())
                access.check_writer(context)
                made, changes = make(rows, request, context)
            except CallerError as error:
                replies.append(error.fault)
            else:
                self._change(touched, changes)
                replies.append(made)
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
                changes = without(rows, find(rows, reference, context), context)
            except CallerError as error:
                replies.append(error.fault)
            else:
                self._change(touched, changes)
                replies.append(None)
        await self._settle(rows, touched)
        return replies

    def _change(self, touched: Touched, changes: list[Change]) -> None:
        """Stage changes, noting first the networks whose hosts must hear of them."""
        touched.by(changes)
        self._live.stage(changes)

    async def _settle(self, rows: Rows, touched: Touched, gone: Collection[str] = ()) -> None:
        """What every change ends with: DHCP in its place, all of it on disk, the agents (but of hosts gone) told."""
        for network_id in touched:
            self._live.stage(serve(rows, network_id, self._clock.now(), self._random))
        await self._live.durable()
        urgent = {notice for notice in touched.urgent() if notice[0] not in gone}
        await self._notices.tell(urgent, touched.soon())
