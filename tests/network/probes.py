"""Says whether this machine can run the real network tests, and gives them namespaces of their own."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest


@cache
def lacking() -> str:
    """Why the real network tests can't run here ('' = they can)."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("ip", "nft", "dnsmasq", "busybox"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    name = f"nvt-probe-{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"no network namespaces: {made.stderr.strip()}"
    try:
        for kind in (["bridge"], ["vxlan", "id", "7", "dstport", "4789"]):
            link = subprocess.run(
                ["ip", "-n", name, "link", "add", f"p{kind[0][:5]}", "type", *kind], capture_output=True, text=True
            )
            if link.returncode:
                return f"no {kind[0]}: {link.stderr.strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


def real(test: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a real test, skipped with its reason where the machine lacks something."""
    why = lacking()
    return pytest.mark.real(pytest.mark.skipif(bool(why), reason=why)(test))


def ip(*words: str, netns: str = "") -> str:
    """Runs iproute2, in a namespace if named; raises with its message."""
    command = ["ip", *(["-n", netns] if netns else []), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def namespace(role: str) -> Iterator[str]:
    """A fresh, uniquely named namespace; gone afterwards."""
    name = f"nvt{secrets.token_hex(3)}-{role}"
    ip("netns", "add", name)
    try:
        yield name
    finally:
        ip("netns", "del", name)
