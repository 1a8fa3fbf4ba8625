"""Real volumes: qcow2 files and a storage daemon of our own, read back over NBD."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from actors.errors import value_of
from actors.messages import BlockDevice, ConnectionInfo
from actors.volume.backend import BackendError, Blank, OfImage, OfSnapshot, OfVolume, moment_of
from actors.volume.daemon import SOCKET_PATH_LIMIT, StorageDaemon, run_folder
from actors.volume.messages import CreateSnapshot, VolumeRequest
from actors.volume.plan import id_of
from actors.volume.qemu import QemuBackend
from tests.volume.rooms import House, Registry, attach_request, attached, detach_request, image, use, volume

TOOLS = ("qemu-storage-daemon", "qemu-img", "qemu-io")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (package qemu-utils)"),
]
MIB = 1 << 20


def play(backend: QemuBackend, story: Callable[[QemuBackend], Awaitable[None]]) -> None:
    """Whatever happens, no daemon stays."""

    async def run() -> None:
        try:
            await backend.start([])
            await story(backend)
        finally:
            await backend.close(stop_daemon=True)

    asyncio.run(run())


def url_of(connection: ConnectionInfo) -> str:
    if connection.unix_socket:
        return f"nbd+unix:///{connection.export}?socket={connection.unix_socket}"
    return f"nbd://{connection.host}:{connection.port}/{connection.export}"


def url(backend: QemuBackend, volume_id: str) -> str:
    address = backend.address
    return url_of(
        ConnectionInfo(
            volume_id=volume_id,
            size_gib=1,
            export=volume_id,
            unix_socket=address.unix_socket,
            host=address.host,
            port=address.port,
        )
    )


async def qemu_io(target: str, command: str, disk_format: str = "raw") -> bool:
    """True if the command (a pattern read back, or written) worked."""
    done = await asyncio.to_thread(
        subprocess.run, ["qemu-io", "-f", disk_format, "-c", command, target], capture_output=True, text=True
    )
    return done.returncode == 0 and "verification failed" not in done.stdout


def kill(daemon: StorageDaemon) -> None:
    pid = daemon.pid()
    assert pid  # 0 would be everything of this very test run
    os.kill(pid, signal.SIGKILL)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - it is another process's doing
            await asyncio.sleep(0)


def new_id() -> str:
    return str(uuid.uuid4())


def test_what_is_written_over_nbd_is_read_back_after_another_attach(tmp_path: Path) -> None:
    async def story(backend: QemuBackend) -> None:
        volume_id = new_id()
        await backend.create(volume_id, 1, Blank())
        await backend.create(volume_id, 1, Blank())
        for pattern in ("write -P 0x5a 1M 64k", "read -P 0x5a 1M 64k"):
            assert await backend.export([volume_id]) == {}
            assert await backend.export([volume_id]) == {}
            assert (await backend.world())["exports"] == [volume_id]
            assert await qemu_io(url(backend, volume_id), pattern)
            await backend.unexport([volume_id])
            await backend.unexport([volume_id])
            assert not await qemu_io(url(backend, volume_id), "read 0 512")
        await backend.delete(volume_id)
        await backend.delete(volume_id)
        assert await backend.world() == {"volume_files": [], "exports": []}

    play(QemuBackend(tmp_path / "volumes"), story)
    assert not (tmp_path / "volumes" / "run").exists()


def test_a_killed_daemon_is_replaced_with_all_its_exports(tmp_path: Path) -> None:
    folder = tmp_path / "volumes"

    async def story(backend: QemuBackend) -> None:
        first, second = new_id(), new_id()
        for volume_id in (first, second):
            await backend.create(volume_id, 1, Blank())
        await backend.export([first])
        assert await qemu_io(url(backend, first), "write -P 0x11 0 64k")
        kill(StorageDaemon(folder))
        await backend.export([second])
        assert await qemu_io(url(backend, first), "read -P 0x11 0 64k")
        assert await qemu_io(url(backend, second), "read -P 0 0 64k")

    play(QemuBackend(folder), story)


def test_a_dead_daemon_is_noticed_without_a_request(tmp_path: Path) -> None:
    folder = tmp_path / "volumes"

    async def story(backend: QemuBackend) -> None:
        volume_id = new_id()
        await backend.create(volume_id, 1, Blank())
        await backend.export([volume_id])
        kill(StorageDaemon(folder))
        async with asyncio.timeout(30):
            while not await qemu_io(url(backend, volume_id), "read 0 512"):
                continue

    play(QemuBackend(folder), story)


def test_a_new_room_finds_the_daemon_again_and_puts_its_exports_right(tmp_path: Path) -> None:
    folder = tmp_path / "volumes"

    async def story(backend: QemuBackend) -> None:
        kept, stray = new_id(), new_id()
        for volume_id in (kept, stray):
            await backend.create(volume_id, 1, Blank())
        await backend.export([kept, stray])
        pid = StorageDaemon(folder).pid()
        await backend.close(stop_daemon=False)
        again = QemuBackend(folder)
        await again.start([kept])
        assert StorageDaemon(folder).pid() == pid
        assert await qemu_io(url(again, kept), "read 0 512")
        assert not await qemu_io(url(again, stray), "read 0 512")
        await again.close(stop_daemon=False)

    play(QemuBackend(folder), story)


def test_a_snapshot_of_an_attached_volume_keeps_its_moment(tmp_path: Path) -> None:
    async def story(backend: QemuBackend) -> None:
        origin, copy, late = new_id(), new_id(), new_id()
        await backend.create(origin, 1, Blank())
        await backend.export([origin])
        assert await qemu_io(url(backend, origin), "write -P 0x11 0 64k")
        for _ in range(2):
            await backend.snapshot(origin, "moment")
        assert await qemu_io(url(backend, origin), "write -P 0x22 0 64k")
        await backend.create(copy, 2, OfSnapshot(origin, "moment"))
        await backend.export([copy])
        assert await qemu_io(url(backend, copy), "read -P 0x11 0 64k")
        assert await qemu_io(url(backend, origin), "read -P 0x22 0 64k")
        await backend.unexport([origin])
        for _ in range(2):
            await backend.delete_snapshot(origin, "moment")
        with pytest.raises(BackendError):
            await backend.create(late, 1, OfSnapshot(origin, "moment"))
        await backend.snapshot(origin, "at rest")
        assert (await backend.world())["volume_files"] == sorted([origin, copy])

    play(QemuBackend(tmp_path / "volumes"), story)


def test_a_clone_of_an_attached_volume_grows_and_is_copied_out(tmp_path: Path) -> None:
    async def story(backend: QemuBackend) -> None:
        source, clone = new_id(), new_id()
        await backend.create(source, 1, Blank())
        await backend.export([source])
        assert await qemu_io(url(backend, source), "write -P 0x21 1M 64k")
        await backend.create(clone, 1, OfVolume(source))
        await backend.create(clone, 1, OfVolume(source))
        assert await qemu_io(url(backend, source), "write -P 0x22 1M 64k")
        await backend.resize(clone, 2)
        await backend.resize(clone, 2)
        await backend.export([clone])
        assert await qemu_io(url(backend, clone), "read -P 0x21 1M 64k")
        assert await qemu_io(url(backend, clone), "read -P 0 1984M 64k")
        await backend.unexport([clone, source])
        for disk_format in ("raw", "qcow2"):
            path = tmp_path / disk_format
            await backend.copy_out(clone, disk_format, path)
            assert await qemu_io(str(path), "read -P 0x21 1M 64k", disk_format)
        await backend.snapshot(clone, "then")
        await backend.export([clone])
        assert await qemu_io(url(backend, clone), "write -P 0x23 1M 64k")
        await backend.unexport([clone])
        await backend.revert(clone, "then")
        await backend.export([clone])
        assert await qemu_io(url(backend, clone), "read -P 0x21 1M 64k")
        for volume_id in (clone, source):
            await backend.delete(volume_id)
        assert (await backend.world())["volume_files"] == []

    play(QemuBackend(tmp_path / "volumes"), story)


@pytest.mark.parametrize("snapshots", [(), ("before",)])
def test_an_image_written_over_a_volume_is_all_that_is_there_but_for_snapshots(
    tmp_path: Path, snapshots: tuple[str, ...]
) -> None:
    (tmp_path / "image").write_bytes(b"\x77" * MIB + bytes(MIB))

    async def fetch() -> Path:
        return tmp_path / "image"

    async def missing() -> Path:
        return tmp_path / "nothing"

    async def story(backend: QemuBackend) -> None:
        volume_id, copy = new_id(), new_id()
        await backend.create(volume_id, 1, Blank())
        await backend.export([volume_id])
        for place in ("0", "1M", "512M", "1023M"):
            assert await qemu_io(url(backend, volume_id), f"write -P 0x11 {place} 1M")
        for name in snapshots:
            await backend.snapshot(volume_id, name)
        await backend.unexport([volume_id])
        with pytest.raises(BackendError, match="qemu-img"):
            await backend.rewrite(volume_id, 1, OfImage("raw", missing))
        for _ in range(2):
            await backend.rewrite(volume_id, 1, OfImage("raw", fetch))
        await backend.export([volume_id])
        for wanted in ("0x77 0 1M", "0 1M 1M", "0 512M 1M", "0 1023M 1M"):
            assert await qemu_io(url(backend, volume_id), f"read -P {wanted}"), wanted
        for name in snapshots:
            await backend.create(copy, 1, OfSnapshot(volume_id, name))
            await backend.export([copy])
            assert await qemu_io(url(backend, copy), "read -P 0x11 512M 1M")
        kept = [volume_id, *(copy for _ in snapshots)]
        assert (await backend.world())["volume_files"] == sorted(kept)

    play(QemuBackend(tmp_path / "volumes"), story)


def test_a_volume_is_copied_while_an_image_is_written_over_it(tmp_path: Path) -> None:
    """The tool that writes locks the file; the moment's snapshot of the copy is taken away all the same."""

    async def fetch() -> Path:
        image = tmp_path / "image"
        image.write_bytes(b"\x77" * MIB * 256)
        return image

    async def story(backend: QemuBackend) -> None:
        volume_id, copies = new_id(), [new_id() for _ in range(4)]
        await backend.create(volume_id, 1, Blank())
        await backend.snapshot(volume_id, "kept")
        copying = (backend.create(copy, 1, OfVolume(volume_id)) for copy in copies)
        await asyncio.gather(*(backend.rewrite(volume_id, 1, OfImage("raw", fetch)) for _ in range(2)), *copying)
        names = await backend._snapshots(volume_id)
        assert "kept" in names and not [name for name in names if name.startswith("clone-")]
        assert (await backend.world())["volume_files"] == sorted([volume_id, *copies])

    play(QemuBackend(tmp_path / "volumes"), story)


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    async def story(backend: QemuBackend) -> None:
        (tmp_path / "broken").write_bytes(b"no qcow2")

        async def fetch() -> Path:
            return tmp_path / "broken"

        with pytest.raises(BackendError, match="qemu-img"):
            await backend.create(new_id(), 1, OfImage("qcow2", fetch))
        assert await backend.export([missing := new_id()]) != {}
        assert not await qemu_io(url(backend, missing), "read 0 512")
        assert await backend.world() == {"volume_files": [], "exports": []}

    play(QemuBackend(tmp_path / "volumes"), story)


