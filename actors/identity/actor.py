"""Identity as a Ray actor."""

from __future__ import annotations

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.config import CloudConfig
from actors.cluster.secret import admin_password
from actors.identity.service import Identity


class IdentityActor(Identity):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        super().__init__(cloud, reach.conductor(), SystemClock())
        await self.start()
        await self.bootstrap(admin_password(cloud.home))
