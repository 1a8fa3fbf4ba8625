"""How long the node has been up, in the words of the command `uptime`, as Nova's libvirt driver tells it."""

from __future__ import annotations

import asyncio
import os
import shutil

from actors.errors import HostError, HostFault

ANSWER_LIMIT_S = 5.0


async def uptime(node: str) -> str:
    """Of this machine. Raises `HostError` where there is no such command, or it does not answer."""
    program = shutil.which("uptime")
    if program is None:
        raise HostError(HostFault("uptime", node, "there is no command 'uptime' here"))
    process = await asyncio.create_subprocess_exec(
        program, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, env=os.environ | {"LC_ALL": "C"}
    )
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise HostError(HostFault("uptime", node, f"no answer within {ANSWER_LIMIT_S:g} s")) from None
    if process.returncode:
        raise HostError(HostFault("uptime", node, f"the command ended with {process.returncode}"))
    return said.decode(errors="replace").rstrip("\n")
