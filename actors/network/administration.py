"""Networks, subnets, ports, security groups and rules as users and administrators make, see and delete them.

Not on the way of a boot: that is `service.py`; `editing.py` changes what is made here. Deletions that were done
already are 404, as in Neutron; nothing that is in use is deleted (409).
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.errors import CallerFault
from actors.messages import AuthContext
from actors.network import access, define, define_group, define_port, define_subnet, groups, quotas, removal
from actors.network.door import Door
from actors.network.messages import (
    CreateNetwork,
    CreatePort,
    CreateSecurityGroup,
    CreateSecurityGroupRule,
    CreateSubnet,
    PortQuery,
    Reference,
)
from actors.network.rows import Rows
from actors.records import Change, Network, Port, SecurityGroup, SecurityGroupRule, Subnet


class Administration(Door):
    # ------------------------------------------------------------ create

    async def create_networks(
        self, requests: list[CreateNetwork], together: bool = False
    ) -> list[Network | CallerFault]:
        def make(rows: Rows, request: CreateNetwork, context: AuthContext) -> tuple[Network, list[Change]]:
            network = define.network_from(request, context, rows, self._config.vxlan_range, self._random)
            self._check_quota(rows, network.project_id, "network")
            return network, [network]

        return await self._write(requests, make, together)

    async def create_subnets(self, requests: list[CreateSubnet], together: bool = False) -> list[Subnet | CallerFault]:
        def make(rows: Rows, request: CreateSubnet, context: AuthContext) -> tuple[Subnet, list[Change]]:
            subnet = define_subnet.subnet_from(request, context, rows, self._random)
            self._check_quota(rows, subnet.project_id, "subnet")
            return subnet, [subnet]

        return await self._write(requests, make, together)

    async def create_ports(self, requests: list[CreatePort], together: bool = False) -> list[Port | CallerFault]:
        def make(rows: Rows, request: CreatePort, context: AuthContext) -> tuple[Port, list[Change]]:
            def allowed(project_id: str) -> None:
                self._check_quota(rows, project_id, "port")

            changes = define_port.port_from(request, context, rows, self._clock.now(), self._random, allowed)
            port = changes[-1]
            assert isinstance(port, Port)
            return port, changes

        return await self._write(requests, make, together)

    async def create_security_groups(
        self, requests: list[CreateSecurityGroup], together: bool = False
    ) -> list[SecurityGroup | CallerFault]:
        def make(rows: Rows, request: CreateSecurityGroup, context: AuthContext) -> tuple[SecurityGroup, list[Change]]:
            changes = define_group.group_from(request, context, self._random)
            group = changes[0]
            assert isinstance(group, SecurityGroup)
            self._check_quota(rows, group.project_id, "security_group")
            return group, changes

        return await self._write(requests, make, together)

    async def create_security_group_rules(
        self, requests: list[CreateSecurityGroupRule], together: bool = False
    ) -> list[SecurityGroupRule | CallerFault]:
        def make(
            rows: Rows, request: CreateSecurityGroupRule, context: AuthContext
        ) -> tuple[SecurityGroupRule, list[Change]]:
            rule = define_group.rule_from(request, context, rows, self._random)
            self._check_quota(rows, rule.project_id, "security_group_rule")
            return rule, [rule]

        return await self._write(requests, make, together)

    # ------------------------------------------------------------ list and show

    def _check_quota(self, rows: Rows, project_id: str, resource: str) -> None:
        quotas.check(rows, project_id, resource, self._limits)

    async def list_networks(self, token: str) -> list[Network]:
        rows, context = await self._door(token)
        return [network for network in rows.networks.values() if access.sees_network(context, network)]

    async def list_subnets(self, token: str) -> list[Subnet]:
        rows, context = await self._door(token)
        return [
            subnet for subnet in rows.subnets.values() if access.uses_network(context, rows.networks[subnet.network_id])
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
