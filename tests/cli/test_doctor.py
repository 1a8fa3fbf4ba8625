"""The doctor: what is required decides, every lack has advice, and looking changes nothing."""

import json
import os
from pathlib import Path

import pytest

from actors.cli import doctor
from actors.cli.doctor import Check, lacks, print_checks
from actors.cli.probes import KERNEL_PROBES, fails_in_namespace, fails_to_name_namespace, version_of
from tests.guest.machine import require

GOOD = Check("root", True, "yes", "run as root", required=True)
LACK = Check("libvirt", False, "libvirtd is not installed", "install it", required=True)
OPTIONAL = Check("KVM", False, "no /dev/kvm", "slower without")


def test_only_a_required_check_stands_in_the_way() -> None:
    assert lacks([GOOD, OPTIONAL]) == []
    assert lacks([GOOD, LACK, OPTIONAL]) == ["libvirt: libvirtd is not installed"]


def test_advice_is_printed_for_lacks_only(capsys: pytest.CaptureFixture[str]) -> None:
    print_checks([GOOD, LACK, OPTIONAL], as_json=False)
    printed = capsys.readouterr().out
    assert "install it" in printed
    assert "slower without" in printed
    assert "run as root" not in printed
    assert "Real guests: no" in printed


def test_json_holds_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    print_checks([LACK], as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {"name": "libvirt", "ok": False, "detail": LACK.detail, "advice": "install it", "required": True}
    ]


def test_memory_is_what_can_be_had() -> None:
    assert doctor._memory("MemTotal: 9 kB\nMemAvailable:  8388608 kB\n").ok
    assert not doctor._memory("MemAvailable: 1024 kB\n").ok


def test_disk_is_asked_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    assert "GiB free" in doctor._disk(tmp_path / "not" / "yet").detail


def test_firmware_is_looked_for_where_it_is_described(tmp_path: Path) -> None:
    assert not doctor._uefi(tmp_path).ok and "ovmf" in doctor._uefi(tmp_path).advice
    (tmp_path / "60-edk2.json").write_text("{}")
    assert (doctor._uefi(tmp_path).ok, doctor._uefi(tmp_path).detail) == (True, "60-edk2.json")


def test_every_probe_has_advice() -> None:
    assert all(probe.advice for probe in KERNEL_PROBES)


def test_a_program_that_is_not_there_has_no_version() -> None:
    assert version_of("no-such-program-here") == ""


@pytest.mark.real
def test_probing_leaves_nothing_behind() -> None:
    require("ip", "unshare")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    assert fails_in_namespace("ip link add probe0 type veth peer probe1") == ""
    assert fails_in_namespace("ip link add probe0 type nosuchtype") != ""
    assert fails_to_name_namespace() == ""
    assert list(Path("/run/netns").glob("novaray-probe-*")) == []
    assert not Path("/sys/class/net/probe0").exists()
