"""Volumes as qcow2 files, exported over NBD by one storage daemon.

Owns: the files of the folder (one a volume, snapshots inside it) and the daemon. Invariants: a file under a volume's
id is whole and on disk (copies are made beside it and renamed); after each change of exports the daemon has exactly
the wanted ones, also when it is a new daemon because the old one was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Collection
from pathlib import Path
from weakref import WeakValueDictionary

from actors.volume.backend import BackendError, Blank, OfImage, OfSnapshot, OfVolume, Source, VolumeAddress, moment_of
from actors.volume.daemon import StorageDaemon
from actors.volume.exports import corrections, export_of, node_name, node_of, volumes_of
from actors.volume.process import run
from actors.volume.qmp import QmpClient, QmpError, QmpLost

NBD_PORT = 10809  # IANA's for NBD
COPY_LIMIT_S = 900.0  # of one volume's data
TOOL_LIMIT_S = 60.0  # for what only writes a header
COPIES_LIMIT = 2  # at once; more only make the disk slower
CONNECT_TRIES = 2  # a daemon found dead is replaced once
EXPORT_END_LIMIT_S = 10.0  # for a removed export to let go of its node
POLL_S = 0.01
READ_TRIES = 5
READ_PAUSE_S = 0.1
NOT_FOUND = "Can't find snapshot"  # as qemu-img says it
WATCH_S = 1.0  # between looks at whether the daemon lives; guests whose disks reconnect wait so long at most
QEMU_FORMATS = {"iso": "raw"}  # where QEMU's name differs from the image service's


class QemuBackend:
    """With `host` (an address of this machine) exports are reached by TCP, else by a unix socket."""

    def __init__(self, folder: Path, host: str = "", port: int = NBD_PORT) -> None:
        self._folder = folder
        self._daemon = StorageDaemon(folder, host, port)
        self._wanted: set[str] = set()
        self._talking = asyncio.Lock()
        self._files: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by volume id
        self._copying = asyncio.Semaphore(COPIES_LIMIT)
        self._watching: asyncio.Task[None] | None = None

    @property
    def address(self) -> VolumeAddress:
        return self._daemon.address

    async def start(self, exported: Collection[str]) -> None:
        await asyncio.to_thread(self._prepare)
        self._wanted = set(exported)
        await self._correct()
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """A daemon that died is replaced, with its exports, before anybody asks."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._wanted and not self._daemon.pid():
                with contextlib.suppress(BackendError):  # tried again after the next nap, and by the next request
                    await self._correct()

    async def close(self, stop_daemon: bool) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        async with self._talking:
            if stop_daemon:
                await self._daemon.stop()
            else:
                await self._daemon.disconnect()

    # ------------------------------------------------------------ data

    async def create(self, volume_id: str, size_gib: int, source: Source) -> None:
        path = self._path(volume_id)
        if path.exists():
            return
        if isinstance(source, OfVolume):
            await self._clone(volume_id, size_gib, source.volume_id)
            return
        image = await source.fetch() if isinstance(source, OfImage) else None
        part = self._part(volume_id)
        try:
            async with self._copying:
                await self._fill(part, size_gib, source, image)
            await asyncio.to_thread(_publish, part, path)
        finally:
            part.unlink(missing_ok=True)

    async def ready(self, source: Source) -> None:
        if isinstance(source, OfImage):
            await source.fetch()

    async def rewrite(self, volume_id: str, size_gib: int, source: Source) -> None:
        """A file with snapshots in it is written over in its place: cut off, it is neither the old nor the new."""
        path, part = self._path(volume_id), self._part(volume_id)
        image = await source.fetch() if isinstance(source, OfImage) else None
        try:
            async with self._copying:
                await self._fill(part, size_gib, source, image)
                async with self._alone(volume_id):  # the tool locks the file as long as it writes to it
                    if path.exists() and await self._snapshots(volume_id):
                        over = ["qemu-img", "convert", "-n", "-f", "qcow2", "-O", "qcow2", str(part), str(path)]
                        await run(over, COPY_LIMIT_S)
                        await asyncio.to_thread(_sync, path)
                    else:
                        await asyncio.to_thread(_publish, part, path)
        finally:
            part.unlink(missing_ok=True)

    async def _fill(self, part: Path, size_gib: int, source: Source, image: Path | None) -> None:
        size = f"{size_gib}G"
        if isinstance(source, Blank):
            await run(["qemu-img", "create", "-q", "-f", "qcow2", str(part), size], TOOL_LIMIT_S)
            return
        convert = ["qemu-img", "convert", "-O", "qcow2"]
        if isinstance(source, OfSnapshot):
            origin = [  # -U: the daemon may have the volume open; a snapshot's clusters don't change under us
                *("-U", "-f", "qcow2", "-l", f"snapshot.name={source.snapshot_id}"),
                str(self._path(source.volume_id)),
            ]
        else:
            assert isinstance(source, OfImage)
            origin = ["-f", QEMU_FORMATS.get(source.disk_format, source.disk_format), str(image)]
        await _run_again([*convert, *origin, str(part)], COPY_LIMIT_S)
        await run(["qemu-img", "resize", "-q", "-f", "qcow2", str(part), size], TOOL_LIMIT_S)

    async def _clone(self, volume_id: str, size_gib: int, source_id: str) -> None:
        """By a snapshot for the moment, so that a guest may write to the source meanwhile."""
        moment = moment_of(volume_id)
        try:
            await self.snapshot(source_id, moment)
            await self.create(volume_id, size_gib, OfSnapshot(source_id, moment))
        finally:
            await self.delete_snapshot(source_id, moment)

    async def resize(self, volume_id: str, size_gib: int) -> None:
        path = str(self._path(volume_id))
        async with self._alone(volume_id):  # a copy of it may be under way, whose snapshot comes or goes
            await run(["qemu-img", "resize", "-q", "-f", "qcow2", path, f"{size_gib}G"], TOOL_LIMIT_S)

    async def revert(self, volume_id: str, snapshot_id: str) -> None:
        async with self._alone(volume_id):
            await run(["qemu-img", "snapshot", "-q", "-a", snapshot_id, str(self._path(volume_id))], TOOL_LIMIT_S)

    async def copy_out(self, volume_id: str, disk_format: str, path: Path) -> None:
        """Without a lock on the file (-U): snapshots of it may come and go meanwhile, its data does not change."""
        async with self._copying:
            convert = ["qemu-img", "convert", "-U", "-f", "qcow2", "-O", disk_format]
            await run([*convert, str(self._path(volume_id)), str(path)], COPY_LIMIT_S)

    async def delete(self, volume_id: str) -> None:
        if volume_id in self._wanted:
            await self.unexport([volume_id])
        self._path(volume_id).unlink(missing_ok=True)

    # ------------------------------------------------------------ snapshots

    async def snapshot(self, volume_id: str, snapshot_id: str) -> None:
        await self._on_node(volume_id, "blockdev-snapshot-internal-sync", snapshot_id, there=False)

    async def delete_snapshot(self, volume_id: str, snapshot_id: str) -> None:
        if self._path(volume_id).exists():
            await self._on_node(volume_id, "blockdev-snapshot-delete-internal-sync", snapshot_id, there=True)

    async def _snapshots(self, volume_id: str) -> set[str]:
        """Names of the snapshots in a volume's file; each line of the tool's table is: number, name, …"""
        listing = await run(["qemu-img", "snapshot", "-U", "-l", str(self._path(volume_id))], TOOL_LIMIT_S)
        return {words[1] for words in (line.split() for line in listing.splitlines()) if len(words) > 1}

    async def _on_node(self, volume_id: str, command: str, snapshot_id: str, *, there: bool) -> None:
        """Let the daemon do it, which alone may write to an exported volume; another is opened for the moment. Nothing
        is done where the snapshot is not `there`, or is: a table that is being written would not tell."""
        name = node_name(volume_id)
        async with self._alone(volume_id):
            if (snapshot_id in await self._snapshots(volume_id)) is there:
                await self._have_done(name, volume_id, command, snapshot_id)

    async def _have_done(self, name: str, volume_id: str, command: str, snapshot_id: str) -> None:
        async with self._talking:
            is_new = not self._daemon.pid()
            client = await self._daemon.client()
            try:
                if is_new:  # the one before died, with its exports, and nobody has noticed yet
                    await self._apply(client)
                opened = name not in await _node_names(client)
                if opened:
                    await client.execute("blockdev-add", node_of(volume_id, str(self._path(volume_id))))
                try:
                    await client.execute(command, {"device": name, "name": snapshot_id})
                finally:
                    if opened:
                        await client.execute("blockdev-del", {"node-name": name})
            except (QmpError, QmpLost) as error:
                raise BackendError(str(error)) from error

    def _alone(self, volume_id: str) -> asyncio.Lock:
        """For whoever changes a volume's file other than by its export. Held for as long as anybody has it."""
        return self._files.setdefault(volume_id, asyncio.Lock())

    # ------------------------------------------------------------ exports

    async def export(self, volume_ids: Collection[str]) -> dict[str, str]:
        self._wanted |= set(volume_ids)
        causes = await self._correct()
        failed = {volume_id: causes[volume_id] for volume_id in volume_ids if volume_id in causes}
        self._wanted -= set(failed)
        return failed

    async def unexport(self, volume_ids: Collection[str]) -> None:
        self._wanted -= set(volume_ids)
        await self._correct()

    async def _correct(self) -> dict[str, str]:
        """Bring the daemon to the wanted exports; the causes of those that can't be, by volume id."""
        async with self._talking:
            for _ in range(CONNECT_TRIES):
                if not self._wanted and not self._daemon.pid():
                    return {}  # none is wanted, and there is none
                try:
                    return await self._apply(await self._daemon.client())
                except QmpLost as error:
                    cause = str(error)
            raise BackendError(f"the storage daemon was lost: {cause}")

    async def _apply(self, client: QmpClient) -> dict[str, str]:
        exports = await _export_names(client)
        todo = corrections(self._wanted, exports, await _node_names(client))
        try:
            await _remove_exports(client, todo.remove_exports)
            for name in todo.remove_nodes:
                await client.execute("blockdev-del", {"node-name": name})
        except QmpError as error:
            raise BackendError(str(error)) from error
        causes: dict[str, str] = {}
        for volume_id in todo.add_exports:
            try:
                if volume_id in todo.add_nodes:
                    await client.execute("blockdev-add", node_of(volume_id, str(self._path(volume_id))))
                await client.execute("block-export-add", export_of(volume_id))
            except QmpError as error:
                causes[volume_id] = str(error)
        return causes

    # ------------------------------------------------------------ files

    async def world(self) -> dict[str, list[str]]:
        exports: set[str] = set()
        if self._daemon.pid():
            async with self._talking:
                with contextlib.suppress(QmpLost, QmpError, BackendError):
                    exports = await _export_names(await self._daemon.client())
        files = sorted(path.name for path in self._folder.glob("*") if path.is_file()) if self._folder.exists() else []
        return {"volume_files": files, "exports": volumes_of(exports, files)}

    def _prepare(self) -> None:
        """Copies that a former room didn't finish are made again."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for part in self._folder.glob("*.part"):
            part.unlink(missing_ok=True)

    def _path(self, volume_id: str) -> Path:
        return self._folder.absolute() / volume_id

    def _part(self, volume_id: str) -> Path:
        return self._path(f"{volume_id}.{secrets.token_hex(8)}.part")


async def _export_names(client: QmpClient) -> set[str]:
    return {str(export["id"]) for export in await client.execute("query-block-exports")}


async def _node_names(client: QmpClient) -> set[str]:
    return {str(node["node-name"]) for node in await client.execute("query-named-block-nodes", {"flat": True})}


async def _remove_exports(client: QmpClient, names: Collection[str]) -> None:
    """Cut off their readers and wait until the nodes are free."""
    for name in names:
        await client.execute("block-export-del", {"id": name, "mode": "hard"})
    for _ in range(int(EXPORT_END_LIMIT_S / POLL_S)):
        if not names or not (set(names) & await _export_names(client)):
            return
        await asyncio.sleep(POLL_S)
    raise BackendError(f"exports {', '.join(names)} do not end")


async def _run_again(command: list[str], limit_s: float) -> None:
    """What reads a snapshot of a file that it does not lock may meet its table while another snapshot comes or goes."""
    for tries_left in reversed(range(READ_TRIES)):
        try:
            await run(command, limit_s)
            return
        except BackendError as error:
            if not tries_left or NOT_FOUND not in str(error):
                raise
            await asyncio.sleep(READ_PAUSE_S)


def _publish(part: Path, path: Path) -> None:
    """Durable under its name."""
    _sync(part)
    part.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    """qemu-img itself doesn't sync what it writes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
