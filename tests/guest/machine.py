"""A guest under plain QEMU, without libvirt: what the image does by itself."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from actors.guest.kvm import read_until

BOOT_DEADLINE_S = 120.0  # 4 s on a quiet core
POWER_OFF_DEADLINE_S = 60.0
BUILD_TOOLS = ("apt-get", "busybox", "cpio", "dropbear", "lz4", "mcopy", "mkfs.fat", "qemu-img", "syslinux")


def require(*programs: str) -> None:
    lacking = [name for name in programs if not shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")]
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Machine:
    process: subprocess.Popen[bytes]
    monitor: Path  # QEMU's human monitor, as a unix socket

    def console_until_ready(self) -> str:
        """All that the guest said, the line GUEST READY being the last whole one."""
        deadline = time.monotonic() + BOOT_DEADLINE_S
        said = read_until(self.process, b"GUEST READY", deadline)
        while b"\n" not in said[said.find(b"GUEST READY") :] and time.monotonic() < deadline:
            said += read_until(self.process, b"\n", deadline)
        console = said.decode(errors="replace")
        assert "GUEST READY" in console, console
        return console

    def press_power_button(self) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(POWER_OFF_DEADLINE_S)
            connection.connect(str(self.monitor))
            connection.sendall(b"system_powerdown\n")
            with suppress(ConnectionResetError):
                while connection.recv(4096):  # until QEMU ends: it forgets the command of one who hangs up
                    pass


@contextmanager
def machine(image: Path, folder: Path, *arguments: str, memory_mib: int = 128) -> Iterator[Machine]:
    """Boots a throw-away copy of `image`; gone at the end, whatever happens."""
    monitor = folder / "monitor"
    command = ["qemu-system-x86_64", "-machine", "pc,accel=tcg", "-m", str(memory_mib), "-nodefaults", "-no-reboot"]
    command += ["-display", "none", "-serial", "stdio", "-monitor", f"unix:{monitor},server=on,wait=off"]
    command += ["-device", "virtio-rng-pci", "-drive", f"file={image},format=qcow2,if=none,id=root,snapshot=on"]
    command += ["-device", "virtio-blk-pci,drive=root,bootindex=1", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield Machine(process, monitor)
    finally:
        process.kill()
        process.communicate()
