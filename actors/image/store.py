"""Where the data of images is: one file an image under the cloud's image folder, named by the image's id.

Owned by the image room. Invariant: a file under an image's id is whole and on disk; an unfinished one is `*.part`, and
one that was staged whole for an import `*.staged`.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

STAGED = ".staged"


class ImageStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Make the folder; uploads that a former room left unfinished are begun again, so their parts go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for part in self._folder.glob("*.part"):
            part.unlink(missing_ok=True)

    def path(self, image_id: str) -> Path:
        return self._folder / image_id

    def new_part(self, image_id: str) -> Path:
        """A name for one upload alone: a straggler of an earlier one can't write into it."""
        return self._folder / f"{image_id}.{secrets.token_hex(8)}.part"

    def publish(self, part: Path, image_id: str) -> None:
        """The part, synced already, gets the image's name, durably; parts of earlier uploads go."""
        part.rename(self.path(image_id))
        self._remove_parts(image_id)
        self._sync()

    def staged(self, image_id: str) -> Path:
        return self._folder / f"{image_id}{STAGED}"

    def stage(self, part: Path, image_id: str) -> None:
        """The part, synced already, stays until it is imported, whoever dies; parts of earlier uploads go."""
        part.rename(self.staged(image_id))
        self._remove_parts(image_id)
        self._sync()

    def unpublish(self, image_id: str) -> bool:
        """Whether something is staged for an import; also where the import had gone as far as to publish it."""
        if not self.staged(image_id).exists() and self.path(image_id).exists():
            self.path(image_id).rename(self.staged(image_id))
        return self.staged(image_id).exists()

    def remove(self, image_id: str) -> None:
        """Data, what is staged and parts go; what is not there changes nothing. Readers that have the file open keep
        it."""
        self._remove_parts(image_id)
        self.staged(image_id).unlink(missing_ok=True)
        self.path(image_id).unlink(missing_ok=True)

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.glob("*")) if self._folder.exists() else []

    def _remove_parts(self, image_id: str) -> None:
        for part in self._folder.glob(f"{image_id}.*.part"):
            part.unlink(missing_ok=True)

    def _sync(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
