"""The playbook of `examples`, by Ansible's own modules: made, unchanged by a second run, and gone.

Ansible and an SDK that its modules know are put beside the tests' own packages, from `ansible.lock`: into a folder of
the test's, since both that SDK and the newest are wanted. Of Ansible's three hundred megabytes only the modules for
OpenStack are unpacked. Called by `test_client_libraries.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
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
    packages = unpacked(folder)
    key = folder / "key.pub"
    key.write_text(KEY)
    assert changed(home, packages, f"key={key}") == MADE
    assert changed(home, packages, f"key={key}") == 0
    assert changed(home, packages, "state=absent") == GONE


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


def changed(home: Path, packages: Path, variable: str) -> int:
    """How many tasks of the playbook changed anything."""
    path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH"))))
    ours = {"PYTHONPATH": path, "ANSIBLE_HOME": str(packages / "home"), "ANSIBLE_PIPELINING": "1"}
    variables = environment(home, **ours, **client_variables(home))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", PLAYBOOK, "-e", variable],
        env=variables,
        cwd=packages,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_S,
    )
    assert done.returncode == 0, f"{variable}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    recap = re.search(r"^localhost +: ok=(\d+) +changed=(\d+)", done.stdout, re.MULTILINE)
    assert recap and int(recap[1]) >= GONE, done.stdout
    return int(recap[2])
