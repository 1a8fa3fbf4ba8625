"""The images that one node has fetched, kept as files for all its guests.

Owns: the cache folder. The compute actor of a node (and the volume room) calls `fetch`; boots of one image at the same
time share one download. Invariant: a file under an image's id with a marker beside it is complete, checked against
the size and sha512 of the registry, and on disk; everything unfinished is called `*.part`.

Several processes may use one folder: each writes a part of its own (held by flock, so that a dead one's is known and
swept) and publishing is serialised by a lock file.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from actors.errors import CallerError, bad_request, not_found, unauthorized
from actors.messages import ImageLocation

if TYPE_CHECKING:
    import aiohttp  # it takes 6 MiB, and a node of simulated hosts fetches nothing

PIECE_BYTES = 1 << 20  # read, hashed and written at once
ROUNDS = 2  # times each url of an image is tried
CONNECT_LIMIT_S = 10.0
STALL_LIMIT_S = 60.0  # without a byte, a server counts as dead
BUSY_PAUSE_S = 0.2  # before servers that are all busy are asked again
BUSY_LIMIT_S = 900.0  # that they may be; a boot's own deadline is no longer

Locate = Callable[[str, str], Awaitable[ImageLocation]]
"""(token, image id) → who has it now; raises `CallerError`."""


MARKER = ".verified"  # what follows an image's id in the name of its sidecar


class FetchFailed(Exception):
    """No server gave the image whole: the node's fault, not the caller's; another node may do better."""


class _Busy(Exception):
    """The servers that live have enough to send."""


class _Marker(msgspec.Struct, frozen=True):
    """Beside a cached file: what was verified. A file changed since then no longer counts as cached."""

    sha512: str
    size: int
    mtime_ns: int


class ImageCache:
    def __init__(self, folder: Path, locate: Locate | None = None) -> None:
        """With `locate`, the image room is asked again while servers are busy: peers may have the image by then."""
        self._folder = folder
        self._locate = locate
        self._fetching: dict[str, asyncio.Task[Path]] = {}

    async def fetch(self, location: ImageLocation, token: str) -> Path:
        """The image's file on this node. Raises `CallerError` (401, 404) or `FetchFailed`."""
        if Path(location.image_id).name != location.image_id:
            raise CallerError(bad_request("image_id", f"{location.image_id!r} is not an image id"))
        while True:
            path = self.cached(location)
            if path is not None:
                return path
            shared = self._fetching.get(location.image_id)
            if shared is None:
                return await asyncio.shield(self._begin(location, token))
            try:
                return await asyncio.shield(shared)
            except CallerError:
                continue  # another caller's token was refused; this one's may be good

    def cached(self, location: ImageLocation) -> Path | None:
        """The image's file, if it is here, whole and verified."""
        return self._path(location) if self._is_cached(location) else None

    async def close(self) -> None:
        """Stop the downloads that run; their parts are removed."""
        running = list(self._fetching.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def world(self) -> dict[str, list[str]]:
        """What is here: images whole and verified, and parts."""
        names = sorted(path.name for path in self._folder.glob("*")) if self._folder.exists() else []
        return {
            "cached_images": [name.removesuffix(MARKER) for name in names if name.endswith(MARKER)],
            "parts": [name for name in names if name.endswith(".part")],
        }

    def _path(self, location: ImageLocation) -> Path:
        return self._folder / location.image_id

    def _is_cached(self, location: ImageLocation) -> bool:
        path = self._path(location)
        try:
            marker = msgspec.json.decode(_marker_of(path).read_bytes(), type=_Marker)
            found = path.stat()
        except (OSError, msgspec.DecodeError):
            return False
        wanted = _Marker(location.os_hash_value, location.size, found.st_mtime_ns)
        return marker == wanted and found.st_size == location.size

    def _begin(self, location: ImageLocation, token: str) -> asyncio.Task[Path]:
        task = asyncio.create_task(self._fetch(location, token))
        self._fetching[location.image_id] = task
        task.add_done_callback(lambda done: self._end(location.image_id, done))
        return task

    def _end(self, image_id: str, task: asyncio.Task[Path]) -> None:
        del self._fetching[image_id]
        if not task.cancelled():
            task.exception()  # every waiter may have gone: their failure is not a lost one

    async def _fetch(self, location: ImageLocation, token: str) -> Path:
        if not location.urls:
            raise FetchFailed(f"image {location.image_id} has no server")
        import aiohttp

        await asyncio.to_thread(self._prepare)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT_S, sock_read=STALL_LIMIT_S)
        headers = {"X-Auth-Token": token, "Accept-Encoding": "identity"}
        async with aiohttp.ClientSession(timeout=timeout, headers=headers, read_bufsize=PIECE_BYTES) as session:
            for _ in range(int(BUSY_LIMIT_S / BUSY_PAUSE_S)):
                try:
                    return await self._from_any(session, location)
                except _Busy:
                    await asyncio.sleep(BUSY_PAUSE_S)
                if self._locate is not None:
                    location = await self._locate(token, location.image_id)
        raise FetchFailed(f"image {location.image_id}: all servers were busy for {BUSY_LIMIT_S:g} s")

    async def _from_any(self, session: aiohttp.ClientSession, location: ImageLocation) -> Path:
        import aiohttp

        causes: list[str] = []
        refused: CallerError | None = None
        busy = False
        for url in location.urls * ROUNDS:
            try:
                return await self._download(session, url, location)
            except CallerError as error:
                refused = error
            except _Busy:
                busy = True
            except (FetchFailed, aiohttp.ClientError, TimeoutError, OSError) as error:
                causes.append(f"{url}: {error or type(error).__name__}")
        if busy:
            raise _Busy
        if refused is not None and not causes:
            raise refused
        raise FetchFailed(f"image {location.image_id} could not be fetched: {'; '.join(causes)}")

    async def _download(self, session: aiohttp.ClientSession, url: str, location: ImageLocation) -> Path:
        part = self._folder / f"{location.image_id}.{secrets.token_hex(8)}.part"
        try:
            with part.open("xb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                await self._receive(session, url, location, file)
                await asyncio.to_thread(self._publish, part, location)
        finally:
            part.unlink(missing_ok=True)
        return self._path(location)

    async def _receive(self, session: aiohttp.ClientSession, url: str, location: ImageLocation, file: BinaryIO) -> None:
        digest = hashlib.sha512()
        received = 0

        def absorb(piece: bytes) -> None:
            digest.update(piece)
            file.write(piece)

        async with session.get(url) as answer:
            _check_status(answer, location.image_id)
            async for piece in answer.content.iter_chunked(PIECE_BYTES):
                received += len(piece)
                if received > location.size:
                    break
                await asyncio.to_thread(absorb, piece)
        if received != location.size:
            raise FetchFailed(f"{received} bytes came where {location.size} were promised")
        if digest.hexdigest() != location.os_hash_value:
            raise FetchFailed("the data does not match the image's sha512")
        await asyncio.to_thread(_sync, file)

    def _prepare(self) -> None:
        """Make the folder and sweep the parts of processes that died: nobody holds their lock any more."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for part in self._folder.glob("*.part"):
            try:
                with part.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    part.unlink(missing_ok=True)
            except (BlockingIOError, FileNotFoundError):
                continue

    def _publish(self, part: Path, location: ImageLocation) -> None:
        """Give a verified part its name; where another process was first, its file stays."""
        with self._locked():
            if self._is_cached(location):
                return
            path = self._path(location)
            part.rename(path)
            marker = _Marker(location.os_hash_value, location.size, path.stat().st_mtime_ns)
            draft = path.with_name(path.name + ".draft")
            draft.write_bytes(msgspec.json.encode(marker))
            draft.rename(_marker_of(path))
            _sync_folder(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def cached_ids(folder: Path) -> tuple[str, ...]:
    """Ids of the images that a cache folder holds, verified."""
    return tuple(sorted(marker.name.removesuffix(MARKER) for marker in folder.glob(f"*{MARKER}")))


def _marker_of(path: Path) -> Path:
    return path.with_name(path.name + MARKER)


def _check_status(answer: aiohttp.ClientResponse, image_id: str) -> None:
    if answer.status == 401:
        raise CallerError(unauthorized("the image service refused the token"))
    if answer.status == 404:
        raise CallerError(not_found("image_id", f"image {image_id} has no data"))
    if answer.status == 503:
        raise _Busy
    if answer.status != 200:
        raise FetchFailed(f"the server answered {answer.status}")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
