"""A simulated cloud: every room in a process of its own, over the wire, on machines; killed and started again.

The `_begin_…` methods do what the rooms' actor shells do (`actors/*/actor.py`), in the same order. Used by `run.py`;
`Parts` are what a test of the simulator itself exchanges for broken ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field
from random import Random
from typing import Any

from actors.api.service import Api
from actors.boot import CONTROL, NODE
from actors.cluster import names
from actors.compute.build import Build
from actors.compute.service import Compute
from actors.compute.service import Rooms as ComputeRooms
from actors.conductor.boots import Boot
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.image.cache import ImageCache
from actors.network.agent import NetworkAgent
from actors.network.service import NetworkRoom
from actors.records import Aggregate, ComputeNode
from actors.saga import Table
from actors.scheduler.service import Scheduler
from actors.volume.backend import MemoryBackend
from actors.volume.service import VolumeRoom
from benchmarks.simulation import operator
from benchmarks.simulation.disk import Disk, DiskStore
from benchmarks.simulation.loop import PROCESS, LoopClock, SimulatedLoop
from benchmarks.simulation.machines import Chance, Guests, Machine
from benchmarks.simulation.processes import Process
from benchmarks.simulation.stands import CLOUD, NOWHERE, Images, StoredImage, Tokens, node_config
from benchmarks.simulation.wire import LostCall, Trouble, Wire

SERVICES = (names.CONDUCTOR, names.SCHEDULER, names.IMAGE, names.NETWORK, names.VOLUME, names.API)
TEND_S = 2.0
RESTART_S = (0.3, 2.5)  # until a process that died runs again
NOTICED_S = (1.0, 4.0)  # until a node that died is known to be dead


@dataclass(frozen=True, slots=True)
class Parts:
    """What the cloud is made of."""

    control_table: Table[Conductor, Boot] = CONTROL
    node_table: Table[Compute, Build] = NODE
    store: Callable[[Disk], DiskStore] = DiskStore
    scheduler: type[Scheduler] = Scheduler
    conductor: type[Conductor] = Conductor
    compute: type[Compute] = Compute
    network: type[NetworkRoom] = NetworkRoom
    volume: type[VolumeRoom] = VolumeRoom


@dataclass(frozen=True, slots=True)
class Size:
    nodes: int
    vcpus: int  # of each, and so many machines have room there
    fault_share: float  # of builds that a hypervisor fails


@dataclass(slots=True)
class Counts:
    crashes: int = 0
    node_deaths: int = 0
    lives: dict[str, int] = field(default_factory=dict)


class SimulatedCloud:
    def __init__(
        self, seed: int, size: Size, trouble: Trouble, parts: Parts, watch: Watch, evacuates: bool = False
    ) -> None:
        self.loop = SimulatedLoop()
        self.clock = LoopClock(self.loop)
        self.random = Random(seed)
        self.size = size
        self.trouble = trouble
        self.parts = parts
        self.tell = watch.tell
        self.wire = Wire(self.loop, Random(seed + 1), trouble, watch.tell)
        self.disk = Disk(Random(seed + 2), watch.committed)
        self.guests = Guests(watch.twice)
        self._watching = Chance(self.loop, Random(seed + 5))
        self.backend = MemoryBackend()
        self.images: dict[str, StoredImage] = {}  # that shelving made
        self.counts = Counts()
        self.machines: dict[str, Machine] = {}
        self.zombies: list[Process] = []
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._operator = Random(seed + 3) if evacuates else None
        self._evacuating: list[asyncio.Task[None]] = []
        self.gone_at: dict[str, float] = {}  # when machines were switched off
        self._tokens = Tokens()
        self._held: list[asyncio.Task[None]] = []
        self._lives = 0  # of the conductor
        self._begin: dict[str, Callable[[], Awaitable[Any]]] = {
            names.CONDUCTOR: self._begin_conductor,
            names.SCHEDULER: self._begin_scheduler,
            names.IMAGE: self._begin_image,
            names.NETWORK: self._begin_network,
            names.VOLUME: self._begin_volume,
            names.API: self._begin_api,
        }

    # ------------------------------------------------------------ life and death

    def start(self) -> None:
        for name in SERVICES:
            self._start(name)
        for number in range(self.size.nodes):
            self.join(f"node-{number}")

    def join(self, node: str) -> None:
        """A machine, new or switched on again, becomes a worker node."""
        config = node_config(node, self.size.vcpus, self.size.fault_share)
        if node not in self.machines:
            self.machines[node] = Machine(
                config, Random(self.random.random()), self.guests, self._watching, self.images
            )
        machine = self.machines[node]
        self._begin[names.compute_name(node)] = lambda: self._begin_compute(machine)
        self._begin[names.agent_name(node)] = lambda: self._begin_agent(machine)
        for name in (names.agent_name(node), names.compute_name(node)):
            for zombie in [each for each in self.zombies if each.name == name]:
                self._end(zombie)  # a process that starts on a machine ends its forerunner there
            self._start(name)

    async def join_again(self, node: str) -> None:
        """Not before everybody knows that it had left."""
        await self._leaving[node]
        self.join(node)

    def kill(self, name: str) -> None:
        """The process dies where it stands, and comes back."""
        process = self.wire.processes.get(name)
        if process is None or process.dead:
            return
        self.counts.crashes += 1
        self._end(process)
        self.loop.call_later(self.random.uniform(*RESTART_S), self._start_again, process)

    def kill_watchdog(self, node: str) -> None:
        """Of a node that is one of the cloud: its actor is there to start another."""
        if (machine := self.machines.get(node)) is not None and self._is_back(node):
            self._say(f"the watchdog of {node} is killed")
            machine.watchdog.kill()

    def cut_off(self, node: str, deaf: bool = False) -> None:
        """The node is declared dead, though it lives: nobody reaches its processes, and they reach everybody, or
        nobody either where they are `deaf`."""
        self.counts.node_deaths += 1
        for name in (names.agent_name(node), names.compute_name(node)):
            process = self.wire.retire(name)
            if process is not None and not process.dead:
                self._say(f"{process} is declared dead, and lives on{' alone' if deaf else ''}")
                self.wire.died(process)
                process.deaf = deaf
                self.zombies.append(process)
        self._leave(node)

    def power_off(self, node: str) -> None:
        """The machine is gone with all that it had."""
        self.counts.node_deaths += 1
        self._switch_off(node)
        self._leave(node)

    def _switch_off(self, node: str) -> None:
        self._say(f"{node} is switched off")
        for name in (names.agent_name(node), names.compute_name(node)):
            process = self.wire.retire(name)
            if process is not None and not process.dead:
                self._end(process)
        for zombie in [each for each in self.zombies if each.name.endswith(f"@{node}")]:
            self._end(zombie)
        self.guests.power_off(node)
        self.gone_at[node] = self.loop.time()
        if (machine := self.machines.pop(node, None)) is not None:
            machine.watchdog.switch_off()

    def end_zombies(self, node: str = "") -> None:
        """The operating system ends them in the end, of one node or of all."""
        for zombie in [each for each in self.zombies if each.name.endswith(f"@{node}" if node else "")]:
            self._end(zombie)

    def _start(self, name: str) -> None:
        life = self.counts.lives[name] = self.counts.lives.get(name, 0) + 1
        process = self.wire.processes[name] = Process(name, life)
        process.run(self._live(process))

    def _start_again(self, process: Process) -> None:
        if self.wire.processes.get(process.name) is process:  # else its node has left, or come back, meanwhile
            self._start(process.name)

    async def _live(self, process: Process) -> None:
        """Until it has started; one that can't is tried again, as one that died."""
        try:
            room = await self._begin[process.name]()
        except (ConnectionError, LostCall) as error:
            self._say(f"{process} could not start: {error}")
            self.kill(process.name)
            return
        self._say(f"{process} has started")
        process.room = room
        for message in process.waiting:
            self.wire.execute(process, message)
        process.waiting.clear()

    def _end(self, process: Process) -> None:
        self._say(f"{process} is killed")
        process.dead = True
        self.wire.died(process)
        for machine in self.machines.values():
            machine.watchdog.gone(process)
        if process in self.zombies:
            self.zombies.remove(process)

    def _say(self, line: str) -> None:
        if self.tell:
            self.tell(line)

    # ------------------------------------------------------------ the supervisor

    def _leave(self, node: str) -> None:
        self._leaving[node] = self.loop.create_task(self._tell_left(node, self.random.uniform(*NOTICED_S)))

    async def _tell_left(self, node: str, noticed_s: float) -> None:
        """What the supervisor does once Ray has told it; see `actors/cluster/supervisor.py`."""
        await asyncio.sleep(noticed_s)
        self._say(f"{node} is known to have left")
        hosts, _ = await asyncio.gather(
            self._surely(names.CONDUCTOR, "node_left", node), self._surely(names.NETWORK, "forget_hosts", [node])
        )
        await self._surely(names.SCHEDULER, "forget_hosts", hosts)
        await self._surely(names.IMAGE, "forget_hosts", [node])
        if self._operator is not None:
            api, back, off = self.wire.reach(names.API), lambda: self._is_back(node), lambda: self._switch_off(node)
            self._evacuating.append(asyncio.create_task(operator.evacuate(api, node, back, off, self._operator)))

    def _is_back(self, node: str) -> bool:
        return names.compute_name(node) in self.wire.processes

    async def _surely(self, name: str, method: str, *arguments: Any) -> Any:
        while True:
            try:
                return await getattr(self.wire.reach(name), method)(*arguments)
            except ConnectionError:
                continue

    @property
    def leaving(self) -> bool:
        """Somebody has yet to hear that a node left, or to be built elsewhere."""
        return not all(task.done() for task in (*self._leaving.values(), *self._evacuating))

    # ------------------------------------------------------------ the rooms, as their actors make them

    def compute_of(self, host: str) -> Any:
        return self.wire.reach(names.compute_name(names.node_of(host)))

    def agent_of(self, host: str) -> Any:
        return self.wire.reach(names.agent_name(names.node_of(host)))

    def _reach(self, name: str) -> Any:
        return self.wire.reach(name)

    def _random(self) -> Random:
        return Random(self.random.random())

    async def _begin_conductor(self) -> Conductor:
        rooms = ConductorRooms(
            self._reach(names.SCHEDULER),
            self._reach(names.NETWORK),
            self._reach(names.VOLUME),
            self.compute_of,
            self._reach(names.IMAGE),
        )
        store = self.parts.store(self.disk)
        self._lives += 1
        conductor = self.parts.conductor(CLOUD, store, rooms, self.clock, self.parts.control_table, self._lives)
        await conductor.start()
        conductor.resume()
        self._held.append(asyncio.create_task(self._tend(conductor)))
        return conductor

    async def _tend(self, conductor: Conductor) -> None:
        while True:
            await asyncio.sleep(TEND_S)
            await conductor.tend()

    async def _begin_scheduler(self) -> Scheduler:
        limits = CLOUD.service_down_s, CLOUD.service_down_s
        scheduler = self.parts.scheduler(self.clock, self._random(), CLOUD.placement_profile, *limits)
        conductor = self._reach(names.CONDUCTOR)
        for row in await conductor.load(ComputeNode):
            await scheduler.fence(row.id, row.epoch)
        await scheduler.restore(await conductor.claims())
        rows = self.disk.ledger.rows.get(Aggregate.__name__, {}).values()
        if aggregates := [row for row in rows if isinstance(row, Aggregate)]:
            await scheduler.arrange(aggregates)  # no message: plays without any stay what they were
        return scheduler

    async def _begin_image(self) -> Images:
        return Images(self.images)

    async def _begin_network(self) -> NetworkRoom:
        conductor, agents, computes = self._reach(names.CONDUCTOR), self.agent_of, self.compute_of
        network = self.parts.network(CLOUD, conductor, self._tokens, agents, computes, self.clock, self._random())
        await network.start()
        return network

    async def _begin_volume(self) -> VolumeRoom:
        conductor, image = self._reach(names.CONDUCTOR), self._reach(names.IMAGE)
        cache = ImageCache(NOWHERE)
        volume = self.parts.volume(CLOUD, conductor, self._tokens, image, cache, self.backend, self.clock)
        await volume.start()
        return volume

    async def _begin_api(self) -> Api:
        conductor, images = self._reach(names.CONDUCTOR), self._reach(names.IMAGE)
        network, volume = self._reach(names.NETWORK), self._reach(names.VOLUME)
        computes, random = self.compute_of, self._random()
        api = Api(CLOUD, conductor, self._tokens, images, network, volume, computes, self.clock, random)
        await api.start()
        return api

    async def _begin_compute(self, machine: Machine) -> Compute:
        others = (names.CONDUCTOR, names.SCHEDULER, names.IMAGE, names.NETWORK, names.VOLUME)
        rooms = ComputeRooms(*(self._reach(name) for name in others))
        compute = self.parts.compute(machine.config, machine.hypervisor, rooms, self.clock, self.parts.node_table)
        await compute.start()
        self._held.append(asyncio.create_task(self._for_ever(compute.heartbeat, CLOUD.heartbeat_s)))
        self._held.append(asyncio.create_task(self._for_ever(compute.strays.sweep, machine.config.sweep_s)))
        every_s = machine.config.sync_power_state_interval
        self._held.append(asyncio.create_task(self._for_ever(compute.powers.sync, every_s)))
        self._held.append(asyncio.create_task(self._end_when_over(compute, PROCESS.get())))
        return compute

    async def _end_when_over(self, compute: Compute, process: Any) -> None:
        await compute.standing.over.wait()
        self.loop.call_soon(self._exit, process, context=Context())

    def _exit(self, process: Process) -> None:
        """It ended itself; Ray starts another, unless it is one that Ray took for dead."""
        if not process.dead:
            self._end(process)
            self.loop.call_later(self.random.uniform(*RESTART_S), self._start_again, process)

    async def _for_ever(self, act: Callable[[], Awaitable[object]], every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await act()
            except ConnectionError:
                continue

    async def _begin_agent(self, machine: Machine) -> NetworkAgent:
        network = self._reach(names.NETWORK)
        agent = NetworkAgent(machine.config, CLOUD, network, machine.dataplane, self.clock)
        await agent.start()
        return agent


@dataclass(frozen=True, slots=True)
class Watch:
    """Who sees what happens in a simulated cloud: every line of its story (None = nobody), every commit, every guest
    that runs on two machines."""

    tell: Callable[[str], None] | None
    committed: Callable[[list[Any]], None]
    twice: Callable[[str, list[str]], None]
