"""Servers that are shelved during the storm, run again or are deleted, whatever they are doing then.

A play of its own, asked for by `run.play(…, shelves=True)`. Two laws matter most to whoever has data: no guest runs on
another root disk than the one that it wrote to (`Disks`), and nobody else gets its volumes. `broken` says what must be
true in the end: of what shelving made only that is left which a shelved server needs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

from actors.acts import Start
from actors.api.act_messages import ActOnServer, AttachVolumeTo, ShelveServer, UnshelveServer
from actors.api.messages import BootRequest
from actors.cluster import names
from actors.conductor import moved
from actors.messages import ServerView
from actors.records import Instance, InstanceAction, VolumeAttachment
from benchmarks.simulation.cloud import SimulatedCloud
from benchmarks.simulation.confirming import KINDS
from benchmarks.simulation.invariants import Quiet, charged
from benchmarks.simulation.stands import MEMBER
from benchmarks.simulation.trouble import STORM_S, Weather
from benchmarks.simulation.users import PATIENCE_S, Promise, Users, attempt

SERVERS = 4
TIMES = 3  # that each is shelved at most
LOST_S = STORM_S + 30.0  # a node that is away for longer does not come back
AGAIN_S = 1.5  # between a user's looks how its server is


def nobody_moves_them(weather: Weather) -> Weather:
    """What was on a root disk that went with its node is made anew where that is asked for."""
    return replace(weather, evacuates=False)


class Disks:
    """Hears of each guest that runs on a root disk that is not its own."""

    def __init__(self, cloud: SimulatedCloud, broken: Callable[[str], None]) -> None:
        self._cloud, self._broken = cloud, broken

    def __call__(self, instance_id: str, disk: bytes) -> None:
        row = self._cloud.disk.ledger.rows.get(Instance.__name__, {}).get(instance_id)
        if isinstance(row, Instance) and row.launched_at and not row.deleting:
            self._broken(f"{instance_id} runs on a root disk that is {disk.decode()}")


# ---------------------------------------------------------------- users


def begin(users: Users, random: Random) -> None:
    for number in range(SERVERS):
        key = f"shelved-{number}"
        request = BootRequest(token=MEMBER, name=key, flavor="small", idempotency_key=key, **random.choice(KINDS))
        promise = Promise(request)
        users.promises.append(promise)
        users.also(_use(users, promise, random))


async def _use(users: Users, promise: Promise, random: Random) -> None:
    await users.launch(promise)
    for _ in range(random.randint(1, TIMES) if promise.ids else 0):
        await asyncio.sleep(random.uniform(0.0, STORM_S / TIMES))
        await _shelve(users, promise)
        await asyncio.sleep(random.expovariate(1.0))
        if users.volumes and random.random() < 0.2:
            await _attach(users, promise)
        await _unshelve(users, promise)
    if promise.ids and random.random() < 0.3:
        await users.delete(promise)
    elif promise.ids:
        runs = random.random() < 0.5
        await _come_to_rest(users, promise, runs)
        await asyncio.sleep(LOST_S)  # what was off on a node that was away is seen when it is back
        await _come_to_rest(users, promise, runs)


async def _shelve(users: Users, promise: Promise) -> None:
    await attempt(users.api.shelve(ShelveServer(token=MEMBER, server_id=promise.ids[0])))


async def _unshelve(users: Users, promise: Promise) -> None:
    await attempt(users.api.unshelve(UnshelveServer(token=MEMBER, server_id=promise.ids[0])))


async def _attach(users: Users, promise: Promise) -> None:
    """A volume of the user's, which is its own at once."""
    view = await attempt(users.api.server(MEMBER, promise.ids[0]))
    if not isinstance(view, ServerView) or view.status != "SHELVED_OFFLOADED" or view.task_state:
        return
    volume_id = users.volumes.pop()
    await attempt(users.api.attach_volume(AttachVolumeTo(token=MEMBER, server_id=promise.ids[0], volume_id=volume_id)))


async def _come_to_rest(users: Users, promise: Promise, runs: bool) -> None:
    until = users.now() + PATIENCE_S
    while users.now() < until:
        view = await attempt(users.api.server(MEMBER, promise.ids[0]))
        if isinstance(view, ServerView) and not view.task_state:
            lost = view.status == "ACTIVE" and view.power_state == "NOSTATE"  # with its node
            if view.status == "ERROR" or (view.status == ("ACTIVE" if runs else "SHELVED_OFFLOADED") and not lost):
                return
            if view.status == "SHELVED_OFFLOADED" and view.fault is not None:
                return  # there is no room
            if lost and users.now() > until - PATIENCE_S + LOST_S:
                return  # its node stays away
            if view.status == "SHUTOFF":  # it was shut down there, to be shelved
                await attempt(users.api.act(ActOnServer(token=MEMBER, server_id=view.id, act=Start())))
        await (_unshelve if runs else _shelve)(users, promise)
        await asyncio.sleep(AGAIN_S)
    promise.unheard = "the end of its shelving"


def done(actions: Iterable[InstanceAction]) -> Counter[str]:
    """How many of each ended well, and how many did not (as `failed`)."""
    ended = [row for row in actions if row.finished_at and row.name in ("shelve", "unshelve")]
    return Counter("failed" if row.message else row.name for row in ended)


# ---------------------------------------------------------------- laws


async def broken(quiet: Quiet) -> list[str]:
    return [*_images(quiet), *_actions(quiet), *_kept(quiet), *await charged(quiet)]


def _images(quiet: Quiet) -> Iterable[str]:
    """One that nobody was ever answered for is queued for good, as an image of a user's that was not sent."""
    boots = quiet.room(names.CONDUCTOR).all_boots()
    wanted = {one for boot in boots if boot.instance.vm_state == "shelved_offloaded" for one in moved.images_of(boot)}
    there = {one for one, image in quiet.cloud.images.items() if image.content is not None}
    if there != wanted:
        yield f"of images that shelving made there are {sorted(there)}, and should be {sorted(wanted)}"
    for boot in boots:
        if boot.instance.vm_state == "active" and (left := moved.images_of(boot)):
            yield f"{boot.id} runs, and still names {left}"


def _actions(quiet: Quiet) -> Iterable[str]:
    for row in quiet.rows(InstanceAction):
        owner = quiet.instances.get(row.instance_id)
        if not row.finished_at and owner is not None and owner.vm_state != "deleted":
            yield f"{row.name} of {row.instance_id} has not ended"


def _kept(quiet: Quiet) -> Iterable[str]:
    """A server that is shelved has its volumes."""
    held = {(each.instance_id, each.volume_id) for each in quiet.rows(VolumeAttachment)}
    for boot in quiet.room(names.CONDUCTOR).all_boots():
        if boot.instance.vm_state == "shelved_offloaded":
            spec = boot.spec()
            wanted = {device.source_id for device in spec.block_devices if device.destination_type == "volume"}
            for volume_id in sorted(wanted - {volume for owner, volume in held if owner == boot.id}):
                yield f"{boot.id} is shelved, and has lost {volume_id}"
