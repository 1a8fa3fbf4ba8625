"""The scheduler room: the one writer of host capacity. It finds hosts and claims them (steps 8-11).

Called by the conductor (place, release, confirm) and by compute actors (heartbeats). All decisions are `placement`'s;
here are the books that make them repeatable: which attempt a claim belongs to, which claims are provisional, which
hosts are heard. Nothing is on disk: after a restart the conductor tells the claims and the hosts report within a
heartbeat. Invariant: an instance holds at most one claim, that of its newest attempt.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from random import Random

from actors.clock import Clock
from actors.cluster.names import node_of
from actors.errors import CallerFault, StaleEpochError, bad_request, busy, conflict
from actors.fencing import UNFENCED, Epochs
from actors.messages import Claim, ClaimChange, Exchange, HostReport, HostSeen, NoHostFound, Placed, PlaceRequest
from actors.records import Aggregate
from actors.scheduler import providers, wire
from actors.scheduler.arrangement import Arrangement
from actors.scheduler.claim_changes import ClaimChanges
from actors.scheduler.liveness import Liveness
from actors.scheduler.messages import AllocationView, CandidateQuery, PlacementExplained, ProviderView
from placement import PROFILES, BadRequest, Fleet, HostState, NoHost, Placement, Placer, Request, explain

COMING_S = 15.0  # for which a node whose actor starts, or went silent, is thought to report again
CONFIRM_WITHIN_S = 1_200.0  # a claim that no build confirmed by then is given back; above any boot's own deadline
BUSY = 503
NOT_YET = busy("not all hosts have reported yet")
UNKNOWN_ATTEMPT = -1  # of a claim told after a restart: the attempt that asks for it first has it

Reader = Callable[[PlaceRequest], Request]


class Scheduler:
    def __init__(
        self,
        clock: Clock,
        random: Random,
        profile: str = "spread",
        service_down_s: float = 6.0,
        settle_s: float = 0.0,
    ) -> None:
        """For `settle_s` after the start, when hosts have yet to report, a refusal is «try again» and not final.

        So it is while the compute actor of a node starts, or has just gone silent.
        """
        if profile not in PROFILES:
            raise ValueError(f"profile {profile!r} is none of {', '.join(PROFILES)}")
        self._clock = clock
        self._settled_at = clock.monotonic() + settle_s
        self._random = Random(random.getrandbits(64))  # what is given may be the system's, slow with each number
        self._fleet = Fleet()
        self._placer = Placer(self._fleet, PROFILES[profile])
        self._claim_changes = ClaimChanges(self._fleet, self._placer)
        self._liveness = Liveness(service_down_s)
        self._reports: dict[str, HostReport] = {}  # the last of each host
        self._arrangement = Arrangement()
        self._hosts_of: defaultdict[str, set[str]] = defaultdict(set)  # by node
        self._epochs = Epochs()
        self._attempts: dict[str, int] = {}  # by instance that holds a claim
        self._provisional: OrderedDict[str, float] = OrderedDict()  # instance → claimed at, oldest first
        self._failures: defaultdict[str, int] = defaultdict(int)  # builds that failed on a host since its last success
        self._blamed: dict[str, int] = {}  # instance → its attempt whose failed host is counted
        self._coming: dict[str, float] = {}  # nodes whose actor starts or is silent, and has not reported since then

    async def start(self) -> None:
        """Nothing to load: see `restore`."""

    # ------------------------------------------------------------ the face

    async def place(self, requests: list[PlaceRequest]) -> list[Placed | NoHostFound | CallerFault]:
        """Choose a host and claim there. The same (instance, attempt) again returns the same host."""
        self._tidy()
        batches: dict[tuple[str, str], list[PlaceRequest]] = {}
        for request in requests:  # a batch has its first machine's id, which may stand for itself by now
            alone = "" if request.batch else request.instance_id
            batches.setdefault((request.batch, alone), []).append(request)
        replies: dict[str, Placed | NoHostFound | CallerFault] = {}
        read = wire.reader(self._fleet)
        for batch in batches.values():
            if batch[0].batch:
                replies |= zip((request.instance_id for request in batch), self._place(batch, read), strict=True)
            else:
                replies[batch[0].instance_id] = self._place_one(batch[0], read)
        return [replies[request.instance_id] for request in requests]

    async def release(self, instance_ids: list[str]) -> None:
        """Give the claims back; an unknown id changes nothing."""
        for instance_id in instance_ids:
            self._release(instance_id)
            self._blamed.pop(instance_id, None)

    async def exchange(self, exchanges: list[Exchange]) -> None:
        """Instances are where other ids held room for them, and those have what they held. Repeatable: one that is
        there already, or of which nothing is held there, changes nothing."""
        for one in exchanges:
            if self._claim_changes.exchange(one):
                for claim_id in (one.instance_id, one.claim_id):
                    self._attempts[claim_id] = UNKNOWN_ATTEMPT
                    self._provisional.pop(claim_id, None)

    async def grow(self, changes: list[ClaimChange]) -> list[Placed | NoHostFound | CallerFault]:
        """Room for another flavor beside what instances hold, on the hosts where they are. Repeatable by edition."""
        self._tidy()
        return [self._grow(change) for change in changes]

    async def shrink(self, changes: list[ClaimChange]) -> None:
        """From now on they hold this alone. What is not there, or of an older edition, changes nothing."""
        for change in changes:
            self._claim_changes.shrink(change)

    async def confirm(self, instance_ids: list[str]) -> None:
        """The instances run: their claims are no longer provisional, and their hosts can build."""
        for instance_id in instance_ids:
            claim = self._fleet.claims.get(instance_id)
            self._provisional.pop(instance_id, None)
            self._fleet.settle(instance_id)
            if claim is not None and self._failures.pop(claim.host, 0):
                self._fleet.set_failed_builds(claim.host, 0)

    async def heartbeat(self, reports: list[HostReport]) -> None:
        """Hosts are as they say, and up. Their use never hides a claim."""
        now = self._clock.monotonic()
        for report in reports:
            if fault := self._epochs.fault(report.node, report.epoch):
                raise StaleEpochError(fault.message)
        for report in reports:
            self._coming.pop(report.node, None)
            self._reports[report.host] = report
            self._fleet.upsert(self._state_of(report))
            self._liveness.heard(report.host, now)
            self._hosts_of[report.node].add(report.host)
        self._tidy()

    def _state_of(self, report: HostReport) -> HostState:
        return wire.host_state(report, self._failures.get(report.host, 0), self._arrangement.of(report.host))

    async def arrange(self, aggregates: list[Aggregate]) -> None:
        """These are all the aggregates that administrators made; they hold from the answer on."""
        named = self._arrangement.arrange(aggregates)
        for host in named.union(*(self._hosts_of[name] for name in named if name in self._hosts_of)):
            self._rearranged(host)

    async def force_down(self, hosts: list[str], down: bool) -> None:
        """These hosts are down whatever their heartbeats say; or no longer."""
        self._arrangement.force_down(hosts, down)
        for host in hosts:
            self._rearranged(host)

    def _rearranged(self, host: str) -> None:
        """What is said of a host anew holds at once; one that is silent stays down."""
        row = self._fleet.row_of.get(host)
        if row is not None:
            silent = not self._fleet.state(row).up and not self._liveness.hears(host)
            self._fleet.rearrange(self._state_of(self._reports[host]))
            if silent:
                self._fleet.set_up(host, False)

    async def hosts(self) -> list[HostSeen]:
        """Every host that has reported, by name, and how much of it is taken."""
        self._tidy()
        return [
            wire.host_seen(report, self._fleet, row)
            for host, report in sorted(self._reports.items())
            if (row := self._fleet.row_of.get(host)) is not None
        ]

    async def unchanged(self, node: str, hosts: int, epoch: int = UNFENCED) -> bool:
        """A node whose hosts are as they were says so in a word. One that was thought silent tells everything again."""
        if fault := self._epochs.fault(node, epoch):
            raise StaleEpochError(fault.message)
        heard = [host for host in self._hosts_of[node] if self._liveness.hears(host)]
        if len(heard) != hosts:
            return False
        self._coming.pop(node, None)
        now = self._clock.monotonic()
        for host in heard:
            self._liveness.heard(host, now)
        self._tidy()
        return True

    async def fence(self, node: str, epoch: int) -> None:
        self._epochs.tell(node, epoch)
        self._coming[node] = self._clock.monotonic()

    async def restore(self, claims: list[Claim]) -> None:
        """The conductor tells a new scheduler what is claimed already; what it knows itself is newer and stays."""
        for claim in claims:
            if claim.instance_id in self._attempts:
                continue
            self._fleet.claim(wire.claim_in(claim))
            self._claim_changes.restored(claim)
            self._attempts[claim.instance_id] = UNKNOWN_ATTEMPT

    async def forget_hosts(self, hosts: list[str]) -> None:
        """The hosts left the cluster; claims on them are kept aside until released, or until the host returns."""
        for host in hosts:
            self._coming.pop(self._node_of(host), None)
            self._fleet.remove(host)
            self._reports.pop(host, None)
            self._liveness.forget(host)
            for known in self._hosts_of.values():
                known.discard(host)

    async def explain(self, requests: list[PlaceRequest]) -> list[PlacementExplained | CallerFault]:
        """A dry run of each: where it would land, how the best hosts weigh, why others were dropped."""
        self._tidy()
        return [self._explain(request) for request in requests]

    async def claims(self) -> list[Claim]:
        return [wire.claim_out(claim) for claim in self._fleet.claims.values()]

    # ------------------------------------------------------------ as Placement names it

    async def providers(self) -> list[ProviderView]:
        """Every host, with what it has and what is taken of it."""
        self._tidy()
        return list(providers.providers(self._fleet, self._arrangement.ids))

    async def allocations(self, instance_ids: list[str]) -> list[AllocationView | None]:
        """What each instance holds; None for one that holds nothing."""
        claims = [self._fleet.claims.get(instance_id) for instance_id in instance_ids]
        return [providers.allocation(claim) if claim else None for claim in claims]

    async def allocations_on(self, host: str) -> list[AllocationView]:
        """What instances hold of one host."""
        return [providers.allocation(claim) for claim in self._fleet.claims.values() if claim.host == host]

    async def candidates(self, query: CandidateQuery) -> list[ProviderView]:
        """Hosts that could take all that is asked; nothing is claimed."""
        self._tidy()
        return providers.candidates(self._fleet, query, self._arrangement.ids)

    async def world(self) -> dict[str, list[str]]:
        """What is claimed, by host: what a boot may leave behind here."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for claim in self._fleet.claims.values():
            found[claim.host].append(claim.instance_id)
        return {host: sorted(instances) for host, instances in sorted(found.items())}

    # ------------------------------------------------------------ placing

    def _place_one(self, asked: PlaceRequest, read: Reader) -> Placed | NoHostFound | CallerFault:
        held = self._held(asked)
        if held is not None:
            return held
        try:
            request = read(asked)
            self._release(asked.instance_id)
            self._count_failure(asked)
            with self._claim_changes.as_if_not_there(asked.beside):
                answer = self._placer.place_one(request, self._random)
            reply = self._noted(asked, answer)
        except BadRequest as error:
            return bad_request(error.field, error.message)
        if isinstance(reply, NoHostFound) and self._more_may_come():
            return NOT_YET
        return reply

    def _place(self, batch: list[PlaceRequest], read: Reader) -> list[Placed | NoHostFound | CallerFault]:
        """Requests that belong together: as many as the first says find a host, or none."""
        held = [self._held(asked) for asked in batch]
        fresh = [asked for asked, reply in zip(batch, held, strict=True) if reply is None]
        least = batch[0].least - sum(_has_a_host(reply) for reply in held)
        try:
            requests = [read(asked) for asked in fresh]
            for asked in fresh:
                self._release(asked.instance_id)
                self._count_failure(asked)
            answers = self._placer.place_together(requests, least, self._random)
        except BadRequest as error:
            return [reply or bad_request(error.field, error.message) for reply in held]
        found = iter([self._noted(asked, answer) for asked, answer in zip(fresh, answers, strict=True)])
        replies = [reply or next(found) for reply in held]
        if any(isinstance(reply, NoHostFound) for reply in replies) and self._more_may_come():
            return self._not_yet(batch, fresh)
        if sum(map(_has_a_host, replies)) >= batch[0].least:
            return replies
        return self._none_of(batch, replies)

    def _node_of(self, host: str) -> str:
        return self._reports[host].node if host in self._reports else node_of(host)

    def _more_may_come(self) -> bool:
        """Hosts that are not here, or are down, and may be in a moment: their node has not left."""
        now = self._clock.monotonic()
        return now < self._settled_at or any(now - since < COMING_S for since in self._coming.values())

    def _noted(self, asked: PlaceRequest, answer: Placement | NoHost) -> Placed | NoHostFound:
        if isinstance(answer, NoHost):
            return wire.no_host(answer)
        self._attempts[asked.instance_id] = asked.attempt
        self._provisional[asked.instance_id] = self._clock.monotonic()
        return self._placed(answer.host)

    def _placed(self, host: str) -> Placed:
        state = self._fleet.state(self._fleet.row_of[host])
        return Placed(host=host, node=state.node, zone=state.zone)

    def _not_yet(
        self, batch: list[PlaceRequest], fresh: list[PlaceRequest]
    ) -> list[Placed | NoHostFound | CallerFault]:
        """Hosts that have yet to report may be those that are missed: the whole batch is asked for again."""
        for asked in fresh:
            self._release(asked.instance_id)
        return [NOT_YET for _ in batch]

    def _none_of(
        self, batch: list[PlaceRequest], replies: list[Placed | NoHostFound | CallerFault]
    ) -> list[Placed | NoHostFound | CallerFault]:
        """Too few have a host: those that held one already give it back too."""
        refusal = next(reply for reply in replies if not _has_a_host(reply))
        for asked in batch:
            self._release(asked.instance_id)
        return [refusal if _has_a_host(reply) else reply for reply in replies]

    def _held(self, asked: PlaceRequest) -> Placed | CallerFault | None:
        """The answer where this attempt has its claim already; None where a host must be found."""
        claim = self._fleet.claims.get(asked.instance_id)
        attempt = self._attempts.get(asked.instance_id)
        if claim is None or attempt is None:
            return None
        if attempt == UNKNOWN_ATTEMPT and claim.host not in asked.ignore_hosts:
            attempt = self._attempts[asked.instance_id] = asked.attempt
        if attempt > asked.attempt:
            return conflict("attempt", f"attempt {attempt} of instance {asked.instance_id} has a host already")
        if attempt < asked.attempt:
            return None
        row = self._fleet.row_of.get(claim.host)
        if row is None:  # it was placed before this scheduler began, and its host has not reported yet
            return busy(
                f"host {claim.host} of instance {asked.instance_id} has not reported yet; try again in a moment"
            )
        return self._placed(claim.host)

    def _grow(self, change: ClaimChange) -> Placed | NoHostFound | CallerFault:
        try:
            found = self._claim_changes.grow(change, self._random)
        except BadRequest as error:
            return bad_request(error.field, error.message)
        if isinstance(found, Placement):
            return self._placed(found.host)
        if isinstance(found, NoHost):
            return NOT_YET if self._more_may_come() else wire.no_host(found)
        return found

    def _release(self, instance_id: str) -> None:
        self._fleet.release(instance_id)
        self._claim_changes.forget(instance_id)
        self._attempts.pop(instance_id, None)
        self._provisional.pop(instance_id, None)

    def _explain(self, asked: PlaceRequest) -> PlacementExplained | CallerFault:
        profile = self._placer.profile
        try:
            return wire.explained(profile.name, explain(self._fleet, wire.request_of(asked, self._fleet), profile))
        except BadRequest as error:
            return bad_request(error.field, error.message)

    # ------------------------------------------------------------ time and failures

    def _tidy(self) -> None:
        """Silent hosts are down from now on, and claims that nobody confirmed in time are given back."""
        now = self._clock.monotonic()
        for host in self._liveness.gone_silent(now):
            self._fleet.set_up(host, False)
            self._coming[self._node_of(host)] = now
        while self._provisional:
            instance_id, claimed_at = next(iter(self._provisional.items()))
            if now - claimed_at <= CONFIRM_WITHIN_S:
                break
            self._release(instance_id)

    def _count_failure(self, asked: PlaceRequest) -> None:
        """The host that failed last is the last to be left out: it weighs less until a build succeeds there."""
        if asked.ignore_hosts and not asked.beside and self._blamed.get(asked.instance_id) != asked.attempt:
            host = asked.ignore_hosts[-1]
            self._blamed[asked.instance_id] = asked.attempt
            self._failures[host] += 1
            self._fleet.set_failed_builds(host, self._failures[host])


def _has_a_host(reply: Placed | NoHostFound | CallerFault | None) -> bool:
    """A host that has not reported yet, of an instance placed before a restart, is one."""
    return isinstance(reply, Placed) or (isinstance(reply, CallerFault) and reply.status == BUSY)
