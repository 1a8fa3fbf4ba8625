"""Servers that boot from volumes and are rebuilt during the storm: their image is written over their volumes.

A play of its own, asked for by `run.play(…, rebuilds=True)`: nothing is lost for good in it, so that each rebuild which
was accepted ends well. `WatchedVolumes` holds the law that matters most to whoever has data: nobody reaches a volume
while it is written, or before it is whole again, and none is written under its guest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from random import Random

from actors.api.act_messages import RebuildServer
from actors.api.messages import BootRequest
from actors.errors import CallerError
from actors.messages import BlockDevice
from actors.records import VolumeAttachment
from actors.volume.backend import MemoryBackend, Source
from benchmarks.simulation.cloud import SimulatedCloud
from benchmarks.simulation.stands import IMAGE, MEMBER
from benchmarks.simulation.trouble import STORM_S, Weather
from benchmarks.simulation.users import Promise, Users

SERVERS = 3
TIMES = 4  # that each is rebuilt at most
COPY_S = (0.01, 3.0)  # that an image takes to be written
ROOT = BlockDevice(
    source_type="image",
    destination_type="volume",
    source_id=IMAGE,
    boot_index=0,
    size_gib=1,
    delete_on_termination=True,
)


class WatchedVolumes(MemoryBackend):
    """What is written takes time; a room that dies meanwhile leaves it half done."""

    def __init__(self, cloud: SimulatedCloud, random: Random, broken: Callable[[str], None]) -> None:
        super().__init__()
        self._cloud, self._random, self._broken = cloud, random, broken
        self._half: set[str] = set()
        self.written = 0

    async def rewrite(self, volume_id: str, size_gib: int, source: Source) -> None:
        self._half.add(volume_id)
        self._look(volume_id)
        await asyncio.sleep(self._random.uniform(*COPY_S))
        self._look(volume_id)
        self._half.discard(volume_id)
        self.written += 1

    def _look(self, volume_id: str) -> None:
        if volume_id in self._exported:
            self._broken(f"volume {volume_id} is written while it can be reached")
        rows = self._cloud.disk.ledger.rows.get(VolumeAttachment.__name__, {}).values()
        holders = [row.instance_id for row in rows if isinstance(row, VolumeAttachment) and row.volume_id == volume_id]
        if running := [one for one in holders if one in self._cloud.guests.on]:
            self._broken(f"volume {volume_id} is written under the guest of {running[0]}")

    async def export(self, volume_ids: Collection[str]) -> dict[str, str]:
        for volume_id in sorted(self._half & set(volume_ids)):
            self._broken(f"volume {volume_id} can be reached, and is written by half")
        return await super().export(volume_ids)


def calmer(weather: Weather) -> Weather:
    """Processes die and messages are lost, but no node for good, and no hypervisor fails."""
    return replace(weather, size=replace(weather.size, fault_share=0.0), lost_nodes=0, evacuates=False)


def begin(users: Users, random: Random) -> None:
    for number in range(SERVERS):
        request = BootRequest(
            token=MEMBER,
            name=f"rooted-{number}",
            flavor="small",
            image="",
            idempotency_key=f"rooted-{number}",
            block_devices=(ROOT,),
        )
        promise = Promise(request)
        users.promises.append(promise)
        users.also(_use(users, promise, random))


async def _use(users: Users, promise: Promise, random: Random) -> None:
    """Rebuilt again and again; in the end some are deleted, whatever they are doing then."""
    await users.launch(promise)
    for _ in range(random.randint(1, TIMES) if promise.ids else 0):
        await asyncio.sleep(random.uniform(0.0, STORM_S / TIMES))
        asked = RebuildServer(token=MEMBER, server_id=promise.ids[0], image=IMAGE, reimage=True)
        try:
            await users.api.rebuild(asked)
        except (ConnectionError, CallerError):  # it is being made still, or nobody answers
            continue
    if promise.ids and random.random() < 0.3:
        await users.delete(promise)
