"""What the conductor is asked: servers as they are, their stories, who waits for them, notifications.

The base of the conductor's service, which owns the boots and the log of notifications and is their one writer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from msgspec.structs import replace

from actors.boot import CONTROL, NODE
from actors.conductor import moved
from actors.conductor.boots import Boot, view
from actors.conductor.deleted import Deleted
from actors.conductor.instance_actions import InstanceActions, boot_action, of_deleted
from actors.conductor.moves import Moves
from actors.conductor.notifications import Notifications
from actors.conductor.quotas import Quotas
from actors.conductor.timeline import Timeline
from actors.errors import CallerFault, not_found
from actors.messages import Claim, InstanceFound, ProjectQuota, ServerStatus, ServerView, StoryLine
from actors.records import Archive, InstanceAction, Kind, Move, Notification, Story
from actors.states import Vm

FLOW = {step.name: step.flow for step in CONTROL} | {step.name: step.flow for step in NODE}


class Questions:
    def __init__(self, store: Archive, quotas: Quotas) -> None:
        self._store = store
        self._boots: dict[str, Boot] = {}
        self._notifications = Notifications()
        self._actions = InstanceActions()
        self.moves = Moves()
        self._quotas = quotas
        self._deleted = Deleted()
        self.scheduler_lives = 0  # how many schedulers have started since this conductor did
        self._told_to_hold: set[str] = set()  # instances of which the last of them was told that they hold a host

    async def rows_of(self, kind: type[Kind], column: str, instance_id: str) -> list[Kind]:
        """What is on disk of what other rooms own: all that there is, also where one of them is away."""
        return await self._store.load_where(kind, column, [instance_id])

    async def quotas(self, project_ids: list[str]) -> list[ProjectQuota]:
        """What each project has and may have."""
        found = []
        for project_id in project_ids:
            use = self._quotas.used(project_id)
            used = {"instances": use.instances, "cores": use.cores, "ram": use.ram}
            own = self._quotas.own_limits(project_id)
            found.append(ProjectQuota(limits=self._quotas.limits(project_id), own=own, used=used))
        return found

    async def claims(self) -> list[Claim]:
        """What every instance that holds a host takes: the first question of a scheduler that starts."""
        self.scheduler_lives += 1
        holding = [boot for boot in self._boots.values() if boot.holds_host or boot.elsewhere]
        self._told_to_hold = {boot.id for boot in holding if _may_give_up(boot)}
        return [claim for boot in self._boots.values() for claim in boot.claims()]

    async def strangers(self, node: str, instance_ids: list[str]) -> list[str]:
        """Those that have no place on this node. One in ERROR keeps its place here: its owner may look at it."""
        away = [i for i in instance_ids if (boot := self._boots.get(i)) is None or boot.instance.node != node]
        return [i for i in away if not moved.is_expected(self._boots.get(i), node)]

    async def show(self, instance_ids: list[str]) -> list[ServerView | CallerFault]:
        return [view(boot) if (boot := self._boots.get(i)) else no_server(i) for i in instance_ids]

    async def instance(self, instance_id: str) -> InstanceFound:
        """What the metadata server tells a guest; raises `LookupError` for one that is gone."""
        boot = self._boots[instance_id]
        return InstanceFound(spec=boot.spec(), vifs=view(boot).addresses)

    async def list_servers(self, project_id: str) -> list[ServerView]:
        return [view(boot) for boot in self._boots.values() if not project_id or boot.instance.project_id == project_id]

    async def list_deleted(self, project_id: str) -> list[ServerView]:
        """The newest of those that were deleted (`Deleted`), oldest first."""
        return self._deleted.of(project_id)

    async def story(self, instance_id: str) -> list[StoryLine]:
        boot = self._boots.get(instance_id)
        if boot is not None:
            return boot.whole_timeline().lines(FLOW)
        rows = await self._store.load_where(Story, "id", [instance_id])
        return _timeline(rows[0] if rows else None).lines(FLOW)

    async def actions(self, instance_id: str) -> list[InstanceAction] | CallerFault:
        """What was done to a server, one that is deleted too, oldest first; its boot is the first."""
        boot = self._boots.get(instance_id)
        if boot is None:
            return await self._actions_of_deleted(instance_id)
        story = boot.whole_timeline().lines(FLOW)
        return [boot_action(boot, story), *(replace(one, act={}) for one in self._actions.of(instance_id))]

    async def migrations(self) -> list[Move]:
        """Moves of servers, also of deleted ones, newest first: as many as are remembered."""
        return self.moves.newest()

    async def _actions_of_deleted(self, instance_id: str) -> list[InstanceAction] | CallerFault:
        boot = self._deleted.get(instance_id)
        if boot is None:
            return no_server(instance_id)
        rows = await self._store.load_where(InstanceAction, "instance_id", [instance_id])
        return of_deleted(boot, await self.story(instance_id), [replace(one, act={}) for one in rows])

    async def wait(self, instance_ids: list[str], wait_s: float) -> list[ServerView | CallerFault]:
        await self._ended(instance_ids, wait_s)
        return await self.show(instance_ids)

    async def statuses(self, instance_ids: list[str], wait_s: float) -> list[ServerStatus | CallerFault]:
        if wait_s:
            await self._ended(instance_ids, wait_s)
        return [
            ServerStatus(status=boot.status, project_id=boot.instance.project_id, locked_by=boot.instance.locked_by)
            if (boot := self._boots.get(i))
            else no_server(i)
            for i in instance_ids
        ]

    async def _ended(self, instance_ids: list[str], wait_s: float) -> None:
        """Returns when none of these is building or being deleted any more, or after `wait_s`."""
        pending = [boot for i in instance_ids if (boot := self._boots.get(i)) and _moving(boot)]
        for boot in pending:
            if boot.ended is None:
                boot.ended = asyncio.Event()
        ends = [boot.ended for boot in pending if boot.ended is not None]
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                for end in ends:
                    await end.wait()

    async def notifications(self, since: int, limit: int, wait_s: float) -> list[Notification]:
        return await self._notifications.after(since, limit, wait_s)

    async def last_notification(self) -> int:
        """The number of the newest notification: follow from here to see only what is to come."""
        return self._notifications.last


def _may_give_up(boot: Boot) -> bool:
    """What it holds on its host may be given back while a scheduler is told of it."""
    return boot.building or boot.instance.deleting or boot.instance.vm_state == Vm.SHELVED


def _moving(boot: Boot) -> bool:
    return boot.instance.vm_state == Vm.BUILDING or boot.instance.deleting


def no_server(instance_id: str) -> CallerFault:
    return not_found("server", f"Instance {instance_id} could not be found.")


def _timeline(stored: Story | None) -> Timeline:
    return Timeline.decoded(stored.lines) if stored else Timeline()
