"""The DHCP server of one network on this node: its namespace, its wire into the node, its dnsmasq.

Used by `linux.py`. The namespace is `qdhcp-<network id>`; in it `ns-…`, and its other end `tap…` in the node's
namespace, which the L2 agent joins to the network's bridge like any port's tap. dnsmasq puts itself in the background
and outlives the agent, which finds it again by its pid file. Invariant: what runs is what the files and the command
line say; a lease whose reservation is gone is gone too, since it would keep the address from its next owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from actors.network import dhcp_files, namespaces
from actors.network.dhcp6_watch import Dhcp6Watch, place
from actors.network.dhcp_files import DhcpPaths
from actors.network.ipam import IPV6_MIN_MTU, version_of
from actors.network.l2 import WiringError
from actors.network.links import Links
from actors.network.messages import DhcpNetworkInfo
from actors.network.naming import tap_device
from actors.network.netlink import Netlink
from actors.network.netns_thread import NetnsThread
from actors.network.wire_end import set_addresses, set_device
from actors.network.wired_namespace import WiredNamespace

NAMESPACE_PREFIX = "qdhcp-"
INSIDE_PREFIX = "ns-"
START_DEADLINE_S = 20.0  # dnsmasq up; 0.02-0.2 s on a quiet machine
LOG_LIMIT_BYTES = 1 << 20
STOP_DEADLINE_S = 5.0  # after SIGTERM, then SIGKILL


def namespace_of(network_id: str) -> str:
    return f"{NAMESPACE_PREFIX}{network_id}"


class DhcpServer:
    """`node` is the thread of the node's namespace, `links` its netlink; the caller allows one call at a time."""

    def __init__(self, network_id: str, folder: Path, node: NetnsThread, links: Links) -> None:
        self.network_id = network_id
        self._inside = WiredNamespace(namespace_of(network_id), (INSIDE_PREFIX,), node, links)
        self.paths = DhcpPaths(folder / network_id)
        self._node = node
        self._links = links
        self._watch: Dhcp6Watch | None = None

    async def serve(self, info: DhcpNetworkInfo) -> None:
        """Brings everything to what `info` (which has a port) says. Raises `OSError` or `WiringError`."""
        assert info.port is not None
        tap, inside = tap_device(info.port.id), _inside_device(info.port.id)
        _, others = await self._inside.keep({inside})
        if others:
            await asyncio.to_thread(self._end_others)
        await self._node.run(self._links.wire_into, self._inside.name, tap, inside, info.port.mac_address)
        await self._inside.run(self._bring_up, info, inside)
        await self._look_out(info, inside)

    async def _look_out(self, info: DhcpNetworkInfo, inside: str) -> None:
        """For guests that ask for an IPv6 address which a lease keeps from them."""
        entries = [(mac, address) for mac, _, address in dhcp_files.reservations(info) if mac and ":" in address]
        if self._watch is not None and (not entries or self._watch.place != await self._inside.run(place, inside)):
            self.let_go()
        if entries and self._watch is None:
            self._watch = await self._inside.run(Dhcp6Watch, self.paths.leases, inside)
            self._watch.begin()
        if self._watch is not None:
            self._watch.reserve(entries)

    def let_go(self) -> None:
        """Nobody looks out any more; what was brought up stays."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    async def revive(self, info: DhcpNetworkInfo) -> bool:
        """Starts dnsmasq again if it is dead; says whether it was."""
        if pid_of(self.paths):
            return False
        await self.serve(info)
        return True

    async def stop(self) -> None:
        """Takes everything away, whatever there is of it."""
        self.let_go()
        await asyncio.to_thread(_stop_dnsmasq, self.paths)
        await self._inside.leave()
        await asyncio.to_thread(shutil.rmtree, self.paths.folder, ignore_errors=True)

    async def open_socket(self) -> socket.socket:
        """A TCP socket that lives in the network."""
        return await self._inside.run(socket.socket, socket.AF_INET, socket.SOCK_STREAM)

    def _end_others(self) -> None:
        """The server of a node of this machine that had the namespace: its addresses would be in the way of ours."""
        for pid in namespaces.pids(self._inside.name):
            if pid != pid_of(self.paths):
                _end(pid)

    # ------------------------------------------------------------ in the namespace's thread

    def _bring_up(self, info: DhcpNetworkInfo, inside: str) -> None:
        assert info.port is not None
        addresses = dhcp_files.addresses(info)
        if info.network.mtu < IPV6_MIN_MTU:
            addresses = [address for address in addresses if version_of(address) == 4]
        with Netlink() as netlink:
            set_device(netlink, inside, info.port.mac_address, info.network.mtu)
            if any(version_of(address) == 6 for address in addresses):
                _speak_ipv6(inside)
            set_addresses(netlink, inside, addresses)
        self._write(info)
        command = dhcp_files.command(info, self.paths, inside)
        stale = dhcp_files.stale_leases(_read(self.paths.leases), info)
        pid = pid_of(self.paths)
        if pid and not stale and _command_line(pid) == command:
            os.kill(pid, signal.SIGHUP)
            return
        _stop_dnsmasq(self.paths)
        if stale:
            _write_atomically(self.paths.leases, dhcp_files.without(_read(self.paths.leases), stale))
        _start(command)

    def _write(self, info: DhcpNetworkInfo) -> None:
        content = dhcp_files.files(info)
        self.paths.folder.mkdir(parents=True, exist_ok=True)
        _write_atomically(self.paths.host, content.host)
        _write_atomically(self.paths.addn_hosts, content.addn_hosts)
        _write_atomically(self.paths.opts, content.opts)


# ---------------------------------------------------------------- dnsmasq


def pid_of(paths: DhcpPaths) -> int:
    """The running dnsmasq of these files; 0 if there is none. A reused pid is told by its command line."""
    text = _read(paths.pid).strip()
    if not text.isdigit():
        return 0
    return int(text) if f"--pid-file={paths.pid}" in _command_line(int(text)) else 0


def _command_line(pid: int) -> list[str]:
    """[] for a process that is gone, or dead and not reaped yet."""
    return _read(Path(f"/proc/{pid}/cmdline")).split("\0")[:-1]


def _start(command: list[str]) -> None:
    """Returns when dnsmasq has bound its sockets and gone to the background."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_DEADLINE_S,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WiringError(f"dnsmasq did not start within {START_DEADLINE_S:g} s") from error
    if done.returncode:
        raise WiringError(f"dnsmasq did not start: {done.stderr.strip() or done.returncode}")


