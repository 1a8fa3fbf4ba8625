"""Real guests, and what their node stands on killed in the middle of four boots: nothing is stuck, nothing is left
over, and a guest that was there before still answers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray

from actors.cli.doctor import lacks_for_real_guests
from actors.cli.reach_guest import ssh_output
from actors.cloud import BootOptions, Cloud, Server
from actors.cluster import names
from actors.messages import ServerView
from tests.running import CommandLine, cloud

pytestmark = [pytest.mark.real, pytest.mark.chaos]

NODE = "node-1"
BOOTS = 4
END_LIMIT_S = 240.0  # for boots to end, on a machine that is busy with other things
CLEAN_LIMIT_S = 60.0  # for everybody to agree again: what was killed comes back, and what it left is put away
SSH_LIMIT_S = 90.0
LOOK_S = 0.1
TAIL = 400  # console lines


@dataclass(frozen=True, slots=True)
class Scene:
    line: CommandLine
    api: Cloud
    survivor: Server
    key: Path

    def answers(self) -> str:
        return ssh_output(*self.survivor.forward(22), self.key, "hostname", SSH_LIMIT_S).strip()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if lacks := lacks_for_real_guests():
        pytest.skip("; ".join(lacks))
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with cloud() as line, Cloud.connect(line.home) as api:
        options = BootOptions(public_key=key.with_suffix(".pub").read_text().strip(), security_groups=("ssh-and-web",))
        scene = Scene(line, api, api.boot("survivor", options).wait(END_LIMIT_S), key)
        await_ready(scene.survivor)
        assert scene.answers() == "survivor"
        yield scene


def await_ready(server: Server) -> None:
    """Its last line on the console says so."""
    deadline = time.monotonic() + END_LIMIT_S
    while "GUEST READY" not in server.console(TAIL):
        assert time.monotonic() < deadline, server.console(TAIL)
        time.sleep(LOOK_S)  # a serial console tells nobody when it grows


def actor(name: str) -> Callable[[Scene, list[Server]], int]:
    """The process of a Ray actor."""

    def find(scene: Scene, servers: list[Server]) -> int:
        handle = ray.get_actor(name, namespace=names.NAMESPACE)
        return int(ray.get(handle.__ray_call__.remote(_pid)))

    return find


def _pid(_: object) -> int:
    return os.getpid()


def program(name: str) -> Callable[[Scene, list[Server]], int]:
    """A program that this cloud runs: its command names the cloud's home."""

    def find(scene: Scene, servers: list[Server]) -> int:
        return _await_process(lambda words: Path(words[0]).name == name and str(scene.line.home) in " ".join(words))

    return find


def guest(scene: Scene, servers: list[Server]) -> int:
    """QEMU of one of the guests that are being started."""
    ids = {server.id for server in servers}
    return _await_process(lambda words: "qemu" in words[0] and bool(ids.intersection(words)))


def _await_process(is_it: Callable[[list[str]], bool]) -> int:
    deadline = time.monotonic() + END_LIMIT_S
    while time.monotonic() < deadline:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue  # it ended meanwhile
            if words[0] and is_it(words):
                return int(folder.name)
        time.sleep(LOOK_S)  # a process that starts tells nobody
    raise AssertionError("no such process")


VICTIMS: dict[str, tuple[Callable[[Scene, list[Server]], int], int]] = {
    "compute actor": (actor(names.compute_name(NODE)), 0),
    "network agent": (actor(names.agent_name(NODE)), 0),
    "dnsmasq": (program("dnsmasq"), 0),
    "libvirtd": (program("libvirtd"), BOOTS),
    "qemu": (guest, 1),
}
"""Who is killed, and how many boots may end in ERROR on this one node: a guest that was killed has no other host."""


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_kill_in_the_middle_of_boots(scene: Scene, victim: str) -> None:
    find, errors = VICTIMS[victim]
    servers = scene.api.boot_many([f"{victim.replace(' ', '-')}-{number}" for number in range(BOOTS)])
    await_spawning(scene, servers)
    os.kill(find(scene, servers), signal.SIGKILL)
    ended = await_ended(scene, servers)
    assert set(ended.values()) <= {"ACTIVE", "ERROR"}
    assert list(ended.values()).count("ERROR") <= errors, {s.name: s.refresh().view.fault for s in servers}
    assert await_agreement(scene) == ""
    scene.api.delete(servers)
    assert await_agreement(scene) == ""
    assert [server.name for server in scene.api.servers()] == ["survivor"]
    assert scene.answers() == "survivor"


def await_spawning(scene: Scene, servers: list[Server]) -> None:
    """At least one of them is in the hands of the hypervisor."""
    deadline = time.monotonic() + END_LIMIT_S
    while time.monotonic() < deadline:
        if any(view.task_state == "spawning" for view in views(scene, servers)):
            return
        time.sleep(LOOK_S)
    raise AssertionError("no boot came as far as spawning")


def await_ended(scene: Scene, servers: list[Server]) -> dict[str, str]:
    deadline = time.monotonic() + END_LIMIT_S
    while time.monotonic() < deadline:
        found = {view.name: view.status for view in views(scene, servers)}
        if "BUILD" not in found.values():
            break
        time.sleep(LOOK_S)
    return found


def views(scene: Scene, servers: list[Server]) -> list[ServerView]:
    return scene.api.show([server.id for server in servers])


def await_agreement(scene: Scene) -> str:
    """'' when `novaray audit` has nothing to say; else what it says at the end."""
    deadline = time.monotonic() + CLEAN_LIMIT_S
    while True:
        done = scene.line.attempt("audit")
        if done.returncode == 0 or time.monotonic() > deadline:
            return "" if done.returncode == 0 else done.stdout + done.stderr
