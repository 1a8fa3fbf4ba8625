"""Runs the tools that build the image; called by every module of this folder.

Invariant: a tool that fails raises `GuestBuildError` with its last words; nothing fails silently.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SYSTEM_FOLDERS = "/usr/sbin:/usr/bin:/sbin:/bin"
TOOL_DEADLINE_S = 300.0
LAST_WORDS_LINES = 5


class GuestBuildError(Exception):
    """The guest image can't be built here; the message says which tool failed and how."""


def run(command: list[str], cwd: Path | None = None, stdin: bytes | None = None) -> bytes:
    """Standard output of `command`, in the C locale, with the system tools' folders on the path."""
    environment = {**os.environ, "PATH": search_path(), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, cwd=cwd, input=stdin, env=environment, capture_output=True, timeout=TOOL_DEADLINE_S, check=False
        )
    except FileNotFoundError as missing:
        raise GuestBuildError(f"{command[0]} is not installed") from missing
    except subprocess.TimeoutExpired as expired:
        raise GuestBuildError(f"{command[0]} took longer than {TOOL_DEADLINE_S:.0f} s") from expired
    if done.returncode:
        last_words = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-LAST_WORDS_LINES:]
        raise GuestBuildError(f"{' '.join(command[:3])} failed ({done.returncode}): {' / '.join(last_words)}")
    return done.stdout


def find_program(name: str) -> str:
    found = shutil.which(name, path=search_path())
    if not found:
        raise GuestBuildError(f"{name} is not installed")
    return found


def search_path() -> str:
    """The caller's path with the system's folders: an ordinary user's lacks those of mkfs.fat and dropbear."""
    return f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}"
