"""The conductor as a Ray actor: the one with the database."""

from __future__ import annotations

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import collect_rarely
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell


class ConductorActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.conductor.service import Conductor, Rooms
        from actors.conductor.store import Store, upgrade

        collect_rarely()
        upgrade(cloud.database)
        rooms = Rooms(reach.scheduler(), reach.network(), reach.volume(), reach.Computes())
        room = self.room = Conductor(cloud, Store(cloud.database), rooms, SystemClock())
        await room.start()
        room.resume()
