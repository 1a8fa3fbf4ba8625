"""What the disks of a node's guests are laid over, as their qcow2 headers say. Blocking, and reads a page of each file.

Source: QEMU's docs/interop/qcow2: a magic number, the version, where the name of the backing file is, and its length.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

HEADER = struct.Struct(">4sIQI")
MAGIC = b"QFI\xfb"
NAME_LIMIT = 1_023  # bytes of the name, as QEMU has it


def backing_files(folder: Path) -> set[Path]:
    """Of all disks below the folder, parts and copies of disks among them. Raises `OSError` where one can't be read:
    then nobody knows."""
    found = set()
    for file in folder.glob("*/*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # it goes just now
            if file.is_file() and (name := _backing_file(file)):
                found.add(Path(name))
    return found


def _backing_file(disk: Path) -> str:
    """'' if it is laid over nothing."""
    with disk.open("rb") as file:
        header = file.read(HEADER.size)
        if len(header) < HEADER.size:
            return ""
        magic, _, offset, length = HEADER.unpack(header)
        if magic != MAGIC or not offset or length > NAME_LIMIT:
            return ""
        file.seek(offset)
        return file.read(length).decode()
