"""Who may still act for a worker node: the newest epoch of each that was heard of. Pure.

Kept by the rooms that compute actors talk to (network, volume, scheduler). The conductor tells each new epoch before
the actor that has it acts; after a restart the rooms read the conductor's rows. Invariant: epochs only grow.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.cluster.names import node_of
from actors.errors import CallerFault, conflict
from actors.records import ComputeNode

UNFENCED = 0  # the epoch of requests that come from no compute actor


class Epochs:
    def __init__(self, rows: Iterable[ComputeNode] = ()) -> None:
        self._newest = {row.id: row.epoch for row in rows}

    def tell(self, node: str, epoch: int) -> None:
        self._newest[node] = max(epoch, self._newest.get(node, UNFENCED))

    def fault(self, host: str, epoch: int) -> CallerFault | None:
        """Why a compute actor of this host that has this epoch is refused, or None."""
        newest = self._newest.get(node_of(host), UNFENCED)
        if epoch == UNFENCED or epoch >= newest:
            return None
        return conflict("epoch", f"the compute service of {host} is stale: it has epoch {epoch}, and {newest} is given")