def _stop_dnsmasq(paths: DhcpPaths) -> None:
    if pid := pid_of(paths):
        _end(pid)


def _end(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for which in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(process, which)
            if select.select([process], [], [], STOP_DEADLINE_S)[0]:
                return
        raise WiringError(f"dnsmasq {pid} does not end")
    except ProcessLookupError:
        return
    finally:
        os.close(process)


# ---------------------------------------------------------------- the wire's end in the namespace


def _inside_device(port_id: str) -> str:
    return f"{INSIDE_PREFIX}{port_id[:11]}"


def _speak_ipv6(device: str) -> None:
    """It believes no announcement, and its addresses are good at once: the network room gave them to nobody else."""
    conf = Path(f"/proc/sys/net/ipv6/conf/{device}")
    if not conf.exists():
        raise WiringError("this kernel has no IPv6, which a subnet of the network needs")
    for name in ("accept_ra", "autoconf", "accept_dad", "disable_ipv6"):
        (conf / name).write_text("0")


# ---------------------------------------------------------------- files


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def bound(log: Path) -> None:
    """Where it has become long it begins anew; dnsmasq appends, so what it writes next is at its beginning."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            os.truncate(log, 0)


def _write_atomically(path: Path, content: str) -> None:
    """dnsmasq never reads half a file."""
    part = path.with_suffix(".new")
    part.write_text(content)
    part.replace(path)
