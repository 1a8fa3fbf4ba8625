"""Servers that go to other hosts during the storm, and are confirmed, reverted or deleted, whatever they do then.

A play of its own, asked for by `run.play(…, migrations=True)`: nothing is lost for good in it. Beside the laws of all
plays (no guest runs on two machines; none runs on another root disk than the one that it wrote to) `broken` says what
must be true in the end: no host has anything of a server that is elsewhere, and what is recorded of its moves is so.
That holds in the play of `resizes.py`, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from random import Random

from actors.api.act_messages import MigrateServer
from actors.cluster import names
from actors.conductor.moves import OVER
from actors.records import Move
from benchmarks.simulation import confirming
from benchmarks.simulation.invariants import Quiet, charged
from benchmarks.simulation.stands import ADMIN
from benchmarks.simulation.users import Users


def begin(users: Users, random: Random) -> None:
    confirming.begin(users, random, "migrated", partial(_migrate, users), soon=0.3)


async def _migrate(users: Users, server_id: str) -> None:
    await users.api.migrate(MigrateServer(token=ADMIN, server_id=server_id))


# ---------------------------------------------------------------- laws


async def broken(quiet: Quiet) -> list[str]:
    return [*await left_behind(quiet), *_places(quiet), *await charged(quiet)]


async def left_behind(quiet: Quiet) -> list[str]:
    """By servers that have moved."""
    claims = await quiet.room(names.SCHEDULER).claims()
    of_nobody = [one for one in claims if one.instance_id not in quiet.instances]
    held = [f"room is held on {one.host} by {one.instance_id}, which is no server" for one in of_nobody]
    return [*held, *_left(quiet), *_records(quiet)]


def _left(quiet: Quiet) -> Iterable[str]:
    """What a server has on a host that is not its own."""
    homes = quiet.homes()
    for name in quiet.members():
        guests = quiet.cloud.machines[name].hypervisor.guests
        yield from (f"disks of {line} are offered by {name}" for line in guests.world().get("offered_disks", ()))
        for claim in quiet.room(names.compute_name(name)).hosts.claims():
            if homes.get(claim.instance_id, claim.host) != claim.host:
                yield f"{claim.instance_id} is on {homes[claim.instance_id]}, and {claim.host} keeps room for it"


def _records(quiet: Quiet) -> Iterable[str]:
    """Each move is over."""
    for move in quiet.rows(Move):
        if move.status not in OVER:
            yield f"move {move.number} of {move.instance_id} is {move.status}"


def _places(quiet: Quiet) -> Iterable[str]:
    """Of a server that stayed where it went the last move says where that is."""
    moves = sorted(quiet.rows(Move), key=lambda move: move.number)
    last = {move.instance_id: move for move in moves if move.status == "confirmed"}
    for instance_id, host in quiet.homes().items():
        move = last.get(instance_id)
        if move is not None and move.kind != "evacuation" and move.target_host != host:
            yield f"{instance_id} is on {host}, and was confirmed on {move.target_host}"
