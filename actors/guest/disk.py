"""The guest's disk: a FAT file system without partitions that boots by syslinux, as qcow2.

Called by `image`. Made without loop devices or mounts, so without privilege.
"""

from __future__ import annotations

from pathlib import Path

from actors.guest.command import run
from actors.guest.kernel import Kernel

SPARE_KIB = 1024  # for syslinux, its configuration and FAT's own tables
LABEL = "GUEST"
# Quiet and without mitigations: under emulation each console byte and each retpoline costs boot time.
KERNEL_ARGUMENTS = (
    "console=tty0 console=ttyS0,115200 quiet mitigations=off no_timer_check net.ifnames=0 random.trust_cpu=on panic=10"
)
SYSLINUX = f"DEFAULT guest\nPROMPT 0\nLABEL guest\n  LINUX vmlinuz\n  INITRD initrd\n  APPEND {KERNEL_ARGUMENTS}\n"


def write_disk(kernel: Kernel, initramfs: Path, work: Path) -> Path:
    """A bootable qcow2 under `work`, as small as its content."""
    raw, configuration, disk = work / "disk.raw", work / "syslinux.cfg", work / "disk.qcow2"
    configuration.write_text(SYSLINUX)
    content_kib = (kernel.vmlinuz.stat().st_size + initramfs.stat().st_size) // 1024
    run(["mkfs.fat", "-C", "-n", LABEL, str(raw), str(content_kib + SPARE_KIB)])
    for source, name in ((kernel.vmlinuz, "vmlinuz"), (initramfs, "initrd"), (configuration, "syslinux.cfg")):
        run(["mcopy", "-i", str(raw), str(source), f"::{name}"])
    run(["syslinux", "--install", str(raw)])
    run(["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", str(raw), str(disk)])
    return disk
