"""The compute room: one per worker node. Owns the guests of its hosts and the builds in hand.

Called by the conductor (build, destroy) and the network room (plugged). It runs the NODE table over cohorts of builds
and tells the conductor of every step. It has no database: all it needs comes with the order (steps 14-18).
Invariants: at most one build or destruction of an instance is in hand at a time; an attempt that ended here is told
of again and not run again; an actor that is stale begins nothing (`standing.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from actors.acts import ActDone, ActOrder, Screen
from actors.boot import NODE
from actors.clock import Clock
from actors.cluster.config import NodeConfig
from actors.compute.acts import Acts
from actors.compute.beat import Beat
from actors.compute.build import Build
from actors.compute.hosts import Hosts
from actors.compute.hypervisor import Hypervisor
from actors.compute.plugs import Plugs
from actors.compute.powers import Powers
from actors.compute.reports import Cohorts, merged
from actors.compute.screens import Screens
from actors.compute.standing import AtStake, Standing
from actors.compute.strays import Strays
from actors.compute.taking_up import take_up
from actors.compute.uptime import uptime
from actors.errors import CallerFault, Fault, HostFault, StaleEpochError, conflict
from actors.faces import ConductorFace, ImageFace, NetworkFace, SchedulerFace, VolumeFace
from actors.messages import (
    LOST,
    BootFault,
    BuildEnded,
    BuildOrder,
    DestroyOrder,
    Hello,
    ImageLocation,
    ImageRequest,
    PlugEvent,
    StepReport,
    StepTold,
)
from actors.outbox import Outbox
from actors.remembered import Remembered
from actors.saga import Failures, Outcome, Phase, Saga, Table, describe

CANCELLED = conflict("", "the instance was deleted while it was being built")
STALE = conflict("", "this compute service is stale")
SUCCEEDED = "another conductor has taken over from the one that says so"
SUPERSEDED = conflict("", "a newer attempt has taken over")
ENDED_LIMIT = 50_000  # attempts that are remembered after they ended; an order is hardly ever repeated later
REPORT_TRIES = 30  # times a batch of reports is offered to the conductor
REPORT_PAUSE_S = 0.5
REPORTS_LIMIT = 1_000_000  # steps and ends that wait to be told: more than a node can have guests
LOCATED_S = 10.0  # an image that is deleted may be booted from so long, with the same token: the door has asked
AT_WORK = "what was begun on its guest is not over"
REPORTS_ABREAST = 3  # full messages on their way: while one's ends are written, the next is read
REPORT_LINGER_S = 0.1  # how late the conductor may hear of a step; of an end it hears at once

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rooms:
    """Whom compute talks to."""

    conductor: ConductorFace
    scheduler: SchedulerFace
    image: ImageFace
    network: NetworkFace
    volume: VolumeFace


@dataclass(slots=True)
class _InHand:
    build: Build
    halted: Fault | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class Compute:
    def __init__(
        self,
        config: NodeConfig,
        hypervisor: Hypervisor,
        rooms: Rooms,
        clock: Clock,
        table: Table[Compute, Build] = NODE,
    ) -> None:
        self.config = config
        self.hypervisor = hypervisor
        self.image = rooms.image
        self.located = Remembered(rooms.image.locate, clock, LOCATED_S)
        self.network = rooms.network
        self.volume = rooms.volume
        self.hosts = Hosts()
        self.plugs = Plugs()
        self.conductor = rooms.conductor
        self._clock = clock
        self._ruled_by = 0  # the newest conductor that was heard: the number of its life
        self._in_hand: dict[str, list[_InHand]] = {}  # by instance; more than one only while attempts overlap
        self._going: Counter[str] = Counter()  # instances that are being destroyed
        self._destructions: dict[str, list[asyncio.Event]] = {}  # of these; set when it is over
        self._ended: OrderedDict[str, tuple[int, BuildEnded | None]] = OrderedDict()  # attempt, and what was told of it
        self._unheard: dict[str, Build] = {}  # of guests that run, and the conductor has not heard of it
        self._found: frozenset[str] = frozenset()  # instances of which an earlier life of this actor left something
        self._halted: set[str] = set()  # instances of which a build in hand goes no further
        self._tasks: set[asyncio.Task[None]] = set()
        self._cohorts = Cohorts()
        self._reports: Outbox[StepReport | BuildEnded, None] = Outbox(
            self._send_reports, limit=REPORTS_LIMIT, linger_s=REPORT_LINGER_S, abreast=REPORTS_ABREAST
        )
        self._acts = Acts(self, clock)
        self._screens = Screens(config.node_ip, hypervisor.guests, clock)
        self.powers = Powers(self, clock)
        at_stake = AtStake(lambda: bool(self._in_hand or self._unheard), self._stop_unheard, hypervisor.watchdog)
        self.standing = Standing(rooms.conductor, clock, at_stake)
        self._beat = Beat(config, hypervisor, self.hosts, rooms.scheduler, self.standing, self._building, clock)
        self._saga = Saga(table, self, config.host, clock, self._journal, self._why_halted)
        self.strays = Strays(self)

    async def start(self) -> None:
        """Connect to the hypervisor, say hello, take up what was in hand, and show the hosts to the scheduler."""
        await self.hypervisor.start()
        self._found = frozenset(await self.hypervisor.instances())
        await self._beat.look()
        asked_at = self._clock.monotonic()
        welcome = await self.conductor.hello(Hello(node=self.config.host, hosts=self.hosts.names()))
        self.standing.begin(self.config.host, welcome.epoch, asked_at)
        self._beat.enabled = welcome.enabled
        self._ruled_by = max(welcome.by, self._ruled_by)
        for claim in (*welcome.running, *welcome.kept):
            self.hosts.claim(claim)
        await take_up(self, welcome)
        if self.standing.stale:
            return  # another has said hello since: this one ends
        await self.build(list(welcome.unfinished))
        with suppress(ConnectionError):  # the scheduler is away: the next beat tells it
            await self.heartbeat()
        await self.powers.begin()

    @property
    def epoch(self) -> int:
        return self.standing.epoch

    async def heartbeat(self) -> None:
        """The scheduler hears of the hosts that have changed, and of the others only that they are there."""
        try:
            await self._beat.tell()
        except StaleEpochError as error:
            await self.standing.end(str(error))

    async def set_enabled(self, enabled: bool) -> None:
        """Disabled, the node goes on with what it has and builds, and gets nothing new."""
        self._beat.enabled = enabled
        await self.heartbeat()

    def _building(self) -> Counter[str]:
        return Counter(held.build.order.host for attempts in self._in_hand.values() for held in attempts)

    # ------------------------------------------------------------ building

    async def build(self, orders: list[BuildOrder]) -> None:
        """Take orders in hand, once each; of those that ended already the end is told again.

        Raises `StaleEpochError` where the conductor has given this node to another actor, `ConnectionError` as `act`.
        """
        await self._check(orders)
        self._obey(orders)
        builds = [Build(order) for order in orders if order.epoch == self.epoch and self._is_fresh(order)]
        self.strays.ordered([build.id for build in builds])
        older = self._halt([build.id for build in builds], SUPERSEDED)
        going = self._destructions_of([build.id for build in builds])
        for build in builds:
            self._in_hand.setdefault(build.id, []).append(_InHand(build))
        if builds:
            self.standing.watch()
        for first in range(0, len(builds), self.hypervisor.cohort):
            self.spawn(self._run(builds[first : first + self.hypervisor.cohort], older, going))

    async def _check(self, orders: Sequence[BuildOrder | DestroyOrder | ActOrder]) -> None:
        if any(order.epoch > self.epoch for order in orders) or self.standing.stale:
            await self.standing.end("it was given an order of a newer epoch")
            raise StaleEpochError(f"epoch {self.epoch} of node {self.config.host} is over")

    def _obey(self, orders: Sequence[BuildOrder | DestroyOrder | ActOrder]) -> None:
        """What a conductor says that was taken for dead, and lives on, may be long out of date: whatever it had begun
        was told again by the one that took over. Raises `ConnectionError`, after which it does nothing."""
        lives = [order.by for order in orders]
        if min(lives, default=self._ruled_by) < self._ruled_by:
            raise ConnectionError(SUCCEEDED)
        self._ruled_by = max(lives, default=self._ruled_by)

    def _is_fresh(self, order: BuildOrder) -> bool:
        attempt, told = self._ended.get(order.instance_id, (-1, None))
        if attempt >= order.attempt:
            if attempt == order.attempt:
                self._reports.cast(told or self._taken_back(order))
            return False
        held = self._in_hand.get(order.instance_id, [])
        return all(one.build.order.attempt < order.attempt for one in held)

    def _taken_back(self, order: BuildOrder) -> BuildEnded:
        """This attempt was destroyed here. A conductor that died before it wrote that down orders it again."""
        fault = BootFault(code=500, message="this attempt was taken back", step=LOST, at=self._clock.now())
        return BuildEnded(
            instance_id=order.instance_id,
            attempt=order.attempt,
            host=order.host,
            node=self.config.host,
            epoch=self.epoch,
            at=self._clock.now(),
            vifs=(),
            root_device="",
            fault=fault,
            retry=True,
            undone=True,
        )

    def _halt(self, instance_ids: list[str], reason: Fault) -> list[_InHand]:
        """Builds in hand go no further: they end undone. What they wait for is given up."""
        halted = [held for i in instance_ids for held in self._in_hand.get(i, ())]
        for held in halted:
            held.halted = reason
            self._halted.add(held.build.id)
            self.plugs.forget(held.build.id)
        return halted

    async def _run(self, builds: list[Build], older: list[_InHand], going: list[asyncio.Event]) -> None:
        for held in older:  # an older attempt's undo must not take what the newer one makes
            await held.finished.wait()
        for over in going:  # nor a destruction that nobody waits for any more
            await over.wait()
        outcome = await self._saga.forward(builds)
        await self._undo_earlier_life(outcome)
        for build in outcome.done:
            self._finish(build, None)
        for build, fault in outcome.failed:
            shown = _boot_fault(fault, outcome.failed_at[build.id], build, self._clock.now())
            self._finish(build, shown, retry=isinstance(fault, HostFault), undone=build.id not in outcome.broken)

    async def _undo_earlier_life(self, outcome: Outcome[Build]) -> None:
        """With what failed now an earlier life of this actor may have come further: up to a guest that runs."""
        older = [build for build, _ in outcome.failed if build.id in self._found]
        if older:
            outcome.broken |= await self._saga.backward(older)

    def _finish(self, build: Build, fault: BootFault | None, retry: bool = False, undone: bool = True) -> None:
        self._let_go(build)
        if self.standing.stale:
            return
        if fault is not None and undone:
            self.hypervisor.watchdog.let_go([build.id])
        order = build.order
        told = BuildEnded(
            instance_id=build.id,
            attempt=order.attempt,
            host=order.host,
            node=self.config.host,
            epoch=self.epoch,
            at=self._clock.now(),
            vifs=build.vifs if fault is None else (),
            root_device=build.root_device,
            fault=fault,
            retry=retry,
            undone=undone,
        )
        if fault is None:
            self._unheard[build.id] = build
        self._remember(build.id, order.attempt, told)
        self._reports.cast(told)

    def _remember(self, instance_id: str, attempt: int, told: BuildEnded | None) -> None:
        self._ended[instance_id] = attempt, told
        self._ended.move_to_end(instance_id)
        if len(self._ended) > ENDED_LIMIT:
            self._ended.popitem(last=False)

    def _held(self, build: Build) -> _InHand:
        return next(held for held in self._in_hand[build.id] if held.build is build)

    def _why_halted(self, builds: list[Build]) -> Failures:
        if self.standing.stale:
            return {build.id: STALE for build in builds}
        if not self._halted:
            return {}
        held = [self._held(build) for build in builds if build.id in self._halted]
        return {one.build.id: one.halted for one in held if one.halted is not None}

    def _let_go(self, build: Build) -> None:
        held = self._held(build)
        held.finished.set()
        self._in_hand[build.id].remove(held)
        if not self._in_hand[build.id]:
            del self._in_hand[build.id]
            self._halted.discard(build.id)

    # ------------------------------------------------------------ destroying

    async def destroy(self, orders: list[DestroyOrder]) -> list[CallerFault | None]:
        """Cancel what is in hand, then undo every step. An undo that fails is the host's fault and is told as such.

        Raises `StaleEpochError` where the conductor has given this node to another actor, `ConnectionError` as `act`.
        """
        await self._check(orders)
        self._obey(orders)
        self.strays.ordered([order.instance_id for order in orders])  # it may be brought here next
        for order in orders:  # an order to build that comes late, or again, must not bring it back
            self._remember(order.instance_id, order.attempt, None)
            self._unheard.pop(order.instance_id, None)
        going = [order.instance_id for order in orders]
        held, earlier = self._halt(going, CANCELLED), self._destructions_of(going)
        self._going.update(going)
        with self._destroying(going):
            await asyncio.gather(*(one.finished.wait() for one in held), *(over.wait() for over in earlier))
            broken = {one: [AT_WORK] for one in await self._acts.halt(going)}
            free = [Build(order) for order in orders if order.instance_id not in broken]
            broken |= await self._saga.backward(free) if free else {}
        self._going.subtract(going)
        self.hypervisor.watchdog.let_go([instance_id for instance_id in going if instance_id not in broken])
        return [_undo_fault(broken.get(order.instance_id)) for order in orders]

    def _destructions_of(self, instance_ids: list[str]) -> list[asyncio.Event]:
        """Those that are under way; nobody may wait for one any more, as where a conductor died."""
        return [over for one in instance_ids for over in self._destructions.get(one, ())]

    @contextmanager
    def _destroying(self, instance_ids: list[str]) -> Iterator[None]:
        over = asyncio.Event()
        for one in instance_ids:
            self._destructions.setdefault(one, []).append(over)
        try:
            yield
        finally:
            over.set()
            for one in instance_ids:
                self._destructions[one].remove(over)
                if not self._destructions[one]:
                    del self._destructions[one]

    @contextmanager
    def taking_away(self, builds: list[Build]) -> Iterator[None]:
        """What nobody has in hand is, until this is over: builds and destructions of the same instances wait."""
        for build in builds:
            self._in_hand.setdefault(build.id, []).append(_InHand(build))
        try:
            yield
        finally:
            for build in builds:
                self._let_go(build)

    async def undo(self, builds: list[Build]) -> dict[str, list[str]]:
        """Undo every step of what is being taken away; the causes of those that could not be undone, by instance."""
        return await self._saga.backward(builds)

    def in_hand(self) -> set[str]:
        """Instances that are being built, destroyed or taken away here now."""
        return self._in_hand.keys() | (+self._going).keys()

    def busy(self) -> set[str]:
        """These, and those to whose guests something is being done."""
        return self.in_hand() | self._acts.at_work()

    # ------------------------------------------------------------ guests that have been built

    async def act(self, orders: list[ActOrder]) -> list[ActDone | Fault]:
        """Do things to guests; returns when all are done. Who orders that has heard of their boots.

        Raises `StaleEpochError` where the conductor has given this node to another actor, `ConnectionError` where
        another conductor has been heard since the one that says so.
        """
        await self._check(orders)
        self._obey(orders)
        for order in orders:
            if self._unheard.pop(order.instance_id, None) is not None:
                self.hypervisor.watchdog.let_go([order.instance_id])
        return list(await asyncio.gather(*(self._acts.run(order) for order in orders)))

    def stake(self, build: Build) -> None:
        """It runs here on a lease until somebody orders anything of it, who has heard that it does."""
        self._unheard[build.id] = build
        self.standing.watch()

    def is_going(self, instance_id: str, attempt: int) -> bool:
        """Whether this attempt of it is being destroyed here, or was: what comes late must not bring it back."""
        destroyed = self._ended.get(instance_id, (-1, None))
        return self._going[instance_id] > 0 or (destroyed[1] is None and destroyed[0] >= attempt)

    async def screen(self, instance_id: str) -> Screen:
        return await self._screens.open(instance_id)

    async def diagnostics(self, instance_id: str) -> dict[str, Any]:
        return await self.hypervisor.guests.diagnostics(instance_id)

    async def uptime(self) -> str:
        return await uptime(self.config.host)

    # ------------------------------------------------------------ events and questions

    async def holds(self, instance_ids: list[str]) -> list[tuple[str, int, str]]:
        found: list[tuple[str, int, str]] = []
        for instance_id in instance_ids:
            orders = [held.build.order for held in self._in_hand.get(instance_id, ()) if held.build.order.attempt >= 0]
            ended = self._ended.get(instance_id, (-1, None))[1]
            found += [(instance_id, order.attempt, order.host) for order in orders[-1:]]
            if ended is not None and not orders:
                found.append((instance_id, ended.attempt, ended.host))
        return found

    async def plugged(self, events: list[PlugEvent]) -> None:
        for event in events:
            self.plugs.tell(event.instance_id, event.port_id)

    async def precache(self, requests: list[ImageRequest]) -> list[CallerFault | HostFault | None]:
        located = await self.image.locate(requests)
        pairs = zip(requests, located, strict=True)
        return list(await asyncio.gather(*(self._precache(request.token, reply) for request, reply in pairs)))

    async def _precache(self, token: str, located: ImageLocation | CallerFault) -> CallerFault | HostFault | None:
        if isinstance(located, CallerFault):
            return located
        return await self.hypervisor.cache_image(located, token)

    async def evict_images(self) -> None:
        if gone := await self.hypervisor.evict_images():
            log.info("node %s: nobody used these images: %s", self.config.host, ", ".join(gone))

    async def console(self, instance_id: str, lines: int) -> str:
        return await self.hypervisor.console(instance_id, lines)

    async def world(self) -> dict[str, list[str]]:
        """What is here, for audits and the law tests."""
        books = {
            "claims": sorted(claim.instance_id for claim in self.hosts.claims()),
            "expecting": self.plugs.expecting(),
        }
        return books | await self.hypervisor.world()

    async def close(self) -> None:
        """Nobody is joined to a guest's screen any more."""
        await self._screens.close()

    async def settled(self) -> None:
        """Wait until nothing is in hand and everything has been told."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._reports.drained()
        await self.powers.drained()

    # ------------------------------------------------------------ telling the conductor

    def _journal(self, items: Sequence[Build], step: str, phase: Phase, at: float, note: str) -> None:
        told = StepTold(step, phase, at, note)
        names = self._cohorts.names(items)
        report = StepReport(builds=names, node=self.config.host, epoch=self.epoch, steps=(told,))
        self._reports.cast(report, by_and_by=True)

    async def _send_reports(self, told: list[StepReport | BuildEnded]) -> list[CallerFault | HostFault | None]:
        reports = merged(told)
        for tries_left in reversed(range(REPORT_TRIES)):
            asked_at = self._clock.monotonic()
            try:
                await self.conductor.progress(reports)
                self.standing.answered(asked_at)
                break
            except StaleEpochError as error:
                await self.standing.end(str(error))
                break
            except ConnectionError:
                if not tries_left:
                    raise
                await asyncio.sleep(REPORT_PAUSE_S)
        ended = [report for report in told if isinstance(report, BuildEnded)]
        for report in ended:
            self._unheard.pop(report.instance_id, None)
        if ended and not self.standing.stale:
            run = [report.instance_id for report in ended if report.fault is None]
            self.hypervisor.watchdog.let_go([one for one in run if one not in self._in_hand])
        return [None] * len(told)

    async def _stop_unheard(self) -> None:
        """Guests of builds that may be given to another node: they must not run here and there."""
        in_hand = [held.build for attempts in self._in_hand.values() for held in attempts]
        await self.hypervisor.stop([*in_hand, *self._unheard.values()])

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended_task)

    def _ended_task(self, task: asyncio.Task[None]) -> None:
        """Work that crashed leaves builds in hand that nobody goes on with: another actor is given them again."""
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self.standing.crashed(failure)


def _boot_fault(fault: Fault, step: str, build: Build, at: float) -> BootFault:
    """As the user sees it: a host's fault names its own step, which may lie within the one that ran."""
    message, host = describe(fault), build.order.host
    if isinstance(fault, HostFault):
        return BootFault(code=500, message=message, step=fault.step, host=fault.host, at=at)
    return BootFault(code=fault.status, message=message, step=step, host=host, details={"field": fault.field}, at=at)


def _undo_fault(causes: list[str] | None) -> CallerFault | None:
    return CallerFault(500, "; ".join(causes)) if causes else None
