"""The compute API's nouns other than servers: flavors, key pairs, server groups, aggregates, quotas, worker nodes.

The base of the door in `service.py`, which launches servers with them. Each noun has its rules in a module of its own;
here is who may ask for what. Invariant: a caller learns of nothing that is not his project's, unless he administers.
"""

from __future__ import annotations

from random import Random

from actors.api.aggregates import Aggregates
from actors.api.flavors import Flavors
from actors.api.keypairs import Keypairs
from actors.api.messages import (
    ChangeFlavor,
    CreateFlavor,
    CreateKeypair,
    CreateServerGroup,
    Evacuated,
    EvacuateNode,
    EvacuateServer,
    ForceDown,
    KeypairMade,
    ServerGroupRequest,
    SetNode,
)
from actors.api.server_groups import ServerGroups
from actors.clock import Clock
from actors.errors import CallerError, CallerFault, bad_request, forbidden, not_found
from actors.faces import ConductorFace, TokenVerifier
from actors.ids import random_id
from actors.messages import AuthContext, EvacuateRequest, HostSeen, ProjectQuota, Pruned
from actors.records import Aggregate, ComputeNode, Flavor, Keypair, Move, ServerGroup

ZONES_FRESH_S = 1.0  # how old the answer may be: each boot that names a zone asks
NEVER = float("-inf")
WRITERS = ("admin", "member")  # roles that may launch and delete


