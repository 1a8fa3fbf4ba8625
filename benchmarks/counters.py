"""What an actor has counted, asked in its own process: so this module imports nothing that an actor has not loaded.

Ray has the actor import the module of a function that it is sent. From `measure.py` each would load a database's
library and keep it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.cluster.reach import Reach

if TYPE_CHECKING:
    from actors.conductor.store import Statistics


def statistics(conductor: Any) -> Statistics:
    """Runs in the conductor's shell."""
    counted: Statistics = conductor.room._store.statistics
    return counted


def messages(_: Any) -> int:
    """Messages that this process has sent; runs in any actor."""
    return Reach.sent
