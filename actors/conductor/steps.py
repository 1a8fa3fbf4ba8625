"""What each row of the CONTROL table (`actors/boot.py`) does and undoes, for a batch of boots.

These steps run where the database is: record durably, have a host found, hand over to its compute actor.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from actors.conductor import moved
from actors.conductor.boots import Boot
from actors.conductor.held import kept_places
from actors.conductor.nodes import NodeLeftError
from actors.errors import CallerFault, Fault, HostError, HostFault, StaleEpochError
from actors.messages import (
    LOST,
    BootFault,
    BuildOrder,
    DeallocateRequest,
    DetachRequest,
    NoHostFound,
    Placed,
    PlaceRequest,
)
from actors.saga import Failures, describe
from actors.states import Vm

if TYPE_CHECKING:
    from actors.conductor.service import Conductor

BUSY = 503  # the scheduler has just started and does not know its hosts yet
PLACE_TRIES = 100  # times a busy scheduler is asked
PLACE_PAUSE_S = 0.2
SCHEDULER_TRIES = 10  # times one that died meanwhile is followed by the next
ORDER_TRIES = 20  # times a compute actor that is stale is given time to be followed by another
ORDER_PAUSE_S = 0.5


async def record(conductor: Conductor, boots: list[Boot]) -> Failures:
    """Steps 6-7: the instances are on disk before anybody is told that they were accepted."""
    await conductor.write(boots, "instance.create.start")
    return {}


async def place(conductor: Conductor, boots: list[Boot]) -> Failures:
    """Steps 8-11: the scheduler finds and claims a host for each. Its answer is repeatable, so it is written later."""
    failures: Failures = {}
    elsewhere: list[Boot] = []  # than the scheduler has just said
    waiting = boots
    for _ in range(PLACE_TRIES):
        attempts = [boot.instance.attempt for boot in waiting]
        replies = await _choices(conductor, waiting)
        again: list[Boot] = []
        placed: list[Boot] = []
        at = conductor.clock.now()
        for boot, attempt, reply in zip(waiting, attempts, replies, strict=True):
            if boot.instance.attempt != attempt:  # it failed meanwhile where it was, and that place is given back
                failures[boot.id] = CallerFault(BUSY, "another attempt has begun")
                again.append(boot)
            elif isinstance(reply, Placed) and boot.instance.vm_state == Vm.ACTIVE:  # one that was handed over before
                if reply.host != boot.instance.host:
                    elsewhere.append(boot)
                failures.pop(boot.id, None)
            elif isinstance(reply, Placed):
                boot.place(reply, at)
                placed.append(boot)
                failures.pop(boot.id, None)
            else:
                failures[boot.id] = not_placed(conductor, boot, reply)
                if isinstance(reply, CallerFault) and reply.status == BUSY:
                    again.append(boot)
        conductor.write_later(placed)
        if not again:
            break
        waiting = again
        await asyncio.sleep(PLACE_PAUSE_S)
    else:  # the host that it had has not come back: it is no fault of the caller's
        failures |= {b.id: HostFault("place", b.instance.host, describe(failures[b.id])) for b in waiting}
    await _claim_where_they_are(conductor, elsewhere)
    over = {boot.id for boot in boots if boot.instance.vm_state == Vm.ACTIVE}  # of one that was handed over before
    return {instance_id: fault for instance_id, fault in failures.items() if instance_id not in over}


async def _claim_where_they_are(conductor: Conductor, boots: list[Boot]) -> None:
    if not boots:
        return
    with suppress(ConnectionError):  # a scheduler that starts asks for all claims
        await conductor.scheduler.release([boot.id for boot in boots])
        await conductor.scheduler.restore([boot.claim() for boot in boots if boot.holds_host])


async def _choices(conductor: Conductor, boots: list[Boot]) -> list[Placed | NoHostFound | CallerFault]:
    """A scheduler that died after it answered has claimed nothing that lasts, and who follows it does not know: where
    one has started meanwhile, it is asked, which changes nothing if the answer was its own."""
    requests = place_requests(conductor, boots)
    for _ in range(SCHEDULER_TRIES):
        lives = conductor.scheduler_lives
        replies = await conductor.scheduler.place(requests)
        if lives == conductor.scheduler_lives:
            return replies
    raise ConnectionError("the scheduler dies again and again")


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
    going = [boot for boot in boots if boot.instance.deleting]
    kept = [place.claim_id for boot in going for place in kept_places(boot.spec(), boot.instance.host)]
    await conductor.scheduler.release([*(boot.id for boot in boots), *kept])


async def hand_over(conductor: Conductor, boots: list[Boot]) -> Failures:
    """Steps 12-13: cast to the compute actor of that very host; its end is told by `Conductor.progress`."""
    by_node: dict[str, list[Boot]] = defaultdict(list)
    for boot in boots:
        by_node[boot.instance.node].append(boot)
    results = await asyncio.gather(*(_order(conductor, node, group) for node, group in by_node.items()))
    return {instance_id: fault for failures in results for instance_id, fault in failures.items()}


async def _order(conductor: Conductor, node: str, boots: list[Boot]) -> Failures:
    """Order until the actor that took the order is the one of the node's epoch: from then on it is in its hands.

    Its end may be told before it is known that the order arrived; then it is settled, and goes on by itself.
    """
    attempts = {boot.id: boot.instance.attempt for boot in boots}
    fault: Fault | None = None
    while waiting := [boot for boot in boots if boot.building and boot.instance.attempt == attempts[boot.id]]:
        epoch = conductor.nodes.epoch(node)
        fault = await _fault_of_order(conductor, node, [boot.build_order(epoch, conductor.life) for boot in waiting])
        if fault is not None or (epoch == conductor.nodes.epoch(node) and not conductor.nodes.has_left(node)):
            break
    mine = [boot for boot in waiting if boot.building and boot.instance.attempt == attempts[boot.id]]
    failed = {boot.id: fault for boot in mine if fault is not None}  # its end may have been told before its node left
    for boot in boots:
        boot.controlled = boot.id in failed
    conductor.go([boot for boot in boots if boot.building and boot.instance.attempt != attempts[boot.id]])
    return failed


async def _fault_of_order(conductor: Conductor, node: str, orders: list[BuildOrder]) -> HostFault | None:
    nodes, host = conductor.nodes, orders[0].host
    for tries_left in reversed(range(ORDER_TRIES)):
        if nodes.has_left(node):
            return HostFault(LOST, host, f"node {node} left the cluster")
        try:
            await nodes.call(node, conductor.compute(node).build(orders))
            return None
        except NodeLeftError as error:
            return HostFault(LOST, host, str(error))
        except (ConnectionError, LookupError) as error:
            return HostFault("build", host, f"the compute service can't be reached: {error}")
        except StaleEpochError as error:  # that actor ends itself, and another will say hello
            if nodes.epoch(node) != orders[0].epoch:
                return None
            if not tries_left:
                return HostFault("build", host, str(error))
            await asyncio.sleep(ORDER_PAUSE_S)
    return None


async def take_back(conductor: Conductor, boots: list[Boot]) -> None:
    """Have the host undo all that it did. A host that is gone has nothing left to undo.

    Where none is known, a conductor that died may have handed the boot over and not have written to whom; so where
    it has been placed anew since, which need not be where it was.
    """
    by_node: dict[str, list[Boot]] = defaultdict(list)
    for boot in boots:
        by_node[boot.instance.node].append(boot)
    if nowhere := by_node.pop("", []):
        await _give_back(conductor, nowhere)
    await asyncio.gather(*(_destroy(conductor, node, group) for node, group in by_node.items()))
    if elsewhere := [boot for boot in boots if boot.perhaps_somewhere and boot.instance.host]:
        await _give_back(conductor, elsewhere, everywhere=True)
    await conductor.leave_all([boot for boot in boots if boot.again and boot.instance.deleting])
    await _give_back_shelved(conductor, [boot for boot in boots if boot.again and boot.instance.deleting])


async def _give_back_shelved(conductor: Conductor, boots: list[Boot]) -> None:
    """Of servers that go: volumes that are kept for them, on no host, and the images that shelving made."""
    specs = {boot.id: boot.spec() for boot in boots}
    if kept := [
        one for one, spec in specs.items() if spec.shelved is not None or spec.moving is not None or spec.adrift
    ]:
        await conductor.volume.detach([DetachRequest(instance_id=one, host="") for one in kept])
    if images := [image_id for boot in boots for image_id in moved.images_of(boot)]:
        await conductor.image.discard(images)


async def _destroy(conductor: Conductor, node: str, boots: list[Boot]) -> None:
    if conductor.nodes.has_left(node):
        await _give_back(conductor, boots)
        if conductor.nodes.has_left(node):
            return  # else it has come back meanwhile, and may have them still
    while True:  # until who did it was the actor of the node's epoch: what a stale one gives back, nobody takes
        epoch = conductor.nodes.epoch(node)
        destroying = conductor.compute(node).destroy([boot.destroy_order(epoch, conductor.life) for boot in boots])
        replies = await conductor.nodes.call(node, destroying)
        if epoch == conductor.nodes.epoch(node):
            break
    for boot, reply in zip(boots, replies, strict=True):
        if reply is not None:
            raise HostError(HostFault("build", boot.instance.host, reply.message))


async def _give_back(conductor: Conductor, boots: list[Boot], everywhere: bool = False) -> None:
    """In place of a node that left the cluster: what its guests held elsewhere. What it had itself went with it."""
    hosts = {boot.id: "" if everywhere else boot.instance.host for boot in boots}
    kept = [boot for boot in boots if boot.again and not boot.instance.deleting]
    rows = [boot.instance for boot in boots if boot not in kept]
    unbound = [moved.unbind(boot, hosts[boot.id]) for boot in kept]
    deallocate = [DeallocateRequest(instance_id=row.id, host=hosts[row.id]) for row in rows]
    await conductor.network.deallocate([*deallocate, *unbound])
    detach = [DetachRequest(instance_id=row.id, host=hosts[row.id], failed_boot=not row.deleting) for row in rows]
    freed = [request for boot in kept for request in moved.detach_kept(boot, hosts[boot.id])]
    await conductor.volume.detach([*detach, *freed])
