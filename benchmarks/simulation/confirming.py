"""Users whose servers are changed again and again, and wait to be confirmed each time: resizes and migrations.

Part of their plays (`resizes.py`, `migrations.py`). In the end some are deleted, whatever they are doing then, and the
others are not left half-way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Any

from actors.acts import ConfirmResize, RevertResize, Start
from actors.api.act_messages import ActOnServer
from actors.api.messages import BootRequest
from actors.messages import BlockDevice, ServerView
from actors.records import InstanceAction
from benchmarks.simulation.rebuilds import ROOT
from benchmarks.simulation.stands import IMAGE, MEMBER
from benchmarks.simulation.trouble import STORM_S
from benchmarks.simulation.users import PATIENCE_S, Promise, Users, attempt

SERVERS = 4
TIMES = 4  # that each is changed at most
BLANK = BlockDevice(source_type="blank", destination_type="volume", size_gib=1)
KINDS: tuple[dict[str, Any], ...] = (
    {"image": IMAGE},
    {"image": IMAGE, "block_devices": (BLANK,)},
    {"image": "", "block_devices": (ROOT,)},
)
AGAIN_S = 1.5  # between a user's looks how its server is
ENDS = "confirmResize", "revertResize"  # as instance actions

Change = Callable[[str], Awaitable[object]]  # of a server, by its id


def begin(users: Users, random: Random, name: str, change: Change, soon: float) -> None:
    """`soon`: one over the seconds, in the mean, until each is confirmed or reverted."""
    for number in range(SERVERS):
        key = f"{name}-{number}"
        request = BootRequest(token=MEMBER, name=key, flavor="small", idempotency_key=key, **random.choice(KINDS))
        promise = Promise(request)
        users.promises.append(promise)
        users.also(_use(users, promise, random, change, soon))


async def _use(users: Users, promise: Promise, random: Random, change: Change, soon: float) -> None:
    await users.launch(promise)
    for _ in range(random.randint(1, TIMES) if promise.ids else 0):
        await asyncio.sleep(random.uniform(0.0, STORM_S / TIMES))
        await attempt(change(promise.ids[0]))
        await asyncio.sleep(random.expovariate(soon))
        await _end(users, promise, random)
    if promise.ids and random.random() < 0.3:
        await users.delete(promise)
    elif promise.ids:
        await _come_to_rest(users, promise, random)


async def _end(users: Users, promise: Promise, random: Random) -> None:
    act = random.choice((ConfirmResize(), RevertResize()))
    await attempt(users.api.act(ActOnServer(token=MEMBER, server_id=promise.ids[0], act=act)))


async def _come_to_rest(users: Users, promise: Promise, random: Random) -> None:
    until = users.now() + PATIENCE_S
    while users.now() < until:
        view = await attempt(users.api.server(MEMBER, promise.ids[0]))
        if isinstance(view, ServerView) and view.status in ("ACTIVE", "ERROR") and not view.task_state:
            return
        if isinstance(view, ServerView) and view.status == "SHUTOFF":  # its machine was off for a while
            await attempt(users.api.act(ActOnServer(token=MEMBER, server_id=view.id, act=Start())))
        await _end(users, promise, random)
        await asyncio.sleep(AGAIN_S)
    promise.unheard = "the end of its change"


def done(actions: Iterable[InstanceAction], change: str) -> Counter[str]:
    """How many of these changes, and of their confirmations and reverts, ended well, and how many did not (as
    `failed`)."""
    ended = [row for row in actions if row.finished_at and row.name in (change, *ENDS)]
    return Counter("failed" if row.message else row.name for row in ended)
