"""One image to k nodes: how long, how much CPU, and how much of it the image room sends itself.

    novaray bench image        or        python -m benchmarks.image [--json FILE]

The room and the nodes' image caches are the real ones, on this machine, over HTTP on loopback; only Ray is not there.
Every node verifies and syncs its copy. The last row is what a boot costs on a node that has the image already: the
answer to `locate`, a look into the cache, and a qcow2 overlay.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from actors.clock import SystemClock
from actors.cluster.config import CloudConfig
from actors.compute.libvirt.disks import make_root_disk
from actors.errors import value_of
from actors.image.messages import CreateImage
from actors.image.node_images import NodeImages
from actors.image.service import ImageRoom
from actors.image.upload import upload
from actors.ledger import MemoryLedger
from actors.messages import AuthContext, ImageLocation, ImageRequest
from actors.records import Flavor

MIB = 1 << 20
SIZE_MIB = 200
NODES = (1, 3, 8, 16)
BOOTS = 50  # of the image that is cached
TOKEN = "any"
FLAVOR = Flavor(id="bench", name="bench", vcpus=1, ram_mib=128, disk_gib=1)

Row = dict[str, Any]
Say = Callable[[str], None]


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


class Stopwatch:
    """Wall and CPU seconds since it was made, of this process and the children that have ended."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_s()

    def row(self, case: str, **figures: object) -> Row:
        wall_s, cpu_s = time.perf_counter() - self._wall, _cpu_s() - self._cpu
        return {"case": case, **figures, "wall_s": round(wall_s, 3), "cpu_s": round(cpu_s, 3)}


def run(nodes: Sequence[int] = NODES, size_mib: int = SIZE_MIB, say: Say = lambda line: None) -> list[Row]:
    """Rows: case, nodes, size_mib, boots, wall_s, cpu_s; mib_per_s, from_room, from_peers where images went."""
    with tempfile.TemporaryDirectory(prefix="nvr-image-") as folder:
        return asyncio.run(_measure(Path(folder), nodes, size_mib, say))


async def _measure(home: Path, counts: Sequence[int], size_mib: int, say: Say) -> list[Row]:
    source = home / "source"
    with source.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(MIB))
    room = ImageRoom(CloudConfig(home=home / "cloud"), MemoryLedger(), AnyToken(), SystemClock(), random=Random(1))
    await room.start()
    say(f"uploading {size_mib} MiB")
    watch = Stopwatch()
    image = await upload(room, CreateImage(token=TOKEN, name="bench", disk_format="raw"), source)
    rows = [watch.row("upload", nodes=0, size_mib=size_mib)]
    for count in counts:
        say(f"{size_mib} MiB to {count} nodes")
        rows.append(await _spread(room, image.id, home / f"to-{count}", count, size_mib))
        shutil.rmtree(home / f"to-{count}")
    if shutil.which("qemu-img"):
        say(f"{BOOTS} boots of an image that is there")
        rows.append(await _boots(room, image.id, home / "boots", size_mib))
    await room.close()
    return rows


async def _spread(room: ImageRoom, image_id: str, folder: Path, count: int, size_mib: int) -> Row:
    before = room.sent(image_id)
    nodes = [NodeImages(f"n{number}", "127.0.0.1", folder / f"n{number}", room) for number in range(count)]
    for node in nodes:
        await node.start()
    watch = Stopwatch()
    location = await _locate(room, image_id)
    await asyncio.gather(*(node.fetch(location, TOKEN) for node in nodes))
    row = watch.row("fetch", nodes=count, size_mib=size_mib)
    from_room = room.sent(image_id) - before
    for number, node in enumerate(nodes):
        await node.close()
        await room.forget_hosts([f"n{number}"])
    speed = round(size_mib * count / row["wall_s"])
    return row | {"mib_per_s": speed, "from_room": from_room, "from_peers": count - from_room}


async def _boots(room: ImageRoom, image_id: str, folder: Path, size_mib: int) -> Row:
    """The n-th boots of an image on a node, one after the other, as the libvirt driver makes their disks."""
    node = NodeImages("n", "127.0.0.1", folder / "cache", room)
    await node.start()
    await node.fetch(await _locate(room, image_id), TOKEN)
    before = room.sent(image_id)
    watch = Stopwatch()
    for number in range(BOOTS):
        location = await _locate(room, image_id)
        disk = folder / str(number)
        await asyncio.to_thread(make_root_disk, await node.fetch(location, TOKEN), location, FLAVOR, disk)
    row = watch.row("cached boot", nodes=1, size_mib=size_mib, boots=BOOTS)
    await node.close()
    return row | {"from_room": room.sent(image_id) - before, "ms_per_boot": round(row["wall_s"] / BOOTS * 1000, 2)}


async def _locate(room: ImageRoom, image_id: str) -> ImageLocation:
    return value_of((await room.locate([ImageRequest(token=TOKEN, image_id=image_id)]))[0])


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the rows there")
    file = parser.parse_args().json
    rows = run(say=print)
    for row in rows:
        print(row)
    if file:
        file.write_text(json.dumps({"rows": rows}, indent=2))


if __name__ == "__main__":
    main()
