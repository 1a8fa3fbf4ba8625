"""Identity as a Ray actor."""

from __future__ import annotations

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.collector import keep_memory_small
from actors.cluster.config import CloudConfig
from actors.cluster.shell import Shell


class IdentityActor(Shell):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        from actors.cluster.secret import admin_password
        from actors.identity.service import Identity

        keep_memory_small()
        room = self.room = Identity(cloud, reach.conductor(), SystemClock())
        await room.start()
        await room.bootstrap(admin_password(cloud.home))
