"""What the real tests need of the machine, or the reason why they are skipped."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pyroute2 import IPRoute, netns

from actors.cluster.config import NodeConfig
from actors.compute.libvirt.daemon import marked_processes, stop_daemon
from actors.compute.libvirt.daemon_files import files_of
from actors.network.netns_thread import NetnsThread


def what_lacks() -> str:
    """Why this machine can't run the tests ('' if it can)."""
    if os.geteuid() != 0:
        return "not root"
    if not Path("/dev/net/tun").exists():
        return "no /dev/net/tun"
    missing = [tool for tool in ("libvirtd", "qemu-system-x86_64", "qemu-img") if not _installed(tool)]
    return f"{', '.join(missing)} not installed" if missing else ""


def _installed(tool: str) -> bool:
    return shutil.which(tool) is not None or shutil.which(tool, path="/usr/sbin:/sbin") is not None


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A network namespace of the test's own, its loopback up; gone afterwards."""
    lack = what_lacks()
    if lack:
        pytest.skip(lack)
    name = f"nvrtest-{uuid4().hex[:8]}"
    netns.create(name)
    thread = NetnsThread(name)
    try:
        thread.call(_loopback_up)
        yield name
    finally:
        thread.close()
        netns.remove(name)


def _loopback_up() -> None:
    with IPRoute() as netlink:
        netlink.link("set", index=netlink.link_lookup(ifname="lo")[0], state="up")


@pytest.fixture(scope="module")
def node(namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeConfig]:
    """Its own daemon, started by whoever drives it first, in the namespace; guests are emulated."""
    home = tmp_path_factory.mktemp("node")
    config = NodeConfig(host="host-1", home=home, hypervisor="libvirt", netns=namespace, virt_type="qemu")
    try:
        yield config
    finally:
        stop_daemon(config)
        assert marked_processes(files_of(config).mark) == []
