"""Networks, subnets, ports and security groups as their owners change them; subnet pools; quotas; who serves.

Called through the REST edge. Every change is checked against the rows as they are at that moment, with the revision
that the caller had in mind; who has the network hears of it as of any other change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from actors.errors import CallerError, CallerFault, conflict, not_found
from actors.messages import AuthContext
from actors.network import (
    access,
    define,
    define_group,
    define_interface,
    define_port,
    define_router,
    define_subnet,
    floating_ips,
    quotas,
    removal,
    subnet_pools,
    tags,
)
from actors.network.administration import Administration
from actors.network.messages import (
    AgentView,
    Allowance,
    CreateSubnetPool,
    EditTags,
    QuotaQuery,
    Reference,
    SetQuota,
    UpdateNetwork,
    UpdatePort,
    UpdateSecurityGroup,
    UpdateSubnet,
    UpdateSubnetPool,
)
from actors.network.naming import FLOATING_OWNER
from actors.network.router_rows import ROUTER_OWNERS
from actors.network.rows import Revised, Rows
from actors.network.views import agent_view
from actors.records import (
    Change,
    FloatingIp,
    Network,
    NetworkQuota,
    Port,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetPool,
    drop,
)

Tagged = Network | Subnet | SubnetPool | Port | Router | FloatingIp | SecurityGroup
TAGGED: dict[str, Callable[[Rows, Reference, AuthContext], Tagged]] = {
    "networks": removal.network,
    "subnets": removal.subnet,
    "subnetpools": removal.pool,
    "ports": removal.port,
    "routers": define_router.find,
    "floatingips": floating_ips.find,
    "security-groups": removal.group,
}


class Editing(Administration):
    # ------------------------------------------------------------ change

    async def update_networks(self, requests: list[UpdateNetwork]) -> list[Network | CallerFault]:
        def make(rows: Rows, request: UpdateNetwork, context: AuthContext) -> tuple[Network, list[Change]]:
            found = expected(removal.network(rows, request, context), request)
            changed = define.network_changed(request, context, found, rows)
            return changed, [changed]

        return await self._write(requests, make)

    async def update_subnets(self, requests: list[UpdateSubnet]) -> list[Subnet | CallerFault]:
        def make(rows: Rows, request: UpdateSubnet, context: AuthContext) -> tuple[Subnet, list[Change]]:
            found = expected(removal.subnet(rows, request, context), request)
            changed = define_subnet.subnet_changed(request, context, found, rows)
            return changed, [changed]

        return await self._write(requests, make)

    async def update_ports(self, requests: list[UpdatePort]) -> list[Port | CallerFault]:
        def make(rows: Rows, request: UpdatePort, context: AuthContext) -> tuple[Port, list[Change]]:
            found = expected(removal.port(rows, request, context), request)
            if found.device_owner == FLOATING_OWNER:
                raise CallerError(conflict("id", f"Port {found.id} holds the address of a floating IP", "PortInUse"))
            changes = define_port.port_changed(request, context, found, rows, self._random)
            port = changes[-1]
            assert isinstance(port, Port)
            if port.fixed_ips != found.fixed_ips:
                changes = [*_follow(rows, found, port), *changes]
            return port, changes

        return await self._write(requests, make)

    async def update_security_groups(self, requests: list[UpdateSecurityGroup]) -> list[SecurityGroup | CallerFault]:
        def make(rows: Rows, request: UpdateSecurityGroup, context: AuthContext) -> tuple[SecurityGroup, list[Change]]:
            found = expected(removal.group(rows, request, context), request)
            changed = define_group.group_changed(request, context, found)
            return changed, [changed]

        return await self._write(requests, make)

    async def edit_tags(self, requests: list[EditTags]) -> list[tuple[str, ...] | CallerFault]:
        def make(rows: Rows, request: EditTags, context: AuthContext) -> tuple[Revised, list[Change]]:
            found = self._tagged(rows, request, context)
            access.check_owner(context, found, request.noun)
            changed = replace(found, tags=tags.edited(request, found.tags))
            return changed, [changed]

        replies: list[Revised | CallerFault] = await self._write(requests, make)
        return [reply if isinstance(reply, CallerFault) else _tags_of(reply) for reply in replies]

    def _tagged(self, rows: Rows, request: EditTags, context: AuthContext) -> Tagged:
        find = TAGGED.get(request.noun)
        if find is None:
            raise CallerError(not_found("noun", f"{request.noun} have no tags", "HTTPNotFound"))
        return find(rows, request, context)

    # ------------------------------------------------------------ subnet pools

    async def create_subnet_pools(self, requests: list[CreateSubnetPool]) -> list[SubnetPool | CallerFault]:
        def make(rows: Rows, request: CreateSubnetPool, context: AuthContext) -> tuple[SubnetPool, list[Change]]:
            pool = subnet_pools.pool_from(request, context, rows, self._random)
            self._check_quota(rows, pool.project_id, "subnetpool")
            return pool, [pool]

        return await self._write(requests, make)

    async def update_subnet_pools(self, requests: list[UpdateSubnetPool]) -> list[SubnetPool | CallerFault]:
        def make(rows: Rows, request: UpdateSubnetPool, context: AuthContext) -> tuple[SubnetPool, list[Change]]:
            found = expected(removal.pool(rows, request, context), request)
            changed = subnet_pools.pool_changed(request, context, found, rows)
            return changed, [changed]

        return await self._write(requests, make)

    async def list_subnet_pools(self, token: str) -> list[SubnetPool]:
        rows, context = await self._door(token)
        return [pool for pool in rows.pools.values() if pool.shared or access.owns(context, pool)]

    async def show_subnet_pools(self, references: list[Reference]) -> list[SubnetPool | CallerFault]:
        return await self._show(references, removal.pool)

    async def delete_subnet_pools(self, references: list[Reference]) -> list[CallerFault | None]:
        return await self._delete(references, removal.pool, removal.without_pool)

    # ------------------------------------------------------------ quotas

    async def show_quota(self, query: QuotaQuery) -> dict[str, Allowance]:
        """By resource; raises `CallerError` 403 for another's project."""
        rows, context = await self._door(query.token)
        project_id = access.check_project(context, query.project_id)
        limits = quotas.limits(rows, project_id, self._limits)
        return {name: Allowance(most, quotas.used(rows, project_id, name)) for name, most in limits.items()}

    async def default_quota(self, token: str) -> dict[str, int]:
        await self._door(token)
        return dict(self._limits)

    async def list_quotas(self, token: str) -> dict[str, dict[str, int]]:
        """By project, of those that have limits of their own."""
        rows, context = await self._door(token)
        access.check_admin(context, "", "list the quotas of all projects")
        return {project_id: quotas.limits(rows, project_id, self._limits) for project_id in rows.quotas}

    async def set_quota(self, request: SetQuota) -> dict[str, Allowance]:
        """Raises `CallerError`; what is in use above a new limit stays."""
        rows, context = await self._door(request.token)
        access.check_admin(context, "", "change a quota")
        if request.limits is None:
            given = rows.quotas.get(request.project_id)
            self._live.stage([drop(given)] if given else [])
        else:
            limits = quotas.changed(rows, request.project_id, request.limits, request.check_limit)
            self._live.stage([NetworkQuota(id=request.project_id, limits=limits)])
        await self._live.durable()
        return await self.show_quota(request)

    # ------------------------------------------------------------ who serves

    async def list_agents(self, token: str) -> list[AgentView]:
        rows, context = await self._door(token)
        access.check_admin(context, "", "see network agents")
        return [agent_view(rows, agent, self._notices.hears(agent.id)) for agent in rows.agents.values()]

    async def has_agents(self, token: str) -> bool:
        """Whether any node could serve a network: what availability zones tell everybody."""
        rows, _ = await self._door(token)
        return bool(rows.agents)


Kind = TypeVar("Kind", bound=Revised)


def expected(found: Kind, request: Reference) -> Kind:
    access.check_revision(found, request.revision)
    return found


def _follow(rows: Rows, before: Port, after: Port) -> list[Change]:
    """What other addresses of a port mean for routers and floating IPs."""
    if before.device_owner in ROUTER_OWNERS:
        try:
            define_interface.check_moved(rows, before, after)
        except CallerError:
            for ip in {*after.fixed_ips} - {*before.fixed_ips}:
                rows.books[ip.subnet_id].release(ip.ip_address)
            raise
    return floating_ips.freed_of(rows, before, after.fixed_ips)


def _tags_of(row: Revised) -> tuple[str, ...]:
    return () if isinstance(row, SecurityGroupRule) else row.tags