def test_a_long_path_gets_short_sockets(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20) / ("path" * 10) / "volumes"

    async def story(backend: QemuBackend) -> None:
        assert len(backend.address.unix_socket) <= SOCKET_PATH_LIMIT
        volume_id = new_id()
        await backend.create(volume_id, 1, Blank())
        await backend.export([volume_id])
        assert await qemu_io(url(backend, volume_id), "read 0 512")

    play(QemuBackend(folder), story)
    assert not run_folder(folder).exists()


def snapshots(folder: Path, volume_id: str) -> str:
    listing = ["qemu-img", "snapshot", "-U", "-l", str(folder / volume_id)]
    return subprocess.run(listing, capture_output=True, text=True, check=True).stdout


def test_a_snapshot_after_a_daemon_died_brings_its_exports_back(tmp_path: Path) -> None:
    folder = tmp_path / "volumes"

    async def story(backend: QemuBackend) -> None:
        used, free = new_id(), new_id()
        for volume_id in (used, free):
            await backend.create(volume_id, 1, Blank())
        await backend.export([used])
        kill(StorageDaemon(folder))
        await until(lambda: not StorageDaemon(folder).pid())
        await backend.snapshot(free, "then")
        assert (await backend.world())["exports"] == [used]

    play(QemuBackend(folder), story)


