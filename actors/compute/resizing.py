"""A guest of another flavor on its host, and of the one before again, with the ports and volumes that it has.

Called by `acts.py`, from the order alone, and may be run again from its beginning. Its disks are copied beside
themselves before its definition is marked, and grow only after that: so that it is what it was, to the last byte,
wherever it fails or is reverted. A guest that this act has resized already goes on running. What its host lacks, or a
disk that would shrink, is found while it runs as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.acts import LEFT_OFF, ActOrder, Resize, RevertResize
from actors.compute import steps
from actors.compute.build import Build, ResizeMark, order_again
from actors.compute.plugging import REFUSALS
from actors.compute.rebuilding import GOING
from actors.errors import HostError, HostFault, value_of
from actors.messages import BootSpec, Claim
from actors.states import Power

if TYPE_CHECKING:
    from actors.compute.service import Compute

LOOK_S = 120.0  # for what is looked at first
RESIZE_S = 4_000.0  # beside what the guest has to shut down; most of it is for copies of its disks

CONFIRMED = "the resize was confirmed: nothing is left of what the server was before"

Start = Callable[[ActOrder], Awaitable[None]]


async def resize(node: Compute, order: ActOrder, act: Resize, hurry: asyncio.Event, start: Start) -> None:
    """At a `hurry` it goes no further. Raises `HostError`, `CallerError`, `TimeoutError`."""
    claim, claim_before = order.claim, order.claim_before
    if claim is None or claim_before is None:
        raise HostError(HostFault("resize", order.host, "nothing says what the server holds"))
    build = _build(node, order, act, claim)
    begun = await _has_begun(node, build, order, claim_before)
    power = await node.hypervisor.guests.power(build.id)
    done = begun and power not in (None, Power.SHUTDOWN)
    try:
        value_of(node.hosts.change(claim))
        if not done:
            async with asyncio.timeout(LOOK_S):
                value_of((await steps.attach_block_devices(node, [build])).get(build.id))  # how they are reached
                await node.hypervisor.guests.check_sizes(build)
    except REFUSALS as error:
        node.hosts.change(claim_before)
        was_shut_down = power is Power.SHUTDOWN and not act.stopped
        if begun or was_shut_down:
            await _put_back(node, build, order, error, None if act.stopped or hurry.is_set() else start)
        raise
    try:
        async with asyncio.timeout(act.wait_s + RESIZE_S):
            if not done:
                await _make_so(node, build, order, act, hurry)
            if not act.stopped:
                await node.standing.may_run()
                await start(order)
    except REFUSALS as error:
        await _put_back(node, build, order, error, None if act.stopped or hurry.is_set() else start)
        raise


async def _has_begun(node: Compute, build: Build, order: ActOrder, claim: Claim) -> bool:
    """Whether this act has defined the guest already; the mark of another goes.

    A reset ends a resize in between. What a guest that runs is, and has written since, is its own: it keeps that.
    """
    guests = node.hypervisor.guests
    try:
        mark = await guests.resized(build.id)
    except HostError as error:
        raise HostError(HostFault(LEFT_OFF, order.host, f"nobody can tell of which flavor it is: {error}")) from error
    if mark is None or mark == build.mark:
        return mark is not None
    if mark.flavor_id == _before(order.spec).flavor.id:
        await guests.confirm_resize(build.id, claim)
    elif await guests.power(build.id) is Power.SHUTDOWN:
        await guests.unresize(build.id, mark)  # it may be put back in part; its next start would do this
    else:
        await guests.confirm_resize(build.id, None)
    return False


async def _make_so(node: Compute, build: Build, order: ActOrder, act: Resize, hurry: asyncio.Event) -> None:
    guests, mark = node.hypervisor.guests, build.mark
    assert mark is not None, "it is resized"
    await guests.shut_down(build.id, act.wait_s, hurry)
    _go_on(order, hurry)
    await guests.keep_disks(build.id, mark, hurry)
    _go_on(order, hurry)
    value_of((await steps.define_guest(node, [build])).get(build.id))
    await guests.fit(build, _before(order.spec))
    value_of((await steps.make_ephemeral_disks(node, [build])).get(build.id))


async def _put_back(node: Compute, build: Build, order: ActOrder, why: Exception, start: Start | None) -> None:
    """Where not even that can be done, the next start of the guest does it. `start` None: it stays off, or who hurries
    sees to that."""
    guests = node.hypervisor.guests
    try:
        await guests.switch_off(order.instance_id)
        await guests.unresize(order.instance_id, build.mark)
        if order.claim_before is not None:
            node.hosts.change(order.claim_before)
        if start is not None:
            await node.standing.may_run()
            await start(_again(order))
    except REFUSALS as error:
        raise HostError(HostFault(LEFT_OFF, order.host, f"{error}; it was to be put back after: {why}")) from why


def _again(order: ActOrder) -> ActOrder:
    """Of the flavor before."""
    return replace(order, spec=_before(order.spec))


def _before(spec: BootSpec) -> BootSpec:
    other = spec.resized.other if spec.resized else None
    return replace(spec, flavor=other) if other else spec


async def revert_resize(node: Compute, order: ActOrder, act: RevertResize, start: Start) -> None:
    """Switched off, not shut down: what it wrote since is not kept. Raises `HostError`."""
    guests = node.hypervisor.guests
    mark = await guests.resized(order.instance_id)
    if mark is not None:
        await guests.switch_off(order.instance_id)
    elif not await guests.is_of(order.instance_id, order.spec.flavor):
        raise HostError(HostFault("resize", order.host, CONFIRMED))
    await guests.unresize(order.instance_id, mark)
    if order.claim is not None:
        node.hosts.change(order.claim)
    if not act.stopped:
        await node.standing.may_run()
        await start(order)


async def confirm_resize(node: Compute, order: ActOrder) -> None:
    """Raises `HostError`."""
    await node.hypervisor.guests.confirm_resize(order.instance_id, order.claim)
    if order.claim is not None:
        node.hosts.change(order.claim)


async def writes_on(node: Compute, order: ActOrder) -> bool:
    """Whether the guest runs though it was to be put back to what its order says, and could not be switched off then:
    what it writes meanwhile is its own. Asked before it is shut down. Raises `HostError`."""
    if order.claim is None or order.claim_before is not None:
        return False
    guests = node.hypervisor.guests
    mark = await guests.resized(order.instance_id)
    runs = await guests.power(order.instance_id) in (Power.RUNNING, Power.PAUSED)
    return runs and mark is not None and mark.flavor_id != order.spec.flavor.id


async def heal(node: Compute, order: ActOrder, keep: bool = False) -> None:
    """Before a start of one that is off: a reset, or a host that left, may have ended its resize in between.

    Its order says of which flavor it is, but where it was made while the resize was at work: then the guest says.
    `keep`: its disks stay as they are. Raises `HostError`.
    """
    guests = node.hypervisor.guests
    if order.claim is None:
        return  # it never was
    mark = await guests.resized(order.instance_id)
    if mark is not None and mark.flavor_id == order.spec.flavor.id:
        await guests.confirm_resize(order.instance_id, order.claim)
    else:
        await guests.unresize(order.instance_id, mark, keep)
    before = order.claim_before
    was_put_back = before is not None and await guests.is_of(order.instance_id, _before(order.spec).flavor)
    node.hosts.change(before if before is not None and was_put_back else order.claim)


def _go_on(order: ActOrder, hurry: asyncio.Event) -> None:
    if hurry.is_set():
        raise HostError(HostFault("resize", order.host, GOING))


def _build(node: Compute, order: ActOrder, act: Resize, claim: Claim) -> Build:
    build = Build(order_again(order, node.epoch, replace(order.spec, token=act.token), claim))
    build.vifs = order.vifs
    build.mark = ResizeMark(order.id, order.spec.flavor.id)
    return build
