"""One upload as it comes in: bytes to a part file, digests and inspection on the way.

Owned by the image room while the upload lasts (an upload does not survive its room; it is begun again). The methods
block on the disk: the room runs them in a thread, one at a time. Invariant: `position` bytes are in the file and have
been hashed and inspected, in order, each exactly once.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, conflict
from actors.image.inspect import Inspection

IMAGE_LIMIT_BYTES = 1 << 40  # Glance's default image_size_cap
PIECE_BYTES = 1 << 20  # inspected at once
ANYTHING = "raw"  # the format of what is of no other, so of no bytes too, as in Glance


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole upload turned out to be."""

    size: int
    virtual_size: int
    checksum: str  # md5 hex
    os_hash_value: str  # sha512 hex


class Intake:
    def __init__(self, part: Path, disk_format: str, begun_at: float, may_be_empty: bool = False) -> None:
        self.part = part
        self.opener = ""  # the token of who opened it
        self.position = 0
        self.last_used = begun_at  # seconds, the clock's `monotonic`
        self._disk_format, self._may_be_empty = disk_format, may_be_empty
        self._inspection = Inspection(disk_format)
        self._sha512 = hashlib.sha512()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def open(self) -> None:
        """An empty part file."""
        self.part.write_bytes(b"")

    def take_in(self, length: int) -> bool:
        """Of what is in the part already so many bytes more; False: that was all. Raises `CallerError`."""
        try:
            data = self._read(self.position, length)
        except FileNotFoundError:
            raise _dropped() from None
        self._look_at(data)
        return bool(data)

    def sync(self) -> None:
        try:
            with self.part.open("rb") as file:
                os.fsync(file.fileno())
        except FileNotFoundError:
            raise _dropped() from None

    def write(self, offset: int, data: bytes) -> int:
        """Take bytes from `offset` on; those that came before must be the same again. The new position."""
        if not 0 <= offset <= self.position:
            raise CallerError(conflict("offset", f"bytes from {self.position} on are awaited, not from {offset}"))
        known = min(self.position - offset, len(data))
        try:
            if known and self._read(offset, known) != data[:known]:
                raise CallerError(conflict("offset", f"other bytes than these came for offset {offset} before"))
            if known < len(data):
                self._append(data[known:])
        except FileNotFoundError:
            raise _dropped() from None
        return self.position

    def finish(self, os_hash_value: str) -> Content:
        """Everything has come: what it is. Raises `CallerError` 400 for content that is refused."""
        if not self.position and not self._may_be_empty and self._disk_format != ANYTHING:
            raise CallerError(bad_request("data", f"no data was uploaded: that is no {self._disk_format} image"))
        digest = self._sha512.hexdigest()
        if os_hash_value and os_hash_value.lower() != digest:
            raise CallerError(bad_request("os_hash_value", f"the sha512 of what came is {digest}"))
        virtual_size = self._inspection.finish() if self.position else 0
        self.sync()
        return Content(
            size=self.position, virtual_size=virtual_size, checksum=self._md5.hexdigest(), os_hash_value=digest
        )

    def _append(self, data: bytes) -> None:
        if self.position + len(data) > IMAGE_LIMIT_BYTES:
            raise CallerError(CallerFault(413, f"an image may have {IMAGE_LIMIT_BYTES} bytes", "data"))
        with self.part.open("r+b") as file:  # first: where the disk is full nothing has been looked at yet
            file.seek(self.position)
            file.write(data)
        self._look_at(data)

    def _look_at(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            self._inspection.eat(data[start : start + PIECE_BYTES])
        self._sha512.update(data)
        self._md5.update(data)
        self.position += len(data)

    def _read(self, offset: int, length: int) -> bytes:
        with self.part.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def _dropped() -> CallerError:
    """The part was removed under our hands."""
    return CallerError(conflict("image_id", "the upload was dropped or begun again"))