class Administration:
    def __init__(self, conductor: ConductorFace, verifier: TokenVerifier, clock: Clock, random: Random) -> None:
        self._conductor = conductor
        self._verifier = verifier
        self._clock = clock
        self._random = random
        self._flavors = Flavors(conductor)
        self._keypairs = Keypairs(conductor)
        self._server_groups = ServerGroups(conductor)
        self._aggregates = Aggregates(conductor)
        self._zones: dict[str, bool] = {}
        self._zones_at = NEVER

    async def start(self) -> None:
        for noun in (self._flavors, self._keypairs, self._server_groups, self._aggregates):
            await noun.start()

    # ------------------------------------------------------------ flavors

    async def flavors(self, token: str) -> list[Flavor]:
        return self._flavors.all(self._context(token))

    async def flavor(self, token: str, flavor_id: str) -> Flavor:
        """Raises `CallerError` 404 for one that the caller may not use."""
        return self._flavors.by_id(self._context(token), flavor_id)

    async def create_flavor(self, request: CreateFlavor) -> Flavor | CallerFault:
        if not self._context(request.token).is_admin:
            return forbidden("only an administrator creates flavors")
        return await self._flavors.create(request, self._uuid())

    async def change_flavor(self, request: ChangeFlavor) -> Flavor | CallerFault:
        context = self._administrator(request.token, "only an administrator changes flavors")
        return await self._flavors.change(self._flavors.by_id(context, request.flavor_id), request)

    async def delete_flavor(self, token: str, flavor_id: str) -> None:
        context = self._administrator(token, "only an administrator deletes flavors")
        await self._flavors.delete(self._flavors.by_id(context, flavor_id))

    async def flavor_access(self, token: str, flavor_id: str) -> list[str]:
        """The ids of the projects that may use a flavor which is not public."""
        context = self._administrator(token, "only an administrator sees who may use a flavor")
        return self._flavors.access(self._flavors.by_id(context, flavor_id))

    async def set_flavor_access(self, token: str, flavor_id: str, project_id: str, granted: bool) -> CallerFault | None:
        context = self._administrator(token, "only an administrator says who may use a flavor")
        change = self._flavors.grant if granted else self._flavors.revoke
        return await change(self._flavors.by_id(context, flavor_id), project_id)

    # ------------------------------------------------------------ key pairs

    async def keypairs(self, token: str, user_id: str = "") -> list[Keypair]:
        """The caller's own; an administrator may name another user."""
        return self._keypairs.all(self._owner(self._context(token), user_id))

    async def keypair(self, token: str, name: str, user_id: str = "") -> Keypair:
        return self._keypairs.get(self._owner(self._context(token), user_id), name)

    async def create_keypair(self, request: CreateKeypair) -> Keypair | CallerFault:
        made = await self.make_keypair(request)
        return made if isinstance(made, CallerFault) else made.keypair

    async def make_keypair(self, request: CreateKeypair) -> KeypairMade | CallerFault:
        """The same with the private key, where the pair was made here: it is told once and not kept."""
        context = self._context(request.token)
        owner = self._owner(context, request.user_id)

        async def limit() -> int:
            return (await self._quota(context.project_id)).limits["key_pairs"]

        return await self._keypairs.create(owner, request, limit, self._clock.now())

    async def delete_keypair(self, token: str, name: str, user_id: str = "") -> CallerFault | None:
        return await self._keypairs.delete(self._owner(self._context(token), user_id), name)

    def _owner(self, context: AuthContext, user_id: str) -> str:
        if user_id and user_id != context.user_id and not context.is_admin:
            raise CallerError(forbidden("only an administrator sees the key pairs of other users"))
        return user_id or context.user_id

    # ------------------------------------------------------------ server groups

    async def server_groups(self, token: str, all_projects: bool = False) -> list[ServerGroup]:
        context = self._context(token)
        return self._server_groups.of_all() if all_projects and context.is_admin else self._server_groups.all(context)

    async def server_group(self, token: str, group_id: str) -> ServerGroup:
        """Raises `CallerError` 404."""
        return self._server_groups.get(self._context(token), group_id)

    async def create_server_group(self, request: CreateServerGroup) -> ServerGroup | CallerFault:
        context = self._authorized(request.token)
        most = (await self._quota(context.project_id)).limits["server_groups"]
        return await self._server_groups.create(context, request, self._uuid(), self._clock.now(), most)

    async def delete_server_group(self, request: ServerGroupRequest) -> CallerFault | None:
        return await self._server_groups.delete(self._authorized(request.token), request.group_id)

    # ------------------------------------------------------------ aggregates, hosts and nodes

    async def aggregates(self, token: str) -> list[Aggregate]:
        self._administrator(token)
        return self._aggregates.all()

    async def aggregate(self, token: str, key: str) -> Aggregate:
        """By number or UUID; raises `CallerError` 404."""
        self._administrator(token)
        return self._aggregates.get(key)

    async def create_aggregate(self, token: str, name: str, zone: str) -> Aggregate | CallerFault:
        self._administrator(token)
        return await self._aggregates.create(self._uuid(), name, zone, self._clock.now())

    async def change_aggregate(self, token: str, key: str, name: str, zone: str | None) -> Aggregate | CallerFault:
        self._administrator(token)
        changed = await self._aggregates.change(key, name, zone, self._clock.now())
        self._zones_at = NEVER
        return changed

    async def set_aggregate_metadata(
        self, token: str, key: str, changes: dict[str, str | None]
    ) -> Aggregate | CallerFault:
        """None takes a key away."""
        self._administrator(token)
        changed = await self._aggregates.set_metadata(key, changes, self._clock.now())
        self._zones_at = NEVER
        return changed

    async def put_host(self, token: str, key: str, host: str, inside: bool) -> Aggregate | CallerFault:
        """Into an aggregate, or out of it."""
        self._administrator(token)
        change = self._aggregates.add_host if inside else self._aggregates.remove_host
        changed = await change(key, host, self._clock.now())
        self._zones_at = NEVER
        return changed

    async def delete_aggregate(self, token: str, key: str) -> CallerFault | None:
        self._administrator(token)
        return await self._aggregates.delete(key)

    async def hosts(self, token: str) -> list[HostSeen]:
        """Every host, by name, for an administrator."""
        self._administrator(token)
        return await self._conductor.hosts()

    async def zones(self, token: str) -> dict[str, bool]:
        """Every availability zone, and whether any of its hosts is up and takes servers."""
        self._context(token)
        now = self._clock.monotonic()
        if now - self._zones_at > ZONES_FRESH_S:
            found: dict[str, bool] = {}
            for seen in await self._conductor.hosts():
                found[seen.zone] = found.get(seen.zone, False) or (seen.up and seen.report.enabled)
            self._zones, self._zones_at = dict(sorted(found.items())), now
        return self._zones

    async def migrations(self, token: str) -> list[Move]:
        """Servers' resizes, cold migrations and evacuations, newest first, for an administrator."""
        self._administrator(token)
        return await self._conductor.migrations()

    async def nodes(self, token: str) -> list[ComputeNode]:
        """Every worker node that has ever joined, by name, for an administrator."""
        self._administrator(token)
        return sorted(await self._conductor.load(ComputeNode), key=lambda node: node.id)

    async def set_node(self, request: SetNode) -> CallerFault | None:
        """Drain a worker node, or let it take machines again."""
        if not self._context(request.token).is_admin:
            return forbidden("only an administrator disables a worker node")
        return await self._conductor.set_enabled(request.node, request.enabled, request.reason)

    async def force_down(self, request: ForceDown) -> CallerFault | None:
        self._administrator(request.token, "only an administrator says that a worker node is down")
        return await self._conductor.force_down(request.node, request.down)

    async def prune(self, token: str, before: float) -> Pruned:
        """Forget servers that were deleted before then, the oldest first; ask again while there are more."""
        self._administrator(token, "only an administrator has deleted servers forgotten")
        if not 0 < before <= self._clock.now():  # refuses NaN too
            raise CallerError(bad_request("before", "must be a time, in seconds since the epoch, that has been"))
        return await self._conductor.prune(before)

    async def evacuate(self, request: EvacuateServer) -> None:
        """Raises `CallerError`: 404 for a host that is not there, 400 where the server's node is up."""
        context = self._administrator(request.token, "only an administrator evacuates servers")
        if request.host and all(seen.report.host != request.host for seen in await self._conductor.hosts()):
            raise CallerError(not_found("host", f"Compute host {request.host} not found."))
        asked = EvacuateRequest(
            id=self._uuid(),
            token=request.token,
            instance_id=request.server_id,
            user_id=context.user_id,
            request_id=request.request_id or f"req-{self._uuid()}",
            host=request.host,
            from_image=request.from_image,
            stop=request.stop,
        )
        [fault] = await self._conductor.evacuate([asked])
        if fault is not None:
            raise CallerError(fault)

    async def evacuate_node(self, request: EvacuateNode) -> list[Evacuated]:
        """Every server that ran on the node, or may be there again, and what comes of it.

        Raises `CallerError` where there is no such node.
        """
        context = self._administrator(request.token, "only an administrator evacuates servers")
        if all(node.id != request.node for node in await self._conductor.load(ComputeNode)):
            raise CallerError(not_found("node", f"there is no worker node {request.node!r}"))
        views = await self._conductor.evacuable(request.node)
        request_id = f"req-{self._uuid()}"
        asked = [
            EvacuateRequest(
                id=self._uuid(),
                token=request.token,
                instance_id=view.id,
                user_id=context.user_id,
                request_id=request_id,
                from_image=request.from_image,
            )
            for view in views
        ]
        faults = await self._conductor.evacuate(asked)
        return [
            Evacuated(
                server_id=view.id,
                name=view.name,
                why_not=fault.message if fault else "",
                may_come=fault is not None and view.node != request.node,
            )
            for view, fault in zip(views, faults, strict=True)
        ]

    # ------------------------------------------------------------ quotas

    async def quota(self, token: str, project_id: str = "") -> ProjectQuota:
        """The caller's project's; an administrator may name another, or `default` for the cloud's."""
        context = self._context(token)
        if project_id not in ("", "default", context.project_id) and not context.is_admin:
            raise CallerError(forbidden("only an administrator sees the quotas of other projects"))
        return await self._quota(project_id or context.project_id)

    async def set_quota(self, token: str, project_id: str, changes: dict[str, int], force: bool) -> ProjectQuota:
        """Of a project, '' = the caller's. No changes = the cloud's hold again.

        Raises `CallerError` 400 for one below what is used, unless forced.
        """
        context = self._administrator(token, "only an administrator changes quotas")
        project_id = project_id or context.project_id
        now = await self._quota(project_id)
        for name, limit in changes.items():
            used = now.used.get(name, 0)
            if not force and 0 <= limit < used:
                text = f"Quota limit {limit} for {name} must be greater than or equal to already used {used}."
                raise CallerError(bad_request(name, text))
        await self._conductor.set_quota(project_id, now.own | changes if changes else {})
        return await self._quota(project_id)

    async def _quota(self, project_id: str) -> ProjectQuota:
        [found] = await self._conductor.quotas([project_id])
        return found

    # ------------------------------------------------------------ who asks

    def _context(self, token: str) -> AuthContext:
        """Steps 4-5, here and now: the signature says who asks."""
        return self._verifier.verify(token, self._clock.now())

    def _authorized(self, token: str) -> AuthContext:
        context = self._context(token)
        if not set(context.roles) & set(WRITERS):
            raise CallerError(forbidden(f"needs the role {' or '.join(WRITERS)} in project {context.project_name}"))
        return context

    def _administrator(self, token: str, message: str = "only an administrator may do this") -> AuthContext:
        context = self._context(token)
        if not context.is_admin:
            raise CallerError(forbidden(message))
        return context

    def _uuid(self) -> str:
        return random_id(self._random)
