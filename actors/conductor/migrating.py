"""Cold migration: a server goes to another host with its disks, part by part, and waits there to be confirmed.

So is a server resized where its own host has no room for the new flavor. Owned by the conductor's acts, which accept it
and record its end. Each part is on disk before the next begins, may be run again, and the way back is run from wherever
it was: a host is found and holds room beside the first (`KeptPlace`); nothing of the server is on it; the guest leaves
its host; the row says that it is on the other; it arrives. Invariants: its first host keeps its disks, and room for it,
until it is confirmed; it runs on one host at a time; what comes to nothing is where it was; a host that it left for
good lets go of it, whoever dies, and only then gives its room back.

Where one of the two nodes left the cluster while it waits to be confirmed, what is on the other stays: with the first
gone it can only be confirmed, with the second gone only reverted. Its owner may do that once the node is lost for good
(`Nodes.lost_in_s`), and an administrator, who sees to it that it is off, at once: cut off, its guest may run on there,
as one of a server that is evacuated or deleted, though its ports are unbound and its volumes' exports were ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.acts import (
    LEFT_OFF,
    ROOM_AWAY,
    STAYS,
    Act,
    ActDone,
    AnyAct,
    Arrive,
    ConfirmResize,
    Leave,
    Migrate,
    Resize,
    Return,
    RevertResize,
    act_of,
    name_of,
    shown_name,
)
from actors.conductor import moved
from actors.conductor.boots import Boot
from actors.conductor.held import kept_places, other_place
from actors.conductor.moves import MIGRATING, MIGRATION, OVER, POST_MIGRATING, RESIZE
from actors.conductor.moving_orders import Goes, goes_to, moving_of, order_of, other_flavor, source_of, target_of
from actors.conductor.nodes import NodeLeftError
from actors.conductor.resized import forget
from actors.errors import CallerFault, Fault, HostError, HostFault, StaleEpochError
from actors.messages import Exchange, KeptPlace, Moving, NoHostFound, Placed, PlaceRequest
from actors.records import InstanceAction
from actors.saga import describe
from actors.states import Power, Task
from actors.vifs import alike

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

BUSY = 503  # the scheduler does not know all hosts yet, or again
ASK_S = 120.0  # a scheduler that is away, or does not know its hosts, is asked for so long
PAUSE_S = 0.2
BACK_S = 1_800.0  # a server is put back where it was for so long, while the network or the volume room is away
AWAY = "the scheduler can't be reached"
PART = "migrate"  # the step of a fault of one of its parts
ELSEWHERE = "; elsewhere: "
LEFT = "the host left the cluster"
NOT_ASKED = "the server is not on its way to another host"

Wanted = Callable[[], bool]
Reply = ActDone | Fault | None


class StandsError(Exception):
    """Who is to do the next part is away: it is done when that actor says hello, or its node has left."""


class Migrating:
    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor
        self._unclaimed: set[str] = set()  # ids by which the scheduler may hold room that is needed no more
        self._due: set[str] = set()  # ids of servers that hosts have yet to let go of
        self._busy: set[str] = set()  # of those: that are being worked on

    def begin(self, boots: list[Boot]) -> None:
        """With what a dead conductor may not have told."""
        boots = [boot for boot in boots if boot.elsewhere]
        places = [(boot, place) for boot in boots for place in kept_places(boot.spec(), boot.instance.host)]
        asked = {moving.claim_id for boot in boots if (moving := boot.spec().moving) is not None}  # or about to be
        held = {place.claim_id for _, place in places} | asked
        moves = [one for one in self._conductor.moves.newest() if one.kind in (MIGRATION, RESIZE)]
        self._unclaimed = {move.id for move in moves if move.status in OVER} - held
        self._due = {boot.id for boot in boots if boot.spec().left_behind}
        for boot in boots:
            if not boot.instance.task_state:
                self._conductor.spawn(self._heard_again(boot))

    # ------------------------------------------------------------ there, and back

    async def run(self, boot: Boot, action: InstanceAction, wanted: Wanted) -> Reply:
        """How it ended; None: it stands, or is not wanted any more. Raises `ConnectionError`."""
        moving = boot.spec().moving
        act = act_of(action.act)
        if moving is None:
            return HostFault(_step(act), boot.instance.host, NOT_ASKED)
        try:
            match act:
                case Migrate() | Resize() if not moving.back:
                    return await self._go(boot, act, wanted)
                case Migrate() | Resize():
                    return await self._go_back(boot, act, wanted)
                case RevertResize():
                    return await self._revert(boot, act, wanted)
                case _:
                    now = self._conductor.clock.now()
                    return ActDone(started_at=now, finished_at=now)
        except StandsError:
            return None

    async def _go(self, boot: Boot, act: Goes, wanted: Wanted) -> Reply:
        if not moving_of(boot).target_host and (fault := await self._find(boot, act, wanted)) is not None:
            return fault
        if not wanted():
            return None
        moving, left = moving_of(boot), None
        if boot.instance.host == moving.host:
            await self._conductor.scheduler.confirm([moving.claim_id])
            await self._destroy(boot, target_of(moving))  # what another time may have left there
            if wanted():
                left = await self._order(boot, source_of(moving), Leave(wait_s=0.0 if act.stopped else act.wait_s))
            if wanted() and isinstance(left, ActDone):
                await self._is_on(boot, target_of(moving), Task.RESIZE_MIGRATED)
        if not wanted():
            return None
        if boot.instance.host != moving.host:
            await self._exchange(boot)
            if not wanted():
                return None
            left = left or await self._order(boot, source_of(moving), Leave(gone=True))
            if not isinstance(left, ActDone) and self._conductor.nodes.has_left(moving.node):
                now = self._conductor.clock.now()
                left = ActDone(started_at=now, finished_at=now)  # all may have come before: that is the last there is
            if wanted() and isinstance(left, ActDone):
                left = await self._arrive(boot, act, left)
        if not wanted() or isinstance(left, ActDone):
            return left if wanted() else None
        assert left is not None, "it was told to leave"
        await self._turn_back(boot, left)
        return await self._go_back(boot, act, wanted) if wanted() else None

    async def _arrive(self, boot: Boot, act: Goes, left: ActDone) -> ActDone | Fault:
        self._shows(boot, Task.RESIZE_FINISH)
        self._conductor.write_later([boot])
        arrive = Arrive(token=act.token, disks=left.disks, stopped=moving_of(boot).stopped)
        return await self._order(boot, target_of(moving_of(boot)), arrive)

    async def _turn_back(self, boot: Boot, why: Fault) -> None:
        """From now on it goes back, whoever dies. An attempt to attach its volumes may be over, where it is."""
        moving = replace(moving_of(boot), back=True, why=describe(why))
        boot.ask_anew(moving=moving)
        if boot.instance.host == moving.host:
            boot.change(attempt=boot.instance.attempt + 1)
        await self._conductor.write([boot], "")

    async def _revert(self, boot: Boot, act: RevertResize, wanted: Wanted) -> Reply:
        """It runs where it is: cut off from here, it may go on doing so. Raises `StandsError`.

        Before anything is thrown away there it is on disk that it may be: from then on it waits for its first node,
        unless that is lost for good.
        """
        moving, nodes = moving_of(boot), self._conductor.nodes
        if boot.instance.host != moving.host and not act.forced:
            was_given_up = moving.given_up
            if not was_given_up and not nodes.has_left(moving.node):
                boot.ask_anew(moving=replace(moving, given_up=True))
                await self._conductor.write([boot], "")
                if not wanted():
                    return None
            if nodes.has_left(moving.node):  # since it was asked for: what is here is the last there is, if it is here
                if was_given_up and nodes.lost_in_s(moving.node) > 0.0:
                    raise StandsError
                boot.ask_anew(moving=replace(moving_of(boot), given_up=False))
                return HostFault(STAYS, moving.host, LEFT)
            try:
                await self._destroy(boot, target_of(moving), in_place=False)
            except NodeLeftError:
                return HostFault(STAYS, moving.target_host, LEFT)
        return await self._go_back(boot, act, wanted) if wanted() else None

    async def _go_back(self, boot: Boot, act: Goes | RevertResize, wanted: Wanted) -> Reply:
        moving = moving_of(boot)
        if boot.instance.host != moving.host:
            await self._destroy(boot, target_of(moving), may_begin=bool(moving.why))
            if wanted():
                await self._is_on(boot, source_of(moving), Task(boot.instance.task_state))
        if not wanted():
            return None
        await self._exchange(boot)
        if not wanted():
            return None
        reply = await self._put_back(boot, Return(token=act.token, stopped=moving.stopped), wanted)
        if not wanted():
            return None
        if isinstance(reply, ActDone):
            self._wire(boot, reply)
            boot.change(power_state=(Power.SHUTDOWN if moving.stopped else Power.RUNNING).value)
            return HostFault(_step(act), moving.target_host, moving.why) if moving.why else reply
        if self._conductor.nodes.has_left(moving.node):
            return HostFault(_step(act), moving.host, moving.why or describe(reply))
        return HostFault(LEFT_OFF, moving.host, f"{describe(reply)}; it was to be put back{_after(moving)}")

    async def _put_back(self, boot: Boot, act: Return, wanted: Wanted) -> ActDone | Fault:
        """It can go nowhere else: what a room that is away answers for is asked again. Raises `StandsError`."""
        until = self._conductor.clock.monotonic() + BACK_S
        while True:
            reply = await self._order(boot, source_of(moving_of(boot)), act)
            is_away = isinstance(reply, HostFault) and reply.step == ROOM_AWAY
            if not is_away or not wanted() or self._conductor.clock.monotonic() >= until:
                return reply
            await asyncio.sleep(PAUSE_S)

    # ------------------------------------------------------------ the parts

    async def _find(self, boot: Boot, act: Goes, wanted: Wanted) -> Fault | None:
        """Room on another host, beside what it holds; durably that it goes there."""
        moving, why = moving_of(boot), AWAY
        until = self._conductor.clock.monotonic() + ASK_S
        while wanted() and self._conductor.clock.monotonic() < until:
            reply = await self._asked(boot, moving)
            if not wanted():
                break
            if isinstance(reply, Placed):
                goes_to(boot, reply)
                self._shows(boot, Task.RESIZE_MIGRATING)
                self._conductor.moves.goes_to(
                    boot.id, target_of(moving_of(boot)), MIGRATING, self._conductor.clock.now()
                )
                await self._conductor.write([boot], "")
                return None
            if isinstance(reply, NoHostFound):
                return HostFault(_step(act), moving.host, f"{moving.why}{ELSEWHERE * bool(moving.why)}{reply.message}")
            if reply is not None:
                why = reply.message
                if reply.status != BUSY:
                    return reply
            await asyncio.sleep(PAUSE_S)
        self._unclaimed.add(moving.claim_id)
        await self.tell()
        return HostFault(_step(act), moving.host, why)

    async def _asked(self, boot: Boot, moving: Moving) -> Placed | NoHostFound | CallerFault | None:
        """None: nobody answers, or who did is no more, and does not hold it."""
        lives = self._conductor.scheduler_lives
        try:
            [reply] = await self._conductor.scheduler.place([self._request(boot, moving)])
        except ConnectionError:
            return None
        return reply if lives == self._conductor.scheduler_lives else None

    def _request(self, boot: Boot, moving: Moving) -> PlaceRequest:
        """One compute actor has a guest once: another host of its own is none to go to."""
        node = self._conductor.nodes.row(moving.node)
        resized = boot.spec().resized
        asked = boot.place_request(resized.to if resized else None)
        zone = boot.spec().availability_zone.partition(":")[0]  # the host that was asked for once is not any more
        leaves = (place.host for place in boot.spec().left_behind)  # not those where it was once built in vain, or lost
        return replace(
            asked,
            instance_id=moving.claim_id,
            attempt=0,
            availability_zone=zone,
            destination=moving.to,
            ignore_hosts=(*leaves, moving.host, *(node.hosts if node is not None else ())),
            beside=boot.id,
            batch="",
            least=0,
        )

    async def _is_on(self, boot: Boot, place: KeptPlace, task: Task) -> None:
        """Durably. From now on this is another attempt: what comes late from the other host counts for nothing."""
        now, moving = self._conductor.clock.now(), moving_of(boot)
        boot.change(host=place.host, node=place.node, attempt=boot.instance.attempt + 1, updated_at=now)
        zone = moving.zone if place.host == moving.host else moving.target_zone
        boot.change(availability_zone=zone or boot.instance.availability_zone)
        other_flavor(boot)
        self._shows(boot, task)
        if task is Task.RESIZE_MIGRATED:
            self._conductor.moves.turn(boot.id, POST_MIGRATING, now)
        await self._conductor.write([boot], "")

    async def _exchange(self, boot: Boot) -> None:
        row, moving = boot.instance, moving_of(boot)
        await self._conductor.scheduler.exchange(
            [Exchange(instance_id=boot.id, claim_id=moving.claim_id, host=row.host)]
        )

    async def _order(self, boot: Boot, place: KeptPlace, act: Leave | Arrive | Return) -> ActDone | Fault:
        """Raises `StandsError`."""
        nodes = self._conductor.nodes
        if nodes.has_left(place.node):
            return HostFault(PART, place.host, LEFT)
        try:
            asking = self._conductor.compute(place.node).act([order_of(boot, place, act, self._conductor.life)])
            [reply] = await nodes.call(place.node, asking, acts=True)
        except NodeLeftError:
            return HostFault(PART, place.host, LEFT)
        except (ConnectionError, LookupError, StaleEpochError) as error:
            raise StandsError from error
        return reply

    async def _destroy(self, boot: Boot, place: KeptPlace, may_begin: bool = False, in_place: bool = True) -> None:
        """Nothing of it is on that host afterwards. `may_begin`: its guest may be about to begin there.
        `in_place`: what it held elsewhere is given back in place of a node that has left; else raises `NodeLeftError`.

        Raises `StandsError`; `ConnectionError` also where the host can't undo it, so that it is tried again.
        """
        nodes = self._conductor.nodes
        while not await self._destroyed(boot, place):
            if not in_place:
                raise NodeLeftError(LEFT)
            if may_begin:
                await asyncio.sleep(nodes.lease_left_s(place.node))
            if nodes.has_left(place.node):
                await self._give_back(boot, place)
            if nodes.has_left(place.node):
                return  # else it has come back meanwhile, and may have it still

    async def _give_back(self, boot: Boot, place: KeptPlace) -> None:
        await self._conductor.network.deallocate([moved.unbind(boot, place.host)])
        try:
            await self._conductor.volume.detach(moved.detach_kept(boot, place.host))
        except HostError as error:
            raise ConnectionError(str(error)) from error

    async def _destroyed(self, boot: Boot, place: KeptPlace) -> bool:
        """False: its node has left. Raises as `_destroy`."""
        nodes = self._conductor.nodes
        while not nodes.has_left(place.node):
            epoch = nodes.epoch(place.node)
            order = boot.destroy_order_at(place.host, epoch, self._conductor.life)
            try:
                destroying = self._conductor.compute(place.node).destroy([order])
                [reply] = await nodes.call(place.node, destroying)
            except NodeLeftError:
                continue
            except (ConnectionError, LookupError, StaleEpochError) as error:  # one that is stale is followed by another
                raise StandsError from error
            if reply is not None:
                raise ConnectionError(f"host {place.host}: {reply.message}")
            if epoch == nodes.epoch(place.node):
                return True
        return False

    # ------------------------------------------------------------ the end

    async def heard(self, boot: Boot, act: Goes) -> None:
        """Its new host hears that this is on disk: till then its guest runs on a lease. The order is the same again.
        Its first host need not keep copies of its disks beside them any more."""
        moving = boot.spec().moving
        if moving is None or moving.back or boot.instance.host != moving.target_host:
            return
        with suppress(StandsError):
            await self._order(boot, target_of(moving), Arrive(token=act.token, stopped=moving.stopped))
        if boot.spec().moving == moving:  # else it has been confirmed meanwhile, or goes back
            with suppress(StandsError):
                await self._order(boot, source_of(moving), Leave(gone=True, fetched=True))

    async def _heard_again(self, boot: Boot) -> None:
        """Of one that waits to be confirmed: what a conductor that died then may not have said.

        Any word will do where it is: it is not to be started, since its user may have shut it down.
        """
        moving = boot.spec().moving
        if moving is None or boot.instance.host != moving.target_host:
            return
        for place in (target_of(moving), source_of(moving)):
            with suppress(StandsError):
                if boot.spec().moving == moving:
                    await self._order(boot, place, Leave(gone=True, fetched=True))

    def settle(self, boot: Boot, act: Act, reply: ActDone | Fault) -> None:
        """It is over: it is there, where it was, or there for good."""
        moving = moving_of(boot)
        if isinstance(reply, ActDone) and not isinstance(act, ConfirmResize):
            self._wire(boot, reply)
        if isinstance(act, ConfirmResize):
            self.for_good(boot)
        elif isinstance(act, RevertResize) and boot.instance.host != moving.host:
            boot.ask_anew(moving=replace(moving, back=False))  # it is where it went, and may go back later
        elif isinstance(act, RevertResize) or not isinstance(reply, ActDone):
            boot.ask_anew(moving=None, adrift=self._is_adrift(moving, reply))
            self._unclaimed.add(moving.claim_id)
        boot.change(flavor=boot.spec().flavor)
        if boot.spec().moving is None and boot.spec().resized is not None:
            forget(boot)

    def _is_adrift(self, moving: Moving, reply: ActDone | Fault) -> bool:
        """It left its host, and could not be put back there."""
        left_off = isinstance(reply, HostFault) and reply.step == LEFT_OFF
        return left_off or (not isinstance(reply, ActDone) and self._conductor.nodes.has_left(moving.node))

    def for_good(self, boot: Boot) -> None:
        """It is where it is, and its other host has to let go of it."""
        spec = boot.spec()
        if spec.moving is not None and (place := other_place(spec.moving, boot.instance.host)) is not None:
            place = replace(place, flavor=place.flavor or spec.flavor)
            boot.ask_anew(moving=None, left_behind=(*spec.left_behind, place))
            self._due.add(boot.id)

    def _wire(self, boot: Boot, done: ActDone) -> None:
        boot.change(launched_at=done.finished_at, addresses=tuple(map(alike, self._conductor.floating.over(done.vifs))))
        if boot.spec().adrift:
            boot.ask_anew(adrift=False)
        if done.root_device:
            boot.change(root_device=done.root_device)

    def _shows(self, boot: Boot, task: Task) -> None:
        if boot.acting == moving_of(boot).act_id:
            boot.become(boot.state._replace(task=task))

    # ------------------------------------------------------------ what must not be forgotten

    async def tell(self) -> None:
        """Room that is needed no more, durably, is given back: of a server that is back where it was, what is its own
        there now has been held by the other id, unless the scheduler was told."""
        telling, self._unclaimed = self._unclaimed, set()
        moves = (self._conductor.moves.find(claim_id) for claim_id in sorted(telling))
        there = [(m.id, b) for m in moves if m is not None and (b := self._conductor.boot(m.instance_id)) is not None]
        exchanges = [
            Exchange(instance_id=boot.id, claim_id=claim_id, host=boot.instance.host)
            for claim_id, boot in there
            if boot.holds_host
        ]
        try:
            if exchanges:
                await self._conductor.scheduler.exchange(exchanges)
            if telling:
                await self._conductor.scheduler.release(sorted(telling))
        except ConnectionError:
            self._unclaimed |= telling

    def tend_soon(self) -> None:
        if self._due or self._unclaimed:
            self._conductor.spawn(self.tend())

    async def tend(self) -> None:
        """Hosts let go of what left them for good; what can't be done now is done by and by."""
        await self.tell()
        due = [boot for i in sorted(self._due - self._busy) if (boot := self._conductor.boot(i)) is not None]
        there = [boot for boot in due if boot.spec().left_behind and not boot.instance.deleting]
        self._due = self._busy | {boot.id for boot in there}
        self._busy |= {boot.id for boot in there}
        try:
            await asyncio.gather(*map(self._let_go, there))
        finally:
            self._busy -= {boot.id for boot in there}

    async def _let_go(self, boot: Boot) -> None:
        try:
            await self._conductor.write([boot], "")  # that it left is on disk
            for place in boot.spec().left_behind:
                await self._destroy(boot, place)
                left = tuple(one for one in boot.spec().left_behind if one != place)
                boot.ask_anew(left_behind=left)
                self._unclaimed.add(place.claim_id)
            if not boot.instance.deleting:
                await self._conductor.write([boot], "")
            await self.tell()
        except (StandsError, ConnectionError, HostError):
            return

    async def leave_all(self, boots: Iterable[Boot]) -> None:
        """Of servers that are deleted. Raises `ConnectionError` where a host is away."""
        for boot in boots:
            for place in kept_places(boot.spec(), boot.instance.host):
                try:
                    await self._destroy(boot, place)
                except StandsError as error:
                    raise ConnectionError(f"host {place.host} can't be reached") from error


def _step(act: AnyAct) -> str:
    """As a fault names it."""
    return shown_name(name_of(act))


def _after(moving: Moving) -> str:
    return f" after: {moving.why}" if moving.why else ""
