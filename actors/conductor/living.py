"""What is done to servers that are there, and what is told of them.

Between `administration.py` and the conductor's service, which is both. Acts are `acts.py`'s; an edit touches no guest.
"""

from __future__ import annotations

from actors.acts import ActRequest, Edit, PowerReport
from actors.clock import Clock
from actors.conductor.acts import Acts
from actors.conductor.administration import Administration
from actors.conductor.boots import Boot, view
from actors.conductor.edits import edited
from actors.conductor.floating import FloatingShown
from actors.conductor.moves import ERROR
from actors.conductor.nodes import Nodes
from actors.conductor.power_reports import correct
from actors.conductor.questions import no_server
from actors.conductor.writing import Writing
from actors.errors import CallerFault, conflict
from actors.messages import FloatingIps, ServerView
from actors.records import Change, InstanceAction
from actors.states import Vm


class Living(Administration):
    clock: Clock
    floating: FloatingShown
    nodes: Nodes
    _acts: Acts
    _writing: Writing

    async def act(self, requests: list[ActRequest]) -> list[InstanceAction | CallerFault]:
        """Accept, durably; what is accepted is done in the background, also after a restart."""
        return await self._acts.accept(requests)

    async def acted(self, action_ids: list[str], wait_s: float) -> None:
        """Answers when these are over, or after `wait_s`."""
        await self._acts.wait(action_ids, wait_s)

    async def powers(self, reports: list[PowerReport]) -> None:
        """How guests are, which compute actors tell unasked: servers that say otherwise are corrected, durably."""
        said = [(boot, report) for report in reports if (boot := self._boots.get(report.instance_id)) is not None]
        await self._writing.write([boot for boot, report in said if correct(boot, report, self.nodes)], "")

    async def edit(self, edits: list[Edit]) -> list[ServerView | CallerFault]:
        """Change what is known of servers, durably."""
        replies: list[ServerView | CallerFault] = []
        changed: list[Boot] = []
        records: list[Change] = []
        now = self.clock.now()
        for edit in edits:
            boot = self._there(edit.instance_id)
            fault = no_server(edit.instance_id) if boot is None else self._edited(boot, edit, now)
            if boot is None or fault is not None:
                replies.append(fault or no_server(edit.instance_id))
                continue
            changed.append(boot)
            records += [self._actions.record(edit, boot, now)] if edit.record else []
            replies.append(view(boot))
        await self._writing.write(changed, "instance.update" if changed else "", records)
        await self._acts.claims.tell()
        self._acts.migrating.tend_soon()
        return replies

    def _there(self, instance_id: str) -> Boot | None:
        """One whose deletion is being written, or was, is not: what is written of it would bring it back."""
        boot = self._boots.get(instance_id)
        return None if boot is None or boot.instance.vm_state == Vm.DELETED else boot

    def _edited(self, boot: Boot, edit: Edit, now: float) -> CallerFault | None:
        moving = boot.spec().moving
        if edit.vm_state and moving is not None and self._acts.is_resizing(boot.id):
            return conflict("", f"Cannot 'os-resetState' instance {boot.id} while it goes to another host")
        gone = self.nodes.has_left
        is_lost = moving is not None and gone(boot.instance.node) and not gone(moving.node)
        if edit.vm_state and moving is not None and (is_lost or moving.given_up):
            text = f"while its disk is on {moving.host}, where 'revertResize' takes it"
            return conflict("", f"Cannot 'os-resetState' instance {boot.id} {text}")
        at_rest = not boot.acting and not self._acts.is_resizing(boot.id)
        fault = edited(boot, edit, now, self.limits(boot.instance.project_id)["metadata_items"])
        if edit.vm_state and at_rest and fault is None:  # one that is reset can't be reverted
            self.forget_resize(boot)
        return fault

    async def floating_ips(self, told: list[FloatingIps], whole: bool = False) -> None:
        changed = self.floating.hear(self._boots, told, whole)
        try:
            await self._writing.write(changed, "")
        except BaseException:
            self._writing.later(changed)  # who tells it again finds it known
            raise

    def forget_resize(self, boot: Boot) -> None:
        """It is of its flavor alone; whoever writes that has the scheduler told."""
        was = boot.counted
        self._acts.claims.forget(boot)
        self._acts.migrating.for_good(boot)
        self.charge(boot, was)
        self.moves.end(boot.id, ERROR, self.clock.now())
