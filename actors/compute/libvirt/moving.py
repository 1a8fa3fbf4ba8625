"""Disks of a guest that goes to another host: packed where it was, unpacked where it goes. Thin.

Called by `guests.py`, of guests that are off. Each disk is packed as one qcow2 file with all that it is laid over, and
only what was written; swap is not: it is made anew. What the firmware of a UEFI guest remembers goes as a disk does,
and before them: so who has all of these has that, too. Invariants: the disks themselves are never touched where it was;
where it goes each appears whole under its name, or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from actors.compute.build import Disk
from actors.compute.libvirt import disks
from actors.compute.libvirt.resize import LOCAL, ROOT, SWAP, local_disks
from actors.compute.libvirt.storage import NVRAM, disk_files
from actors.image.disk_offers import Offer, fetch
from actors.messages import DiskOffer

PACKED, ARRIVING = ".moving", ".arriving"
LOCK = ".lock"  # of the folder that they arrive in


def pack(folder: Path, hurried: Callable[[], bool], reserve_bytes: int, anew: bool) -> list[Path]:
    """Blocking. The packed files; `anew`: what was packed before may be of another time. Raises `ToolFailed`."""
    if anew:
        forget(folder)
    nvram = [folder / NVRAM] if (folder / NVRAM).exists() else []
    found = [*nvram, *(disk for disk in local_disks(folder) if _is_packed(disk))]
    for disk in found:
        disks.pack(disk, _packed(disk), hurried, reserve_bytes)
    return [_packed(disk) for disk in found]


def forget(folder: Path) -> None:
    for found in [*folder.glob(f"*{PACKED}"), *folder.glob(f"*{PACKED}.part")]:
        found.unlink(missing_ok=True)


async def take(folder: Path, offer: DiskOffer) -> None:
    """Raises `CallerError`, `FetchFailed`, `ToolFailed`."""
    disk = folder / offer.name
    if disk.exists():
        return
    told = Offer(offer.url, offer.secret, offer.size, offer.sha512)
    packed = await fetch(folder, f"{offer.name}{ARRIVING}", told)
    await asyncio.to_thread(disks.unpack, packed, disk)
    await asyncio.to_thread(_clear, folder, offer.name)


def _clear(folder: Path, name: str) -> None:
    for found in [*folder.glob(f"{name}{ARRIVING}*"), folder / LOCK]:
        found.unlink(missing_ok=True)


def is_whole(folder: Path, wanted: list[Disk]) -> bool:
    """Whether each disk is here that `take` brings. Blocking."""
    return all(path.exists() for path in disk_files(folder, wanted).values() if _is_packed(path))


def _is_packed(disk: Path) -> bool:
    return disk.name != SWAP and LOCAL.fullmatch(disk.name) is not None


def is_root(packed: Path) -> bool:
    return name_of(packed) == ROOT


def name_of(packed: Path) -> str:
    """Of the disk that it is."""
    return packed.name.removesuffix(PACKED)


def _packed(disk: Path) -> Path:
    return disk.with_name(f"{disk.name}{PACKED}")
