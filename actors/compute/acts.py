"""Acts on guests that have been built, as the compute room does them: one at a time for each guest.

Part of the room's service. An act is run from its order alone and may be run again: after a crash the conductor sends
it once more. Invariants: an act that fails leaves ports and volumes as they were; a hard reboot and a deletion wait for
the act at work, and tell it to hurry.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from actors.acts import (
    ActDone,
    ActOrder,
    Arrive,
    AttachInterface,
    AttachVolume,
    ConfirmResize,
    CreateImage,
    DetachInterface,
    DetachVolume,
    Leave,
    Pause,
    Reboot,
    Rebuild,
    Rescue,
    Resize,
    Resume,
    Return,
    RevertResize,
    Shelve,
    Start,
    Stop,
    Suspend,
    Unpause,
    Unrescue,
    name_of,
)
from actors.clock import Clock
from actors.compute.bringing_back import bring_back
from actors.compute.migrating import arrive, back_on, bound, come_back, leave, run_on
from actors.compute.plugging import attach_interface, attach_volume, detach_interface, detach_volume, plug
from actors.compute.rebuilding import rebuild
from actors.compute.rescuing import rescue, unrescue
from actors.compute.resizing import confirm_resize, heal, resize, revert_resize, writes_on
from actors.compute.shelving import shelve
from actors.errors import CallerError, Fault, HostError, HostFault
from actors.image.upload import send
from actors.messages import DiskOffer, ImageRequest, Vif

if TYPE_CHECKING:
    from actors.compute.service import Compute

HALT_S = 45.0  # that who works on a guest has to end it when the guest is to go: shorter than what its deletion waits
OVER_KEPT = 1_000  # ends of such acts that the conductor may not have heard
PUT_BACK = Resize | Shelve | AttachVolume | AttachInterface
"""What failed of these is as it was, and is told so: an order that comes twice must not do it after that."""

REMEMBERED = Rebuild | Rescue | Unrescue | Resize | ConfirmResize | RevertResize | Shelve | Arrive | Return
MADE_ANEW = Rebuild | Arrive | Return  # of whatever is there


@dataclass(slots=True)
class _Turns:
    """Who works on one guest, and who waits for that."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    users: int = 0
    gone: bool = False


class _Made(NamedTuple):
    """What an act has to tell beside that it is done."""

    vifs: tuple[Vif, ...] = ()
    root_device: str = ""
    disks: tuple[DiskOffer, ...] = ()


