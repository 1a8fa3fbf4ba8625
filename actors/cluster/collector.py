"""How an actor's process keeps its memory: how often it looks for garbage in cycles, and gives back what is free.

Rooms hold tens of thousands of small objects that live long and hardly any cycles; Python's own thresholds have it walk
over them all the time, for a tenth of a boot's cost. What a start or a storm needed stays with the C library unless it
is told. Called once by each actor's process when it starts, and by its shell.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from typing import Any

THRESHOLDS = (100_000, 20, 50)  # new objects before a young, young before a middle, middle before a full collection


STARTED_S = 8.0  # after so long a process has what it needs, and the rest is garbage
GIVE_BACK_S = 20.0  # between times that free memory is given back


def collect_rarely() -> None:
    gc.set_threshold(*THRESHOLDS)


def keep_memory_small() -> None:
    """For a process that stays; called in its event loop."""
    collect_rarely()
    asyncio.get_running_loop().call_later(STARTED_S, _started)


def _started() -> None:
    gc.collect()
    gc.freeze()  # what is left, stays: no collection looks at it again
    give_back: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if give_back is not None:
        _give_back(give_back)


def _give_back(trim: Any) -> None:
    trim(0)
    asyncio.get_running_loop().call_later(GIVE_BACK_S, _give_back, trim)
