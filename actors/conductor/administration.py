"""What operators have the conductor do with nodes, aggregates, quotas and what was deleted long ago.

Between `questions.py` and `living.py`, which is both. Each is durable when it is answered, and by then
known to those whom it binds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from actors.conductor.boots import Boot
from actors.conductor.nodes import Nodes
from actors.conductor.pruning import prune
from actors.conductor.questions import Questions
from actors.errors import CallerFault, not_found
from actors.faces import ComputeFace, SchedulerFace
from actors.messages import HostSeen, Pruned
from actors.records import Aggregate, Change, ComputeQuota, Flavor, drop


class Administration(Questions):
    nodes: Nodes
    scheduler: SchedulerFace
    compute: Callable[[str], ComputeFace]  # of a node

    async def renew(self, node: str, epoch: int) -> None:
        self.nodes.check(node, epoch)

    async def present(self) -> list[str]:
        """The worker nodes that said hello and have not left since."""
        return self.nodes.present()

    async def left(self) -> list[str]:
        """The worker nodes that said hello once and have left."""
        return self.nodes.left()

    async def set_enabled(self, node: str, enabled: bool, reason: str = "") -> CallerFault | None:
        """Whether new machines are placed on the node's hosts: durably, and from the answer on."""
        known = self.nodes.row(node)
        if known is None:
            return not_found("node", f"there is no worker node {node!r}")
        await self.nodes.change(msgspec.structs.replace(known, enabled=enabled, disabled_reason=reason))
        if not self.nodes.has_left(node):
            await self.compute(node).set_enabled(enabled)
        return None

    async def force_down(self, node: str, down: bool) -> CallerFault | None:
        """The node's hosts are taken to be down, whatever they say themselves; or no longer."""
        known = self.nodes.row(node)
        if known is None:
            return not_found("node", f"there is no worker node {node!r}")
        await self.nodes.change(msgspec.structs.replace(known, forced_down=down))
        await self.scheduler.force_down(list(known.hosts), down)
        return None

    async def arrange(self, changes: list[Change]) -> None:
        """Aggregates of hosts are as these changes say: durably, and for the scheduler, from the answer on."""
        await self._store.commit(changes)
        await self.scheduler.arrange(await self._store.load(Aggregate))

    async def hosts(self) -> list[HostSeen]:
        return await self.scheduler.hosts()

    async def prune(self, before: float) -> Pruned:
        """Forget servers that were deleted before then, the oldest first."""
        return await prune(self._store, self._deleted, self.moves, before)

    def limits(self, project_id: str) -> Mapping[str, int]:
        """A project's quotas by resource, -1 = any number."""
        return self._quotas.limits(project_id)

    async def set_quota(self, project_id: str, limits: dict[str, int]) -> None:
        """A project's own limits, or with the id `DEFAULT` the cloud's; none: the cloud's hold again."""
        row = ComputeQuota(id=project_id, limits=limits)
        await self._store.commit([row if limits else drop(row)])
        if limits:
            self._quotas.set_limits([row])
        else:
            self._quotas.forget(project_id)

    def charge(self, boot: Boot, was: Flavor) -> None:
        """Its project, for what it is now."""
        self._quotas.change(boot.instance.project_id, was, boot.counted)

    def fault_of_more(self, boot: Boot, becomes: Flavor) -> CallerFault | None:
        """Why its project can't be charged for more."""
        return self._quotas.fault_of_more(boot.instance.project_id, boot.counted, becomes)
