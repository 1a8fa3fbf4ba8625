"""What each row of the CONTROL table (`actors/boot.py`) does and undoes, for a batch of boots.

These steps run where the database is: record durably, have a host found, hand over to its compute actor.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from actors.conductor.boots import Boot
from actors.errors import CallerFault, HostError, HostFault
from actors.messages import BootFault, DeallocateRequest, DetachRequest, NoHostFound, Placed, PlaceRequest
from actors.saga import Failures

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

BUSY = 503  # the scheduler has just started and does not know its hosts yet
PLACE_TRIES = 100  # times a busy scheduler is asked
PLACE_PAUSE_S = 0.2


async def record(conductor: Conductor, boots: list[Boot]) -> Failures:
    """Steps 6-7: the instances are on disk before anybody is told that they were accepted."""
    await conductor.write(boots, "instance.create.start")
    return {}


async def place(conductor: Conductor, boots: list[Boot]) -> Failures:
    """Steps 8-11: the scheduler finds and claims a host for each. Its answer is repeatable, so it is written later."""
    failures: Failures = {}
    waiting = boots
    for _ in range(PLACE_TRIES):
        replies = await conductor.scheduler.place(place_requests(conductor, waiting))
        again: list[Boot] = []
        at = conductor.clock.now()
        for boot, reply in zip(waiting, replies, strict=True):
            if isinstance(reply, Placed):
                boot.place(reply, at)
                conductor.write_later(boot)
                failures.pop(boot.id, None)
            else:
                failures[boot.id] = not_placed(conductor, boot, reply)
                if isinstance(reply, CallerFault) and reply.status == BUSY:
                    again.append(boot)
        if not again:
            break
        waiting = again
        await asyncio.sleep(PLACE_PAUSE_S)
    return failures


def place_requests(conductor: Conductor, boots: list[Boot]) -> list[PlaceRequest]:
    """What the scheduler is asked. A batch of which a machine had a host before was placed whole then, and is not
    bound any more; of one from which machines were deleted, no more can be asked for than are left."""
    requests = [boot.place_request() for boot in boots]
    left = Counter(request.batch for request in requests if request.least)
    if not left:
        return requests
    placed = conductor.with_a_host({boot.instance.request_id for boot in boots})
    leasts = (
        0 if boot.instance.request_id in placed else min(request.least, left[request.batch])
        for boot, request in zip(boots, requests, strict=True)
    )
    return [replace(request, least=least) for request, least in zip(requests, leasts, strict=True)]


def not_placed(conductor: Conductor, boot: Boot, reply: NoHostFound | CallerFault) -> CallerFault:
    """With no host, the fault says for each filter how many hosts it removed."""
    if isinstance(reply, CallerFault):
        return reply
    conductor.faults[boot.id] = no_host_fault(reply, conductor.clock.now())
    return CallerFault(500, reply.message)


def no_host_fault(reply: NoHostFound, at: float) -> BootFault:
    details: dict[str, Any] = {"reasons": reply.reasons, "nearest": list(reply.nearest)}
    if reply.note:
        details["note"] = reply.note
    return BootFault(code=500, message=reply.message, step="place", details=details, at=at)


async def release(conductor: Conductor, boots: list[Boot]) -> None:
    await conductor.scheduler.release([boot.id for boot in boots])


async def hand_over(conductor: Conductor, boots: list[Boot]) -> Failures:
    """Steps 12-13: cast to the compute actor of that very host; its end is told by `Conductor.progress`."""
    by_node: dict[str, list[Boot]] = defaultdict(list)
    for boot in boots:
        by_node[boot.instance.node].append(boot)
    results = await asyncio.gather(*(_order(conductor, node, group) for node, group in by_node.items()))
    return {instance_id: fault for failures in results for instance_id, fault in failures.items()}


async def _order(conductor: Conductor, node: str, boots: list[Boot]) -> Failures:
    epoch = conductor.epoch(node)
    try:
        await conductor.compute(node).build([boot.build_order(epoch) for boot in boots])
    except (ConnectionError, LookupError) as error:
        cause = f"the compute service can't be reached: {error}"
        return {boot.id: HostFault("build", boot.instance.host, cause) for boot in boots}
    return {}


async def take_back(conductor: Conductor, boots: list[Boot]) -> None:
    """Have the host undo all that it did. A host that is gone has nothing left to undo."""
    by_node: dict[str, list[Boot]] = defaultdict(list)
    for boot in boots:
        if boot.instance.node:
            by_node[boot.instance.node].append(boot)
    await asyncio.gather(*(_destroy(conductor, node, group) for node, group in by_node.items()))


async def _destroy(conductor: Conductor, node: str, boots: list[Boot]) -> None:
    if conductor.has_left(node):
        await _give_back(conductor, boots)
        return
    epoch = conductor.epoch(node)
    replies = await conductor.compute(node).destroy([boot.destroy_order(epoch) for boot in boots])
    for boot, reply in zip(boots, replies, strict=True):
        if reply is not None:
            raise HostError(HostFault("build", boot.instance.host, reply.message))


async def _give_back(conductor: Conductor, boots: list[Boot]) -> None:
    """In place of a node that left the cluster: what its guests held elsewhere. What it had itself went with it."""
    rows = [boot.instance for boot in boots]
    await conductor.network.deallocate([DeallocateRequest(instance_id=row.id, host=row.host) for row in rows])
    detach = [DetachRequest(instance_id=row.id, host=row.host, failed_boot=not row.deleting) for row in rows]
    await conductor.volume.detach(detach)
