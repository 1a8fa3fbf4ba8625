"""The conductor as a Ray actor: the one with the database."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell
from actors.cluster.vital import vital

if TYPE_CHECKING:
    from actors.conductor.ownership import Identity
    from actors.conductor.service import Conductor
    from actors.conductor.store import Store

TEND_S = 2.0  # between looks for what could not be done
REFUSED_S = 5.0  # between looks whether a database that is another cloud's is this one's again
log = logging.getLogger(__name__)


class ConductorActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.conductor.ownership import Identity
        from actors.conductor.service import Conductor, Rooms
        from actors.conductor.store import Store
        from actors.conductor.upgrading import brought_up_to_date

        keep_memory_small()
        await brought_up_to_date(cloud.database)
        rooms = Rooms(reach.scheduler(), reach.network(), reach.volume(), reach.Computes(), reach.image())
        store = Store(cloud.database)
        identity = Identity(cloud.cloud_id, cloud.place) if cloud.cloud_id else None
        life = await _take_over(store, identity)
        if identity is not None:
            self._living = vital(asyncio.create_task(_give_signs(store)))
        room = self.room = Conductor(cloud, store, rooms, SystemClock(), life=life)
        await room.start()
        room.resume()
        self._tending = vital(asyncio.create_task(_tend(room)))
        self._watching = vital(asyncio.create_task(_end_when_superseded(store)))


async def _take_over(store: Store, identity: Identity | None) -> int:
    """Where the database is another cloud's, a conductor of this one does nothing until an operator's word changes it;
    `novaray status` says so meanwhile."""
    from actors.conductor.ownership import NotOursError

    told = False
    while True:
        try:
            return await store.take_over(identity)
        except NotOursError as error:
            if not told:
                log.error("%s", error)
            told = True
        await asyncio.sleep(REFUSED_S)


async def _end_when_superseded(store: Store) -> None:
    """It was taken for dead, and another was started: it is no use to anybody."""
    await store.superseded.wait()
    log.error("another conductor writes the database: this one ends itself")
    os._exit(1)


async def _give_signs(store: Store) -> None:
    """For another cloud that is pointed at this database."""
    from actors.conductor.ownership import SIGN_S
    from actors.conductor.store import StoreError

    while True:
        await asyncio.sleep(SIGN_S)
        with suppress(StoreError):  # a database that is away has no use for it
            await store.give_sign()


async def _tend(room: Conductor) -> None:
    while True:
        await asyncio.sleep(TEND_S)
        await room.tend()
