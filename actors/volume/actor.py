"""Volume as a Ray actor; a cloud of simulated hypervisors has volumes in its database only."""

from __future__ import annotations

from actors.clock import SystemClock
from actors.cluster import reach
from actors.cluster.config import CloudConfig
from actors.image.cache import ImageCache
from actors.volume.backend import MemoryBackend
from actors.volume.qemu import QemuBackend
from actors.volume.service import VolumeRoom


class VolumeActor(VolumeRoom):
    async def __init__(self, cloud: CloudConfig) -> None:  # type: ignore[misc]  # Ray awaits it, also after a crash
        verifier = await reach.verifier()
        backend = MemoryBackend() if cloud.hypervisor == "simulated" else QemuBackend(cloud.volumes)
        cache = ImageCache(cloud.volumes / "cache")
        super().__init__(cloud, reach.conductor(), verifier, reach.image(), cache, backend, SystemClock())
        await self.start()
