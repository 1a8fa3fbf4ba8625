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
from collections.abc import Awaitable, Callable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from actors.clock import Clock, SystemClock
from actors.errors import CallerError, bad_request, not_found, unauthorized
from actors.image import eviction
from actors.image.eviction import MARKER
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

HELD_S = 3_600.0  # that an image stays which was fetched here, whatever clocks say: no boot takes as long to overlay it


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
    def __init__(
        self, folder: Path, locate: Locate | None = None, clock: Clock | None = None, keep_s: float = 0.0
    ) -> None:
        """With `locate`, the image room is asked again while servers are busy, for peers may have the image by then,
        and when all have failed, for the room itself may have begun anew elsewhere. With `keep_s`, what nobody fetched
        for so long goes when something else has come: where nobody says `evict`."""
        self._folder = folder
        self._locate = locate
        self._clock = clock or SystemClock()
        self._keep_s = keep_s
        self._lent: dict[str, float] = {}  # when it was fetched last, by the monotonic clock
        self._fetching: dict[str, asyncio.Task[Path]] = {}

    async def fetch(self, location: ImageLocation, token: str) -> Path:
        """The image's file on this node. Raises `CallerError` (401, 404) or `FetchFailed`."""
        if Path(location.image_id).name != location.image_id:
            raise CallerError(bad_request("image_id", f"{location.image_id!r} is not an image id"))
        self._lent[location.image_id] = self._clock.monotonic()
        while True:
            path = self.cached(location)
            if path is not None and await self._used(location.image_id):
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

    async def cached_ahead(self, image_id: str) -> None:
        """It stays, used or not, as long as there is such an image."""
        await asyncio.to_thread(eviction.cached_ahead, self._folder, image_id)

    async def idle(self, backing: Set[Path], age_s: float) -> tuple[list[str], list[str]]:
        """Images that nobody has used for so long, and that none of these files is of; and those of them that were
        cached ahead."""
        found = await asyncio.to_thread(eviction.idle, self._folder, backing, self._clock.now(), age_s)
        free = [image_id for image_id in found if not self._is_held(image_id)]
        return free, [image_id for image_id in free if eviction.is_cached_ahead(self._folder, image_id)]

    async def evict(self, image_ids: list[str], age_s: float) -> list[str]:
        """Removes those that are idle still; which they are."""
        if not image_ids:
            return []
        return await asyncio.to_thread(self._evict, image_ids, self._clock.now() - age_s)

    def _evict(self, image_ids: list[str], last_use: float) -> list[str]:
        with self._locked():
            idle = [image_id for image_id in image_ids if not self._is_held(image_id)]
            return [image_id for image_id in idle if eviction.remove(self._folder, image_id, last_use)]

    def _is_held(self, image_id: str) -> bool:
        """A boot may have fetched it and not be over it yet, whatever became of the clock."""
        return self._clock.monotonic() - self._lent.get(image_id, -HELD_S) < HELD_S

    async def _used(self, image_id: str) -> bool:
        """False: it has just been evicted."""
        now = self._clock.now()
        return eviction.is_recent(self._folder, image_id, now) or await asyncio.to_thread(self._touch, image_id, now)

    def _touch(self, image_id: str, now: float) -> bool:
        with self._locked():
            return eviction.used(self._folder, image_id, now)

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
            marker = msgspec.json.decode(self._marker(path).read_bytes(), type=_Marker)
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
        failed: set[str] = set()  # urls
        async with aiohttp.ClientSession(timeout=timeout, headers=headers, read_bufsize=PIECE_BYTES) as session:
            for _ in range(int(BUSY_LIMIT_S / BUSY_PAUSE_S)):
                try:
                    path = await self._from_any(session, location)
                    await self._make_room()
                    return path
                except _Busy:
                    await asyncio.sleep(BUSY_PAUSE_S)
                    useless: Set[str] = frozenset()
                except FetchFailed:  # they may be somewhere else by now
                    if self._locate is None:
                        raise
                    failed |= set(location.urls)
                    useless = failed
                if self._locate is not None:
                    location = await self._located(token, location, useless)
        raise FetchFailed(f"image {location.image_id}: all servers were busy for {BUSY_LIMIT_S:g} s")

    async def _located(self, token: str, before: ImageLocation, useless: Set[str]) -> ImageLocation:
        """Who has it now. Raises `FetchFailed` where that is none but these."""
        assert self._locate is not None
        try:
            now = await self._locate(token, before.image_id)
        except ConnectionError as error:
            raise FetchFailed(f"image {before.image_id}: {error}") from error
        if set(now.urls) <= useless:
            raise FetchFailed(f"image {before.image_id} could not be fetched from {', '.join(now.urls)}")
        return now

    async def _make_room(self) -> None:
        if self._keep_s:
            idle, _ = await self.idle(frozenset(), self._keep_s)
            await self.evict(idle, self._keep_s)

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
                eviction.used(self._folder, location.image_id, self._clock.now())
                return
            path = self._path(location)
            part.rename(path)
            marker = _Marker(location.os_hash_value, location.size, path.stat().st_mtime_ns)
            draft = path.with_name(path.name + ".draft")
            draft.write_bytes(msgspec.json.encode(marker))
            draft.rename(self._marker(path))
            eviction.used(self._folder, location.image_id, self._clock.now())
            _sync_folder(self._folder)

    def _marker(self, path: Path) -> Path:
        return eviction.marker_of(self._folder, path.name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


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
