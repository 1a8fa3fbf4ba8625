"""A guest that leaves its host, arrives on another with its disks, or is on the first again.

Called by `acts.py`, each part from its order alone, and may be run again from its beginning. What a guest has on its
first host stays there, off and as it was: its definition, and its disks to the last byte. Where a part fails nothing is
put back here; the conductor has the other host undo all of it, and this one run `come_back`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.acts import ROOM_AWAY, ActOrder, Arrive, Leave, Reboot, Return, Start
from actors.compute import steps
from actors.compute.block_info import disks_for, unconnected
from actors.compute.build import Build, order_again, spec_elsewhere
from actors.compute.rebuilding import GOING, Work, unless_hurried
from actors.compute.resizing import heal
from actors.errors import HostError, HostFault, value_of
from actors.messages import Claim, DiskOffer
from actors.saga import Failures
from actors.states import Power

if TYPE_CHECKING:
    from actors.compute.service import Compute

LEAVE_S = 7_200.0  # beside what the guest has to shut down; most of it is for copies of its disks
ARRIVE_S = 7_200.0  # most of it is for its disks to come
RETURN_S = 600.0
STEP = "migrate"
NOT_HERE = "the guest is not on this host"
UNKNOWN = "nobody can tell how the guest is"
RUNS = "the guest runs on the host that it left"

Starting = Callable[[ActOrder], Awaitable[None]]


async def leave(node: Compute, order: ActOrder, act: Leave, hurry: asyncio.Event) -> tuple[DiskOffer, ...]:
    """Its disks, as they can be fetched. At a `hurry` it goes no further.

    Raises `HostError`, `CallerError`, `ConnectionError`, `TimeoutError`.
    """
    guests = node.hypervisor.guests
    if act.fetched:
        await guests.drop_offers(order.instance_id)
        return ()
    power = await guests.power(order.instance_id)
    if power is None:
        raise HostError(HostFault(STEP, order.host, NOT_HERE))
    async with asyncio.timeout(act.wait_s + LEAVE_S):
        if not act.gone:
            await _check_fit(node, order)
            await guests.shut_down(order.instance_id, act.wait_s, hurry)
            _go_on(order, hurry)
            await guests.unrescue(order.instance_id)  # an administrator's reset forgets that it is rescued, or resized
            await heal(node, order)
        elif power is not Power.SHUTDOWN:
            raise HostError(HostFault(STEP, order.host, RUNS))
        offers = await guests.offer_disks(order.instance_id, hurry, not act.gone)
        _go_on(order, hurry)
        if not act.gone:
            build = _build(node, order, "")
            await node.hypervisor.unplug([build])
            await steps.deallocate_networks(node, [build])
            await steps.detach_block_devices(node, [build])
    return offers


async def arrive(node: Compute, order: ActOrder, act: Arrive, hurry: asyncio.Event) -> Build:
    """With its ports and the name of its root device. One that runs here already goes on. Raises as `leave`."""
    build = _build(node, order, act.token)
    take: Work = partial(unless_hurried, work=partial(_take, offers=act.disks), hurry=hurry)
    works: tuple[Work, ...] = (steps.check_claim, steps.allocate_networks, steps.attach_block_devices)
    if await node.hypervisor.guests.power(build.id) in (None, Power.SHUTDOWN):
        works = (*works, take, _fit, steps.write_config_drive, steps.make_ephemeral_disks, steps.define_guest)
    async with asyncio.timeout(ARRIVE_S):
        await _run(node, build, works, hurry)
    return build


async def come_back(node: Compute, order: ActOrder, act: Return) -> Build:
    """As `arrive`, of one whose disks are here. What was made for the other host to fetch goes. Where another room is
    away it raises `HostError` of that step: it can go nowhere else, so that it is tried again. One that this host has
    forgotten meanwhile, or an operator taken away, is defined of its disks."""
    build = _build(node, order, act.token)
    guests = node.hypervisor.guests
    works: tuple[Work, ...] = (steps.allocate_networks, steps.attach_block_devices)
    match await guests.power(build.id):
        case Power.SHUTDOWN:
            works = (*works, _keep_kind, steps.define_guest)
        case None if build.id in await guests.powers():
            raise HostError(HostFault(STEP, order.host, UNKNOWN))
        case None:
            works = (*works, _check_disks, steps.write_config_drive, steps.define_guest)
    async with asyncio.timeout(RETURN_S):
        try:
            await _run(node, build, works, asyncio.Event())
        except ConnectionError as error:
            raise HostError(HostFault(ROOM_AWAY, order.host, str(error))) from error
        await guests.drop_offers(build.id)
    return build


async def bound(node: Compute, order: ActOrder) -> ActOrder:
    """Its ports and volumes are on this host again, and nobody fetches its disks from here; a guest that is to run is
    defined with them, since some may have come or gone where it was meanwhile. Raises as `leave`."""
    build, guests = _build(node, order, ""), node.hypervisor.guests
    works: tuple[Work, ...] = (steps.allocate_networks, steps.attach_block_devices)
    if isinstance(order.act, Start | Reboot) and await guests.power(build.id) is Power.SHUTDOWN:
        works = (*works, _keep_kind, steps.define_guest)
    async with asyncio.timeout(RETURN_S):
        await _run(node, build, works, asyncio.Event())
        await guests.drop_offers(build.id)
    return replace(order, vifs=build.vifs)


async def run_on(node: Compute, order: ActOrder, build: Build, stopped: bool, start: Starting) -> None:
    """Its guest runs, unless it was off. Until whoever ordered it says so again it runs on a lease, as one that is
    built: where it is not heard of, it goes back to where it was."""
    if not stopped and await node.hypervisor.guests.power(build.id) is not Power.RUNNING:
        node.stake(build)
        await node.standing.hold([build.id])
        await start(replace(order, vifs=build.vifs))


async def back_on(node: Compute, order: ActOrder, build: Build, stopped: bool, start: Starting) -> None:
    """The same of one that is where it was: it can go nowhere else."""
    if not stopped:
        await node.standing.may_run()
        await start(replace(order, vifs=build.vifs))


async def _run(node: Compute, build: Build, works: tuple[Work, ...], hurry: asyncio.Event) -> None:
    for work in works:
        if hurry.is_set():
            raise HostError(HostFault(STEP, build.order.host, GOING))
        value_of((await work(node, [build])).get(build.id))


async def _take(node: Compute, builds: list[Build], offers: tuple[DiskOffer, ...]) -> Failures:
    for build in builds:
        await node.hypervisor.guests.take_disks(build, offers)
    return {}


async def _check_disks(node: Compute, builds: list[Build]) -> Failures:
    for build in builds:
        await node.hypervisor.guests.check_disks(build)
    return {}


async def _fit(node: Compute, builds: list[Build]) -> Failures:
    """Disks of one that has another flavor here are as large as that says."""
    for build in builds:
        if (before := spec_elsewhere(build.order.spec)) is not None:
            await node.hypervisor.guests.fit(build, before)
    return {}


async def _check_fit(node: Compute, order: ActOrder) -> None:
    """Of one that has another flavor where it goes: found while it runs as it was."""
    if (there := spec_elsewhere(order.spec)) is not None:
        build = _build(node, replace(order, spec=there), "")
        build.disks = disks_for(there, unconnected(there))
        await node.hypervisor.guests.check_fit(build)


async def _keep_kind(node: Compute, builds: list[Build]) -> Failures:
    """What it boots from is what it was, a disk or a CD-ROM."""
    for build in builds:
        await node.hypervisor.guests.keep_root_kind(build)
    return {}


def _go_on(order: ActOrder, hurry: asyncio.Event) -> None:
    if hurry.is_set():
        raise HostError(HostFault(STEP, order.host, GOING))


def _build(node: Compute, order: ActOrder, token: str) -> Build:
    nothing = Claim(instance_id=order.instance_id, host=order.host, vcpus=0, ram_mib=0, disk_gib=0)
    build = Build(order_again(order, node.epoch, replace(order.spec, token=token), order.claim or nothing))
    build.vifs = order.vifs
    return build
