"""The playbook of `examples`, by Ansible's own modules: made, unchanged by a second run, and gone.

Ansible and an SDK that its modules know are put beside the tests' own packages, from `ansible.lock`: into a folder of
their own in the virtual environment, since both that SDK and the newest are wanted. Of Ansible's three hundred
megabytes only the modules for OpenStack are unpacked. Called by `test_client_libraries.py`, and as a program when the
tests are set up.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from actors.cluster.clouds_file import client_variables
from tests.running import COMMAND_LIMIT_S, environment

LOCK = Path(__file__).with_name("ansible.lock")
PLAYBOOK = Path(__file__).parents[2] / "examples" / "playbook.yml"
MODULES = "ansible_collections/openstack/"  # all that is taken of the package with everybody's modules
EVERYBODYS = "ansible-"  # what its wheel's name begins with; that of the program with ansible_core
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXb7Ol5tSN7AWaMDuNhEFrTgrX3Dcqvy6yMU4wnkz5j ann@host\n"
MADE = 7  # a key, a network, a subnet, a group, a volume, a server, and the volume attached
GONE = 5  # the subnet goes with its network


def day(home: Path, folder: Path) -> None:
    packages = installed(Path(sys.prefix))
    key = folder / "key.pub"
    key.write_text(KEY)
    play = Play(home, packages, folder)
    assert play.changed(f"key={key}") == MADE
    assert play.changed(f"key={key}") == 0
    assert play.changed("state=absent") == GONE


def installed(prefix: Path) -> Path:
    """The packages of the lock file as it is now; they are fetched where they are not there yet."""
    packages = prefix / f"ansible-{sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if not packages.exists():
        for old in prefix.glob("ansible-*"):
            rmtree(old)
        with TemporaryDirectory(dir=prefix) as folder:
            unpacked(Path(folder)).rename(packages)
    return packages


def unpacked(folder: Path) -> Path:
    wheels, packages = folder / "wheels", folder / "packages"
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    subprocess.run([*pip, "-r", LOCK, "-d", wheels], check=True, timeout=COMMAND_LIMIT_S)
    for wheel in wheels.iterdir():
        with ZipFile(wheel) as archive:
            names = archive.namelist()
            archive.extractall(
                packages,
                [name for name in names if name.startswith(MODULES)] if wheel.name.startswith(EVERYBODYS) else names,
            )
        wheel.unlink()
    return packages


@dataclass(frozen=True, slots=True)
class Play:
    """`folder` is where Ansible may write."""

    home: Path
    packages: Path
    folder: Path

    def changed(self, variable: str) -> int:
        """How many tasks of the playbook changed anything."""
        path = os.pathsep.join(filter(None, (str(self.packages), os.environ.get("PYTHONPATH"))))
        ours = {"PYTHONPATH": path, "ANSIBLE_HOME": str(self.folder / "ansible"), "ANSIBLE_PIPELINING": "1"}
        variables = environment(self.home, **ours, **client_variables(self.home))
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", PLAYBOOK, "-e", variable],
            env=variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
        )
        assert done.returncode == 0, f"{variable}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        recap = re.search(r"^localhost +: ok=(\d+) +changed=(\d+)", done.stdout, re.MULTILINE)
        assert recap and int(recap[1]) >= GONE, done.stdout
        return int(recap[2])


if __name__ == "__main__":
    installed(Path(sys.prefix))
