"""A guest that is shelved: shut down, and its root disk sent to the image room. Nothing of it is taken away here.

Called by `acts.py`, from the order alone, and may be run again from its beginning: an image that has the disk's data is
left as it is. A guest that is paused or suspended is not touched: its disk does not change, and where the act fails it
is as it was. One that ran is started again then.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from actors.acts import LEFT_DOWN, ActOrder, Shelve
from actors.compute.plugging import REFUSALS
from actors.compute.rebuilding import GOING
from actors.compute.resizing import heal
from actors.errors import CallerFault, HostError, HostFault
from actors.image.upload import send
from actors.messages import ImageRequest
from actors.records import Image
from actors.states import Power

if TYPE_CHECKING:
    from actors.compute.service import Compute

SHELVE_S = 7_200.0  # beside what the guest has to shut down; most of it is for its root disk to be copied and sent

Start = Callable[[], Awaitable[None]]


async def shelve(node: Compute, order: ActOrder, act: Shelve, hurry: asyncio.Event, start: Start) -> None:
    """At a `hurry` it goes no further. Raises `HostError`, `CallerError`, `ConnectionError`, `TimeoutError`."""
    if await node.hypervisor.guests.power(order.instance_id) is None:
        raise HostError(HostFault("shelve", order.host, "the guest is not on this host"))
    try:
        async with asyncio.timeout(act.wait_s + SHELVE_S):
            if act.runs:
                await node.hypervisor.guests.shut_down(order.instance_id, act.wait_s, hurry)
                _go_on(order, hurry)
            if await node.hypervisor.guests.power(order.instance_id) is Power.SHUTDOWN:
                await _make_whole(node, order)
            if act.image_id:
                await _keep(node, order, act, hurry)
            _go_on(order, hurry)
    except REFUSALS as error:
        if act.runs and not hurry.is_set():
            await _start_again(node, order, start, error)
        raise


async def _make_whole(node: Compute, order: ActOrder) -> None:
    """An administrator's reset forgets that it is rescued, or resized."""
    await node.hypervisor.guests.unrescue(order.instance_id)
    await heal(node, order)


async def _keep(node: Compute, order: ActOrder, act: Shelve, hurry: asyncio.Event) -> None:
    """The image has the data of the disk as it is now, and no other, when this returns: who knows of it could have
    given it something else, and the guest may have run again since an earlier try."""
    request = ImageRequest(token=act.token, image_id=act.image_id, by_service=True)
    path = await node.hypervisor.guests.copy_root_disk(order.instance_id)
    try:
        own = await asyncio.to_thread(_sha512, path)
        [known] = await node.image.locate([request])
        if isinstance(known, CallerFault):
            image = await _unless(hurry, send(node.image, request, path))
            _go_on(order, hurry)
            known_hash = image.os_hash_value if image is not None else ""
        else:
            known_hash = known.os_hash_value
        if known_hash != own:
            raise HostError(HostFault("shelve", order.host, f"image {act.image_id} has other data than the root disk"))
    finally:
        await asyncio.to_thread(path.unlink, True)


def _sha512(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


async def _unless(hurry: asyncio.Event, work: Awaitable[Image]) -> Image | None:
    """It may take long, for which whoever deletes the server need not wait: None then."""
    working = asyncio.ensure_future(work)
    hurried = asyncio.create_task(hurry.wait())
    try:
        await asyncio.wait({working, hurried}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        working.cancel()
        hurried.cancel()
        await asyncio.gather(working, hurried, return_exceptions=True)


async def _start_again(node: Compute, order: ActOrder, start: Start, why: Exception) -> None:
    try:
        await node.standing.may_run()
        await start()
    except REFUSALS as error:
        raise HostError(HostFault(LEFT_DOWN, order.host, f"{error}; it was to run again after: {why}")) from why


def _go_on(order: ActOrder, hurry: asyncio.Event) -> None:
    if hurry.is_set():
        raise HostError(HostFault("shelve", order.host, GOING))
