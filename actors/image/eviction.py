"""Which images of a node's cache nobody needs any more, and how their files go. Blocking; thin.

Called by `cache.py`, whose folder it is. When an image was last used is the time of its marker (`used`): by a boot that
fetched it, by guests whose disks are laid over it, by whoever had it cached ahead. One that was cached ahead has a note
beside it, and stays as long as there is such an image. Invariant: an image's marker goes before its data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MARKER = ".verified"  # what follows an image's id in the name of its sidecar
AHEAD = ".precached"  # and in that of its note
CONVERTED, CONVERTED_SUFFIX = "converted", ".qcow2"  # where a copy in a format that QEMU can overlay is, and its name
PART, DRAFT = ".part", ".draft"  # what names of files end with that are being written
EXACT_S = 60.0  # by which the time of the last use may be too early


def marker_of(folder: Path, image_id: str) -> Path:
    return folder / f"{image_id}{MARKER}"


def converted_of(image: Path) -> Path:
    return image.parent / CONVERTED / f"{image.name}{CONVERTED_SUFFIX}"


def cached_ids(folder: Path) -> tuple[str, ...]:
    """Ids of the images that a cache folder holds, verified."""
    return tuple(sorted(marker.name.removesuffix(MARKER) for marker in folder.glob(f"*{MARKER}")))


def is_recent(folder: Path, image_id: str, now: float) -> bool:
    """Whether its last use, as it is known here, is exact enough."""
    return _last_use(folder, image_id) > now - EXACT_S


def used(folder: Path, image_id: str, now: float) -> bool:
    """It is used now (seconds since the epoch). False: it is not here any more."""
    try:
        os.utime(marker_of(folder, image_id), (now, now))
    except FileNotFoundError:
        return False
    return True


def cached_ahead(folder: Path, image_id: str) -> None:
    (folder / f"{image_id}{AHEAD}").touch()


def is_cached_ahead(folder: Path, image_id: str) -> bool:
    return (folder / f"{image_id}{AHEAD}").exists()


def idle(folder: Path, backing: Iterable[Path], now: float, age_s: float) -> list[str]:
    """Those that nobody has used for so long; those of which one of these files is, or is made, are used now."""
    in_use = {identity for file in backing if (identity := _identity(file)) is not None}
    found = []
    for image_id in cached_ids(folder):
        image = folder / image_id
        if {_identity(image), _identity(converted_of(image))} & in_use:
            used(folder, image_id, now)
        elif _last_use(folder, image_id) <= now - age_s:
            found.append(image_id)
    return [*found, *(name for name in _unmarked(folder, now - age_s) if _identity(folder / name) not in in_use)]


def _unmarked(folder: Path, last_change: float) -> list[str]:
    """Data of images that was never verified, or was on its way out when whoever removed it died."""
    others = (MARKER, AHEAD, PART, DRAFT)
    names = (path.name for path in folder.glob("[!.]*") if path.is_file() and path.suffix not in others)
    return sorted(
        name
        for name in names
        if not marker_of(folder, name).exists() and _changed(folder / name, last_change) <= last_change
    )


def _changed(file: Path, gone: float) -> float:
    with suppress(FileNotFoundError):
        return file.stat().st_mtime
    return gone


def _identity(file: Path) -> tuple[int, int] | None:
    """However it is spelled."""
    with suppress(FileNotFoundError, NotADirectoryError):
        found = file.stat()
        return found.st_dev, found.st_ino
    return None


def remove(folder: Path, image_id: str, last_use: float) -> bool:
    """Unless it was used after that; whether it is gone. By who has the lock: nobody publishes or uses meanwhile."""
    if _last_use(folder, image_id) > last_use:
        return False
    image = folder / image_id
    for file in (marker_of(folder, image_id), image, converted_of(image), folder / f"{image_id}{AHEAD}"):
        file.unlink(missing_ok=True)
    return True


def _last_use(folder: Path, image_id: str) -> float:
    """In seconds since the epoch; 0 = there is no such image."""
    with suppress(FileNotFoundError):
        return marker_of(folder, image_id).stat().st_mtime
    return 0.0
