"""What an image's content really is, found out while it streams by.

Wraps the format inspectors of oslo.utils, which parse headers in memory and never open what a header points at.
Called by `intake.py` for every byte of an upload. Invariant: `finish` returns only for content that is what it claims
to be, refers to no other file, and passes every safety check of its format; anything else is a `CallerError` 400.
"""

from __future__ import annotations

from typing import Any

from actors.errors import CallerError, bad_request

DISK_FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vhdx", "iso")
VIRTUAL_LIMIT_BYTES = 64 << 40  # a header may claim any size; a larger disk than this is refused
PARTITION_TABLE = "gpt"  # how the inspectors call content that begins with a boot sector


class Inspection:
    def __init__(self, disk_format: str) -> None:
        self._format = disk_format
        self._feed = _Feed()
        from oslo_utils.imageutils import format_inspector  # 5 MiB, in rooms that only know the rules of images

        self._unsafe = format_inspector.SafetyCheckFailed
        self._wrapper = format_inspector.InspectWrapper(self._feed, expected_format=disk_format)

    def eat(self, chunk: bytes) -> None:
        """Look at the next bytes; raises as soon as they show that the claim is false."""
        self._feed.chunk = chunk
        try:
            self._wrapper.read(len(chunk))
        except Exception as error:  # hostile bytes may break a parser in any way: then it isn't that format
            raise self._refused(str(error)) from error

    def finish(self) -> int:
        """The virtual size in bytes of the disk that was described."""
        matches = self._matches()
        names = sorted(str(match) for match in matches)
        found = next((match for match in matches if self._is_claimed(str(match))), None)
        if found is None:
            raise self._refused(f"the content is {' and '.join(names) or 'of no known format'}")
        if not _may_stand_together(names):
            raise self._refused(f"the content is several formats at once: {', '.join(names)}")
        self._check_safety(found)
        size = int(found.virtual_size)
        if not 0 < size <= VIRTUAL_LIMIT_BYTES:
            raise self._refused(f"a disk of {size} bytes (1 to {VIRTUAL_LIMIT_BYTES} are possible)")
        return size

    def _matches(self) -> list[Any]:
        try:
            self._wrapper.close()
            return list(self._wrapper.formats or [])
        except Exception as error:  # an inspector that broke can't say that it isn't its format
            raise self._refused("its format can't be told") from error

    def _is_claimed(self, name: str) -> bool:
        """A raw disk with a boot sector is seen as a partition table; that is still raw, as Glance has it."""
        return name == self._format or (self._format == "raw" and name == PARTITION_TABLE)

    def _check_safety(self, found: Any) -> None:
        if str(found) == PARTITION_TABLE:
            return  # odd boot sectors are common and harmless (Glance: gpt_safety_checks_nonfatal)
        try:
            found.safety_check()
        except self._unsafe as error:
            raise self._refused("; ".join(f"{name}: {cause}" for name, cause in error.failures.items())) from error
        except Exception as error:  # a check that can't be done has not passed
            raise self._refused(str(error)) from error

    def _refused(self, reason: str) -> CallerError:
        return CallerError(bad_request("data", f"this is not a safe {self._format} image: {reason}"))


def _may_stand_together(names: list[str]) -> bool:
    """One format only; but a bootable ISO carries a boot sector too."""
    return len(names) == 1 or names == [PARTITION_TABLE, "iso"]


class _Feed:
    """A file that holds the chunk at hand: the wrapper wants to read, but our bytes are pushed."""

    def __init__(self) -> None:
        self.chunk = b""

    def read(self, _: int) -> bytes:
        return self.chunk
