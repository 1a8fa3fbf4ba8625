"""The conductor as a Ray actor: the one with the database."""

from __future__ import annotations

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import collect_rarely
from actors.cluster.config import CloudConfig
from actors.cluster.packing import packs_replies
from actors.conductor.service import Conductor, Rooms
from actors.conductor.store import Store, upgrade


@packs_replies
class ConductorActor(Conductor):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        collect_rarely()
        upgrade(cloud.database)
        rooms = Rooms(reach.scheduler(), reach.network(), reach.volume(), reach.Computes())
        super().__init__(cloud, Store(cloud.database), rooms, SystemClock())
        await self.start()
        self.resume()
