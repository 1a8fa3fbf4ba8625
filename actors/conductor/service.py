"""The conductor: sole owner of the database, and of every boot in flight.

Called by the API (accept, show, delete), by compute actors (hello, progress) and, as their ledger, by the other
rooms. It runs the CONTROL table over batches of boots; what the compute actors tell moves each boot on.
Invariants: an instance is changed here only; it is answered for only when it is on disk; every accepted boot ends
ACTIVE, or in ERROR with a fault, or deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from sys import intern

import msgspec

from actors.boot import CONTROL, NODE
from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.conductor import evacuation, moved
from actors.conductor.acceptance import Acceptance, launched
from actors.conductor.acts import Acts
from actors.conductor.attempts import Attempts, End, by_verb
from actors.conductor.boots import Boot, new_boot, stored_boot, view
from actors.conductor.company import Company
from actors.conductor.confirmations import Confirmations
from actors.conductor.deleted import KEPT as SHOWN
from actors.conductor.floating import FloatingShown
from actors.conductor.held import kept_places
from actors.conductor.keys import KEPT as KEYS_KEPT
from actors.conductor.living import Living
from actors.conductor.moves import ERROR, OPEN
from actors.conductor.moves import KEPT as MOVES_KEPT
from actors.conductor.nodes import Nodes
from actors.conductor.notifications import KEPT
from actors.conductor.questions import no_server
from actors.conductor.quotas import Quotas, group_of
from actors.conductor.seats import Seats
from actors.conductor.shelving import Shelving, Unshelvings
from actors.conductor.timeline import Moment
from actors.conductor.writing import STORY_FLUSH_S, Writing
from actors.errors import CallerFault
from actors.faces import ComputeFace, ImageFace, NetworkFace, SchedulerFace, VolumeFace
from actors.messages import (
    LOST,
    BootFault,
    BootSpec,
    BuildEnded,
    DeleteRequest,
    EvacuateRequest,
    Hello,
    Launched,
    ServerView,
    StepReport,
    UnshelveRequest,
    Welcome,
)
from actors.records import (
    Archive,
    Change,
    ComputeQuota,
    Instance,
    InstanceAction,
    Kind,
    Move,
    Notification,
    OrderTemplate,
    Story,
)
from actors.saga import Failures, Phase, Saga, Table
from actors.scheduler.messages import PlacementExplained
from actors.states import Event, Power, Vm

ALONE = 100  # deletions that could not be done are tried again each by itself: one that can't be holds up no other
STEP_EVENT = {step.name: step.event for step in NODE if step.event}


@dataclass(frozen=True, slots=True)
class Rooms:
    """Whom the conductor talks to; `computes` gives the compute actor of a node."""

    scheduler: SchedulerFace
    network: NetworkFace
    volume: VolumeFace
    computes: Callable[[str], ComputeFace]
    image: ImageFace


class Conductor(Living):
    def __init__(
        self,
        config: CloudConfig,
        store: Archive,
        rooms: Rooms,
        clock: Clock,
        table: Table[Conductor, Boot] = CONTROL,
        life: int = 0,
    ) -> None:
        """`life`: by which it writes the database, and compute actors know its orders from those of one before."""
        super().__init__(store, Quotas(config.compute_quotas))
        self.scheduler = rooms.scheduler
        self.network = rooms.network
        self.volume = rooms.volume
        self.compute = rooms.computes
        self.image = rooms.image
        self.clock = clock
        self.life = life
        self.faults: dict[str, BootFault] = {}  # faults with more to say than a line, until the boot ends
        self._config = config
        self._seats = Seats(config.boots_in_flight_limit)  # of boots that are accepted and not ended
        fenced = (rooms.scheduler, rooms.network, rooms.volume)
        self.nodes = Nodes(self, fenced, clock, lost_after_s=config.evacuate_after_s)
        self.floating = FloatingShown()
        self._confirmations = Confirmations(rooms.scheduler, self._boots, self.spawn)
        self._leaving: dict[str, Boot] = {}  # those that are being deleted
        self._tasks: set[asyncio.Task[None]] = set()
        self._attempts = Attempts(self, table[1:], config, self._seats, self._actions)
        self._acts = Acts(self, self._actions)
        self._evacuations = evacuation.Evacuations(self, self._actions)
        self._unshelvings = Unshelvings(self, self._actions)
        self.shelving = Shelving(self, self._attempts, self._acts)
        self._company = Company(self.go)
        self._writing = Writing(store, self._notifications, self.moves, self._actions, clock, self.boot)
        door = Saga(table[:1], self, "", clock, self.journal, _nothing_halts)
        self._acceptance = Acceptance(
            self._boots,
            self._seats,
            self._quotas,
            door.forward,
            lambda boots: self._company.add(boots, len(self._seats)),
            clock,
        )

    # ------------------------------------------------------------ start

    async def start(self) -> None:
        """Load what lives, and go on with what was in flight. Most of what there is was deleted, and little of that is
        needed: each start would be longer than the one before."""
        living = await self._store.load_where(
            Instance, "vm_state", [state.value for state in Vm if state != Vm.DELETED]
        )
        deleted = await self._store.newest(Instance, "deleted_at", SHOWN)
        ids = [row.id for row in living]
        stories = {row.id: row for row in await self._store.load_where(Story, "id", ids)}
        templates = await self._templates_of([*living, *deleted])
        self._boots.update((row.id, stored_boot(row, stories.get(row.id), templates)) for row in living)
        self._leaving.update((boot.id, boot) for boot in self._boots.values() if boot.instance.deleting)
        self._deleted.load(stored_boot(row, None, templates) for row in deleted if row.vm_state == Vm.DELETED)
        await self._load_keys()
        self._quotas.begin_anew()
        for boot in self._boots.values():
            self._quotas.take(boot.instance.project_id, boot.counted, 1, group_of(boot.spec()))
        self._quotas.set_limits(await self._store.load(ComputeQuota))
        for boot in self._boots.values():
            if boot.building:
                self._seats.take(boot.instance.project_id, [boot.id])
        await self.nodes.load()
        self._notifications.load(await self._store.newest(Notification, "id", KEPT))
        newest = await self._store.newest(Move, "number", MOVES_KEPT)
        self.moves.load([*newest, *await self._store.load_where(Move, "status", OPEN)])
        self._actions.load(await self._store.load_where(InstanceAction, "instance_id", ids), set(ids))

    async def _templates_of(self, rows: list[Instance]) -> dict[str, OrderTemplate]:
        ids = sorted({row.template for row in rows if row.template})
        return {row.id: row for row in await self._store.load_where(OrderTemplate, "id", ids)}

    async def _load_keys(self) -> None:
        living = [(row.project_id, row.idempotency_key, row.id) for row in (b.instance for b in self._boots.values())]
        fields = ("project_id", "idempotency_key", "id", "deleted_at")
        newest = await self._store.columns(Instance, fields, "deleted_at", KEYS_KEPT)
        deleted = [(project, key, one) for project, key, one, at in reversed(newest) if at and one not in self._boots]
        self._acceptance.keys.load(living, deleted)

    def resume(self) -> None:
        """Take up boots and deletions that a dead conductor left; call it when the other rooms can be reached."""
        boots = list(self._boots.values())
        self._confirmations.begin(boot.id for boot in boots if boot.again and not boot.building)
        self._attempts.inherit(boots)
        self.spawn(self._attempts.go_on([boot for boot in boots if boot.building]))
        self.spawn(self.remove(list(self._leaving.values())))
        self.spawn(self._attempts.letting_go.now([boot for boot in boots if not boot.instance.deleting]))
        for node in self.nodes.left():
            self.spawn(self._abandon(node))
        self._acts.claims.add(boot.id for boot in boots if boot.spec().resized is not None)
        self.spawn(self._acts.claims.tell())
        self._acts.migrating.begin(boots)
        self._acts.migrating.tend_soon()
        self.shelving.add(boot.id for boot in boots if self.shelving.is_due(boot))
        self.spawn(self.shelving.tend())
        self._acts.resume()
        built = [boot for boot in boots if boot.instance.vm_state != Vm.BUILDING]
        self.spawn(self._end_of_departures(built))

    async def _end_of_departures(self, built: list[Boot]) -> None:
        """Their rows may have been written with what was begun next, and the dead conductor not have come to this."""
        with suppress(ConnectionError):  # the next start does it
            await self._writing.write([], "", self._actions.built_again(built, self.clock.now()))

    # ------------------------------------------------------------ the ledger of the other rooms

    async def load(self, kind: type[Kind]) -> list[Kind]:
        """A room that starts must know what its last life had begun to write, also where the database is slow."""
        await self._writing.ended(kind.__name__)
        return await self._store.load(kind)

    async def commit(self, changes: list[Change]) -> None:
        """For the other rooms: `Writing.commit`."""
        await self._writing.commit(changes)

    # ------------------------------------------------------------ boots

    async def accept(self, specs: list[BootSpec]) -> list[list[str] | CallerFault]:
        """`Acceptance.accept`."""
        return await self._acceptance.accept(specs)

    async def accept_and_wait(self, specs: list[BootSpec], wait_s: float) -> list[Launched | CallerFault]:
        """For who asks about nothing in between: one message instead of two."""
        accepted = await self.accept(specs)
        ids = [instance_id for reply in accepted if not isinstance(reply, CallerFault) for instance_id in reply]
        return launched(accepted, dict(zip(ids, await self.statuses(ids, wait_s), strict=True)))

    async def made_before(self, keys: list[tuple[str, str]]) -> list[list[str]]:
        """Ids that were answered for these (project, idempotency key)."""
        return await self._acceptance.made_before(keys)

    def go(self, boots: list[Boot]) -> None:
        """Take boots up in the background, each where it is."""
        if boots:
            self.spawn(self._attempts.begin(boots))

    async def settle(self, ends: list[End]) -> None:
        """For boots that waited in vain. What a dead conductor may have sent somewhere is taken back first."""
        await self._attempts.settle([end for end in ends if not end[0].perhaps_somewhere])
        await self._attempts.take_back([end for end in ends if end[0].perhaps_somewhere])

    async def release_late(self, boots: list[Boot]) -> None:
        """A scheduler that started while these gave their hosts back was told that they hold them still."""
        told = [boot for boot in boots if boot.id in self._told_to_hold]
        if told:
            self._told_to_hold -= {boot.id for boot in told}
            gone = [boot for boot in told if _is_deleted(boot)]
            kept = [place.claim_id for boot in gone for place in kept_places(boot.spec(), boot.instance.host)]
            with suppress(ConnectionError):  # one that starts now is told anew
                await self.scheduler.release([*(boot.id for boot in told), *kept])

    # ------------------------------------------------------------ what compute tells

    async def hello(self, compute: Hello) -> Welcome:
        row = await self.nodes.welcome(compute)
        here = [boot for boot in self._boots.values() if boot.instance.node == compute.node]
        self.spawn(self.remove([boot for boot in here if boot.instance.deleting and not boot.controlled]))
        self._acts.node_is_back(compute.node)
        return Welcome(
            epoch=row.epoch,
            unfinished=tuple(
                b.build_order(row.epoch, self.life) for b in here if b.building and not b.controlled and not b.undoing
            ),
            running=tuple(b.claim() for b in here if b.holds_host and not b.building and not b.instance.deleting),
            enabled=row.enabled,
            kept=tuple(claim for boot in self._boots.values() for claim in boot.kept_claims(compute.node)),
            by=self.life,
        )

    def with_a_host(self, request_ids: set[str]) -> set[str]:
        """Those of the requests of which any machine has a host."""
        rows = (boot.instance for boot in self._boots.values())
        return {row.request_id for row in rows if row.host and row.request_id in request_ids}

    async def explain(self, specs: list[BootSpec]) -> list[PlacementExplained | CallerFault]:
        """Where the first machine of each would land now; nothing is recorded or claimed."""
        boots = [new_boot(spec, spec.instance_ids[0], 0, self.clock.now()) for spec in specs]
        return await self.scheduler.explain([boot.place_request() for boot in boots])

    async def progress(self, reports: list[StepReport | BuildEnded]) -> None:
        """Steps move the state and the story of each build; ends are written durably before this returns.

        Raises `StaleEpochError` to an actor whose node has a newer epoch, or has left; then nothing is believed.
        """
        for node, epoch in {(report.node, report.epoch) for report in reports}:
            self.nodes.check(node, epoch)
        ended: dict[str, BuildEnded] = {}  # an end may be told twice in one message
        for report in reports:
            if isinstance(report, StepReport):
                self._steps(report)
            else:
                ended[report.instance_id] = report
        nowhere = {i for i in ended if (boot := self._boots.get(i)) is not None and not boot.instance.host}
        ends = [(boot, report) for report in ended.values() if (boot := self._current(report)) is not None]
        if found := [boot for boot, report in ends if boot.id in nowhere and report.fault is None]:
            self.spawn(self._claimed(found))
        await self._builds_ended(ends)

    def _steps(self, report: StepReport) -> None:
        events = [event for told in report.steps if told.phase == Phase.BEGUN and (event := STEP_EVENT.get(told.step))]
        moments: dict[int, list[msgspec.Raw]] = {}
        last = report.steps[-1].at
        due: list[Boot] = []
        for instance_id, attempt in report.builds:
            boot = self._boots.get(instance_id)
            if boot is None or boot.instance.attempt != attempt:
                continue
            if attempt not in moments:
                moments[attempt] = [Moment(s.at, s.step, s.phase, attempt, s.note).encoded() for s in report.steps]
            boot.timeline.moments += moments[attempt]
            if events and boot.building:
                boot.hear(*events)
            if last - boot.story_written_at > STORY_FLUSH_S:
                due.append(boot)
        self._writing.later(due)

    def _current(self, report: BuildEnded) -> Boot | None:
        """The boot of which this report speaks, if it is not told too late or by a stale compute actor."""
        boot = self._boots.get(report.instance_id)
        if boot is None or not boot.building or boot.undoing or boot.instance.attempt != report.attempt:
            return None
        if not boot.instance.host:  # a conductor that died before it wrote where this attempt is
            boot.change(host=report.host, node=intern(report.node))
        return boot if boot.instance.host == report.host else None

    async def _claimed(self, boots: list[Boot]) -> None:
        """A scheduler that started while nobody knew where these are was not told of their claims."""
        holding = [boot for boot in boots if boot.holds_host and not boot.instance.deleting]
        with suppress(ConnectionError):  # one that starts now asks for all claims
            await self.scheduler.restore([boot.claim() for boot in holding])
            gone = [boot.id for boot in holding if self.boot(boot.id) is None]
            if gone:  # they may have been released before
                await self.scheduler.release(gone)

    async def _builds_ended(self, ends: list[tuple[Boot, BuildEnded]]) -> None:
        good = [(boot, report) for boot, report in ends if report.fault is None]
        verbs = by_verb([boot for boot, _ in good])
        for boot, report in good:
            boot.built(report, self.floating.over(report.vifs))
        active = [boot for boot, _ in good]
        stopped = [boot for boot in active if boot.instance.attempt and moved.arrived(boot)]
        unshelved = [boot.id for boot in active if boot.instance.attempt and self.shelving.is_due(boot)]
        self.shelving.add(unshelved)
        await self._attempts.write_ends(verbs, "end")
        for boot in active:
            self._attempts.end(boot)
        if unshelved:
            self.spawn(self.shelving.tend())
        if stopped:
            self.spawn(self._acts.stop_again(stopped))
        if active:
            self._confirmations.add(boot.id for boot in active)
        await self._attempts.failed(ends)

    async def node_left(self, node: str) -> list[str]:
        """A worker node left the cluster: what it was building goes elsewhere, and nobody waits for it."""
        await self.nodes.leave(node)
        await self._abandon(node)
        await self._acts.node_left(node)
        await self._mark_lost(node)
        row = self.nodes.row(node)
        return list(row.hosts) if row is not None else []

    async def _mark_lost(self, node: str) -> None:
        """Nobody knows how the guests of a node that left are; its actor tells, should it come back."""
        there = [boot for boot in self._boots.values() if boot.instance.node == node and not boot.building]
        unknown = [b for b in there if b.instance.power_state != Power.NOSTATE and not b.instance.deleting]
        if not self.nodes.has_left(node):
            return
        for boot in unknown:
            boot.change(power_state=Power.NOSTATE.value, updated_at=self.clock.now())
        await self._writing.write(unknown, "")

    async def evacuate(self, requests: list[EvacuateRequest]) -> list[CallerFault | None]:
        """Build servers of nodes that are no more again on other hosts, in the background."""
        return await self._evacuations.begin(requests)

    async def unshelve(self, requests: list[UnshelveRequest]) -> list[CallerFault | None]:
        """Have shelved servers run again, in the background."""
        return await self._unshelvings.begin(requests)

    async def evacuable(self, node: str) -> list[ServerView]:
        """The servers that a node left behind, and those that may fall back to it: these are on other nodes."""
        return [view(boot) for boot in (*evacuation.on_node(self, node), *evacuation.about_to_leave(self, node))]

    def seat(self, boot: Boot) -> None:
        """One that is built again is in flight, whether there is room or not."""
        self._seats.take(boot.instance.project_id, [boot.id])

    async def _abandon(self, node: str) -> None:
        """Take what a node that left was building from it, once no guest can begin to run there any more."""
        row = self.nodes.row(node)
        with suppress(ConnectionError):  # the supervisor tells it as well
            await self.scheduler.forget_hosts(list(row.hosts) if row is not None else [])
        if any(boot.instance.node == node and boot.building for boot in self._boots.values()):
            await asyncio.sleep(self.nodes.lease_left_s(node))
        if not self.nodes.has_left(node):
            return  # it has come back, and has been given its unfinished builds
        self.nodes.give_up(node)
        here = [b for b in self._boots.values() if b.instance.node == node and b.building and not b.controlled]
        fault = BootFault(code=500, message="the host left the cluster", step=LOST, at=self.clock.now())
        await self._attempts.take_back([(boot, fault, True) for boot in here])

    # ------------------------------------------------------------ deletion

    async def delete(self, requests: list[DeleteRequest]) -> list[CallerFault | None]:
        """Mark, durably; then undo the whole boot in the background."""
        replies: list[CallerFault | None] = []
        marked: list[Boot] = []
        actions: list[InstanceAction] = []
        for request in requests:
            boot = self._boots.get(request.instance_id)
            if boot is None:
                replies.append(no_server(request.instance_id))
                continue
            replies.append(None)
            if not boot.instance.deleting and boot.instance.vm_state != Vm.DELETED:
                boot.hear(Event.DELETE, deleting=True)
                self._leaving[boot.id] = boot
                marked.append(boot)
                actions.append(self._actions.deletes(request, boot, self.clock.now()))
        await self._writing.write(marked, "instance.delete.start", actions)
        if marked:
            self.spawn(self.remove([boot for boot in marked if not boot.controlled and not boot.undoing]))
        return replies

    async def remove(self, boots: list[Boot]) -> None:
        """Give everything back; where a host can't be reached now, or the volume room does not answer, that is tried
        again by and by (`tend`).

        One whose row is being written with a notification waits for that: its end must not be on disk without its own.
        """
        boots = [boot for boot in boots if not boot.undoing and not boot.writing]
        for boot in boots:
            boot.undoing = True
        asked = {boot for boot in boots if boot.instance.deleting and self._acts.reserving.is_asked(boot)}
        free = [boot for boot in boots if boot not in asked]
        await asyncio.gather(*(self._give_back(some) for some in (free, list(asked)) if some))

    async def _give_back(self, boots: list[Boot]) -> None:
        try:
            free = await self._acts.reserving.over(boots)
            broken = await self._attempts.road.backward(free) if free else {}
            gone = [boot for boot in free if boot.id not in broken and (boot.instance.deleting or _is_deleted(boot))]
            await self._end_of(gone)
        finally:
            for boot in boots:
                boot.undoing = False

    async def _end_of(self, gone: list[Boot]) -> None:
        """These are deleted; whom the database does not take comes again."""
        for boot in gone:
            if not _is_deleted(boot):
                boot.hear(Event.DELETED, deleted_at=self.clock.now(), deleting=False)
            self.moves.end(boot.id, ERROR, self.clock.now())
        await self._writing.write(gone, "instance.delete.end")
        await self.release_late(gone)
        self._attempts.waiting.room_came()
        for boot in gone:
            self._leaving.pop(boot.id, None)
            if self._boots.pop(boot.id, None) is not None:
                self._quotas.give_back(boot.instance.project_id, boot.counted, group_of(boot.spec()))
                self._deleted.add(boot)
                self._acceptance.keys.gone(boot.instance.project_id, boot.instance.idempotency_key)
            self._actions.forget(boot.id)
            self._attempts.end(boot)

    def boot(self, instance_id: str) -> Boot | None:
        return self._boots.get(instance_id)

    def all_boots(self) -> list[Boot]:
        return list(self._boots.values())

    # ------------------------------------------------------------ what must not be forgotten

    async def tend(self) -> None:
        """Once in a while: undo what could not be undone, tell what could not be told, end what takes too long."""
        await self._confirmations.tell()
        await self._acts.tend()
        await self._acts.claims.tell()
        self.spawn(self._attempts.letting_go.again())
        self.spawn(self.shelving.tend())
        self._acts.migrating.tend_soon()
        deleting = [b for b in self._leaving.values() if not b.controlled and not b.undoing]
        self._attempts.tend()
        alone, together = deleting[:ALONE], deleting[ALONE:]
        for some in (*([boot] for boot in alone), together):
            if some:
                self.spawn(self.remove(some))

    # ------------------------------------------------------------ at rest

    async def settled(self) -> None:
        """Wait until no boot or deletion is being worked on here."""
        self._company.depart()
        self._confirmations.now()
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._writing.drained()

    async def leave_all(self, boots: list[Boot]) -> None:
        """For the steps: what other hosts have of servers that are deleted goes. Raises `ConnectionError`."""
        await self._acts.migrating.leave_all(boots)

    async def write(self, boots: list[Boot], event_type: str, also: Sequence[Change] = ()) -> None:
        """For the steps and the acts: `Writing.write`."""
        await self._writing.write(boots, event_type, also)

    def write_later(self, boots: list[Boot]) -> None:
        """For the steps: `Writing.later`."""
        self._writing.later(boots)

    def journal(self, boots: Sequence[Boot], step: str, phase: Phase, at: float, note: str) -> None:
        moments: dict[int, msgspec.Raw] = {}
        for boot in boots:
            attempt = boot.instance.attempt
            if attempt not in moments:
                moments[attempt] = Moment(at, step, phase, attempt, note).encoded()
            boot.tell(moments[attempt])

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_deleted(boot: Boot) -> bool:
    return boot.instance.vm_state == Vm.DELETED


def _nothing_halts(boots: list[Boot]) -> Failures:
    return {}
