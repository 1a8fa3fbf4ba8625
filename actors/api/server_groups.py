"""Server groups: which servers share hosts or keep apart. Their part of the compute API.

Owned by `service.py`, which verifies who asks; here are the rows and what a boot's hint `group` comes to. A group is
its project's alone. Invariant: a hint that leaves here names a group by id and carries its policy and rule, and only
those: what a user writes into them is not believed.
"""

from __future__ import annotations

import asyncio

from actors.api.messages import CreateServerGroup
from actors.api.validation import name_fault
from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found
from actors.messages import AuthContext
from actors.records import Ledger, ServerGroup, drop
from actors.scheduler.hints import GROUP, GROUP_MOST, GROUP_POLICY, POLICIES

Hints = dict[str, tuple[str, ...]]


class ServerGroups:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._groups: dict[str, ServerGroup] = {}
        self._one_by_one = asyncio.Lock()  # counting and writing are one act

    async def start(self) -> None:
        self._groups = {row.id: row for row in await self._ledger.load(ServerGroup)}

    def all(self, context: AuthContext) -> list[ServerGroup]:
        mine = (group for group in self._groups.values() if group.project_id == context.project_id)
        return sorted(mine, key=lambda group: group.name)

    def of_all(self) -> list[ServerGroup]:
        return sorted(self._groups.values(), key=lambda group: group.name)

    def get(self, context: AuthContext, group_id: str) -> ServerGroup:
        """By its id; raises `CallerError` 404."""
        group = self._groups.get(group_id)
        if group is None or not (context.is_admin or group.project_id == context.project_id):
            raise CallerError(not_found("server_group", f"Instance group {group_id} could not be found."))
        return group

    async def create(
        self, context: AuthContext, request: CreateServerGroup, group_id: str, at: float, most: int
    ) -> ServerGroup | CallerFault:
        """The same name and rules again answer with the group that is there, if they are said to be a repetition.

        `most` groups is what the project's quota allows (-1 = any number).
        """
        if fault := _fault(request):
            return fault
        async with self._one_by_one:
            return await self._created(context, request, group_id, at, most)

    async def _created(
        self, context: AuthContext, request: CreateServerGroup, group_id: str, at: float, most: int
    ) -> ServerGroup | CallerFault:
        mine = self.all(context)
        known = next((group for group in mine if group.name == request.name), None)
        if known is not None and request.repeatable:
            same = (known.policy, known.max_server_per_host) == (request.policy, request.max_server_per_host)
            return known if same else conflict("name", f"there is a server group {known.name!r} with other rules")
        if 0 <= most <= len(mine):
            return forbidden("Quota exceeded, too many server groups.")
        group = ServerGroup(
            id=group_id,
            name=request.name,
            project_id=context.project_id,
            user_id=context.user_id,
            policy=request.policy,
            max_server_per_host=request.max_server_per_host,
            created_at=at,
        )
        await self._ledger.commit([group])
        self._groups[group.id] = group
        return group

    async def delete(self, context: AuthContext, group_id: str) -> CallerFault | None:
        """Its servers stay where they are and go on keeping its policy among themselves."""
        group = self._mine(context, group_id)
        if group is None:
            return not_found("server_group", f"there is no server group {group_id!r}")
        await self._ledger.commit([drop(group)])
        self._groups.pop(group.id, None)
        return None

    def hints(self, context: AuthContext, asked: Hints) -> Hints:
        """A boot's hints with its group resolved; raises `CallerError` for a group that the project has not."""
        rest = {name: values for name, values in asked.items() if name not in (GROUP, GROUP_POLICY, GROUP_MOST)}
        wanted = [value for value in asked.get(GROUP, ()) if value]
        if not wanted:
            return rest
        group = self._mine(context, wanted[0]) if len(wanted) == 1 else None
        if group is None:
            raise CallerError(bad_request("hints[group]", f"there is no server group {', '.join(wanted)!r}"))
        most = str(group.max_server_per_host)
        return rest | {GROUP: (group.id,), GROUP_POLICY: (group.policy,), GROUP_MOST: (most,)}

    def _mine(self, context: AuthContext, name: str) -> ServerGroup | None:
        """By id or name."""
        group = self._groups.get(name)
        if group is not None and group.project_id == context.project_id:
            return group
        return next((group for group in self.all(context) if group.name == name), None)


def _fault(request: CreateServerGroup) -> CallerFault | None:
    if request.policy not in POLICIES:
        return bad_request("policy", f"must be one of {', '.join(POLICIES)}, not {request.policy!r}")
    if request.max_server_per_host < 1:
        return bad_request("max_server_per_host", f"must be at least 1, not {request.max_server_per_host}")
    if request.max_server_per_host != 1 and request.policy != "anti-affinity":
        return bad_request("max_server_per_host", "belongs to the policy anti-affinity alone")
    return name_fault("name", request.name)
