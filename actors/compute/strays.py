"""What is on a node of instances that do not belong there: found by sweeps, and by the node's policy removed.

Owned by the compute actor. What a crash, a lost message or a node that was away leaves behind is nobody's: the
conductor says which instances have no place here. Invariants: nothing is removed that was strange only once, that is
in hand here, or that the conductor could not be asked about.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.compute.build import Build
from actors.errors import CallerFault
from actors.messages import BootSpec, Claim, DestroyOrder, DetachRequest
from actors.records import Flavor

if TYPE_CHECKING:
    from actors.compute.service import Compute

NOBODY = BootSpec(
    name="",
    hostname="",
    project_id="",
    user_id="",
    token="",
    flavor=Flavor(id="", name="", vcpus=0, ram_mib=0, disk_gib=0),
)
"""The request of an instance that nobody remembers: every undo works from the instance's id and its host."""

log = logging.getLogger(__name__)


class Strays:
    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._strange: frozenset[str] = frozenset()  # at the last sweep

    async def sweep(self) -> list[str]:
        """Look once; the ids that were strange now and at the last sweep. Removes them where the node says so."""
        node = self._compute
        here = await node.hypervisor.instances()
        asked = sorted((here | {claim.instance_id for claim in node.hosts.claims()}) - node.in_hand())
        strangers = frozenset(await node.conductor.strangers(node.config.host, asked) if asked else ())
        strays = sorted(strangers & self._strange - node.in_hand())
        self._strange = strangers
        if strays:
            log.warning("node %s: of no server here: %s", node.config.host, ", ".join(strays))
        if node.config.strays == "remove":
            await self._remove(strays)
        return strays

    async def _remove(self, strays: list[str]) -> None:
        if not strays:
            return
        node = self._compute
        found = await node.conductor.show(strays)  # a server that is elsewhere, or shelved, keeps its ports
        there = {view.id for view in found if not isinstance(view, CallerFault)}
        orders = [
            _order(instance_id, node.hosts.host_of(instance_id) or node.config.host, instance_id in there)
            for instance_id in strays
        ]
        await node.volume.detach(
            [DetachRequest(instance_id=order.instance_id, host=order.host, failed_boot=True) for order in orders]
        )
        broken = await node.undo([Build(order) for order in orders])
        for instance_id, causes in broken.items():
            log.error("node %s: stray %s: %s", node.config.host, instance_id, "; ".join(causes))


def _order(instance_id: str, host: str, again: bool) -> DestroyOrder:
    claim = Claim(instance_id=instance_id, host=host, vcpus=0, ram_mib=0, disk_gib=0)
    return DestroyOrder(
        instance_id=instance_id,
        attempt=0,
        host=host,
        epoch=0,
        spec=NOBODY,
        claim=claim,
        deleting=False,
        again=again,
    )
