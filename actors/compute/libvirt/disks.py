"""Makes and removes the files of a guest's disks, by QEMU's and the system's own tools. Blocking; thin.

Called by the driver from its threads. Every file appears whole under its name or not at all; making one that is there
changes nothing; removing works from the instance's folder alone and leaves no empty folder. An image's format is
always said, never guessed from its content, which is a tenant's.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from actors.errors import CallerError, bad_request
from actors.image.eviction import converted_of
from actors.messages import ImageLocation
from actors.records import Flavor

GIB = 1 << 30
MIB = 1 << 20
COMMAND_S = 50.0  # one qemu-img or mkfs; shorter than its step's deadline, so that none outlives its undo
COPY_S = 3_600.0  # a whole disk
LOOK_S = 0.2  # between looks whether a copy is wanted still
BLOCK = 512  # bytes in one of `st_blocks`, whatever the file system
NO_ROOM = "no room is left for it"
NOT_COPIED = "the copy was not to be finished"
ROOT = "disk"  # the name of a root disk
CONVERT_S = 240.0  # an image into another format
READY_FORMATS = {"qcow2": "qcow2", "raw": "raw", "iso": "raw", "ami": "raw"}  # what QEMU can overlay as it is
FOREIGN_FORMATS = {"vmdk": "vmdk", "vdi": "vdi", "vhdx": "vhdx", "vhd": "vpc"}  # Glance's names: QEMU's
PATHS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))  # mkfs and mkswap are not on every PATH


class ToolFailed(Exception):
    """A tool of the host said no; its words are the message."""


def make_root_disk(image: Path, location: ImageLocation, flavor: Flavor, target: Path) -> None:
    """An overlay on the node's cached image, of the flavor's size (0 = the image's own).

    One that is there already is left as it is, but not one of another image: that is left of a time when the server was
    on this node before. Raises CallerError where the image is larger than the flavor's disk or of no known format.
    """
    backing, backing_format = _backing(image, location.disk_format)
    if target.exists() and _is_over(target, backing):
        return
    image_bytes = location.virtual_size or _virtual_bytes(backing, backing_format)
    size_bytes = flavor.disk_gib * GIB or image_bytes
    if image_bytes > size_bytes:
        needs = -(-image_bytes // GIB)
        message = f"the image needs a disk of {needs} GiB; flavor '{flavor.name}' has {flavor.disk_gib}"
        raise CallerError(bad_request("flavorRef", message))
    _overlay(backing, backing_format, target, size_bytes)


def _is_over(disk: Path, backing: Path) -> bool:
    told = json.loads(_run(["qemu-img", "info", "-U", "--output=json", str(disk)], COMMAND_S))
    return bool(told.get("backing-filename") == str(backing.absolute()))


def make_rescue_disk(image: Path, location: ImageLocation, target: Path) -> None:
    """An overlay as large as the image, whatever the flavor has. Raises CallerError for an unknown format."""
    if not target.exists():
        _overlay(*_backing(image, location.disk_format), target, 0)


def _overlay(backing: Path, backing_format: str, target: Path, size_bytes: int) -> None:
    """`size_bytes` 0: as large as what is below it."""
    part = _part(target)
    source = ["-b", str(backing.absolute()), "-F", backing_format]
    size = [str(size_bytes)] if size_bytes else []
    _run(["qemu-img", "create", "-q", "-f", "qcow2", *source, str(part), *size], COMMAND_S)
    part.replace(target)


def make_blank_disk(target: Path, size_mib: int, guest_format: str, label: str) -> None:
    """A sparse raw file, formatted. Raises CallerError for a format that this host can't make."""
    if target.exists():
        return
    part = _part(target)
    command = _format_command(guest_format, label, part)
    with part.open("wb") as file:
        file.truncate(size_mib * MIB)
    _run(command, COMMAND_S)
    part.replace(target)


def copy_disk(disk: Path, target: Path) -> None:
    """A disk of a guest that does not run, with all that it is laid over, as one file."""
    part = _part(target)
    _run(["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", str(disk), str(part)], COPY_S)
    part.replace(target)


def copy_beside(disk: Path, target: Path, hurried: Callable[[], bool], reserve_bytes: int) -> None:
    """A copy as sparse as it is, of the same blocks where the file system can; one that is there stays.

    It is on disk when this returns. Raises `ToolFailed`, also where it is `hurried`, or would take what is reserved.
    """
    _copy(["cp", "--sparse=always", "--reflink=auto", "--", str(disk)], target, hurried, reserve_bytes)


def pack(disk: Path, target: Path, hurried: Callable[[], bool], reserve_bytes: int) -> None:
    """As `copy_beside`, but as one qcow2 file with all that the disk is laid over."""
    kind = "qcow2" if disk.name == ROOT else "raw"
    _copy(["qemu-img", "convert", "-f", kind, "-O", "qcow2", str(disk)], target, hurried, reserve_bytes)


def unpack(packed: Path, target: Path) -> None:
    """Of what was packed: the disk, which is on disk when this returns."""
    part = packed
    if target.name != ROOT:
        part = _part(target)
        _run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(packed), str(part)], COPY_S)
        with part.open("rb") as file:
            os.fsync(file.fileno())
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy(command: list[str], target: Path, hurried: Callable[[], bool], reserve_bytes: int) -> None:
    if target.exists():
        return
    if hurried():
        raise ToolFailed(NOT_COPIED)
    part = _part(target)
    command = [shutil.which(command[0], path=PATHS) or command[0], *command[1:], str(part)]
    why = NOT_COPIED
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as copying:
        until = monotonic() + COPY_S
        while not _has_ended(copying):
            if hurried() or monotonic() > until:
                copying.kill()
            elif free_bytes(part.parent) < reserve_bytes:
                why = NO_ROOM
                copying.kill()
        if copying.returncode:
            assert copying.stderr is not None, "it is a pipe"
            part.unlink(missing_ok=True)
            raise ToolFailed(f"{Path(command[0]).name}: {copying.stderr.read().strip() or why}")
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


