from __future__ import annotations

import secrets
import subprocess

import pytest

from actors.network import namespaces
from tests.network.probes import real


@real
def test_adding_and_removing_twice_is_once() -> None:
    name = f"nvt-{secrets.token_hex(3)}"
    try:
        for _ in range(2):
            namespaces.add(name)
        assert "UNKNOWN" in namespaces.ip("-br", "link", "show", "lo", netns=name)
    finally:
        for _ in range(2):
            namespaces.remove(name)
    assert name not in namespaces.names()


@real
def test_a_name_without_a_namespace_is_made_anew() -> None:
    name = f"nvt-{secrets.token_hex(3)}"
    try:
        namespaces.add(name)
        subprocess.run(["umount", str(namespaces.FOLDER / name)], check=True)
        namespaces.add(name)
        assert "lo" in namespaces.ip("-br", "link", netns=name)
    finally:
        namespaces.remove(name)


@real
def test_a_refusal_carries_the_message() -> None:
    with pytest.raises(namespaces.IpError, match="nvt-nowhere"):
        namespaces.ip("link", netns="nvt-nowhere")
    assert namespaces.ip("link", netns="nvt-nowhere", but="cannot open") == ""
