"""The guest's kernel: Debian's own cloud kernel, fetched by apt and unpacked beside the system, never installed.

Called by `image`. Invariant: what comes out holds `vmlinuz` and a closed set of modules (each with all that it needs).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from actors.guest.command import GuestBuildError, run

METAPACKAGE = "linux-image-cloud-amd64"  # depends on the newest versioned kernel package
MODULES = (
    *("virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net", "virtio_console", "virtio-rng", "virtio_balloon"),
    *("sd_mod", "sr_mod", "ata_piix"),  # SCSI disks, and the IDE CD-ROM of QEMU's `pc`; this kernel has no AHCI
    *("isofs", "vfat", "nls_cp437", "nls_ascii", "nls_utf8"),  # ext4 is built in
    *("button", "evdev"),  # the power button
)


@dataclass(frozen=True, slots=True)
class Kernel:
    vmlinuz: Path
    version: str
    modules: tuple[Path, ...]  # relative to the root, dependencies included
    root: Path


def fetch_kernel(work: Path) -> Kernel:
    """The kernel of this machine's Debian release, unpacked under `work`."""
    package = versioned_package()
    run(["apt-get", "download", "-q", package], cwd=work)
    debs = list(work.glob("linux-image-*.deb"))
    root = work / "kernel"
    run(["dpkg", "-x", str(debs[0]), str(root)])
    version = package.removeprefix("linux-image-")
    run(["busybox", "depmod", "-b", str(root), version])
    folder = Path("lib/modules") / version
    modules = closure(parse_dependencies((root / folder / "modules.dep").read_text()), MODULES)
    return Kernel(root / "boot" / f"vmlinuz-{version}", version, tuple(folder / module for module in modules), root)


def versioned_package() -> str:
    """The package behind the metapackage; refreshes apt's lists if they don't know it."""
    found = _depends()
    if not found:
        run(["apt-get", "update", "-q"])
        found = _depends()
    if not found:
        raise GuestBuildError(f"apt knows no {METAPACKAGE}: the guest image needs Debian's package lists")
    return found


def _depends() -> str:
    try:
        listing = run(["apt-cache", "depends", METAPACKAGE]).decode()
    except GuestBuildError:  # apt-cache fails when its lists are empty
        return ""
    match = re.search(r"Depends: (linux-image-\S+)", listing)
    return match.group(1) if match else ""


def parse_dependencies(modules_dep: str) -> dict[str, list[str]]:
    """`modules.dep` (depmod(8)) as a table: path → the paths that it needs."""
    lines = (line.partition(":") for line in modules_dep.splitlines())
    return {path: needs.split() for path, colon, needs in lines if colon}


def closure(dependencies: dict[str, list[str]], wanted: tuple[str, ...]) -> list[str]:
    """Paths of the wanted modules and of all that they need; raises `GuestBuildError` if one isn't there."""
    paths = {module_name(path): path for path in dependencies}
    missing = [name for name in wanted if module_name(name) not in paths]
    if missing:
        raise GuestBuildError(f"the kernel has no module {', '.join(missing)}")
    pending = [paths[module_name(name)] for name in wanted]
    chosen: set[str] = set()
    while pending:
        path = pending.pop()
        if path not in chosen:
            chosen.add(path)
            pending.extend(dependencies[path])
    return sorted(chosen)


def module_name(path: str) -> str:
    """The kernel's own name of a module: no folder, no ending, `_` for `-`."""
    return Path(path).name.split(".ko")[0].replace("-", "_")