def test_what_is_done_to_a_volume_of_which_copies_are_made(tmp_path: Path) -> None:
    """Each waits for the other where both write to the file."""
    folder = tmp_path / "volumes"

    async def story(backend: QemuBackend) -> None:
        source = new_id()
        await backend.create(source, 1, Blank())
        await backend.snapshot(source, "then")

        async def copies() -> None:
            for _ in range(6):
                await backend.create(new_id(), 1, OfVolume(source))

        async def changes() -> None:
            for _ in range(25):
                await backend.revert(source, "then")
                await backend.resize(source, 1)

        await asyncio.gather(copies(), changes())
        assert "clone-" not in snapshots(folder, source)

    play(QemuBackend(folder), story)


def test_snapshots_come_and_go_while_a_volume_is_copied_out(tmp_path: Path) -> None:
    folder, copy = tmp_path / "volumes", tmp_path / "copy"

    async def story(backend: QemuBackend) -> None:
        volume_id = new_id()
        await backend.create(volume_id, 1, Blank())
        assert await qemu_io(str(folder / volume_id), "write -P 0x5a 0 200M", "qcow2")
        await backend.snapshot(volume_id, "then")
        copying = asyncio.create_task(backend.copy_out(volume_id, "raw", copy))
        await until(copy.exists)
        await backend.delete_snapshot(volume_id, "then")
        await backend.create(new_id(), 1, OfVolume(volume_id))
        await copying
        assert await qemu_io(str(copy), "read -P 0x5a 0 200M")
        assert len(snapshots(folder, volume_id).splitlines()) == 0

    play(QemuBackend(folder), story)


