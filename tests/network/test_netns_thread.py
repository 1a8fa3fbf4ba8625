from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from actors.network.netns_thread import NetnsThread
from tests.network.probes import namespace, real


def test_without_a_name_it_stays_where_it_is_and_uses_one_thread() -> None:
    async def play() -> None:
        thread = NetnsThread("")
        first, second = await thread.run(threading.get_ident), await thread.run(threading.get_ident)
        assert first == second != threading.get_ident()
        assert await thread.run(max, 3, 4) == 4
        thread.close()

    asyncio.run(play())


def test_an_exception_reaches_the_caller() -> None:
    async def play() -> None:
        thread = NetnsThread("")
        with pytest.raises(ValueError):
            await thread.run(int, "x")
        assert await thread.run(int, "7") == 7
        thread.close()

    asyncio.run(play())


@real
def test_thread_is_inside_and_the_process_is_not() -> None:
    async def play(name: str) -> None:
        thread = NetnsThread(name)
        outside = socket.if_nameindex()
        assert await thread.run(socket.if_nameindex) == [(1, "lo")]
        assert await asyncio.to_thread(thread.call, socket.if_nameindex) == [(1, "lo")]
        assert socket.if_nameindex() == outside
        child = await thread.run(subprocess.check_output, ["readlink", "/proc/self/ns/net"], text=True)
        assert child.strip() != str(Path("/proc/self/ns/net").readlink())
        thread.close()

    with namespace("thread") as name:
        asyncio.run(play(name))


@real
def test_an_absent_namespace_is_an_error_and_is_not_made() -> None:
    thread = NetnsThread("nvt-is-not-there")
    for _ in range(2):
        with pytest.raises(OSError):
            thread.call(os.getpid)
    thread.close()
