"""Whether KVM really boots a guest on this machine. Called by the libvirt driver and by the doctor.

`/dev/kvm` and libvirt's word are not enough: under some nested hypervisors both are there and a kernel hangs. So the
tiny guest is booted under KVM once, with a deadline. Invariant: a verdict is kept for this boot of the machine and this
guest image, and only if the experiment was made; a machine that could not be asked is asked again.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from actors.guest.command import GuestBuildError, find_program
from actors.guest.image import build_guest_image, image_path, locked

DEADLINE_S = 10.0  # a working KVM reaches the first process of the guest in about one
SIGN = b"GUEST START"  # the guest's first words, said by its first process
MEMORY_MIB = 128
DEVICE = Path("/dev/kvm")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Verdict:
    works: bool
    reason: str


def probe_kvm(cache: Path) -> bool:
    """True if a guest was seen to boot under KVM since this machine booted."""
    return examine_kvm(cache).works


def examine_kvm(cache: Path) -> Verdict:
    """The verdict with its reason. The first call may build the guest image, and boots it for up to `DEADLINE_S`."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return Verdict(False, f"no access to {DEVICE}" if DEVICE.exists() else f"no {DEVICE}")
    try:
        qemu = find_program("qemu-system-x86_64")
        image = build_guest_image(cache, lambda line: None)
    except GuestBuildError as error:
        return Verdict(False, f"not tried: {error}")
    with locked(cache / "kvm.lock"):
        kept = read_verdict(cache / "kvm.json", experiment(cache))
        if kept:
            return kept
        verdict = boot_under_kvm(qemu, image)
        write_verdict(cache / "kvm.json", experiment(cache), verdict)
    return verdict


def experiment(cache: Path) -> str:
    """What a verdict is about: this boot of this machine, and this image."""
    return f"{BOOT_ID.read_text().strip()} {image_path(cache).name}"


def read_verdict(path: Path, about: str) -> Verdict | None:
    try:
        content = json.loads(path.read_text())
        return Verdict(bool(content["works"]), str(content["reason"])) if content["about"] == about else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_verdict(path: Path, about: str, verdict: Verdict) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"about": about, **asdict(verdict)}))
    new.rename(path)


def boot_under_kvm(qemu: str, image: Path) -> Verdict:
    command = [qemu, "-machine", "pc,accel=kvm", "-cpu", "host", "-m", str(MEMORY_MIB), "-nodefaults", "-no-reboot"]
    command += ["-display", "none", "-serial", "stdio", "-drive", f"file={image},if=virtio,format=qcow2,snapshot=on"]
    started = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            said = read_until(process, SIGN, started + DEADLINE_S)
        finally:
            process.kill()
    if SIGN in said:
        return Verdict(True, f"a guest started in {time.monotonic() - started:.1f} s")
    if process.returncode not in (0, -9):
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        return Verdict(False, f"QEMU refused it: {''.join(last)}")
    return Verdict(False, f"{DEVICE} is there, but a guest did not start under it within {DEADLINE_S:.0f} s")


def read_until(process: subprocess.Popen[bytes], sign: bytes, deadline: float) -> bytes:
    """What the process printed until `sign`, its end, or the deadline (monotonic seconds)."""
    assert process.stdout is not None
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while sign not in said and (left := deadline - time.monotonic()) > 0:
            if selector.select(left):
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    process.wait(left)
                    break
                said += chunk
    return said
