"""A guest that boots from a rescue disk on its host, and from its own again.

Called by `acts.py`, from the order alone, and may be run again from its beginning. What may fail without harm comes
first: while the image is fetched the guest runs on. What fails after that is taken back: the guest is defined as it
was, and left off. A guest that this act has rescued already goes on running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.acts import ActOrder, Rescue
from actors.compute import steps
from actors.compute.build import Build, order_again
from actors.compute.plugging import REFUSALS
from actors.compute.rebuilding import GOING, NOT_HERE, unless_hurried
from actors.errors import HostError, HostFault, value_of
from actors.messages import BuildOrder

if TYPE_CHECKING:
    from actors.compute.service import Compute

FETCH_S = 600.0  # for an image to come
RESCUE_S = 300.0  # for the rest, beside what the guest has to shut down

Start = Callable[[], Awaitable[None]]


async def rescue(node: Compute, order: ActOrder, act: Rescue, hurry: asyncio.Event, start: Start) -> None:
    """At a `hurry` it goes no further. Raises `HostError`, `CallerError`, `TimeoutError`."""
    build = Build(_order(node, order, act))
    build.vifs = order.vifs
    async with asyncio.timeout(FETCH_S):
        value_of((await unless_hurried(node, [build], steps.fetch_image, hurry)).get(build.id))
    _go_on(order, hurry)
    try:
        async with asyncio.timeout(act.wait_s + RESCUE_S):
            if await node.hypervisor.guests.rescued_by(build.id) != order.id:
                await _put_in(node, build, order, act, hurry)
            await node.standing.may_run()
            await start()
    except REFUSALS:
        await _put_back(node, build.id)
        raise


async def _put_in(node: Compute, build: Build, order: ActOrder, act: Rescue, hurry: asyncio.Event) -> None:
    guests = node.hypervisor.guests
    await guests.shut_down(build.id, act.wait_s, hurry)
    _go_on(order, hurry)
    await guests.unrescue(build.id)  # what another act has left
    await guests.rescue(build, order.id)


async def _put_back(node: Compute, instance_id: str) -> None:
    """Where not even that can be done, the next start of the guest does it."""
    with suppress(HostError):
        await node.hypervisor.guests.switch_off(instance_id)
        await node.hypervisor.guests.unrescue(instance_id)


async def unrescue(node: Compute, order: ActOrder, start: Start) -> None:
    """Switched off, as in Nova, not shut down: what ran was no system of the user's. Raises `HostError`."""
    guests = node.hypervisor.guests
    if await guests.rescued_by(order.instance_id):
        await guests.switch_off(order.instance_id)
    await guests.unrescue(order.instance_id)
    await node.standing.may_run()
    await start()


def _go_on(order: ActOrder, hurry: asyncio.Event) -> None:
    if hurry.is_set():
        raise HostError(HostFault("rescue", order.host, GOING))


def _order(node: Compute, order: ActOrder, act: Rescue) -> BuildOrder:
    """Of the rescue image, with the password of whoever goes to work there."""
    claim = node.hosts.claim_of(order.host, order.instance_id)
    if claim is None:
        raise HostError(HostFault("rescue", order.host, NOT_HERE))
    spec = replace(order.spec, token=act.token, image_id=act.image_id, admin_password=act.admin_password)
    return order_again(order, node.epoch, spec, claim)
