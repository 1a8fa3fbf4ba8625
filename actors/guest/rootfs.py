"""The guest's root file system as an initramfs: busybox, dropbear, the chosen kernel modules, this folder's scripts.

Called by `image`. All of it lives in memory: the guest never mounts its root disk, which so stays the tenant's image.
Invariant: all files belong to root and none is a device node, so that no privilege is needed to build.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from actors.guest.command import find_program, run
from actors.guest.kernel import Kernel

SCRIPTS = {  # file beside this module → command in the guest
    "boot.sh": "guest-boot",
    "dhcp.sh": "guest-dhcp",
    "metadata.sh": "guest-metadata",
    "report.sh": "guest-report",
    "power.sh": "guest-power",
}
FOLDERS = ("bin", "sbin", "dev", "proc", "sys", "run", "tmp", "root", "etc/acpi/PWRF", "usr/bin", "usr/sbin", "srv/www")
INITTAB = """\
::sysinit:/sbin/guest-boot
ttyS0::respawn:-/bin/sh
tty1::askfirst:-/bin/sh
::ctrlaltdel:/sbin/reboot
"""
# Root has no password (`*`): the key that the cloud gives is the only way in by network. The consoles are open shells,
# as whoever reaches them already owns the guest.
ETC = {
    "inittab": INITTAB,
    "passwd": "root:*:0:0:root:/root:/bin/sh\n",
    "group": "root:x:0:\n",
    "shells": "/bin/sh\n",
    "nsswitch.conf": "hosts: files dns\n",
    "profile": "export PATH=/usr/sbin:/usr/bin:/sbin:/bin PS1='\\h # '\n",
}


def write_initramfs(kernel: Kernel, work: Path) -> Path:
    """The initramfs as a file under `work`, in the newc format, compressed by lz4 (quick to unpack under emulation)."""
    root = work / "root"
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    add_busybox(root)
    add_programs(root, ("dropbear", "dropbearkey"))
    add_modules(root, kernel)
    add_files(root)
    names = b"\0".join(str(path.relative_to(root)).encode() for path in sorted(root.rglob("*")))
    archive = run(["cpio", "-o", "-0", "-H", "newc", "-R", "0:0", "--quiet"], cwd=root, stdin=names + b"\0")
    packed = work / "initrd"
    packed.write_bytes(run(["lz4", "-l", "-9", "-c"], stdin=archive))  # -l: the only lz4 format that Linux unpacks
    return packed


def add_busybox(root: Path) -> None:
    busybox = find_program("busybox")
    shutil.copy2(busybox, root / "bin/busybox")
    for name in run([busybox, "--list-full"]).decode().split():
        link = root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to("/bin/busybox")
    (root / "init").symlink_to("/bin/busybox")


def add_programs(root: Path, names: tuple[str, ...]) -> None:
    """Programs with the shared libraries that they name (ldd(1))."""
    for name in names:
        program = find_program(name)
        target = root / "usr/sbin" / name
        shutil.copy2(program, target)
        for library in shared_libraries(run(["ldd", program]).decode()):
            copy = root / library.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library, copy)


def shared_libraries(listing: str) -> list[str]:
    """The paths in what ldd prints."""
    return re.findall(r"(?:=>\s+|^\s*)(/\S+)\s+\(0x", listing, re.MULTILINE)


def add_modules(root: Path, kernel: Kernel) -> None:
    for module in kernel.modules:
        (root / module).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(kernel.root / module, root / module)
    builtin = Path("lib/modules") / kernel.version / "modules.builtin"
    shutil.copy2(kernel.root / builtin, root / builtin)
    run(["busybox", "depmod", "-b", str(root), kernel.version])


def add_files(root: Path) -> None:
    for name, text in ETC.items():
        (root / "etc" / name).write_text(text)
    for source, command in SCRIPTS.items():
        target = root / "sbin" / command
        shutil.copy(Path(__file__).parent / source, target)
        target.chmod(0o755)
    (root / "etc/acpi/PWRF/00000080").symlink_to("/sbin/guest-power")
    (root / "root").chmod(0o700)
    (root / "tmp").chmod(0o1777)
