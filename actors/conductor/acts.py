"""Acts on servers that have been booted: accepted durably, done by compute, recorded when they are over.

Owned by the conductor. An act is on disk, as an instance action that has no end yet, before it is answered for; the
task_state that it shows is written with it. Invariants: an act that was accepted is done or failed, and then recorded
as such, whoever dies on the way (compute takes acts twice harmlessly); of acts with a task_state one is at work at a
time; what of a server's order an act changed is changed back where it failed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from itertools import takewhile
from types import UnionType
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import msgspec

from actors import lifecycle
from actors.acts import (
    Act,
    ActDone,
    ActRequest,
    AnyAct,
    AttachVolume,
    DetachInterface,
    DetachVolume,
    Migrate,
    Reboot,
    Rescue,
    Resize,
    Resume,
    RevertResize,
    Shelve,
    Start,
    Stop,
    act_of,
    name_of,
    shown_name,
)
from actors.conductor.act_orders import as_it_stands, is_too_late, order_of
from actors.conductor.act_preparing import Preparing, check_lock, wrong_state
from actors.conductor.boots import Boot
from actors.conductor.claim_changes import ClaimChanges
from actors.conductor.device_ends import LEFT, Devices, end_without_host
from actors.conductor.held import kept_places
from actors.conductor.instance_actions import InstanceActions, begun, ended
from actors.conductor.migrating import Migrating
from actors.conductor.moves_told import told, untold, was_done
from actors.conductor.moving_orders import set_out
from actors.conductor.nodes import NodeLeftError
from actors.conductor.reserving import Reserving
from actors.conductor.resized import RESIZES
from actors.conductor.settling import Settling
from actors.conductor.taking_back import Begun
from actors.errors import CallerError, CallerFault, Fault, HostFault, StaleEpochError, conflict, not_found
from actors.messages import NoHostFound
from actors.records import InstanceAction
from actors.states import Task, Vm

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

EVENTS = {
    "stop": "power_off",
    "start": "power_on",
    "reboot": "reboot",
    "reboot_hard": "reboot",
    "attach_volume": "volume_attach",
    "detach_volume": "volume_detach",
    "attach_interface": "interface_attach",
    "detach_interface": "interface_detach",
    "createImage": "snapshot",
    "createBackup": "snapshot",
    "migrate": "resize",
    "confirmResize": "resize_confirm",
    "revertResize": "resize_revert",
}  # where a notification has another name than the act
TOO_LATE = "the server was built again elsewhere"
SECRETS = ("token", "admin_password")
ALONE = Rescue | Resize | RevertResize | Shelve | Migrate  # what was begun before these is over first
PLUGS = Start | Resume | Reboot  # they plug the ports that their server has: devices that come or go do so first
OTHERS_S = 600.0  # for devices that come or go when a server is to be rescued or resized
BUSY = f"other actions are not over within {OTHERS_S:g} s"


class Acts:
    def __init__(self, conductor: Conductor, actions: InstanceActions) -> None:
        self._conductor = conductor
        self._actions = actions
        self._at_work: dict[str, asyncio.Event] = {}  # by action id; set when it is over
        self._unwritten: dict[str, dict[str, InstanceAction]] = {}  # by instance, by id; they go with the next
        self._telling: Counter[str] = Counter()  # by instance: how many writes of its actions are under way
        self._again: set[str] = set()  # instances of which acts stopped since the database or volumes were away
        self._preparing = Preparing(conductor, actions)
        self.claims = ClaimChanges(conductor)
        self.reserving = Reserving(conductor)
        self.migrating = Migrating(conductor)
        self._settling = Settling(conductor, self.migrating)

    def is_resizing(self, instance_id: str) -> bool:
        return self._preparing.is_resizing(instance_id)

    # ------------------------------------------------------------ accepting

    async def accept(self, requests: list[ActRequest]) -> list[InstanceAction | CallerFault]:
        """Answers when what can be done is on disk; it is done in the background."""
        replies: list[InstanceAction | CallerFault] = []
        fresh: list[tuple[InstanceAction, Begun | None]] = []
        for request in requests:
            boot = self._conductor.boot(request.instance_id)
            before = None if boot is None else (boot.instance, boot.template, boot.acting)
            reply = self._begin(request)
            replies.append(reply)
            if isinstance(reply, InstanceAction) and reply.id not in self._at_work and not reply.finished_at:
                changed = None if boot is None or before is None else Begun(boot, *before, after=boot.instance)
                fresh.append((reply, changed))
                self._at_work[reply.id] = asyncio.Event()
        telling = (self._tell(action, "start") for action, _ in fresh)
        outcomes = await asyncio.gather(*telling, return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        for (action, changed), outcome in zip(fresh, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                self._take_back(action, changed)
            else:
                self._conductor.spawn(self._run(action))
        if failures:
            raise failures[0]
        return [public(reply) if isinstance(reply, InstanceAction) else reply for reply in replies]

    def _take_back(self, action: InstanceAction, changed: Begun | None) -> None:
        """It could not be recorded, so it was not accepted: what it changed of its server is as it was."""
        self._actions.drop(action)
        untold(self._conductor.moves, action)
        unwritten = self._unwritten.get(action.instance_id, {})
        unwritten.pop(action.id, None)
        if not unwritten:
            self._unwritten.pop(action.instance_id, None)
        if changed is not None and self._there(action.instance_id) is changed.boot:
            was = changed.boot.counted
            changed.take_back(action.id)
            self._conductor.charge(changed.boot, was)
        self._let_go(action.id)

    def _begin(self, request: ActRequest) -> InstanceAction | CallerFault:
        """All that is decided, before anything is awaited: two that exclude each other can't both begin."""
        boot = self._conductor.boot(request.instance_id)
        if boot is None:
            return not_found("server", f"Instance {request.instance_id} could not be found.")
        if known := self._actions.find(boot.id, request.id):
            return known
        try:
            check_lock(boot, request.above_locks)
            self._preparing.check_host(boot, request)
            stands = as_it_stands(boot, request.act)
            if isinstance(stands, RevertResize):
                gone = self._conductor.nodes.has_left(boot.instance.node)
                stands = msgspec.structs.replace(stands, forced=gone)
            name = name_of(stands)
            state = lifecycle.begun(name, boot.state)
            if isinstance(state, lifecycle.Refused):
                raise CallerError(wrong_state(name, boot, state))
            if not boot.instance.launched_at:
                text = f"Cannot '{shown_name(name)}' instance {boot.id} while it has never been active"
                raise CallerError(conflict("", text))
            act = self._preparing.prepared(boot, stands, request.id)
        except CallerError as error:
            return error.fault
        boot.become(state)
        if state.task is not Task.NONE:
            boot.acting = request.id
        action = begun(request, boot, act, self._conductor.clock.now())
        told(self._conductor.moves, boot, action)
        self._actions.put(action)
        return action

    # ------------------------------------------------------------ doing

    def resume(self) -> None:
        """Take up what a dead conductor had accepted."""
        self._take_up(self._conductor.all_boots())

    def node_is_back(self, node: str) -> None:
        """Its compute actor started: what was not told to it, or not answered, is told again."""
        self._take_up([boot for boot in self._conductor.all_boots() if _is_on(boot, node)])

    def _take_up(self, boots: list[Boot]) -> None:
        for boot in boots:
            for action in self._actions.pending(boot.id):
                if action.id not in self._at_work:
                    if is_too_late(boot, action):
                        self._conductor.spawn(self._end(action, self._without_it(boot, action)))
                        continue
                    if lifecycle.ACTIONS[name_of(act_of(action.act))].task is not Task.NONE:
                        boot.acting = action.id
                    self._at_work[action.id] = asyncio.Event()
                    self._conductor.spawn(self._run(action))

    def _without_it(self, boot: Boot, action: InstanceAction) -> ActDone | Fault:
        """How one that is not to be done any more ended."""
        if was_done(self._conductor.moves, action):
            return ActDone(started_at=action.started_at, finished_at=self._conductor.clock.now())
        return HostFault(action.name, boot.instance.host, TOO_LATE)

    async def stop_again(self, boots: list[Boot]) -> None:
        """What was stopped before it was built again elsewhere."""
        await self.accept(
            [
                ActRequest(
                    id=str(uuid5(UUID(boot.id), f"stopped again {boot.instance.attempt}")),
                    instance_id=boot.id,
                    act=Stop(wait_s=0.0),
                    user_id=boot.instance.user_id,
                    request_id=boot.instance.request_id,
                    above_locks=True,
                )
                for boot in boots
            ]
        )

    async def node_left(self, node: str) -> None:
        """What the node can't do any more has failed, and is not done when it is back. One that is back does it."""
        if not self._conductor.nodes.has_left(node):
            return
        self._conductor.nodes.give_up(node, acts=True)
        for boot in [one for one in self._conductor.all_boots() if one.instance.node == node]:
            for action in self._actions.pending(boot.id):
                act = act_of(action.act)
                if self._goes_back(boot, action):
                    continue
                if isinstance(act, Devices):
                    self._conductor.spawn(self._end_soon(boot, action, act))
                    continue
                await self._end(action, HostFault(name_of(act), boot.instance.host, LEFT))

    async def _end_soon(self, boot: Boot, action: InstanceAction, act: Devices) -> None:
        try:
            await self._end_without_host(boot, action, act)
        except ConnectionError:
            self._again.add(boot.id)

    async def _end_without_host(self, boot: Boot, action: InstanceAction, act: Devices) -> None:
        """What waited for it goes on."""
        await self._end(action, await end_without_host(self._conductor, boot, act))
        self._take_up([boot])

    def _goes_back(self, boot: Boot, action: InstanceAction) -> bool:
        """It was on its way to the node, or is about to leave it: it still can."""
        moving = boot.spec().moving
        moves = isinstance(act_of(action.act), RESIZES | Migrate)
        if moving is None or not moves or boot.instance.host == moving.host:
            return False
        self._take_up([boot])
        return True

    async def _run(self, action: InstanceAction) -> None:
        try:
            await self._do(action)
        except ConnectionError:  # the database, or volumes: what was not taken is written, or done, by and by
            self._let_go(action.id)
            self._again.add(action.instance_id)

    async def tend(self) -> None:
        """Ends that could not be written are, and what could not go on goes on."""
        for instance_id, unwritten in list(self._unwritten.items()):
            if self._telling[instance_id]:
                continue  # tried again, it would be written over what came since
            writing, boot = list(unwritten.values()), self._there(instance_id)
            with suppress(ConnectionError):
                await self._conductor.write([boot] if boot else [], "", writing)
                self._written(instance_id, writing)
                if boot is not None and boot.spec().resized is not None:
                    self.claims.add([instance_id])
        again, self._again = self._again, set()
        self._take_up([boot for boot in map(self._conductor.boot, sorted(again)) if boot is not None])

    async def _do(self, action: InstanceAction) -> None:
        boot = self._conductor.boot(action.instance_id)
        if boot is None:
            return
        act = act_of(action.act)
        kinds = _waited_for(act)
        if kinds is not None and not await self._is_first(action, kinds):
            return
        if isinstance(act, Resize) and not await self._has_room(boot, action, act):
            return
        if isinstance(act, Migrate) or (isinstance(act, RESIZES) and boot.spec().moving is not None):
            await self._move(boot, action)
            return
        row = boot.instance
        if row.vm_state == Vm.SHELVED_OFFLOADED and isinstance(act, AttachVolume | DetachVolume):
            await self._end(action, await self.reserving.reserve(boot, act))
            return
        if isinstance(act, Devices) and self._conductor.nodes.has_left(row.node):
            await self._end_without_host(boot, action, act)
            return
        try:
            reply = await self._told(boot, action, row.node)
        except (ConnectionError, LookupError):
            self._let_go(action.id)  # it stands until the node's actor says hello, or the node has left
        except StaleEpochError:  # that actor ends itself: another has said hello, or will
            self._let_go(action.id)
            self._again.add(boot.id)
        else:
            await self._end(action, reply)

    async def _told(self, boot: Boot, action: InstanceAction, node: str) -> ActDone | Fault:
        """Rooms do nothing for an actor that is stale by then: what it says of a device counts for nothing."""
        nodes, is_device = self._conductor.nodes, isinstance(act_of(action.act), Devices)
        while True:
            epoch = nodes.epoch(node)
            order = order_of(boot, action, self._conductor.life, epoch if is_device else 0)
            asking = self._conductor.compute(node).act([order])
            [reply] = await nodes.call(node, asking, acts=True)
            if not is_device or epoch == nodes.epoch(node):
                return reply
            if nodes.has_left(node):
                raise NodeLeftError(LEFT)

    async def _move(self, boot: Boot, action: InstanceAction) -> None:
        reply = await self.migrating.run(boot, action, lambda: self._is_wanted(boot, action))
        if reply is None:
            self._let_go(action.id)
            if (moving := boot.spec().moving) is not None and moving.given_up:  # it waits for its first node
                self._again.add(boot.id)
            await self.migrating.tell()
        else:
            await self._end(action, reply)

    def _is_wanted(self, boot: Boot, action: InstanceAction) -> bool:
        """It was not ended meanwhile, and its server is there."""
        known = self._actions.find(boot.id, action.id)
        there = self._there(boot.id) is boot and not boot.instance.deleting
        return there and known is not None and not known.finished_at

    async def _has_room(self, boot: Boot, action: InstanceAction, act: Resize) -> bool:
        """The scheduler first, then the order, durably, then its host; where that has no room it goes to another."""
        resized = boot.spec().resized
        if resized is None or resized.to is None:
            return True  # a conductor that died had asked
        if boot.spec().moving is None and not await self._is_decided(boot, action, act):
            return False
        await self._conductor.write([boot], "")
        return True

    async def _is_decided(self, boot: Boot, action: InstanceAction, act: Resize) -> bool:
        def wanted() -> bool:
            return self._is_wanted(boot, action)

        lack = await self.claims.grow(boot, wanted)
        acting = boot.acting == action.id  # else an administrator has reset it meanwhile
        if not wanted():
            self._let_go(action.id)
            await self.claims.tell()
            return False
        if isinstance(lack, NoHostFound) and acting:
            set_out(boot, act, action.id, lack.message)
        elif lack is not None:
            why = HostFault(action.name, boot.instance.host, lack.message) if isinstance(lack, NoHostFound) else lack
            await self._end(action, why)
            return False
        elif acting:
            boot.become(boot.state._replace(task=Task.RESIZE_MIGRATING))
        return True

    async def _is_first(self, action: InstanceAction, kinds: type[Act] | UnionType) -> bool:
        """What was begun before it, of these kinds, is over: else a device would come or go after the guest's own are
        put aside, or the guest be given one that went."""
        until = self._conductor.clock.monotonic() + OTHERS_S
        while any(one in self._at_work for one in self._earlier(action, kinds)):  # one may be told again
            if (left_s := until - self._conductor.clock.monotonic()) <= 0.0:
                break
            await self.wait(self._earlier(action, kinds), left_s)
        if not (left := self._earlier(action, kinds)):
            return True
        if any(one in self._at_work for one in left):
            boot = self._conductor.boot(action.instance_id)
            await self._end(action, HostFault(action.name, boot.instance.host if boot else "", BUSY))
        else:
            self._let_go(action.id)  # their host is away; they and this are told again, in their order
        return False

    def _earlier(self, action: InstanceAction, kinds: type[Act] | UnionType) -> list[str]:
        before = takewhile(lambda one: one.id != action.id, self._actions.pending(action.instance_id))
        return [one.id for one in before if isinstance(act_of(one.act), kinds)]

    async def wait(self, action_ids: list[str], wait_s: float) -> None:
        """Until all of these are over, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                for one in [self._at_work[i] for i in action_ids if i in self._at_work]:
                    await one.wait()

    # ------------------------------------------------------------ the end of it

    async def _end(self, action: InstanceAction, reply: ActDone | Fault) -> None:
        """Row, action and notification in one commit."""
        known = self._actions.find(action.instance_id, action.id)
        if known is not None and known.finished_at:
            return  # told twice
        boot = self._there(action.instance_id)
        host = boot.instance.host if boot else ""
        told = ended(action, host, reply, self._conductor.clock.now())
        if boot is not None:
            self._actions.put(told)
        if boot is not None and not boot.instance.deleting:
            self._settling.settle(boot, action, reply)
        try:
            await self._tell(told, "end" if isinstance(reply, ActDone) else "error")
        finally:
            self._let_go(action.id)
        if isinstance(act_of(action.act), RESIZES):
            self.claims.add([action.instance_id])
            await self.claims.tell()
        if isinstance(act_of(action.act), RESIZES | Migrate):
            self.migrating.tend_soon()
        if boot is not None and isinstance(done := act_of(action.act), Migrate | Resize) and isinstance(reply, ActDone):
            await self.migrating.heard(boot, done)
        if isinstance(act_of(action.act), Shelve):
            await self._conductor.shelving.tend()

    def is_written(self, boot: Boot) -> bool:
        """Whether ends of this server's acts are on disk, with what they made of it."""
        return boot.id not in self._unwritten

    def _there(self, instance_id: str) -> Boot | None:
        """One of which only that it is deleted has yet to be written is there no more."""
        boot = self._conductor.boot(instance_id)
        return None if boot is None or boot.instance.vm_state == Vm.DELETED else boot

    def _let_go(self, action_id: str) -> None:
        if (event := self._at_work.pop(action_id, None)) is not None:
            event.set()

    async def _tell(self, action: InstanceAction, phase: str) -> None:
        """A server that is gone meanwhile is written no more, its action is."""
        boot = self._there(action.instance_id)
        event = EVENTS.get(action.name, action.name)
        unwritten = self._unwritten.setdefault(action.instance_id, {})
        unwritten[action.id] = action
        writing = list(unwritten.values())
        self._telling[action.instance_id] += 1
        try:
            await self._conductor.write([boot] if boot else [], f"instance.{event}.{phase}", writing)
        finally:
            self._telling[action.instance_id] -= 1
            self._telling += Counter()  # without those of none
        self._written(action.instance_id, writing)

    def _written(self, instance_id: str, actions: list[InstanceAction]) -> None:
        unwritten = self._unwritten.get(instance_id, {})
        for one in actions:
            if unwritten.get(one.id) is one:
                del unwritten[one.id]
        if not unwritten:
            self._unwritten.pop(instance_id, None)


def _is_on(boot: Boot, node: str) -> bool:
    """Whether it is there, or something of it is."""
    row = boot.instance
    if row.node == node or not boot.elsewhere:
        return row.node == node
    return any(place.node == node for place in kept_places(boot.spec(), row.host))


def _waited_for(act: AnyAct) -> type[Act] | UnionType | None:
    """What was begun before it, of these kinds, has to be over; None = nothing."""
    if isinstance(act, ALONE):
        return Act
    if isinstance(act, PLUGS):
        return Devices
    return PLUGS if isinstance(act, DetachInterface) else None  # one that was taken over plugs what it was told of


def public(action: InstanceAction) -> InstanceAction:
    """As it is told: without the secrets that it is done with."""
    act = {name: value for name, value in action.act.items() if name not in SECRETS}
    return msgspec.structs.replace(action, act=act)
