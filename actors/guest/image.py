"""The guest image, built once for each recipe and kept in a cache folder; called by the launcher, the CLI and tests.

The recipe is this folder's own files: whoever changes one gets a new image. Invariant: a file in the cache is complete
(it is renamed into place), and two builders of one cache wait for each other instead of building twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.guest.disk import write_disk
from actors.guest.kernel import fetch_kernel
from actors.guest.rootfs import write_initramfs

RECIPE_PATTERNS = ("*.sh", "command.py", "disk.py", "image.py", "kernel.py", "rootfs.py")


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/novaray`, where what can be rebuilt lives."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "novaray"


def image_path(cache: Path) -> Path:
    """Where the image of the present recipe is or will be."""
    folder = Path(__file__).parent
    recipe = hashlib.sha256()
    for path in sorted(path for pattern in RECIPE_PATTERNS for path in folder.glob(pattern)):
        recipe.update(path.name.encode() + b"\0" + path.read_bytes())
    return cache / f"guest-{recipe.hexdigest()[:16]}.qcow2"


def build_guest_image(cache: Path, say: Callable[[str], None]) -> Path:
    """The image's path, after building it if the cache lacks it. Raises `GuestBuildError`."""
    target = image_path(cache)
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "guest.lock"):
        if not target.exists():
            say("building the guest image from Debian packages")
            started = time.monotonic()
            build(target)
            say(f"guest image: {target.stat().st_size / 1e6:.0f} MB in {time.monotonic() - started:.1f} s")
    return target


def build(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="guest-build-", dir=target.parent) as folder:
        work = Path(folder)
        kernel = fetch_kernel(work)
        disk = write_disk(kernel, write_initramfs(kernel, work), work)
        disk.rename(target)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on `path`; the kernel drops it if the holder dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
