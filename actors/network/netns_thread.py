"""A thread that lives in a named network namespace, for all that must be made there: sockets, netlink, processes.

Used by the node's network agent and by the libvirt driver. Invariant: only this thread ever changes its namespace;
the process and its event loop stay where they were. A socket belongs to the namespace in which it was created, and a
child process to that of the thread which forked it, so both may be handed out and used from anywhere afterwards.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from pyroute2 import netns as namespaces

Result = TypeVar("Result")
Args = ParamSpec("Args")


class NetnsThread:
    """One thread inside the named namespace ('' = the process's own); its absence is an `OSError` on first use."""

    def __init__(self, netns: str) -> None:
        self.netns = netns
        self._entered = threading.local()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"netns-{netns or 'own'}")

    async def run(self, fn: Callable[Args, Result], /, *args: Args.args, **kwargs: Args.kwargs) -> Result:
        """Runs `fn` in the namespace and returns its result; calls go one after the other."""
        return await asyncio.wrap_future(self._pool.submit(self._inside, lambda: fn(*args, **kwargs)))

    def call(self, fn: Callable[Args, Result], /, *args: Args.args, **kwargs: Args.kwargs) -> Result:
        """As `run`, for code without an event loop; blocks."""
        return self._pool.submit(self._inside, lambda: fn(*args, **kwargs)).result()

    def close(self) -> None:
        """Ends the thread after what it has in hand; the namespace itself stays."""
        self._pool.shutdown(wait=False)

    def _inside(self, work: Callable[[], Result]) -> Result:
        if self.netns and not getattr(self._entered, "done", False):
            namespaces.setns(self.netns, flags=0)  # flags 0: an absent namespace is an error, never created here
            self._entered.done = True
        return work()
