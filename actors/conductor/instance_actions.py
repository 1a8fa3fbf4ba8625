"""What was done to each server, and what is being done: the instance actions, with their parts.

Owned by the conductor. The boot is the first of them, read from its story; the others are rows. Invariant: of a server
that lives, every action is here; of each the newest state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from actors.acts import ActDone, ActRequest, AnyAct, Edit, builtins_of, name_of, shown_name
from actors.conductor.boots import Boot
from actors.errors import CallerFault, Fault
from actors.messages import DeleteRequest, EvacuateRequest, StoryLine, UnshelveRequest
from actors.records import InstanceAction, InstanceActionEvent
from actors.saga import describe
from actors.states import Vm

PARTS = {
    "stop": "compute_stop_instance",
    "start": "compute_start_instance",
    "reboot": "compute_reboot_instance",
    "pause": "compute_pause_instance",
    "unpause": "compute_unpause_instance",
    "suspend": "compute_suspend_instance",
    "resume": "compute_resume_instance",
    "attach_volume": "compute_attach_volume",
    "detach_volume": "compute_detach_volume",
    "attach_interface": "compute_attach_interface",
    "detach_interface": "compute_detach_interface",
    "createImage": "compute_snapshot_instance",
    "createBackup": "compute_backup_instance",
    "evacuate": "compute_rebuild_instance",
    "delete": "compute_terminate_instance",
    "rebuild": "compute_rebuild_instance",
    "rescue": "compute_rescue_instance",
    "unrescue": "compute_unrescue_instance",
    "resize": "compute_finish_resize",
    "confirmResize": "compute_confirm_resize",
    "revertResize": "compute_finish_revert_resize",
    "migrate": "compute_finish_resize",
    "shelve": "compute_shelve_instance",
    "unshelve": "compute_unshelve_instance",
}
EVACUATE = "evacuate"
UNSHELVE = "unshelve"
DELETE = "delete"
BOOT_PART = "compute__do_build_and_run_instance"
ERROR = "Error"  # what a user reads where a part failed; the cause is its host's
Asked = Edit | EvacuateRequest | UnshelveRequest | DeleteRequest
KEPT = 200  # finished actions of one server
ANSWERED = ("device", "place")  # of an act: what whoever asked for it is answered with, also where he asks again


class InstanceActions:
    def __init__(self) -> None:
        self._actions: dict[str, dict[str, InstanceAction]] = defaultdict(dict)  # by instance, by id, oldest first

    def load(self, rows: list[InstanceAction], living: set[str]) -> None:
        for row in sorted(rows, key=lambda row: row.started_at):
            if row.instance_id in living:
                self.put(row)

    def put(self, action: InstanceAction) -> None:
        known = self._actions[action.instance_id]
        known[action.id] = action
        if len(known) > KEPT:
            oldest = next((one.id for one in known.values() if one.finished_at), "")
            known.pop(oldest, None)

    def find(self, instance_id: str, action_id: str) -> InstanceAction | None:
        return self._actions[instance_id].get(action_id) if instance_id in self._actions else None

    def pending(self, instance_id: str) -> list[InstanceAction]:
        """Acts that are not over; to be built again is none."""
        return [one for one in self._actions.get(instance_id, {}).values() if one.act and not one.finished_at]

    def of(self, instance_id: str) -> list[InstanceAction]:
        return list(self._actions.get(instance_id, {}).values())

    def record(self, edit: Edit, boot: Boot, now: float) -> InstanceAction:
        """Of an edit that counts as an action; it is over at once."""
        return self._begun(edit.action_id, edit.record, edit, boot, now, over=True)

    def evacuates(self, request: EvacuateRequest, boot: Boot, now: float) -> InstanceAction:
        """It begins to be built again elsewhere."""
        return self._begun(request.id, EVACUATE, request, boot, now)

    def unshelves(self, request: UnshelveRequest, boot: Boot, now: float) -> InstanceAction:
        """It begins to be built again where there is room."""
        return self._begun(request.id, UNSHELVE, request, boot, now)

    def deletes(self, request: DeleteRequest, boot: Boot, now: float) -> InstanceAction:
        """It begins to go. When it is gone is in its own row: see `of_deleted`."""
        return self._begun(f"{boot.id}:{DELETE}", DELETE, request, boot, now)

    def _begun(
        self,
        action_id: str,
        name: str,
        asked: Asked,
        boot: Boot,
        now: float,
        over: bool = False,
    ) -> InstanceAction:
        action = InstanceAction(
            id=action_id,
            instance_id=boot.id,
            project_id=boot.instance.project_id,
            user_id=asked.user_id,
            request_id=asked.request_id,
            name=name,
            started_at=now,
            updated_at=now,
            finished_at=now if over else 0.0,
        )
        self.put(action)
        return action

    def built_again(self, boots: Iterable[Boot], now: float) -> list[InstanceAction]:
        """What is over now that these are ACTIVE again, in ERROR, or shelved as before."""
        over = [
            ended(one, boot.instance.host, _how_rebuilt(one, boot, now), now)
            for boot in boots
            for one in self.of(boot.id)
            if one.name in (EVACUATE, UNSHELVE) and not one.finished_at
        ]
        for action in over:
            self.put(action)
        return over

    def drop(self, action: InstanceAction) -> None:
        """It could not be recorded."""
        self._actions[action.instance_id].pop(action.id, None)

    def forget(self, instance_id: str) -> None:
        self._actions.pop(instance_id, None)


def begun(request: ActRequest, boot: Boot, act: AnyAct, now: float) -> InstanceAction:
    return InstanceAction(
        id=request.id,
        instance_id=boot.id,
        project_id=boot.instance.project_id,
        user_id=request.user_id,
        request_id=request.request_id,
        name=shown_name(name_of(act)),
        started_at=now,
        updated_at=now,
        act=builtins_of(act),
    )


def ended(action: InstanceAction, host: str, reply: ActDone | Fault, now: float) -> InstanceAction:
    """With its one part, and without what is needed no more."""
    well = isinstance(reply, ActDone)
    part = InstanceActionEvent(
        event=PARTS.get(action.name, action.name),
        started_at=reply.started_at if isinstance(reply, ActDone) else action.started_at,
        finished_at=reply.finished_at if isinstance(reply, ActDone) else now,
        result="Success" if well else "Error",
        host=host,
        traceback="" if isinstance(reply, ActDone) else describe(reply),
    )
    return msgspec.structs.replace(
        action,
        finished_at=now,
        updated_at=now,
        message="" if well else ERROR,
        act={name: action.act[name] for name in ANSWERED if name in action.act},
        events=(part,),
    )


def _how_rebuilt(action: InstanceAction, boot: Boot, now: float) -> ActDone | CallerFault:
    if boot.instance.vm_state in (Vm.ERROR, Vm.SHELVED_OFFLOADED):
        return CallerFault(500, str(boot.instance.fault.get("message", "")))
    return ActDone(started_at=action.started_at, finished_at=now)


def boot_action(boot: Boot, story: list[StoryLine]) -> InstanceAction:
    """The boot as an instance action: its steps are the parts."""
    row = boot.instance
    failed = row.vm_state in (Vm.ERROR, Vm.DELETED) and not row.launched_at
    steps = tuple(_part(line) for line in story if line.host)
    ends = (_part(line).finished_at for line in story)  # also of steps that no host had
    finished = row.launched_at or (max(ends, default=0.0) or row.updated_at or row.created_at) * failed
    whole = InstanceActionEvent(
        event=BOOT_PART,
        started_at=row.created_at,
        finished_at=finished,
        result=("Error" if failed else "Success") if finished else "",
        host=row.host,
        traceback=str(row.fault.get("message", "")) if row.fault else "",
    )
    return InstanceAction(
        id=f"{row.id}:create",
        instance_id=row.id,
        project_id=row.project_id,
        user_id=row.user_id,
        request_id=row.request_id,
        name="create",
        started_at=row.created_at,
        updated_at=finished or row.created_at,
        finished_at=finished,
        message=ERROR if failed else "",
        events=(whole, *steps),
    )


def of_deleted(boot: Boot, story: list[StoryLine], rows: Iterable[InstanceAction]) -> list[InstanceAction]:
    """Oldest first. What was under way when it went, its deletion above all, was over when it was gone."""
    in_order = sorted(rows, key=lambda row: row.started_at)
    return [boot_action(boot, story), *(one if one.finished_at else _over(one, boot) for one in in_order)]


def _over(action: InstanceAction, boot: Boot) -> InstanceAction:
    at = boot.instance.deleted_at
    return ended(action, boot.instance.host, ActDone(started_at=action.started_at, finished_at=at), at)


def _part(line: StoryLine) -> InstanceActionEvent:
    done = line.took_ms >= 0
    failed = line.phase in ("failed", "undo_failed")
    return InstanceActionEvent(
        event=f"compute_{line.step}",
        started_at=line.at,
        finished_at=line.at + line.took_ms / 1000 if done else 0.0,
        result=("Error" if failed else "Success") if done else "",
        host=line.host,
        traceback=line.note if failed else "",
    )
