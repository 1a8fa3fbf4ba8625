"""Disk image headers made by hand, good and bad."""

from __future__ import annotations

import struct


def qcow2(virtual_size: int, backing: bytes = b"", incompatible: int = 0) -> bytes:
    """The header of a version 3 qcow2 (docs/interop/qcow2.txt of QEMU), padded to one cluster."""
    offset = 512 if backing else 0
    header = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, offset, len(backing), 16, virtual_size)
    header += struct.pack(">IIQQIIQ", 0, 1, 3 << 16, 1 << 16, 1, 0, 0)
    header += struct.pack(">QQQII", incompatible, 0, 0, 4, 104)
    return (header.ljust(512, b"\0") + backing).ljust(1 << 16, b"\0")


def boot_sector() -> bytes:
    """A boot sector with no partition at all: odd, yet common."""
    return b"\xeb\x3c\x90".ljust(510, b"\x01") + b"\x55\xaa"


def flat_vmdk() -> bytes:
    """A descriptor that points at another file."""
    text = (
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
        'createType="monolithicFlat"\n\nRW 2048 FLAT "/etc/passwd" 0\n'
    )
    return text.encode().ljust(1 << 16, b"\0")
