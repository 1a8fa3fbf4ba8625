"""Work that an actor's process must not live on without: where it fails, the process ends, and Ray starts another.

Called by the actors' shells for the loops of their rooms. A loop that died unseen would leave an actor that answers
and does half of its work.
"""

from __future__ import annotations

import asyncio
import logging
import os

log = logging.getLogger(__name__)


def vital(task: asyncio.Task[None]) -> asyncio.Task[None]:
    """The task itself. One that is cancelled, or comes to its end, ends nothing."""
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (failure := task.exception()) is not None:
        log.error("this process ends: %s", task.get_name(), exc_info=failure)
        os._exit(1)
