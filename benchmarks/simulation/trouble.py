"""What goes wrong in a simulated cloud, and when: by the seed. After the storm everything that is left works.

A seed has its own weather: some have crashes alone, some a bad wire, some lose nodes, some have all of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

from actors.cluster import names
from benchmarks.simulation.cloud import SERVICES, SimulatedCloud, Size
from benchmarks.simulation.wire import Trouble

STORM_S = 12.0  # how long things go wrong
AWAY_S = (1.0, 20.0)  # how long a node is away that comes back
ZOMBIE_S = 30.0  # how long a process lives on that was declared dead, at the longest
ORPHANED_S = (0.0, 0.0, 0.5, 2.0, 5.0, 9.0)  # until its processes are killed as well, at the longest


@dataclass(frozen=True, slots=True)
class Weather:
    size: Size
    requests: int
    trouble: Trouble
    locked: float  # share of commits that the database refuses for now
    kills: int
    lost_nodes: int
    stay_lost: bool
    cut_off: bool  # nodes are declared dead and live on, rather than being dead
    evacuates: bool = False  # the servers of lost nodes are built again elsewhere
    deaf: bool = False  # who is cut off reaches nobody either
    orphans: bool = False  # processes of a node that is cut off are killed, and its guests run on
    watchdogs: int = 0  # that are killed
    drained: bool = False  # nodes take no new servers, now and then

    @property
    def may_lack_room(self) -> bool:
        """A boot may rightly end because no host has room."""
        return self.size.vcpus < 100 or self.lost_nodes >= self.size.nodes or self.drained


def weather(random: Random, more: Random, evacuates: bool = False) -> Weather:
    """`more`: of what came to it later, so that the seeds before play what they played."""
    nodes = random.randint(1, 3)
    size = Size(
        nodes=nodes,
        vcpus=random.choice((2, 100, 100)),
        fault_share=random.choice((0.0, 0.0, 0.3)),
    )
    bad_wire = random.random() < 0.5
    trouble = Trouble(
        slow=random.choice((0.02, 0.2)) if bad_wire else 0.0,
        request_lost=random.choice((0.0, 0.02)) if bad_wire else 0.0,
        reply_lost=random.choice((0.0, 0.02)) if bad_wire else 0.0,
        doubled=random.choice((0.0, 0.03)) if bad_wire else 0.0,
    )
    lost = random.choice((0, 0, 1)) if nodes > 1 else random.choice((0, 0, 0, 1))
    return Weather(
        size=size,
        requests=random.randint(2, 5),
        trouble=trouble,
        locked=random.choice((0.0, 0.0, 0.0, 0.1)),
        kills=random.choice((0, 1, 2, 4)),
        lost_nodes=lost,
        stay_lost=random.random() < 0.3 and nodes > 1,
        cut_off=random.random() < 0.5,
        evacuates=evacuates and lost > 0,
        deaf=more.random() < 0.5,
        orphans=more.random() < 0.5,
        watchdogs=more.choice((0, 0, 1, 2)),
    )


class Storm:
    def __init__(self, cloud: SimulatedCloud, weather: Weather, random: Random, more: Random) -> None:
        self._cloud = cloud
        self._weather = weather
        self._random = random
        self._more = more
        self._dying: list[asyncio.Task[None]] = []

    async def rage(self) -> None:
        """Returns when it is over: everything runs again, or is gone for good."""
        weather = self._weather
        works = [self._kill() for _ in range(weather.kills)]
        works += [self._lose(node) for node in self._random.sample(sorted(self._cloud.machines), weather.lost_nodes)]
        works += [self._kill_watchdog() for _ in range(weather.watchdogs)]
        await asyncio.gather(*works, asyncio.sleep(STORM_S))
        self._cloud.trouble.end()
        self._cloud.disk.locked = 0.0
        if self._cloud.zombies:
            await asyncio.sleep(self._random.uniform(0.0, ZOMBIE_S))
            self._cloud.end_zombies()

    async def _kill(self) -> None:
        await asyncio.sleep(self._random.uniform(0.0, STORM_S))
        self._cloud.kill(self._random.choice(self._victims()))

    def _victims(self) -> list[str]:
        """Those that a boot leans on most die most."""
        nodes = sorted(self._cloud.machines)
        on_nodes = [make(node) for node in nodes for make in (names.compute_name, names.agent_name)]
        return [*SERVICES, *on_nodes, names.CONDUCTOR, names.SCHEDULER]

    async def _kill_watchdog(self) -> None:
        await asyncio.sleep(self._more.uniform(0.0, STORM_S))
        if nodes := sorted(self._cloud.machines):
            self._cloud.kill_watchdog(self._more.choice(nodes))

    async def _orphan(self, node: str) -> None:
        """Nobody is left there who could stop its guests."""
        await asyncio.sleep(self._more.uniform(0.0, self._more.choice(ORPHANED_S)))
        self._cloud.end_zombies(node)

    async def _lose(self, node: str) -> None:
        await asyncio.sleep(self._random.uniform(0.0, STORM_S * 0.7))
        if self._weather.cut_off:
            self._cloud.cut_off(node, self._weather.deaf)
            if self._weather.orphans:
                self._dying.append(asyncio.create_task(self._orphan(node)))
        else:
            self._cloud.power_off(node)
        if not self._weather.stay_lost:
            await asyncio.sleep(self._random.uniform(*AWAY_S))
            await self._cloud.join_again(node)
