"""`novaray demo`: one real machine through the whole flow, and the proof of each claim.

It starts a cloud, boots a guest with a volume, and then compares three witnesses of the guest's address (its own
report, the database's port, the DHCP lease), asks it over http and ssh, and shows the timeline.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actors.cli import show
from actors.cli.reach_guest import http_get, ssh_output
from actors.cluster import bringup
from actors.cluster.config import CloudConfig
from actors.cluster.seed import SECURITY_GROUP, seed

if TYPE_CHECKING:
    from actors.cloud import Cloud, Server
    from actors.records import Volume

READY_LIMIT_S = 180.0  # for the guest to say that it is ready, after its hypervisor started it
ANSWER_LIMIT_S = 60.0  # for the guest to answer over the network
CONSOLE_LINES = 400
SHOWN_LINES = 14

Say = Callable[[str], None]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Check:
    """One claim of the demo and what was seen."""

    claim: str
    seen: str
    holds: bool


def run_demo(config: CloudConfig, keep: bool, say: Say) -> None:
    """Raises RuntimeError if a claim does not hold.

    At the end the cloud is stopped, unless `keep` says otherwise or it ran before.
    """
    from actors.cloud import Cloud

    started = time.monotonic()
    was_up = bringup.running(config.home) is not None
    try:
        bringup.up(config, bringup.UpOptions(hypervisor=config.hypervisor), say)
        with Cloud.connect(config.home) as cloud:
            seed(cloud, config, say)
            say(f"the cloud is up after {time.monotonic() - started:.1f} s")
            _boot_and_prove(cloud, config, say)
            if not keep and not was_up:
                for server in cloud.servers():
                    server.delete()
    finally:
        if not keep and not was_up:
            bringup.down(config.home, say)
    show.out.print(f"\nDone in {time.monotonic() - started:.1f} s.")
    _next_steps(config.home, keep or was_up)


def _boot_and_prove(cloud: Cloud, config: CloudConfig, say: Say) -> None:
    key, public_key = _key(config.home)
    name = _fresh_name(cloud)
    volume = cloud.volumes.create(f"{name}-data", 1)
    server = cloud.boot(
        name,
        public_key=public_key,
        security_groups=(SECURITY_GROUP,),
        volumes=(volume.id,),
        user_data="#!/bin/sh\necho user_data ran on $(hostname)\n",
        metadata={"purpose": "demo"},
    )
    say(f"server {server.id} is accepted: {server.status}")
    server.wait()
    say(f"server {server.name} is {server.status} on {server.view.host} with address {server.address}")
    if config.hypervisor == "simulated":
        show.story(server.story(), False)
        show.out.print("simulated hypervisor: there is no guest to ask")
        return
    report = _await_ready(server)
    checks = _prove(cloud, config, server, volume, report, key)
    show.out.print("\n[bold]The boot, step by step[/bold] (flow: the rows of the specification)")
    show.story(server.story(), False)
    show.out.print("\n[bold]The guest's last console lines[/bold]")
    show.out.print("\n".join(server.console(CONSOLE_LINES).splitlines()[-SHOWN_LINES:]), markup=False)
    show.out.print("\n[bold]What was proven[/bold]")
    for check in checks:
        mark = "[green]yes[/green]" if check.holds else "[red]NO[/red]"
        show.out.print(f"  {mark}  {check.claim}: ", end="")
        show.out.print(check.seen, markup=False)
    if not all(check.holds for check in checks):
        raise RuntimeError("not everything that the demo claims was seen")


def _fresh_name(cloud: Cloud) -> str:
    taken = {server.name for server in cloud.servers()} | {volume.name for volume in cloud.volumes.all()}
    number = next(n for n in range(1, 10_000) if f"demo-{n}" not in taken and f"demo-{n}-data" not in taken)
    return f"demo-{number}"


def _await_ready(server: Server) -> dict[str, str]:
    """What the guest says of itself in its last line: ip, hostname, mac."""
    deadline = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < deadline:
        found = re.findall(r"^GUEST READY (.*)$", server.console(CONSOLE_LINES), re.MULTILINE)
        if found:
            return dict(part.partition("=")[::2] for part in found[-1].split())
        time.sleep(0.2)  # a serial console tells nobody when it grows
    raise TimeoutError(f"the guest did not say that it is ready within {READY_LIMIT_S:g} s:\n{server.console(20)}")


def _prove(
    cloud: Cloud, config: CloudConfig, server: Server, volume: Volume, report: dict[str, str], key: Path
) -> list[Check]:
    [port] = cloud.networks.ports(server_id=server.id)
    address = port.fixed_ips[0].ip_address
    lease = _lease(config, server.view.host, port.network_id, port.mac_address)
    disk = next((line for line in _console_lines(server, "GUEST DISK") if volume.id[:20] in line), "")
    http_status, page = _until_it_answers(lambda: http_get(*server.forward(80), "/", 10.0))
    name = _until_it_answers(lambda: ssh_output(*server.forward(22), key, "hostname", 30.0)).strip()
    ran = next(iter(_console_lines(server, "user_data ran")), "")
    return [
        Check(
            "the guest's own report of its address is the database's port",
            report.get("ip", ""),
            report.get("ip") == address,
        ),
        Check("and so is its MAC", report.get("mac", ""), report.get("mac") == port.mac_address),
        Check("the DHCP lease says the same", lease, lease == address),
        Check("the volume is seen in the guest", disk, bool(disk)),
        Check("user_data ran", ran, bool(ran)),
        Check(
            f"http://{address}/ answers", f"{http_status}, {len(page)} bytes", http_status == 200 and address in page
        ),
        Check(f"ssh root@{address} hostname", name, name == server.name),
    ]


def _console_lines(server: Server, text: str) -> list[str]:
    return [line.strip() for line in server.console(CONSOLE_LINES).splitlines() if text in line]


def _lease(config: CloudConfig, host: str, network_id: str, mac: str) -> str:
    """The address that dnsmasq wrote down for this MAC: `expiry mac address name client-id` a line."""
    for file in config.nodes.glob(f"*/dhcp/{network_id}/leases"):
        for line in file.read_text().splitlines():
            fields = line.split()
            if len(fields) >= 3 and fields[1] == mac:
                return fields[2]
    return ""


def _until_it_answers(ask: Callable[[], Answer]) -> Answer:
    deadline = time.monotonic() + ANSWER_LIMIT_S
    while True:
        try:
            return ask()
        except (OSError, HTTPException, subprocess.SubprocessError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)  # the guest's server may just be starting


def _key(home: Path) -> tuple[Path, str]:
    """The demo's own ssh key pair: made once, kept in the home folder."""
    file = home / "demo-key"
    if not file.exists():
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        file.touch(mode=0o600)
        file.write_bytes(private)
        file.with_suffix(".pub").write_bytes(public + b" novaray-demo\n")
    return file, file.with_suffix(".pub").read_text().strip()


def _next_steps(home: Path, still_up: bool) -> None:
    if still_up:
        show.out.print(f"Go on: ./novaray list · story demo-1 · ssh demo-1 --key {home}/demo-key · boot NAME · down")
    else:
        show.out.print("Go on: ./novaray up · boot NAME · list · story NAME · down, or `demo --keep` to look around.")
    show.out.print("From Python: examples/boot_one.py, examples/boot_fifty.py, examples/follow_events.py")