def _has_ended(process: subprocess.Popen[str]) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(LOOK_S)
    return process.returncode is not None


def free_bytes(folder: Path) -> int:
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize


def held_bytes(files: Iterable[Path]) -> int:
    """What they take of their file system."""
    return sum(file.stat().st_blocks * BLOCK for file in files)


def size_of(disk: Path) -> int:
    """What a guest sees of it, in bytes: a root disk is qcow2, the others are raw."""
    return _virtual_bytes(disk, "qcow2") if disk.name == ROOT else disk.stat().st_size


def grow(disk: Path, size_bytes: int) -> None:
    if disk.name == ROOT:
        _run(["qemu-img", "resize", "-q", "-f", "qcow2", str(disk), str(size_bytes)], COMMAND_S)
    else:
        os.truncate(disk, size_bytes)


def write_file(target: Path, content: bytes) -> None:
    part = _part(target)
    part.write_bytes(content)
    part.replace(target)


def remove_files(folder: Path, *patterns: str) -> None:
    """The files, their unfinished parts, and the folder if nothing else is in it."""
    for pattern in patterns:
        for found in [*folder.glob(pattern), *folder.glob(f"{pattern}.part")]:
            found.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _part(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    return part


def _format_command(guest_format: str, label: str, path: Path) -> list[str]:
    commands = {
        "ext2": ["mkfs.ext2", "-q", "-F", "-L", label],
        "ext3": ["mkfs.ext3", "-q", "-F", "-L", label],
        "ext4": ["mkfs.ext4", "-q", "-F", "-L", label],
        "vfat": ["mkfs.vfat", "-n", label.upper()],
        "xfs": ["mkfs.xfs", "-q", "-f", "-L", label],
        "swap": ["mkswap", "-L", label],
    }
    if guest_format not in commands:
        raise CallerError(bad_request("guest_format", f"'{guest_format}' is none of {', '.join(commands)}"))
    return [*commands[guest_format], str(path)]


# ---------------------------------------------------------------- the cached image


def _backing(image: Path, disk_format: str) -> tuple[Path, str]:
    """The file to overlay and its format; a foreign format is converted once a node, next to the cached image."""
    if disk_format in READY_FORMATS:
        return image, READY_FORMATS[disk_format]
    if disk_format not in FOREIGN_FORMATS:
        known = ", ".join((*READY_FORMATS, *FOREIGN_FORMATS))
        raise CallerError(bad_request("imageRef", f"disk format '{disk_format}' is none of {known}"))
    converted = converted_of(image)
    with image.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # concurrent boots of the image wait for one conversion
        if not converted.exists():
            part = _part(converted)
            formats = ["-f", FOREIGN_FORMATS[disk_format], "-O", "qcow2"]
            _run(["qemu-img", "convert", *formats, str(image), str(part)], CONVERT_S)
            part.replace(converted)
    return converted, "qcow2"


def _virtual_bytes(path: Path, disk_format: str) -> int:
    told = json.loads(_run(["qemu-img", "info", "-U", "-f", disk_format, "--output=json", str(path)], COMMAND_S))
    return int(told["virtual-size"])


def _run(command: list[str], limit_s: float) -> str:
    program = shutil.which(command[0], path=PATHS)
    if program is None:
        raise ToolFailed(f"{command[0]} is not installed")
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=limit_s, check=True)
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(f"{command[0]} took more than {limit_s:g} s") from error
    except subprocess.CalledProcessError as error:
        raise ToolFailed(f"{command[0]}: {error.stderr.strip()}") from error
    return done.stdout
