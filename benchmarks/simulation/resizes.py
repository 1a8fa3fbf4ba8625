"""Servers that are resized during the storm, and are confirmed, reverted or deleted, whatever they are doing then.

A play of its own, asked for by `run.play(…, resizes=True)`: nothing is lost for good in it, so that each resize ends
well or finds no room. `watched` holds the law that matters while it rages: the scheduler's claims never exceed a host,
and no server holds less there than it may have by its order; `broken` what must be true of it all in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any

from actors.api.act_messages import ResizeServer
from actors.api.messages import BootRequest
from actors.cluster import names
from actors.conductor.boots import Boot
from actors.conductor.service import Conductor
from actors.messages import Claim
from actors.records import Change, Flavor, Instance
from actors.scheduler.service import Scheduler
from benchmarks.simulation.cloud import SimulatedCloud
from benchmarks.simulation.confirming import use
from benchmarks.simulation.invariants import Quiet
from benchmarks.simulation.stands import IMAGE, MEMBER, PROJECT
from benchmarks.simulation.users import Promise, Users

SERVERS = 4
FLAVORS = (
    Flavor(id="wide", name="wide", vcpus=2, ram_mib=64, disk_gib=1),
    Flavor(id="deep", name="deep", vcpus=1, ram_mib=6 * 1024, disk_gib=2),
    Flavor(id="huge", name="huge", vcpus=12, ram_mib=128, disk_gib=1),
)
Say = Callable[[str], None]
Amounts = tuple[int, int, int]


def rows() -> list[Change]:
    return list(FLAVORS)


# ---------------------------------------------------------------- users


def begin(users: Users, random: Random) -> None:
    for number in range(SERVERS):
        key = f"resized-{number}"
        request = BootRequest(token=MEMBER, name=key, flavor="small", image=IMAGE, idempotency_key=key)
        promise = Promise(request)
        users.promises.append(promise)
        users.also(use(users, promise, random, partial(_resize, users, random), soon=1.0))


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

        async def restore(self, claims: Any) -> None:
            await super().restore(claims)
            _look(await self.claims(), cloud(), say)

    return Watched


def _look(claims: list[Claim], cloud: SimulatedCloud, say: Say) -> None:
    """What is being deleted may have given its host back, and is claimed again for a scheduler that starts."""
    boots = {boot.id: boot for boot in _boots(cloud)}
    staying = [one for one in claims if (boot := boots.get(one.instance_id)) and not boot.instance.deleting]
    vcpus, ram_mib = Counter[str](), Counter[str]()
    for claim in staying:
        vcpus[claim.host] += claim.vcpus
        ram_mib[claim.host] += claim.ram_mib
        boot = boots[claim.instance_id]
        wanted = boot.claim() if boot.instance.launched_at else claim
        if claim.host == wanted.host and _is_less(claim, wanted):
            say(f"{boot.id} may have {_amounts(wanted)} by its order, and holds {_amounts(claim)}")
    for host, machine in cloud.machines.items():
        fleet = machine.config.simulated
        if vcpus[host] > fleet.vcpus or ram_mib[host] > fleet.ram_mib:
            say(f"{host} has {fleet.vcpus} vCPUs, {fleet.ram_mib} MiB; claimed are {vcpus[host]}, {ram_mib[host]}")


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


def _needs(row: Instance, on_volume: bool) -> Amounts:
    return row.flavor.vcpus, row.flavor.ram_mib, 0 if on_volume else row.flavor.disk_gib


async def charged(quiet: Quiet) -> list[str]:
    [quota] = await quiet.room(names.CONDUCTOR).quotas([PROJECT])
    there = [row for row in quiet.rows(Instance) if row.vm_state != "deleted"]
    wanted = {
        "instances": len(there),
        "cores": sum(row.flavor.vcpus for row in there),
        "ram": sum(row.flavor.ram_mib for row in there),
    }
    return [] if quota.used == wanted else [f"the project is charged for {quota.used}, and has {wanted}"]


def _unfinished(quiet: Quiet) -> Iterable[str]:
    """Of each that lives the definition that its machine has is of its flavor alone."""
    for name in quiet.members():
        guests = quiet.cloud.machines[name].hypervisor.guests
        for kind in ("resized", "kept_disks"):
            yield from (f"{line} is {kind} on {name}" for line in guests.world().get(kind, ()))