class Acts:
    def __init__(self, node: Compute, clock: Clock) -> None:
        self._node = node
        self._clock = clock
        self._turns: dict[str, _Turns] = {}
        self.halt_s = HALT_S
        self._over: OrderedDict[str, ActDone | Fault] = OrderedDict()  # by the act's id: it is not done again

    def at_work(self) -> set[str]:
        """Instances to whose guests something is being done."""
        return set(self._turns)

    async def run(self, order: ActOrder) -> ActDone | Fault:
        turns = self._turns.setdefault(order.instance_id, _Turns())
        turns.users += 1
        if isinstance(order.act, Reboot) and order.act.hard:
            turns.hurry.set()
        try:
            async with turns.turn:
                return await self._run(order, turns)
        finally:
            self._leave(order.instance_id, turns)

    async def halt(self, instance_ids: list[str]) -> set[str]:
        """Returns when nobody works on these guests any more, which are about to go, or after a while: those on which
        somebody does still, as where a room that was asked neither answers nor fails."""
        at_work = {one: turns for one in instance_ids if (turns := self._turns.get(one)) is not None}
        if not at_work:
            return set()
        for turns in at_work.values():
            turns.users += 1
            turns.gone = True
            turns.hurry.set()
        waiting = {one: asyncio.create_task(self._is_over(one, turns)) for one, turns in at_work.items()}
        _, late = await asyncio.wait(waiting.values(), timeout=self.halt_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return {one for one, task in waiting.items() if task in late}

    async def _is_over(self, instance_id: str, turns: _Turns) -> None:
        try:
            async with turns.turn:
                pass
        finally:
            self._leave(instance_id, turns)

    def _leave(self, instance_id: str, turns: _Turns) -> None:
        turns.users -= 1
        if not turns.users:
            self._turns.pop(instance_id, None)

    async def _run(self, order: ActOrder, turns: _Turns) -> ActDone | Fault:
        started_at = self._clock.now()
        step = name_of(order.act)
        if turns.gone or self._node.is_going(order.instance_id, order.attempt):
            return HostFault(step, order.host, "the server is being deleted")
        if (known := self._over.get(order.id)) is not None:
            return known
        try:
            done = await self._do(order, turns.hurry)
        except (CallerError, HostError) as error:
            return self._failed(order, error.fault)
        except (ConnectionError, TimeoutError) as error:
            return self._failed(order, HostFault(step, order.host, str(error) or type(error).__name__))
        now = self._clock.now()
        told = ActDone(
            started_at=started_at, finished_at=now, vifs=done.vifs, root_device=done.root_device, disks=done.disks
        )
        if isinstance(order.act, REMEMBERED):
            self._remember(order, told)
        return told

    def _failed(self, order: ActOrder, fault: Fault) -> Fault:
        if isinstance(order.act, PUT_BACK):
            self._remember(order, fault)
        return fault

    def _remember(self, order: ActOrder, end: ActDone | Fault) -> None:
        self._over[order.id] = end
        if len(self._over) > OVER_KEPT:
            self._over.popitem(last=False)

    async def _do(self, order: ActOrder, hurry: asyncio.Event) -> _Made:
        guests, instance_id = self._node.hypervisor.guests, order.instance_id
        if order.spec.adrift and not isinstance(order.act, Arrive | Return):  # before a guest is made with what it has
            order = await bound(self._node, order)
        if not isinstance(order.act, MADE_ANEW):
            await bring_back(self._node, order)
        match order.act:
            case Stop(wait_s=wait_s):
                keep = await writes_on(self._node, order)
                await guests.shut_down(instance_id, wait_s, hurry)
                if keep:
                    await heal(self._node, order, keep)
            case Start():
                await guests.unrescue(instance_id)  # an administrator's reset forgets that it is rescued, or resized
                await heal(self._node, order)
                await self._start(order)
            case Resume():
                await self._start(order)
            case Reboot(hard=hard, wait_s=wait_s):
                keep = await writes_on(self._node, order)
                await (guests.switch_off(instance_id) if hard else guests.shut_down(instance_id, wait_s, hurry))
                hurry.clear()
                await guests.unrescue(instance_id)
                await heal(self._node, order, keep)
                await self._start(order)
            case Pause():
                await guests.pause(instance_id)
            case Unpause():
                await guests.unpause(instance_id)
            case Suspend():
                await guests.suspend(instance_id)
            case AttachVolume():
                await attach_volume(self._node, order, order.act)
            case DetachVolume(volume_id=volume_id):
                await detach_volume(self._node, order, volume_id)
            case AttachInterface():
                return _Made(vifs=(await attach_interface(self._node, order, order.act),))
            case DetachInterface(port_id=port_id):
                await detach_interface(self._node, order, port_id)
            case CreateImage():
                await self._image(order, order.act)
            case Rebuild():
                return _Made(root_device=await rebuild(self._node, order, order.act, hurry))
            case Rescue():
                await rescue(self._node, order, order.act, hurry, partial(self._start, order))
            case Unrescue():
                await unrescue(self._node, order, partial(self._start, order))
            case Resize():
                await resize(self._node, order, order.act, hurry, self._start)
            case ConfirmResize():
                await confirm_resize(self._node, order)
            case RevertResize():
                await revert_resize(self._node, order, order.act, self._start)
            case Shelve():
                await shelve(self._node, order, order.act, hurry, partial(self._start, order))
            case Leave():
                return _Made(disks=await leave(self._node, order, order.act, hurry))
            case Arrive():
                build = await arrive(self._node, order, order.act, hurry)
                await run_on(self._node, order, build, order.act.stopped, self._start)
                return _Made(vifs=build.vifs, root_device=build.root_device)
            case Return():
                build = await come_back(self._node, order, order.act)
                await back_on(self._node, order, build, order.act.stopped, self._start)
                return _Made(vifs=build.vifs, root_device=build.root_device)
        return _Made()

    async def _image(self, order: ActOrder, act: CreateImage) -> None:
        """The file is made anew where an earlier life had begun it; the image room takes each byte once."""
        request = ImageRequest(token=act.token, image_id=act.image_id, by_service=True)
        try:
            path = await self._node.hypervisor.guests.copy_root_disk(order.instance_id)
            try:
                await send(self._node.image, request, path)
            finally:
                await asyncio.to_thread(path.unlink, True)
        except (CallerError, HostError):
            await self._node.image.delete([request])  # nobody shall wait for its data
            raise

    async def _start(self, order: ActOrder) -> None:
        """A guest whose taps had gone (its machine was started anew) waits for its ports as at its boot."""
        guests, node = self._node.hypervisor.guests, self._node
        await plug(node, order, order.vifs, lambda: guests.start_paused(order.instance_id))
        await guests.unpause(order.instance_id)
