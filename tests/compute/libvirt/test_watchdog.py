"""The watchdog's process, reached as compute actors reach it. Guests are processes that libvirt could have started.

A connection that is closed is what the kernel makes of an actor that was killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from actors.clock import SystemClock
from actors.cluster.config import NodeConfig
from actors.compute.libvirt.watchdog import NodeWatchdog, _is_locked, stop_watchdog
from actors.compute.libvirt.watchdog_process import LOCK
from actors.errors import HostError
from tests.running import await_nothing

LEASE_S = 0.6
LONG_S = 600.0
STALLED_S = 3.0
END_LIMIT_S = 20.0
Play = Callable[[NodeWatchdog, NodeWatchdog], Awaitable[None]]

now = SystemClock().monotonic


class Guest:
    """Lives until it is killed; its command says what QEMU's says."""

    def __init__(self) -> None:
        self.id = str(uuid4())
        program = "import signal; signal.pause()"
        self.process = subprocess.Popen([sys.executable, "-ISc", program, "-name", "guest", "-uuid", self.id])

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    async def end(self) -> float:
        """When it had ended."""
        await asyncio.to_thread(self.process.wait, END_LIMIT_S)
        return now()


@pytest.fixture
def guest() -> Iterator[Guest]:
    made = Guest()
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture
def other() -> Iterator[Guest]:
    made = Guest()
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeConfig]:
    """Its path is longer than a socket's may be; its daemon is an operator's, so that no mount tells its guests."""
    home = tmp_path / ("long" * 25)
    config = NodeConfig(host="host-1", home=home, hypervisor="libvirt", libvirt_uri="test:///default")
    yield config
    stop_watchdog(config)
    stop_watchdog(config)
    assert not _is_locked(home / LOCK)


def play(node: NodeConfig, scene: Play) -> None:
    """With two actors of the node, one after the other."""

    async def run() -> None:
        await scene(NodeWatchdog(node), NodeWatchdog(node))

    asyncio.run(run())


def killed(actor: NodeWatchdog) -> None:
    """Nothing that an actor does when it ends in order is done."""
    assert actor._socket is not None
    asyncio.get_running_loop().remove_reader(actor._socket)
    actor._socket.close()


def pid_of(node: NodeConfig) -> int:
    return int((node.home / LOCK).read_text())


def test_a_guest_whose_actor_was_killed_ends_when_the_lease_is_over_and_no_other_does(
    node: NodeConfig, guest: Guest, other: Guest
) -> None:
    async def scene(actor: NodeWatchdog, _: NodeWatchdog) -> None:
        until = now() + LEASE_S
        await actor.begin([guest.id], until)
        killed(actor)
        assert until <= await guest.end() < until + END_LIMIT_S
        assert other.lives

    play(node, scene)


def test_a_guest_whose_actor_hangs_ends_as_well(node: NodeConfig, guest: Guest) -> None:
    async def scene(actor: NodeWatchdog, _: NodeWatchdog) -> None:
        await actor.begin([guest.id], now() + LEASE_S)
        await guest.end()

    play(node, scene)


def test_answers_of_the_conductor_are_time(node: NodeConfig, guest: Guest, other: Guest) -> None:
    async def scene(actor: NodeWatchdog, second: NodeWatchdog) -> None:
        until = now() + LEASE_S
        await actor.begin([guest.id], until)
        actor.renew(until + LEASE_S)
        killed(actor)
        assert await guest.end() >= until + LEASE_S
        await second.begin([other.id], now() + LEASE_S)
        await other.end()

    play(node, scene)


def test_what_the_conductor_has_heard_of_runs_on(node: NodeConfig, guest: Guest, other: Guest) -> None:
    async def scene(actor: NodeWatchdog, _: NodeWatchdog) -> None:
        await actor.begin([guest.id, other.id], now() + LEASE_S)
        actor.let_go([guest.id])
        killed(actor)
        await other.end()
        assert guest.lives

    play(node, scene)


def test_one_that_takes_nothing_for_a_while_hears_what_was_let_go_of_meanwhile(
    node: NodeConfig, guest: Guest, other: Guest
) -> None:
    async def scene(actor: NodeWatchdog, second: NodeWatchdog) -> None:
        until = now() + STALLED_S
        await second.begin([other.id], until)
        await actor.begin([guest.id], until)
        os.kill(pid_of(node), signal.SIGSTOP)
        for _ in range(10_000):  # more than its connection holds
            actor.renew(until)
        actor.let_go([guest.id])
        os.kill(pid_of(node), signal.SIGCONT)
        await other.end()
        assert guest.lives

    play(node, scene)


