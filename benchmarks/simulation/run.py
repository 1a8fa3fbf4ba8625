"""One seed, played from beginning to end: a cloud, its users, a storm, and then silence, in which the laws are held.

`play` is all that a test or a benchmark needs. The same seed and parts play the same story.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from actors.ledger import apply
from actors.records import InstanceAction, Move
from benchmarks.simulation import confirming, days
from benchmarks.simulation import migrations as migrating
from benchmarks.simulation import resizes as resizing
from benchmarks.simulation import shelves as shelving
from benchmarks.simulation.cloud import Parts, SimulatedCloud, Watch
from benchmarks.simulation.invariants import Quiet, broken
from benchmarks.simulation.loop import START_S
from benchmarks.simulation.rebuilds import WatchedVolumes, begin, calmer
from benchmarks.simulation.stands import first_rows
from benchmarks.simulation.trouble import STORM_S, Storm, Weather, weather
from benchmarks.simulation.users import Users

EVACUATED = 4  # of so many seeds one has an operator who evacuates what lost nodes leave behind
LOOK_S = 2.0  # between looks whether all is quiet
STILL_S = 8.0  # it must be well for so long, so that nothing late comes after
LIMIT_S = 240.0  # after the storm; what has not ended then never will
VOLUMES = PORTS = 3  # of the user's own
SHARED = 3  # more of each, for whoever wants them
Use = tuple[Callable[[Users, Random], None], Random]  # who uses the cloud beside others
Law = Callable[[Quiet], Awaitable[list[str]]]


@dataclass(slots=True)
class Played:
    seed: int
    weather: Weather
    broken: list[str]
    story: list[str] = field(default_factory=list)
    boots: int = 0
    crashes: int = 0
    messages: int = 0
    steps: int = 0
    written: int = 0  # images over volumes
    resizes: Counter[str] = field(default_factory=Counter)  # and their ends, and how many were begun `elsewhere`
    shelves: Counter[str] = field(default_factory=Counter)  # the same
    migrations: Counter[str] = field(default_factory=Counter)  # the same
    acts: Counter[str] = field(default_factory=Counter)  # of a day: the same of whatever was done
    took_s: float = 0.0  # of the cloud's own time, after the storm

    def __str__(self) -> str:
        broken = [f"BROKEN: {each}" for each in self.broken]
        return "\n".join([f"seed {self.seed}: {self.weather}", *self.story, *broken])


def play(
    seed: int,
    parts: Parts | None = None,
    told: bool = False,
    rebuilds: bool = False,
    resizes: bool = False,
    shelves: bool = False,
    migrations: bool = False,
    day: bool = False,
) -> Played:
    """`told`: keep the story, which costs as much as the play. The others: the plays of the modules of those names."""
    random, more = Random(seed), Random(seed + 4)
    played = Played(seed, weather(random, more, evacuates=seed % EVACUATED == EVACUATED - 1), [])
    if rebuilds or resizes or migrations:
        played.weather = calmer(played.weather)
    if shelves:
        played.weather = shelving.nobody_moves_them(played.weather)
    if day:
        played.weather = days.mixed(played.weather, Random(seed + 6))

    def tell(line: str) -> None:
        played.story.append(f"{cloud.loop.time() - START_S:9.4f} {line}")

    def twice(instance_id: str, machines: list[str]) -> None:
        if told:
            tell(f"{instance_id} RUNS ON TWO MACHINES")
        played.broken.append(f"{instance_id} ran on {machines} at once")

    def committed(changes: list[Any]) -> None:
        if told:
            tell(f"on disk: {', '.join(map(_row, changes))}")

    watch = Watch(tell if told else None, committed, twice)
    size, trouble, evacuates = played.weather.size, played.weather.trouble, played.weather.evacuates
    parts = parts or Parts()
    if resizes or day:
        parts = replace(parts, scheduler=resizing.watched(parts.scheduler, played.broken.append, lambda: cloud))
    cloud = SimulatedCloud(seed, size, trouble, parts, watch, evacuates)
    if resizes or shelves or migrations:
        cloud.guests.strange = shelving.Disks(cloud, played.broken.append)
    if day:
        cloud.guests.strange = days.Disks(cloud, played.broken.append)
    if rebuilds or day:
        cloud.backend = volumes = WatchedVolumes(cloud, Random(seed + 4), played.broken.append)
    try:
        asked = {
            begin: rebuilds,
            resizing.begin: resizes,
            shelving.begin: shelves,
            migrating.begin: migrations,
            days.begin: day,
        }
        uses = [one for one, wanted in asked.items() if wanted]
        cloud.loop.run(_play(cloud, played, random, more, [(use, Random(seed + 5)) for use in uses]))
    finally:
        cloud.loop.abandon()
    if rebuilds or day:
        played.written = volumes.written
    recorded = cloud.disk.ledger.rows.get(InstanceAction.__name__, {}).values()
    actions = [row for row in recorded if isinstance(row, InstanceAction)]
    if resizes:
        moves = cloud.disk.ledger.rows.get(Move.__name__, {}).values()
        played.resizes = confirming.done(actions, "resize") + resizing.elsewhere(moves)
    if shelves:
        played.shelves = shelving.done(actions)
    if migrations:
        played.migrations = confirming.done(actions, "migrate")
    if day:
        played.acts = days.done(actions)
    played.crashes = cloud.counts.crashes + cloud.counts.node_deaths
    played.messages, played.steps = cloud.wire.sent, cloud.loop.steps
    return played


async def _play(cloud: SimulatedCloud, played: Played, random: Random, more: Random, uses: list[Use]) -> None:
    resizes = any(use in (resizing.begin, days.begin) for use, _ in uses)
    for row in [*first_rows(VOLUMES + SHARED, PORTS + SHARED), *(resizing.rows() if resizes else ())]:
        apply(cloud.disk.ledger.rows, row)
    await cloud.backend.start([f"volume-{n}" for n in range(VOLUMES + SHARED)])
    await cloud.backend.unexport([f"volume-{n}" for n in range(VOLUMES + SHARED)])
    cloud.disk.locked = played.weather.locked
    cloud.start()
    volumes, ports = [f"volume-{n}" for n in range(VOLUMES)], [f"{n}port-of-the-user" for n in range(PORTS)]
    users = Users(cloud.wire.reach("api"), cloud.wire.reach("conductor"), random, cloud.loop.time, volumes, ports)
    users.begin(played.weather.requests, STORM_S * 0.8)
    for use, chance in uses:
        use(users, chance)
    following = asyncio.create_task(users.follow())
    await Storm(cloud, played.weather, random, more).rage()
    calm_at = cloud.loop.time()
    its_own: dict[Callable[[Users, Random], None], tuple[Law, ...]] = {
        resizing.begin: (resizing.broken, migrating.broken),
        shelving.begin: (shelving.broken,),
        migrating.begin: (migrating.broken,),
        days.begin: (days.broken,),
    }
    laws = (broken, *(law for use, _ in uses for law in its_own.get(use, ())))
    played.broken += await _silence(Quiet(cloud, users, played.weather), calm_at, laws)
    played.took_s = cloud.loop.time() - calm_at
    played.boots = sum(promise.request.count for promise in users.promises if promise.ids)
    following.cancel()


async def _silence(quiet: Quiet, since: float, laws: tuple[Law, ...]) -> list[str]:
    """Wait until all is well and stays so; what is broken if it never is."""
    loop = quiet.cloud.loop
    well_since: float | None = None
    while True:
        await asyncio.sleep(LOOK_S)
        late = loop.time() - since > LIMIT_S
        if quiet.moving() and not late:
            well_since = None
            continue
        found = [line for law in laws for line in await law(quiet)]
        if found:
            well_since = None
            if late:
                return found
        elif well_since is None:
            well_since = loop.time()
        elif loop.time() - well_since >= STILL_S:
            return []


def _row(change: Any) -> str:
    name = type(change).__name__
    if name == "Instance":
        flags = " deleting" if change.deleting else ""
        return f"Instance {change.id} {change.vm_state}/{change.task_state} {change.host}@{change.attempt}{flags}"
    return f"{name} {getattr(change, 'kind', '')} {change.id}".replace("  ", " ")
