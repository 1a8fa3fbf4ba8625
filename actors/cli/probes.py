"""Asks the kernel what it can do, by trying. Called by the doctor.

Invariant: nothing is left behind. Devices and rules are made in a network namespace that belongs to one child process
and dies with it; the one named namespace is removed again.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from dataclasses import dataclass

from actors.guest.command import GuestBuildError, find_program, search_path

PROBE_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class KernelProbe:
    """Shell commands tried in a network namespace of their own; all must succeed."""

    name: str
    commands: str
    advice: str
    required: bool = False  # for real guests


KERNEL_PROBES = (
    KernelProbe(
        "taps", "ip tuntap add dev t0 mode tap", "make /dev/net/tun available: `modprobe tun`, or pass it in", True
    ),
    KernelProbe(
        "bridges",
        "ip link add b0 type bridge && ip link add v0 type veth peer v1 && ip link set v0 master b0",
        "load the modules `bridge` and `veth`",
        True,
    ),
    KernelProbe(
        "VXLAN",
        "ip link set lo up && ip link add x0 type vxlan id 7 local 127.0.0.1 dstport 4789 && ip link set x0 up",
        "load the module `vxlan`; without it networks don't span nodes, so run one node",
    ),
    KernelProbe(
        "VLAN",
        "ip link add v0 type veth peer v1 && ip link add link v0 name v0.5 type vlan id 5",
        "load the module `8021q`; without it use flat or VXLAN networks",
    ),
    KernelProbe(
        "nftables",
        "nft 'add table bridge t; add chain bridge t c { type filter hook forward priority 0; };"
        " add rule bridge t c ether type arp accept;"
        " add table inet t; add chain inet t c { type filter hook forward priority 0; };"
        " add rule inet t c ct state established accept'",
        "install nftables and load `nf_tables`, `nf_tables_bridge` (nft_meta_bridge) and `nf_conntrack`",
        True,
    ),
    KernelProbe(
        "br_netfilter",
        "test -e /proc/sys/net/bridge/bridge-nf-call-iptables || modprobe --dry-run br_netfilter",
        "security groups need this module to know connections; install it with the kernel's other modules",
        True,
    ),
)


def fails_in_namespace(commands: str) -> str:
    """'' if the commands succeed in a fresh network namespace, else their last words."""
    return _fails(["unshare", "--net", "sh", "-c", commands])


def fails_to_name_namespace() -> str:
    """'' if a named network namespace can be made and removed, else why not."""
    name = f"novaray-probe-{uuid.uuid4().hex[:12]}"
    try:
        return _fails(["ip", "netns", "add", name])
    finally:
        _fails(["ip", "netns", "delete", name])


def version_of(program: str) -> str:
    """The first line of `program --version`, '' if it is not installed or does not run."""
    try:
        path = find_program(program)
    except GuestBuildError:
        return ""
    done = _run([path, "--version"])
    return next(iter(done.stdout.splitlines()), "") if done and done.returncode == 0 else ""


def _fails(command: list[str]) -> str:
    done = _run(command)
    if done is None:
        return f"{command[0]} is not installed or hangs"
    if done.returncode == 0:
        return ""
    return next(iter(done.stderr.strip().splitlines()), f"exit code {done.returncode}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str] | None:
    environment = {**os.environ, "PATH": search_path(), "LC_ALL": "C"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_DEADLINE_S, env=environment, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
