"""The operator of a simulated cloud, who has the servers of a lost node built again elsewhere.

As `actors/cluster/evacuation.py` does by policy, with a root disk made of the image anew: asked of the API, again where
nobody answers, until nothing is left to be evacuated or the node is back. Before the first word the machine is switched
off, as whoever evacuates must see to: a node that only seems to be dead would run the same guests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from actors.api.messages import EvacuateNode
from actors.errors import CallerError
from benchmarks.simulation.stands import ADMIN

AFTER_S = (0.0, 8.0)  # from a node's loss to the operator's first word
AGAIN_S = 3.0
TRIES = 60


async def evacuate(
    api: Any, node: str, is_back: Callable[[], bool], switch_off: Callable[[], None], random: Random
) -> None:
    """`api` over the wire."""
    await asyncio.sleep(random.uniform(*AFTER_S))
    if not is_back():
        switch_off()
    request = EvacuateNode(token=ADMIN, node=node, from_image=True)
    for _ in range(TRIES):
        if is_back():
            return
        try:
            if all(one.why_not for one in await api.evacuate_node(request)):
                return
        except (ConnectionError, CallerError):
            pass  # a room is away; the next time tries again
        await asyncio.sleep(AGAIN_S)
