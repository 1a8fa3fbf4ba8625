"""The tools that the volume room runs: their output, their complaints, and their end with it."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from actors.volume.backend import BackendError
from actors.volume.process import run

LIMIT_S = 30.0
OWNER = """
import asyncio, sys
from actors.volume.process import run
asyncio.run(run(["sh", "-c", "echo $$ > $0; exec sleep 600", sys.argv[1]], 600.0))
"""


def test_output_and_complaints() -> None:
    assert asyncio.run(run(["echo", "well"], LIMIT_S)) == "well\n"
    with pytest.raises(BackendError, match="sh -c: no such thing"):
        asyncio.run(run(["sh", "-c", "echo no such thing >&2; exit 3"], LIMIT_S))
    with pytest.raises(BackendError, match="no-such-tool"):
        asyncio.run(run(["no-such-tool"], LIMIT_S))


def test_a_tool_that_is_late_is_killed() -> None:
    with pytest.raises(BackendError, match="not done within"):
        asyncio.run(run(["sleep", "600"], 0.01))


def test_a_tool_ends_when_its_room_is_killed(tmp_path: Path) -> None:
    said = tmp_path / "pid"
    os.mkfifo(said)
    room = subprocess.Popen([sys.executable, "-c", OWNER, str(said)])
    try:
        tool = os.pidfd_open(int(said.read_text()))
        assert select.select([tool], [], [], 0.0)[0] == []
    finally:
        room.kill()
        room.wait()
    assert select.select([tool], [], [], LIMIT_S)[0] == [tool]
    os.close(tool)
