"""A guest made anew on its host: from an image, with the ports, volumes and claim that it has.

Called by `acts.py`, from the order alone, and may be run again from its beginning. What may fail without harm comes
first: while the image is fetched the guest runs on. After that a failure leaves no guest, and the server is in ERROR.
An image that goes on the volume that it boots from is fetched and written by the volume room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.acts import ActOrder, Rebuild
from actors.compute import steps
from actors.compute.build import Build, order_again
from actors.compute.plugging import plug
from actors.errors import HostError, HostFault, value_of
from actors.messages import BuildOrder, ReimageRequest
from actors.saga import Failures

if TYPE_CHECKING:
    from actors.compute.service import Compute

REBUILD_S = 1_200.0  # for all of it; an image may take half of that to come
GOING, NOT_HERE = "the server is being deleted", "the server has no place on this host"
NO_ROOT = "the server boots from no volume"

Work = Callable[["Compute", list[Build]], Awaitable[Failures]]


async def rebuild(node: Compute, order: ActOrder, act: Rebuild, hurry: asyncio.Event) -> str:
    """The name of its root device; at a `hurry` it goes no further.

    Raises `HostError`, `CallerError`, `TimeoutError`.
    """
    build = Build(_order(node, order, act))
    build.vifs = order.vifs
    async with asyncio.timeout(REBUILD_S):
        for work in _works(order, act, hurry):
            if hurry.is_set():
                raise HostError(HostFault("rebuild", order.host, GOING))
            value_of((await work(node, [build])).get(build.id))
    if order.claim is not None:  # it was resized once, and may have been reset, or not reverted, since
        value_of(node.hosts.change(order.claim))
    return build.root_device


def _works(order: ActOrder, act: Rebuild, hurry: asyncio.Event) -> tuple[Work, ...]:
    take_down: Work = partial(_take_down, keep_ephemeral=act.preserve_ephemeral)
    return (
        *(_reimaging(order, act, hurry, take_down) if act.reimage else _imaging(hurry, take_down)),
        steps.write_config_drive,
        steps.make_root_disk,
        steps.make_ephemeral_disks,
        steps.define_guest,
        partial(_start, order=order),
        *((_switch_off,) if act.stopped else (_resume, steps.await_running)),
    )


def _imaging(hurry: asyncio.Event, take_down: Work) -> tuple[Work, ...]:
    fetch = partial(unless_hurried, work=steps.fetch_image, hurry=hurry)
    return fetch, steps.attach_block_devices, take_down  # it has its devices: this tells how they are reached


def _reimaging(order: ActOrder, act: Rebuild, hurry: asyncio.Event, take_down: Work) -> tuple[Work, ...]:
    """The volume can't be reached while it is written, so that it is attached afterwards."""
    ready, write = (
        partial(unless_hurried, work=partial(work, order=order, act=act), hurry=hurry)
        for work in (_ready_root, _write_root)
    )
    return (
        ready,
        take_down,
        partial(_unless_given_up, write=write, order=order, hurry=hurry),
        steps.attach_block_devices,
    )


async def _ready_root(node: Compute, builds: list[Build], order: ActOrder, act: Rebuild) -> Failures:
    [fault] = await node.volume.ready_root([_reimage_request(node, order, act)])
    return {order.instance_id: fault} if fault else {}


async def _unless_given_up(
    node: Compute, builds: list[Build], write: Work, order: ActOrder, hurry: asyncio.Event
) -> Failures:
    """What was asked for and comes late is not begun under the guest that is made next."""
    failures = await write(node, builds)
    if hurry.is_set():
        await node.volume.give_up_root([order.id])
    return failures


async def _write_root(node: Compute, builds: list[Build], order: ActOrder, act: Rebuild) -> Failures:
    [fault] = await node.volume.reimage_root([_reimage_request(node, order, act)])
    return {order.instance_id: fault} if fault else {}


def _reimage_request(node: Compute, order: ActOrder, act: Rebuild) -> ReimageRequest:
    root = next((device for device in order.spec.block_devices if device.boot_index == 0), None)
    if root is None:
        raise HostError(HostFault("rebuild", order.host, NO_ROOT))
    return ReimageRequest(
        act_id=order.id,
        token=act.token,
        instance_id=order.instance_id,
        volume_id=root.source_id,
        image_id=act.reimage,
        host=order.host,
        epoch=node.epoch,
    )


def _order(node: Compute, order: ActOrder, act: Rebuild) -> BuildOrder:
    claim = node.hosts.claim_of(order.host, order.instance_id)
    if claim is None:
        raise HostError(HostFault("rebuild", order.host, NOT_HERE))
    return order_again(order, node.epoch, replace(order.spec, token=act.token), claim)


async def unless_hurried(node: Compute, builds: list[Build], work: Work, hurry: asyncio.Event) -> Failures:
    """It may take minutes, for which whoever deletes the server need not wait."""
    working = asyncio.ensure_future(work(node, builds))
    hurried = asyncio.create_task(hurry.wait())
    try:
        await asyncio.wait({working, hurried}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else {}
    finally:
        working.cancel()
        hurried.cancel()


async def _take_down(node: Compute, builds: list[Build], keep_ephemeral: bool) -> Failures:
    """The taps stay, and with them what the network knows of its ports."""
    hypervisor = node.hypervisor
    await hypervisor.stop(builds)
    await hypervisor.undefine(builds)
    await hypervisor.remove_config_drives(builds)
    await hypervisor.remove_root_disks(builds)
    if not keep_ephemeral:
        await hypervisor.remove_ephemeral_disks(builds)
    return {}


async def _start(node: Compute, builds: list[Build], order: ActOrder) -> Failures:
    failures: Failures = {}

    async def start() -> None:
        await node.standing.may_run()  # the server is this node's also if it is lost: no watchdog stops it
        failures.update(await node.hypervisor.start_paused(builds))

    await plug(node, order, order.vifs, start)
    return failures


async def _resume(node: Compute, builds: list[Build]) -> Failures:
    await node.standing.may_run()
    return await node.hypervisor.resume(builds)


async def _switch_off(node: Compute, builds: list[Build]) -> Failures:
    for build in builds:
        await node.hypervisor.guests.switch_off(build.id)
    return {}
