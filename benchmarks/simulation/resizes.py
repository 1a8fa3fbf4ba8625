"""Servers that are resized during the storm, and are confirmed, reverted or deleted, whatever they are doing then.

A play of its own, asked for by `run.play(…, resizes=True)`: nothing is lost for good in it, so that each resize ends
well or finds no room. Some flavors have room on one host alone: who is to have such a one goes there, if there is that
host. `watched` holds the law that matters while it rages: the scheduler's claims never exceed a host, and no server
holds less there than it may have by its order; `broken`, beside that of `migrations.py`, what must be true in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any

from actors.api.act_messages import ResizeServer
from actors.cluster import names
from actors.conductor.boots import Boot
from actors.conductor.moves import RESIZE
from actors.conductor.service import Conductor
from actors.messages import Claim
from actors.records import Aggregate, Change, Flavor, Instance
from actors.scheduler.service import Scheduler
from benchmarks.simulation import confirming
from benchmarks.simulation.cloud import SimulatedCloud
from benchmarks.simulation.invariants import Quiet, charged
from benchmarks.simulation.stands import MEMBER
from benchmarks.simulation.users import Users

NODES = tuple(f"node-{number}" for number in range(3))  # a cloud has some of them
KEY = "aggregate_instance_extra_specs:node"
FLAVORS = (
    Flavor(id="wide", name="wide", vcpus=2, ram_mib=64, disk_gib=1),
    Flavor(id="deep", name="deep", vcpus=1, ram_mib=6 * 1024, disk_gib=2),
    Flavor(id="huge", name="huge", vcpus=12, ram_mib=128, disk_gib=1),
    Flavor(id="vast", name="vast", vcpus=1, ram_mib=40 * 1024, disk_gib=1),
    *(
        Flavor(id=f"on-{node}", name=f"on-{node}", vcpus=1, ram_mib=256, disk_gib=1, extra_specs={KEY: node})
        for node in NODES
    ),
)
AGGREGATES = tuple(
    Aggregate(id=node, number=number, name=node, hosts=(node,), properties={"node": node})
    for number, node in enumerate(NODES)
)
Say = Callable[[str], None]
Amounts = tuple[int, int, int]


def rows() -> list[Change]:
    return [*FLAVORS, *AGGREGATES]


# ---------------------------------------------------------------- users


def begin(users: Users, random: Random) -> None:
    confirming.begin(users, random, "resized", partial(_resize, users, random), soon=1.0)


async def _resize(users: Users, random: Random, server_id: str) -> None:
    wanted = random.choice(("small", *(flavor.id for flavor in FLAVORS)))
    await users.api.resize(ResizeServer(token=MEMBER, server_id=server_id, flavor=wanted))


# ---------------------------------------------------------------- laws


def watched(scheduler: type[Scheduler], say: Say, cloud: Callable[[], SimulatedCloud]) -> type[Scheduler]:
    """The scheduler, whose books are looked at after each change."""

    class Watched(scheduler):  # type: ignore[valid-type,misc]
        async def place(self, requests: Any) -> Any:
            replies = await super().place(requests)
            _look(await self.claims(), cloud(), say)
            return replies

        async def grow(self, changes: Any) -> Any:
            replies = await super().grow(changes)
            _look(await self.claims(), cloud(), say)
            return replies

        async def shrink(self, changes: Any) -> None:
            await super().shrink(changes)
            _look(await self.claims(), cloud(), say)

        async def exchange(self, exchanges: Any) -> None:
            await super().exchange(exchanges)
            _look(await self.claims(), cloud(), say)

        async def restore(self, claims: Any) -> None:
            await super().restore(claims)
            _look(await self.claims(), cloud(), say)

    return Watched


def _look(claims: list[Claim], cloud: SimulatedCloud, say: Say) -> None:
    """What is being deleted may have given its host back, and is claimed again for a scheduler that starts."""
    boots = {claim_id: boot for boot in _boots(cloud) for claim_id in _claim_ids(boot)}
    staying = [one for one in claims if (boot := boots.get(one.instance_id)) and not boot.instance.deleting]
    vcpus, ram_mib = Counter[str](), Counter[str]()
    for claim in staying:
        vcpus[claim.host] += claim.vcpus
        ram_mib[claim.host] += claim.ram_mib
        boot = boots[claim.instance_id]
        for wanted in boot.claims() if boot.instance.launched_at else ():
            if (claim.instance_id, claim.host) == (wanted.instance_id, wanted.host) and _is_less(claim, wanted):
                say(f"{boot.id} may have {_amounts(wanted)} by its order, and holds {_amounts(claim)}")
    for host, machine in cloud.machines.items():
        fleet = machine.config.simulated
        if vcpus[host] > fleet.vcpus or ram_mib[host] > fleet.ram_mib:
            say(f"{host} has {fleet.vcpus} vCPUs, {fleet.ram_mib} MiB; claimed are {vcpus[host]}, {ram_mib[host]}")


def _claim_ids(boot: Boot) -> list[str]:
    """By which it may hold room."""
    spec = boot.spec()
    moving = [spec.moving.claim_id] if spec.moving is not None else []
    return [boot.id, *moving, *(place.claim_id for place in spec.left_behind)]


def _boots(cloud: SimulatedCloud) -> list[Boot]:
    """As the conductor has them, if it lives."""
    process = cloud.wire.processes.get(names.CONDUCTOR)
    room: Conductor | None = process.room if process is not None and not process.dead else None
    return room.all_boots() if room is not None else []


def _is_less(claim: Claim, than: Claim) -> bool:
    return any(has < wanted for has, wanted in zip(_amounts(claim), _amounts(than), strict=True))


def _amounts(claim: Claim) -> Amounts:
    return claim.vcpus, claim.ram_mib, claim.disk_gib


async def broken(quiet: Quiet) -> list[str]:
    """Of every server the books say what its flavor needs, and so does its project's quota."""
    wanted = {row.id: _needs(row, row.id in quiet.on_volumes()) for row in quiet.placed().values()}
    books = {"scheduler": await quiet.room(names.SCHEDULER).claims()}
    for name in quiet.members():
        books[name] = quiet.room(names.compute_name(name)).hosts.claims()
    claims = [(who, claim) for who, claims in books.items() for claim in claims if claim.instance_id in wanted]
    found = [
        f"the books of {who} say that {claim.instance_id} has {_amounts(claim)}, not {wanted[claim.instance_id]}"
        for who, claim in claims
        if _amounts(claim) != wanted[claim.instance_id]
    ]
    return [*found, *await charged(quiet), *_unfinished(quiet)]


def elsewhere(moves: Iterable[Any]) -> Counter[str]:
    """How many found room on another host than their server's own."""
    gone = [move for move in moves if move.kind == RESIZE and move.target_host not in ("", move.source_host)]
    return Counter(elsewhere=len(gone))


def _needs(row: Instance, on_volume: bool) -> Amounts:
    return row.flavor.vcpus, row.flavor.ram_mib, 0 if on_volume else row.flavor.disk_gib


def _unfinished(quiet: Quiet) -> Iterable[str]:
    """Of each that lives the definition that its machine has is of its flavor alone."""
    for name in quiet.members():
        guests = quiet.cloud.machines[name].hypervisor.guests
        for kind in ("resized", "kept_disks"):
            yield from (f"{line} is {kind} on {name}" for line in guests.world().get(kind, ()))
