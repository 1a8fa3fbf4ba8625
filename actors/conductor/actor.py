"""The conductor as a Ray actor: the one with the database."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell
from actors.cluster.vital import vital

if TYPE_CHECKING:
    from actors.conductor.service import Conductor
    from actors.conductor.store import Store

TEND_S = 2.0  # between looks for what could not be done
log = logging.getLogger(__name__)


class ConductorActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.conductor.service import Conductor, Rooms
        from actors.conductor.store import Store
        from actors.conductor.upgrading import brought_up_to_date

        keep_memory_small()
        await brought_up_to_date(cloud.database)
        rooms = Rooms(reach.scheduler(), reach.network(), reach.volume(), reach.Computes())
        store = Store(cloud.database)
        await store.take_over()
        room = self.room = Conductor(cloud, store, rooms, SystemClock())
        await room.start()
        room.resume()
        self._tending = vital(asyncio.create_task(_tend(room)))
        self._watching = vital(asyncio.create_task(_end_when_superseded(store)))


async def _end_when_superseded(store: Store) -> None:
    """It was taken for dead, and another was started: it is no use to anybody."""
    await store.superseded.wait()
    log.error("another conductor writes the database: this one ends itself")
    os._exit(1)


async def _tend(room: Conductor) -> None:
    while True:
        await asyncio.sleep(TEND_S)
        await room.tend()
