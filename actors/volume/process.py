"""Runs QEMU's tools as child processes, each with its deadline. None outlives the room that runs it.

In threads: an event loop hears of a child's end by a signal, and not every loop does so outside the main thread, where
actors run.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence

from actors.volume.backend import BackendError

ERROR_LIMIT = 500  # characters of a tool's complaint that are passed on
END_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")  # a tool that goes on has the volume's file locked


async def run(command: Sequence[str], limit_s: float) -> str:
    """Its standard output. Raises `BackendError` if it fails or is late; when late or cancelled it is killed."""
    try:
        process = subprocess.Popen(  # noqa: ASYNC220 - starting it takes a millisecond; its end is waited for in a thread
            [*END_WITH_US, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise BackendError(f"{command[0]}: {error.strerror}") from error
    try:
        output, complaint = await asyncio.to_thread(process.communicate, timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise BackendError(f"{' '.join(command[:2])}: not done within {limit_s:g} s") from None
    finally:
        if process.poll() is None:
            process.kill()
            await asyncio.to_thread(process.wait)
    if process.returncode:
        raise BackendError(f"{' '.join(command[:2])}: {complaint.decode(errors='replace').strip()[:ERROR_LIMIT]}")
    return output.decode(errors="replace")
