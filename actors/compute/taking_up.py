"""What a compute actor that starts does about guests that an earlier life of it began.

Part of its start (`service.py`), between the conductor's welcome and the first build. A guest that was begun on a lease
is stopped by the node's watchdog when that is over, unless it is taken up here: as one that is still to be built, or as
one that the conductor knows to run. Of the others the conductor has told nothing: they stay due.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actors.errors import HostError
from actors.messages import Claim, Welcome
from actors.states import Power

if TYPE_CHECKING:
    from actors.compute.service import Compute

log = logging.getLogger(__name__)


async def take_up(node: Compute, welcome: Welcome) -> None:
    """What was stopped since nobody here knew whether the conductor had heard of it, and it had, is started again.

    A guest that was being resized when its node left may be of the flavor that its server has not got: it is put back
    before it writes more to disks that it will not keep.
    """
    for claim in welcome.running:
        if claim.edition:  # it was resized at least once
            with _said():  # its next start puts it back
                await _put_back(node, claim)
    if welcome.unfinished:
        with _said():  # each build meets it again
            await node.standing.hold([order.instance_id for order in welcome.unfinished])
    found: list[str] = []
    with _said():
        found = await node.hypervisor.watchdog.take_up([claim.instance_id for claim in welcome.running])
    for instance_id in found:
        with _said():  # one that can't be started is told to be off
            await _run(node, instance_id)


async def _put_back(node: Compute, claim: Claim) -> None:
    guests, instance_id = node.hypervisor.guests, claim.instance_id
    mark = await guests.resized(instance_id)
    if mark is None:
        return
    spec = (await node.conductor.instance(instance_id)).spec
    may_be_either = spec.resized is not None and spec.resized.other is not None
    if may_be_either or mark.flavor_id == spec.flavor.id:
        return  # it waits to be confirmed, or was
    power = await guests.power(instance_id)
    await guests.switch_off(instance_id)
    await guests.unresize(instance_id, mark)
    node.hosts.change(claim)
    if power is Power.RUNNING:
        await _run(node, instance_id)


async def _run(node: Compute, instance_id: str) -> None:
    guests = node.hypervisor.guests
    if await guests.power(instance_id) is Power.SHUTDOWN:
        await guests.start_paused(instance_id)
        await guests.unpause(instance_id)


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except (HostError, ConnectionError, LookupError) as error:
        log.warning("%s", error)
