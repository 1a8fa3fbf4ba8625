"""Images that were made for an act of which nobody knows whether it was begun: its answer was lost.

Owned by the compute API's room. The conductor is asked by and by; where it has no such act the image goes, where it has
one, the act itself sees to it. Invariant: an image of an act that was begun is not touched.
"""

from __future__ import annotations

import asyncio

from actors.acts import ActRequest
from actors.errors import CallerFault
from actors.faces import ConductorFace, ImageFace

PAUSE_S = 5.0  # before the conductor is asked first, so that what was on its way has come, and between tries
TRIES = 360  # half an hour: then the image stays, queued and without data


class Leftovers:
    def __init__(self, conductor: ConductorFace, images: ImageFace, pause_s: float = PAUSE_S) -> None:
        self._conductor = conductor
        self._images = images
        self.pause_s = pause_s
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self, asked: ActRequest, images: list[str]) -> None:
        """In the background."""
        if images:
            task = asyncio.create_task(self._forget(asked, images))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Returns when nothing is left to be found out."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _forget(self, asked: ActRequest, images: list[str]) -> None:
        for _ in range(TRIES):
            await asyncio.sleep(self.pause_s)
            try:
                known = await self._conductor.actions(asked.instance_id)
                if not isinstance(known, CallerFault) and all(one.id != asked.id for one in known):
                    await self._images.discard(images)
                return
            except ConnectionError:
                continue
