"""What a worker node is told by its file, and what it knows without one."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from actors.cluster.config import (
    NODE_FILE_VARIABLE,
    CloudConfig,
    ConfigError,
    NodeConfig,
    SimulatedConfig,
    from_json,
    to_json,
)


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
    with pytest.raises(ConfigError, match=r"none\.json"):
        NodeConfig.of_this_node("rack-1")


@pytest.mark.parametrize(
    "wrong", [{"sweep_s": 0}, {"api_port": 65_536}, {"hypervisor": "xen"}, {"simulated": {"hosts": 0}}, {"mdevs": 3}]
)
def test_a_file_that_says_what_cannot_be_is_refused_with_the_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]
) -> None:
    file = tmp_path / "node.json"
    file.write_text(json.dumps(wrong))
    monkeypatch.setenv(NODE_FILE_VARIABLE, str(file))
    with pytest.raises(ConfigError, match=rf"node\.json.*\$\.{next(iter(wrong))}"):
        NodeConfig.of_this_node("rack-1")


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    node = NodeConfig(host="rack-1", home=tmp_path, simulated=SimulatedConfig(hosts=7), mdevs=("a", "b"))
    cloud = CloudConfig(home=tmp_path, vxlan_range=(5, 9), volume_quotas={"volumes": 3})
    assert from_json(NodeConfig, to_json(node)) == node and from_json(CloudConfig, to_json(cloud)) == cloud
    assert from_json(CloudConfig, b'{"home": "/h", "api_port": "80", "of_a_later_version": 1}').api_port == 80


def test_what_cannot_be_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.simulated\.hosts"):
        to_json(NodeConfig(host="rack-1", home=tmp_path, simulated=SimulatedConfig(hosts=0)))


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_file_that_is_no_json_object_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = tmp_path / "node.json"
    file.write_text(text)
    monkeypatch.setenv(NODE_FILE_VARIABLE, str(file))
    with pytest.raises(ConfigError, match=r"node\.json"):
        NodeConfig.of_this_node("rack-1")
