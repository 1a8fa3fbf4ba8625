"""Disks of guests that go to another host, as one node offers them and another fetches them.

Owned by the node's compute actor; the libvirt driver asks. Data goes from node to node over the server that its images
go over. Invariants: only who was told the secret gets a disk; what has come is whole, and is what was offered.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import NamedTuple

from actors.errors import CallerError, unauthorized
from actors.image.cache import ImageCache
from actors.messages import ImageLocation


class Offer(NamedTuple):
    """Where a file is had, and what it is. `size` in bytes."""

    url: str
    secret: str
    size: int
    sha512: str


class DiskOffers:
    """By names that are unique on the node."""

    def __init__(self) -> None:
        self._offers: dict[str, tuple[str, Path]] = {}

    def add(self, name: str, path: Path, address: str) -> Offer:
        """Blocking. `address`: of the server that asks `find`."""
        with path.open("rb") as file:
            sha512 = hashlib.file_digest(file, "sha512").hexdigest()
        secret = secrets.token_urlsafe()
        self._offers[name] = secret, path
        return Offer(f"{address}/v2/images/{name}/file", secret, path.stat().st_size, sha512)

    def drop(self, prefix: str) -> None:
        for name in [one for one in self._offers if one.startswith(prefix)]:
            del self._offers[name]

    def find(self, name: str, secret: str) -> Path | None:
        """None: it is no disk. Raises `CallerError`."""
        if name not in self._offers:
            return None
        wanted, path = self._offers[name]
        if not hmac.compare_digest(wanted.encode(), secret.encode()):
            raise CallerError(unauthorized("the disk is another's"))
        return path


async def fetch(folder: Path, name: str, offer: Offer) -> Path:
    """The file, in this folder. Raises `CallerError` or `FetchFailed`."""
    location = ImageLocation(
        image_id=name,
        disk_format="qcow2",
        size=offer.size,
        virtual_size=0,
        os_hash_value=offer.sha512,
        properties={},
        urls=(offer.url,),
    )
    return await ImageCache(folder).fetch(location, offer.secret)
