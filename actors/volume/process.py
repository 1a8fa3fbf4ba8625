"""Runs QEMU's tools as child processes, each with its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from actors.volume.backend import BackendError

ERROR_LIMIT = 500  # characters of a tool's complaint that are passed on


async def run(command: Sequence[str], limit_s: float) -> str:
    """Its standard output. Raises `BackendError` if it fails or is late; when late or cancelled it is killed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise BackendError(f"{command[0]}: {error.strerror}") from error
    try:
        output, complaint = await asyncio.wait_for(process.communicate(), limit_s)
    except TimeoutError:
        raise BackendError(f"{' '.join(command[:2])}: not done within {limit_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise BackendError(f"{' '.join(command[:2])}: {complaint.decode(errors='replace').strip()[:ERROR_LIMIT]}")
    return output.decode(errors="replace")
