"""Where a node's daemon keeps what."""

from pathlib import Path

from actors.cluster.config import NodeConfig
from actors.compute.libvirt.daemon_files import files_of, uri_of

SOCKET_LIMIT = 107  # characters of a unix socket's path


def node(home: str, uri: str = "") -> NodeConfig:
    return NodeConfig(host="h", home=Path(home), libvirt_uri=uri)


def test_sockets_are_short_however_long_the_folder() -> None:
    deep = files_of(node("/" + "very/" * 60 + "deep"))
    assert len(str(deep.socket)) < SOCKET_LIMIT
    assert deep.socket != files_of(node("/other")).socket


def test_two_nodes_share_nothing() -> None:
    first, second = files_of(node("/a")), files_of(node("/b"))
    assert first.mark != second.mark
    assert first.configuration()["etc/libvirtd.conf"] != second.configuration()["etc/libvirtd.conf"]


def test_an_operator_s_daemon_is_reached_by_its_own_uri() -> None:
    assert uri_of(node("/a", "qemu:///system")) == "qemu:///system"
    assert uri_of(node("/a")) == f"qemu+unix:///system?socket={files_of(node('/a')).socket}"
