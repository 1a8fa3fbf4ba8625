"""What keeps the data of volumes: the protocol that a backend meets, and the one of the simulated cloud.

Called by the volume room alone, which decides everything from its rows; a backend does as it is told. Every method may
run twice, and is content with finding its work done. `qemu.py` is the real one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Protocol

import msgspec

from actors.volume.empty_qcow2 import empty_qcow2


class BackendError(Exception):
    """The backend could not do it: the host's fault."""


class VolumeAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where exports are reached: a unix socket's path on this machine, or else host and port."""

    unix_socket: str = ""
    host: str = ""
    port: int = 0


class Blank(msgspec.Struct, frozen=True):
    """Nothing but zeros."""


class OfImage(msgspec.Struct, frozen=True):
    """A copy of an image; `fetch` brings the file, and is called only by a backend that has real data."""

    disk_format: str
    fetch: Callable[[], Awaitable[Path]]


class OfSnapshot(msgspec.Struct, frozen=True):
    """A copy of what a volume was when the snapshot was taken."""

    volume_id: str
    snapshot_id: str


class OfVolume(msgspec.Struct, frozen=True):
    """A copy of what another volume is at this moment."""

    volume_id: str


Source = Blank | OfImage | OfSnapshot | OfVolume
BLOCK_BYTES = 1 << 16  # what a volume without data is copied out as


def moment_of(volume_id: str) -> str:
    """The name of the snapshot of its source that a volume is copied from: it is gone when that has ended."""
    return f"clone-{volume_id}"


class VolumeBackend(Protocol):
    @property
    def address(self) -> VolumeAddress: ...

    async def start(self, exported: Collection[str]) -> None:
        """Come up with exactly these volumes exported, whatever was left by a former room."""

    async def close(self, stop_daemon: bool) -> None:
        """With `stop_daemon` nothing is left running; without, guests keep their volumes."""

    async def create(self, volume_id: str, size_gib: int, source: Source) -> None:
        """All or nothing. Raises `BackendError`."""

    async def ready(self, source: Source) -> None:
        """Bring here what a copy of it takes. Raises `BackendError` or what `fetch` does."""

    async def rewrite(self, volume_id: str, size_gib: int, source: Source) -> None:
        """All data anew, of a volume that nobody has open; its snapshots stay. Raises `BackendError`."""

    async def delete(self, volume_id: str) -> None: ...

    async def resize(self, volume_id: str, size_gib: int) -> None:
        """Make a volume larger that nobody has open. Raises `BackendError`."""

    async def revert(self, volume_id: str, snapshot_id: str) -> None:
        """A volume that nobody has open is again what it was at the snapshot. Raises `BackendError`."""

    async def copy_out(self, volume_id: str, disk_format: str, path: Path) -> None:
        """Write a volume that nobody changes to a file of that format. Raises `BackendError`."""

    async def snapshot(self, volume_id: str, snapshot_id: str) -> None:
        """Also of an exported volume, in one instant."""

    async def delete_snapshot(self, volume_id: str, snapshot_id: str) -> None: ...

    async def export(self, volume_ids: Collection[str]) -> dict[str, str]:
        """Make these reachable under their ids; the causes of those that could not be."""

    async def unexport(self, volume_ids: Collection[str]) -> None:
        """Cuts off whoever still has them open. Raises `BackendError`."""

    async def world(self) -> dict[str, list[str]]:
        """What is really here, by kind."""


class MemoryBackend:
    """Volumes without data, for simulated hosts."""

    def __init__(self) -> None:
        self.address = VolumeAddress(unix_socket="/nowhere/nbd.sock")
        self._volumes: set[str] = set()
        self._sizes: dict[str, int] = {}  # GiB
        self._snapshots: set[tuple[str, str]] = set()
        self._exported: set[str] = set()

    async def start(self, exported: Collection[str]) -> None:
        self._exported = set(exported)
        self._volumes |= self._exported

    async def close(self, stop_daemon: bool) -> None:
        if stop_daemon:
            self._exported.clear()

    async def create(self, volume_id: str, size_gib: int, source: Source) -> None:
        self._volumes.add(volume_id)
        self._sizes[volume_id] = size_gib

    async def ready(self, source: Source) -> None:
        pass

    async def rewrite(self, volume_id: str, size_gib: int, source: Source) -> None:
        await self.create(volume_id, size_gib, source)

    async def delete(self, volume_id: str) -> None:
        self._volumes.discard(volume_id)
        self._sizes.pop(volume_id, None)

    async def resize(self, volume_id: str, size_gib: int) -> None:
        self._sizes[volume_id] = size_gib

    async def revert(self, volume_id: str, snapshot_id: str) -> None:
        if (volume_id, snapshot_id) not in self._snapshots:
            raise BackendError(f"volume {volume_id} has no snapshot {snapshot_id}")

    async def copy_out(self, volume_id: str, disk_format: str, path: Path) -> None:
        """One block of zeros, or a qcow2 disk without data: all that is known of it."""
        match disk_format:
            case "raw":
                path.write_bytes(bytes(BLOCK_BYTES))
            case "qcow2":
                path.write_bytes(empty_qcow2(self._sizes.get(volume_id, 1) << 30))
            case _:
                raise BackendError(f"a volume without data can't be written as {disk_format}")

    async def snapshot(self, volume_id: str, snapshot_id: str) -> None:
        self._snapshots.add((volume_id, snapshot_id))

    async def delete_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        self._snapshots.discard((volume_id, snapshot_id))

    async def export(self, volume_ids: Collection[str]) -> dict[str, str]:
        self._exported |= set(volume_ids)
        return {}

    async def unexport(self, volume_ids: Collection[str]) -> None:
        self._exported -= set(volume_ids)

    async def world(self) -> dict[str, list[str]]:
        return {"volume_files": sorted(self._volumes), "exports": sorted(self._exported)}