def test_the_next_actor_takes_up_what_it_builds_and_what_is_here(node: NodeConfig, guest: Guest, other: Guest) -> None:
    last = Guest()

    async def scene(actor: NodeWatchdog, second: NodeWatchdog) -> None:
        await actor.begin([guest.id, other.id, last.id], now() + LEASE_S)
        killed(actor)
        await second.begin([guest.id], now() + LONG_S)
        assert await second.take_up([other.id, str(uuid4())]) == [other.id]
        await last.end()
        assert guest.lives
        assert other.lives

    play(node, scene)


def test_the_next_actor_hears_what_was_stopped(node: NodeConfig, guest: Guest) -> None:
    async def scene(actor: NodeWatchdog, second: NodeWatchdog) -> None:
        await actor.begin([guest.id], now() + LEASE_S)
        killed(actor)
        await guest.end()
        assert await second.take_up([str(uuid4()), guest.id]) == [guest.id]

    play(node, scene)


def test_a_watchdog_that_dies_is_replaced_at_once_where_guests_are_at_stake(node: NodeConfig, guest: Guest) -> None:
    async def scene(actor: NodeWatchdog, _: NodeWatchdog) -> None:
        await actor.begin([guest.id], now() + LONG_S)
        first = pid_of(node)
        os.kill(first, signal.SIGKILL)
        gone = await asyncio.to_thread(await_nothing, lambda: [LOCK] if pid_of(node) == first else [])
        assert gone == []  # another has come
        actor._until = 0.0  # what is renewed is the lease's end, which never comes nearer
        actor.renew(now() + LEASE_S)
        killed(actor)
        await guest.end()

    play(node, scene)


def test_a_watchdog_that_died_is_replaced_before_the_next_guest_begins(node: NodeConfig, guest: Guest) -> None:
    async def scene(actor: NodeWatchdog, _: NodeWatchdog) -> None:
        await actor.start()
        os.kill(pid_of(node), signal.SIGKILL)
        await actor.begin([guest.id], now() + LEASE_S)
        killed(actor)
        await guest.end()

    play(node, scene)


def test_it_ends_when_it_is_of_no_use_to_anybody(node: NodeConfig, guest: Guest) -> None:
    async def scene(actor: NodeWatchdog, _: NodeWatchdog) -> None:
        await actor.begin([guest.id], now() + LONG_S)
        actor.close()
        gone = await asyncio.to_thread(await_nothing, lambda: [LOCK] if _is_locked(node.home / LOCK) else [])
        assert gone == []
        assert guest.lives

    play(node, scene)


def test_who_takes_the_node_down_ends_it_and_no_guest(node: NodeConfig, guest: Guest) -> None:
    async def scene(actor: NodeWatchdog, _: NodeWatchdog) -> None:
        await actor.begin([guest.id], now() + LONG_S)
        killed(actor)
        await asyncio.to_thread(stop_watchdog, node)
        assert not _is_locked(node.home / LOCK)
        assert guest.lives

    play(node, scene)


def test_no_guest_begins_where_there_is_no_watchdog(tmp_path: Path, guest: Guest) -> None:
    home = tmp_path / "a file, and no folder"
    home.touch()
    config = NodeConfig(host="host-1", home=home, hypervisor="libvirt", libvirt_uri="test:///default")

    async def scene(actor: NodeWatchdog, _: NodeWatchdog) -> None:
        await actor.start()
        with pytest.raises(HostError) as caught:
            await actor.begin([guest.id], now() + LEASE_S)
        assert (caught.value.fault.step, caught.value.fault.host) == ("watchdog", "host-1")

    play(config, scene)


def test_a_guest_of_another_node_is_not_touched(tmp_path: Path, guest: Guest) -> None:
    """The node has a daemon of its own, whose guests see a mount of that name; this one does not."""
    config = NodeConfig(host="host-1", home=tmp_path / "home", hypervisor="libvirt")

    async def scene(actor: NodeWatchdog, second: NodeWatchdog) -> None:
        await actor.begin([guest.id], now())
        assert await second.take_up([guest.id]) == [guest.id]  # it was due before this was heard
        assert guest.lives

    try:
        play(config, scene)
    finally:
        stop_watchdog(config)


def test_its_process_loads_next_to_nothing() -> None:
    """So that it is up in 30 ms, and takes 5 MB."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); import actors.compute.libvirt.watchdog_process as it"
    command = [sys.executable, "-ISc", f"{program}; print(*sys.modules)", str(Path(__file__).parents[3])]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    ours = {name.rpartition(".")[2] for name in loaded if name.startswith("actors.")}
    assert ours == {"compute", "libvirt", "guest_processes", "watchdog_process", "stakes"}
    assert not loaded & {"asyncio", "json", "msgspec", "subprocess"}
