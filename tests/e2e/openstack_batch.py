"""Runs the real `openstack` command line for many commands in one process, which loads its libraries once.

A program of its own: each line of its input is a JSON list of arguments, each line of its output says how that command
ended. Every command logs in anew and parses its own options, as a process of its own would.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from openstackclient.common.clientmanager import ClientManager
from openstackclient.shell import main
from osc_lib.clientmanager import ClientCache


def run(arguments: list[str]) -> dict[str, object]:
    _forget_logins()
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ended:  # how the argument parser refuses
            code = ended.code if isinstance(ended.code, int) else 2
    return {"code": code or 0, "out": out.getvalue(), "err": err.getvalue()}


def _forget_logins() -> None:
    """The client keeps its sessions for the life of its process: the next command may be another user's."""
    for owner in ClientManager.__mro__:
        for kept in vars(owner).values():
            if isinstance(kept, ClientCache):
                kept._handle = None


def main_loop() -> None:
    commands, answers = sys.stdin, sys.stdout
    with Path(os.devnull).open() as nothing:
        sys.stdin = nothing  # a command that reads its input must not take the next ones
        for line in commands:
            answers.write(json.dumps(run(json.loads(line))) + "\n")
            answers.flush()


if __name__ == "__main__":
    main_loop()
