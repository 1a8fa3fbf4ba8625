"""How fast an image gets from the image room into the caches of several nodes, over HTTP on this machine.

    python -m benchmarks.image_transfer [MiB] [nodes]

Prints wall and CPU seconds of one upload, and of all nodes' caches fetching at once (each verifies and syncs its copy).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from actors.clock import SystemClock
from actors.cluster.config import CloudConfig
from actors.errors import value_of
from actors.image.cache import ImageCache
from actors.image.messages import CreateImage
from actors.image.service import ImageRoom
from actors.image.upload import upload
from actors.ledger import MemoryLedger
from actors.messages import AuthContext, ImageRequest

MIB = 1 << 20


class AnyToken:
    """Everybody is the same administrator."""

    def verify(self, token: str, now: float, allow_expired_s: float = 0.0) -> AuthContext:
        return AuthContext(
            user_id="u",
            user_name="u",
            project_id="p",
            project_name="p",
            roles=("admin",),
            expires_at=now + 3600,
            token_id="t",
        )


def report(what: str, size_mib: int, wall_s: float, cpu_s: float) -> None:
    print(f"{what}: {size_mib} MiB in {wall_s:.2f} s, {cpu_s:.2f} CPU-s, {size_mib / wall_s:.0f} MiB/s")


async def measure(home: Path, size_mib: int, nodes: int) -> None:
    source = home / "source"
    with source.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(MIB))
    room = ImageRoom(CloudConfig(home=home / "cloud"), MemoryLedger(), AnyToken(), SystemClock())
    await room.start()
    wall, cpu = time.perf_counter(), time.process_time()
    image = await upload(room, CreateImage(token="t", name="bench", disk_format="raw"), source)
    report("upload, hashed and inspected", size_mib, time.perf_counter() - wall, time.process_time() - cpu)
    location = value_of((await room.locate([ImageRequest(token="t", image_id=image.id)]))[0])
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(ImageCache(home / f"node{number}").fetch(location, "t") for number in range(nodes)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    report(f"{nodes} nodes fetch and verify at once", size_mib * nodes, wall, cpu)
    await room.close()


def main() -> None:
    size_mib, nodes = (int(text) for text in (sys.argv[1:] + ["200", "3"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(measure(Path(home), size_mib, nodes))


if __name__ == "__main__":
    main()
