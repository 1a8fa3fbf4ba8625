"""The libraries that people's programs use, Ansible and Tempest, unmodified, against a cloud of simulated hypervisors.

Each does a day of work of its own (`client_*.py`): what it is told is checked, and in the end nothing of it is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import client_ansible, client_libcloud, client_nova, client_sdk, client_tempest
from tests.running import cloud

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with cloud("--hypervisor", "simulated", "--hosts", "4", "--no-dashboard") as line:
        yield line.home


def test_openstacksdk(home: Path, tmp_path: Path) -> None:
    client_sdk.day(home, tmp_path)


def test_novaclient(home: Path, tmp_path: Path) -> None:
    client_nova.day(home, tmp_path)


def test_libcloud(home: Path, tmp_path: Path) -> None:
    client_libcloud.day(home, tmp_path)


def test_tempest(home: Path, tmp_path: Path) -> None:
    client_tempest.day(home, tmp_path)


def test_ansible(home: Path, tmp_path: Path) -> None:
    client_ansible.day(home, tmp_path)
