"""The image boots by its own boot loader and takes what a cloud gives: hostname, key, user data."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.compute.config_drive import iso_image
from actors.guest.image import build_guest_image, default_cache
from tests.guest.machine import BUILD_TOOLS, POWER_OFF_DEADLINE_S, free_port, machine, require

pytestmark = pytest.mark.real
MAC = "fa:16:3e:00:00:07"
USER_DATA = b"#!/bin/sh\necho user data ran as $(id -u)\n"


@pytest.fixture(scope="module")
def image() -> Path:
    require("qemu-system-x86_64", *BUILD_TOOLS)
    return build_guest_image(default_cache(), print)


def meta_data(hostname: str, key: str) -> bytes:
    """As Nova writes it; `meta` is the user's, and may hold anything."""
    trap = {"hostname": "trap", "x": 'a "quoted" \\ { value'}
    content = {"uuid": "u-1", "meta": trap, "public_keys": {"my key": key}, "keys": [{"name": "my key", "data": key}]}
    return json.dumps({**content, "hostname": hostname, "launch_index": 0, "devices": []}).encode()


def fields(console: str, prefix: str) -> dict[str, str]:
    line = next(line for line in console.splitlines() if line.startswith(prefix))
    return dict(part.partition("=")[::2] for part in line.split() if "=" in part)


def make_key(folder: Path) -> Path:
    require("ssh", "ssh-keygen")
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me@host", "-f", key], check=True)
    return key


def ssh(key: Path, port: int, command: str) -> str:
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "ConnectTimeout=60"]
    arguments = [part for option in options for part in ("-o", option)]
    done = subprocess.run(
        ["ssh", "-F", "none", *arguments, "-i", key, "-p", str(port), "root@127.0.0.1", command],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_boots_from_a_config_drive_and_serves(image: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path)
    documents = {
        "openstack/latest/meta_data.json": meta_data("vm-1.novalocal", key.with_suffix(".pub").read_text()),
        "openstack/latest/user_data": USER_DATA,
    }
    drive, volume = tmp_path / "config.iso", tmp_path / "volume.raw"
    drive.write_bytes(iso_image(documents))
    with volume.open("wb") as blank:
        blank.truncate(64 << 20)
    http_port, ssh_port = free_port(), free_port()
    arguments = [
        *("-drive", f"file={volume},format=raw,if=none,id=volume", "-device"),
        *("virtio-blk-pci,drive=volume,serial=volume-7", "-drive", f"file={drive},format=raw,if=ide,media=cdrom"),
        *("-nic", f"user,model=virtio-net-pci,mac={MAC},hostfwd=tcp:127.0.0.1:{http_port}-:80"),
    ]
    arguments[-1] += f",hostfwd=tcp:127.0.0.1:{ssh_port}-:22"
    with machine(image, tmp_path, *arguments) as guest:
        console = guest.console_until_ready()
        page = urllib.request.urlopen(f"http://127.0.0.1:{http_port}/", timeout=60).read().decode()
        disks = urllib.request.urlopen(f"http://127.0.0.1:{http_port}/disks.txt", timeout=60).read().decode()
        assert ssh(key, ssh_port, "hostname").strip() == "vm-1"

    ready = fields(console, "GUEST READY")
    assert (ready["hostname"], ready["mac"], ready["ip"]) == ("vm-1", MAC, "10.0.2.15")
    assert f"GUEST DISK vdb {64 << 20} serial=volume-7" in console
    assert "user data ran as 0" in console
    assert "hostname=vm-1" in page
    assert "ip=10.0.2.15" in page
    assert f"vdb {64 << 20} serial=volume-7" in disks


@pytest.fixture
def metadata_service(tmp_path: Path) -> Callable[[dict[str, bytes]], str]:
    """Serves documents at the metadata address of QEMU's user network; gives the arguments of the NIC."""

    def serve(documents: dict[str, bytes]) -> str:
        for name, content in documents.items():
            path = tmp_path / "service" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        script = tmp_path / "serve.sh"
        script.write_text(f"#!/bin/sh\nexec busybox httpd -i -h {tmp_path / 'service'}\n")
        script.chmod(0o755)
        network = "net=169.254.169.0/24,host=169.254.169.2,dhcpstart=169.254.169.15"
        return f"user,model=virtio-net-pci,mac={MAC},{network},guestfwd=tcp:169.254.169.254:80-cmd:{script}"

    return serve


def test_it_asks_the_metadata_service_and_obeys_the_power_button(
    image: Path, tmp_path: Path, metadata_service: Callable[[dict[str, bytes]], str]
) -> None:
    documents = {
        "openstack/latest/meta_data.json": meta_data("vm-2", "ssh-ed25519 AAAA me\n"),
        "openstack/latest/user_data": USER_DATA,
    }
    with machine(image, tmp_path, "-nic", metadata_service(documents), memory_mib=96) as guest:
        console = guest.console_until_ready()
        guest.press_power_button()
        guest.process.communicate(timeout=POWER_OFF_DEADLINE_S)
    assert fields(console, "GUEST READY")["hostname"] == "vm-2"
    assert "user data ran as 0" in console


def test_without_network_and_metadata_it_still_says_that_it_is_ready(image: Path, tmp_path: Path) -> None:
    with machine(image, tmp_path, "-nic", "none") as guest:
        console = guest.console_until_ready()
    ready = fields(console, "GUEST READY")
    assert (ready["ip"], ready["hostname"]) == ("none", "guest")
