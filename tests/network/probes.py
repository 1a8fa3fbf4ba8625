"""Says whether this machine can run the real network tests, and gives them namespaces of their own."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from actors.network.namespaces import inside as inside_command
from actors.network.netns_thread import NetnsThread

ANSWER_S = 5.0  # for what should come; what should not is waited for much shorter


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
                inside_command(name, "ip", "link", "add", f"p{kind[0][:5]}", "type", *kind),
                capture_output=True,
                text=True,
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
    command = inside_command(netns, "ip", *words)
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


def inside(netns: str, *command: str, timeout_s: float = 10.0) -> subprocess.CompletedProcess[str]:
    """Runs a command in a namespace to its end."""
    return subprocess.run(
        inside_command(netns, *command), capture_output=True, text=True, timeout=timeout_s, check=False
    )


def guest(node: str, tap: str, name: str, mac: str, address: str = "") -> None:
    """Makes the namespace `name` a guest behind the device `tap` of the node; without an address it has to ask."""
    ip("link", "add", tap, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", name, netns=node)
    ip("link", "set", tap, "up", netns=node)
    ip("link", "set", "lo", "up", netns=name)
    ip("link", "set", "eth0", "up", netns=name)
    if address:
        ip("addr", "add", address, "dev", "eth0", netns=name)


def ping(netns: str, address: str, source: str = "") -> bool:
    origin = ["-I", source] if source else []
    return inside(netns, "busybox", "ping", "-c1", "-W1", *origin, address).returncode == 0


@contextmanager
def tcp_server(netns: str, port: int) -> Iterator[None]:
    """Accepts connections on every address of the namespace, and answers nothing."""
    listener = NetnsThread(netns)
    both = partial(socket.create_server, ("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    server = listener.call(both)
    listener.close()
    try:
        yield
    finally:
        server.close()


def socket_in(netns: str, kind: socket.SocketKind, port: int = 0) -> socket.socket:
    """A socket of IPv4 that lives in the namespace; with a port it is bound, and listens if it can."""

    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, kind)
        made.settimeout(ANSWER_S)
        if port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("", port))
            if kind is socket.SOCK_STREAM:
                made.listen()
        return made

    thread = NetnsThread(netns)
    try:
        return thread.call(make)
    finally:
        thread.close()


def tcp_answers(netns: str, address: str, port: int, timeout_s: float = 1.0) -> bool:
    caller = NetnsThread(netns)
    try:
        caller.call(socket.create_connection, (address, port), timeout_s).close()
    except OSError:
        return False
    finally:
        caller.close()
    return True


REPORT = """#!/bin/sh
[ "$1" = bound ] && for name in ip mask mtu hostname staticroutes; do eval "echo $name=\\$$name"; done
exit 0
"""


def lease(netns: str) -> dict[str, str]:
    """What DHCP gives a guest, asked by udhcpc as a real guest asks: {} if nothing."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "report"
        script.write_text(REPORT)
        script.chmod(0o755)
        wanted = [word for name in ("mtu", "staticroutes", "hostname") for word in ("-O", name)]
        client = ["busybox", "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-t", "3", "-T", "1", "-s", str(script), *wanted]
        lines = inside(netns, *client, timeout_s=30).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def offered6(netns: str, mac: str, timeout_s: float = 5.0, take: bool = False, duid: bytes = b"") -> str:
    """The address that a DHCPv6 server offers (RFC 8415), or gives if asked to `take` it; "" if none. Debian's busybox
    can't ask."""
    duid = duid or bytes((0, 3, 0, 1)) + bytes.fromhex(mac.replace(":", ""))  # DUID-LL
    client = bytes((0, 1, 0, len(duid))) + duid
    wanted = bytes((0, 3, 0, 12)) + bytes(12)  # IA_NA
    at_once = bytes((0, 14, 0, 0)) if take else b""
    solicit = bytes((1, 7, 7, 7)) + client + wanted + at_once + bytes((0, 8, 0, 2, 0, 0))

    def ask() -> bytes:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            asked.bind(("", 546))
            asked.settimeout(timeout_s)
            asked.sendto(solicit, ("ff02::1:2", 547, 0, socket.if_nametoindex("eth0")))
            return asked.recv(1500)

    caller = NetnsThread(netns)
    try:
        told = caller.call(ask)
    except TimeoutError:
        return ""
    finally:
        caller.close()
    place = told.find(bytes((0, 5, 0, 24)))  # IAADDR
    return (
        socket.inet_ntop(socket.AF_INET6, told[place + 4 : place + 20])
        if told[0] == (7 if take else 2) and place > 0
        else ""
    )
