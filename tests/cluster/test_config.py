"""What a worker node is told by its file, and what it knows without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.cluster.config import NODE_FILE_VARIABLE, NodeConfig


def test_a_file_may_leave_out_what_ray_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "node.json"
    file.write_text(json.dumps({"hypervisor": "libvirt", "libvirt_uri": "qemu:///system", "ram_reserved_mib": 4096}))
    monkeypatch.setenv(NODE_FILE_VARIABLE, str(file))
    monkeypatch.setenv("NOVARAY_HOME", str(tmp_path))
    node = NodeConfig.of_this_node("rack-1", "192.0.2.7")
    assert (node.host, node.node_ip, node.underlay_ip, node.netns) == ("rack-1", "192.0.2.7", "192.0.2.7", "")
    assert (node.libvirt_uri, node.ram_reserved_mib) == ("qemu:///system", 4096)
    assert node.home == tmp_path / "nodes" / "rack-1"


def test_a_file_that_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NODE_FILE_VARIABLE, str(tmp_path / "none.json"))
    with pytest.raises(FileNotFoundError):
        NodeConfig.of_this_node("rack-1")
