"""What this machine can do, found out by trying, and what to do about each lack. Called by the command line.

Two questions: what is there (`examine`, all checks, may boot a guest to see whether KVM works) and may real guests be
started at all (`lacks_for_real_guests`, quick, asked before `up`). Invariant: no check changes the machine.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from actors.cli.probes import KERNEL_PROBES, KernelProbe, fails_in_namespace, fails_to_name_namespace, version_of
from actors.cluster.config import default_home
from actors.guest.command import GuestBuildError, find_program
from actors.guest.image import default_cache
from actors.guest.kvm import examine_kvm
from actors.guest.kvm import probe_kvm as probe_kvm  # the libvirt driver asks here

LEAST_FREE_MEMORY_MIB = 2048  # Ray's head takes about 700, a tiny guest about 200
LEAST_FREE_DISK_GIB = 3  # the environment, an image in three places, a guest's disks
FIRMWARE = Path("/usr/share/qemu/firmware")
SET_UP = "run ./novaray as root on Debian once: it installs what is missing"
GUEST_BUILD_TOOLS = ("busybox", "dropbear", "cpio", "lz4", "mkfs.fat", "mcopy", "syslinux", "qemu-img", "apt-get")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `required`: real guests are impossible without it."""

    name: str
    ok: bool
    detail: str
    advice: str = ""  # what to do where it is not ok
    required: bool = False


def examine() -> list[Check]:
    """All checks. Takes a second or two; up to 15 the first time after a boot, when KVM is tried."""
    return [*_required_checks(), *_optional_checks()]


def lacks_for_real_guests() -> list[str]:
    """Each thing without which no real guest can run here; empty if they can. A fraction of a second."""
    return lacks(_required_checks())


def lacks(checks: list[Check]) -> list[str]:
    return [f"{check.name}: {check.detail}" for check in checks if check.required and not check.ok]


def print_checks(checks: list[Check], as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in checks:
        mark = "[green]yes[/]" if check.ok else ("[red]no[/]" if check.required else "[yellow]no[/]")
        table.add_row(mark, check.name, check.detail)
        if not check.ok and check.advice:
            table.add_row("", "", f"[dim]→ {check.advice}[/]")
    console = Console(highlight=False)
    console.print(table)
    missing = lacks(checks)
    console.print(
        "\nReal guests: [red]no[/] – the simulated hypervisor works: novaray up --hypervisor simulated"
        if missing
        else "\nReal guests: [green]yes[/]"
    )


def _required_checks() -> list[Check]:
    return [
        _root(),
        _program("libvirt", "libvirtd", required=True),
        _binding(),
        _program("QEMU", "qemu-system-x86_64", required=True),
        _program("qemu-img", "qemu-img", required=True),
        _program("qemu-storage-daemon", "qemu-storage-daemon", required=True),
        _program("dnsmasq", "dnsmasq", required=True),
        _named_namespaces(),
        *(_kernel(probe) for probe in KERNEL_PROBES if probe.required),
    ]


def _optional_checks() -> list[Check]:
    return [
        *(_kernel(probe) for probe in KERNEL_PROBES if not probe.required),
        _kvm(),
        _guest_build(),
        _uefi(FIRMWARE),
        _memory(Path("/proc/meminfo").read_text()),
        _disk(default_home()),
    ]


def _root() -> Check:
    ok = os.geteuid() == 0
    return Check("root", ok, "yes" if ok else f"user id {os.geteuid()}", "run as root (sudo ./novaray …)", True)


def _program(name: str, program: str, required: bool) -> Check:
    version = version_of(program)
    return Check(name, bool(version), version or f"{program} is not installed", SET_UP, required)


def _binding() -> Check:
    ok = importlib.util.find_spec("libvirt") is not None
    detail = f"importable by {sys.executable}" if ok else "libvirt-python is not installed"
    return Check("libvirt for Python", ok, detail, SET_UP, True)


def _named_namespaces() -> Check:
    why_not = fails_to_name_namespace()
    advice = "needs root and CAP_SYS_ADMIN; in a container, run it privileged"
    return Check("network namespaces", not why_not, why_not or "made and removed one", advice, True)


def _kernel(probe: KernelProbe) -> Check:
    why_not = fails_in_namespace(probe.commands)
    advice = probe.advice if os.geteuid() == 0 else "only root can find out"
    return Check(probe.name, not why_not, why_not or "tried: works", advice, probe.required)


def _kvm() -> Check:
    verdict = examine_kvm(default_cache())
    advice = "guests run under QEMU's own translation: all works, a guest boots in about 4 s instead of 1"
    return Check("KVM boots a guest", verdict.works, verdict.reason, advice)


def _guest_build() -> Check:
    missing = [name for name in GUEST_BUILD_TOOLS if not _installed(name)]
    detail = f"not installed: {', '.join(missing)}" if missing else "all tools are here"
    return Check("building the guest image", not missing, detail, SET_UP)


def _installed(program: str) -> bool:
    try:
        return bool(find_program(program))
    except GuestBuildError:
        return False


def _uefi(folder: Path) -> Check:
    """Where QEMU's firmware descriptions are (docs/interop/firmware.json of QEMU)."""
    found = sorted(path.name for path in folder.glob("*.json"))
    advice = "images that ask for hw_firmware_type=uefi need it: install the package ovmf"
    return Check("UEFI firmware for guests", bool(found), ", ".join(found) or "none is installed", advice)


def _memory(meminfo: str) -> Check:
    """From the content of /proc/meminfo (proc(5)): what can be had without swapping."""
    fields = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    free_mib = int(fields["MemAvailable"].split()[0]) // 1024
    advice = f"a cloud with one guest wants {LEAST_FREE_MEMORY_MIB} MiB"
    return Check("memory", free_mib >= LEAST_FREE_MEMORY_MIB, f"{free_mib} MiB available", advice)


def _disk(home: Path) -> Check:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free_gib = shutil.disk_usage(existing).free / 2**30
    advice = f"make {LEAST_FREE_DISK_GIB} GiB free, or set NOVARAY_HOME to another disk"
    return Check("disk", free_gib >= LEAST_FREE_DISK_GIB, f"{free_gib:.0f} GiB free in {home}", advice)
