"""What a simulated node has instead of a kernel, reached by its compute actor and its network agent alike."""

from __future__ import annotations

import ray

from actors.cluster.config import NodeConfig
from actors.simulated_taps import TapFile


def taps_of(config: NodeConfig) -> TapFile:
    """Those of this life of the node: one that joins Ray anew has booted anew, and has no taps."""
    folder, life = config.home / "taps", ray.get_runtime_context().get_node_id()
    for earlier in folder.glob("*"):
        if not earlier.name.startswith(life):
            earlier.unlink(missing_ok=True)
    return TapFile(folder / life)