def test_a_copy_that_was_cut_off_leaves_no_snapshot_in_its_source(tmp_path: Path) -> None:
    folder = tmp_path / "volumes"

    async def story(backend: QemuBackend) -> None:
        house = House(tmp_path, backend)
        source = await volume(await house.room())
        copy = replace(source, id=new_id(), status="creating", source_volume_id=source.id)
        await house.ledger.commit([copy])
        await backend.snapshot(source.id, moment_of(copy.id))  # … and then it was killed
        assert "clone-" in snapshots(folder, source.id)
        room = await house.room()
        assert "clone-" not in snapshots(folder, source.id)
        assert value_of((await room.show([VolumeRequest(token="ann", volume_id=copy.id)]))[0]).status == "error"

    play(QemuBackend(folder), story)


def test_exports_over_tcp(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def story(backend: QemuBackend) -> None:
        volume_id = new_id()
        await backend.create(volume_id, 1, Blank())
        assert await backend.export([volume_id]) == {}
        assert await qemu_io(url(backend, volume_id), "write -P 0x33 0 4k")

    play(QemuBackend(tmp_path / "volumes", "127.0.0.1", port), story)


def test_the_room_with_real_volumes_from_image_to_nothing(tmp_path: Path) -> None:
    """An image in the node's cache becomes a bootable volume with its content; detaching a failed boot undoes all."""
    data = b"\x77" * MIB + b"\x00" * MIB
    cached = tmp_path / "source"
    cached.write_bytes(data)
    location = image("img", len(data), digest=hashlib.sha512(data).hexdigest())

    class Shelf:
        """An image cache that has everything."""

        async def fetch(self, *_: object) -> Path:
            return cached

        async def close(self) -> None: ...

    async def story(backend: QemuBackend) -> None:
        house = House(tmp_path, backend, Registry(location))
        house.cache = Shelf()
        room = await house.room()
        before = await room.world()
        mine = await volume(room)
        root = BlockDevice(source_type="image", destination_type="volume", source_id="img", boot_index=0)
        connections = await attached(room, attach_request(root, use(mine)))
        assert [connection.bootable for connection in connections] == [True, False]
        assert await qemu_io(url_of(connections[0]), "read -P 0x77 0 1M")
        assert await qemu_io(url_of(connections[0]), "read -P 0 1M 1M")
        assert await qemu_io(url_of(connections[1]), "write -P 0x44 0 4k")
        snapshot = value_of(
            (await room.create_snapshot([CreateSnapshot(token="ann", volume_id=mine.id, force=True)]))[0]
        )
        assert snapshot.status == "available"
        kill(StorageDaemon(tmp_path / "volumes"))
        assert await attached(room, attach_request(root, use(mine))) == connections
        assert await qemu_io(url_of(connections[1]), "read -P 0x44 0 4k")
        await room.detach([detach_request(failed_boot=True)])
        world = await room.world()
        assert world["exports"] == world["attachments"] == before["attachments"]
        assert id_of(root, "vm-1", 0) not in world["volume_files"] and mine.id in world["volume_files"]

    play(QemuBackend(tmp_path / "volumes"), story)
