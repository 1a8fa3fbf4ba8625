"""Copies of a guest's disks beside them, and its definition before and after a resize. Thin.

Called by `guests.py`, of a guest that is off but where it is confirmed. Invariants: the disks grow only while the
definition is marked and each has its copy; copies of a guest that is not marked are nobody's, and go; those of one that
is marked are of that mark.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import libvirt

from actors.compute.build import Build, Disk, ResizeMark
from actors.compute.libvirt import disks, domains
from actors.compute.libvirt.connection import Connection
from actors.compute.libvirt.resize_xml import confirmed, files, many_queues, mark_of, reverted
from actors.compute.libvirt.storage import disk_files
from actors.errors import CallerError, bad_request
from actors.messages import Claim

KEPT = ".before-resize"
ROOT, SWAP = "disk", "disk.swap"
LOCAL = re.compile(r"disk(\.eph\d+|\.swap)?")  # what `storage.disk_files` names, but for the config drive
ANOTHER_S = "its disks are kept for another resize"
DOWN = "Server disk was unable to be resized because: Unable to resize disk down."


async def resized(connection: Connection, instance_id: str) -> ResizeMark | None:
    return mark_of(await connection.call(definition, instance_id))


async def keep(
    connection: Connection,
    folder: Path,
    instance_id: str,
    mark: ResizeMark,
    hurried: Callable[[], bool],
    reserve_bytes: int,
) -> None:
    found = mark_of(await connection.call(definition, instance_id))
    if found is None:
        await asyncio.to_thread(forget, folder)
    elif found != mark:
        raise disks.ToolFailed(ANOTHER_S)
    await asyncio.to_thread(check_room, folder, reserve_bytes)
    for disk in local_disks(folder):
        await asyncio.to_thread(disks.copy_beside, disk, kept(disk), hurried, reserve_bytes)


def check_room(folder: Path, reserve_bytes: int) -> None:
    """For the copies that are not there yet. Blocking. Raises `ToolFailed`."""
    needed = disks.held_bytes(disk for disk in local_disks(folder) if not kept(disk).exists())
    if needed and needed > (free := max(disks.free_bytes(folder) - reserve_bytes, 0)):
        needed_mib = -(-needed // disks.MIB)
        raise disks.ToolFailed(f"no room for copies: they need {needed_mib} MiB, and {free // disks.MIB} are free")


def check(folder: Path, build: Build) -> None:
    """Blocking. Raises `CallerError`."""
    for disk, size_bytes in _sizes(folder, build).items():
        if size_bytes and disk.exists() and disks.size_of(disk) > size_bytes:
            raise CallerError(bad_request("flavorRef", DOWN))


def fit(folder: Path, build: Build) -> None:
    """Blocking. Raises `CallerError`."""
    check(folder, build)
    for disk, size_bytes in _sizes(folder, build).items():
        if disk.exists() and disks.size_of(disk) < size_bytes:
            disks.grow(disk, size_bytes)
    (folder / SWAP).unlink(missing_ok=True)


def _sizes(folder: Path, build: Build) -> dict[Path, int]:
    """In bytes; 0 = the flavor does not say."""
    found = {path: disk.size_mib * disks.MIB for disk, path in _ephemeral(folder, build)}
    if any(disk.role == "root" for disk in build.disks):
        found[folder / ROOT] = build.order.spec.flavor.disk_gib * disks.GIB
    return found


def _ephemeral(folder: Path, build: Build) -> list[tuple[Disk, Path]]:
    paths = disk_files(folder, build.disks)
    return [(disk, paths[disk.device]) for disk in build.disks if disk.role == "ephemeral"]


async def unresize(
    connection: Connection, folder: Path, instance_id: str, mark: ResizeMark | None, keep: bool = False
) -> bool:
    """Whether its taps are of another kind now, and are to be made anew. `keep`: disks that are there stay so."""
    now = await connection.call(definition, instance_id)
    found = mark_of(now)
    if found is None:
        await asyncio.to_thread(forget, folder)
    if found is None or found != mark:
        return False
    anew = reverted(now)
    await asyncio.to_thread(_put_back, folder, files(anew), keep)
    await connection.call(domains.define, anew)
    return many_queues(now) != many_queues(anew)


def _put_back(folder: Path, wanted: set[str], keep: bool) -> None:
    """The root disk last: as long as its copy is there, not all are back."""
    for copy in sorted(folder.glob(f"{ROOT}*{KEPT}"), key=lambda path: path == kept(folder / ROOT)):
        disk = copy.with_name(copy.name.removesuffix(KEPT))
        if keep and disk.exists():
            copy.unlink()
        else:
            copy.replace(disk)
    for disk in local_disks(folder):
        if str(disk) not in wanted:
            disk.unlink()


def has_copies(folder: Path, before: Build) -> bool:
    """Whether each disk has its copy; where the root disk has, the others are put back already. Blocking."""
    own = [path for path in disk_files(folder, before.disks).values() if LOCAL.fullmatch(path.name)]
    return all(kept(path).exists() for path in ([folder / ROOT] if folder / ROOT in own else own))


async def confirm(connection: Connection, folder: Path, instance_id: str, claim: Claim | None) -> None:
    now = await connection.call(definition, instance_id)
    if now and mark_of(now) is not None:
        await connection.call(domains.define, confirmed(now, claim))
    await asyncio.to_thread(forget, folder)


def forget(folder: Path) -> None:
    for found in [*folder.glob(f"{ROOT}*{KEPT}"), *folder.glob(f"{ROOT}*{KEPT}.part")]:
        found.unlink(missing_ok=True)


def local_disks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"{ROOT}*") if LOCAL.fullmatch(path.name))


def kept(disk: Path) -> Path:
    return disk.with_name(f"{disk.name}{KEPT}")


def definition(connection: libvirt.virConnect, instance_id: str) -> str:
    """As it starts the next time; '' where there is no such guest."""
    domain = domains.find(connection, instance_id)
    return "" if domain is None else domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
