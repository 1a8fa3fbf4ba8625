"""What is on a node of instances that do not belong there: found by sweeps, and by the node's policy removed.

Owned by the compute actor. What a crash, a lost message or a node that was away leaves behind is nobody's: the
conductor says which instances have no place here. Invariants: nothing is removed that was strange only once, that is
in hand here, that was ordered here since it was strange, or that the conductor could not be asked about; what is
being removed is in hand meanwhile; of a server that exists anywhere nothing is removed but what this node has of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
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

BEFORE_ALL = -1  # the attempt that a stray is of: any order to build it is newer, and waits until this is undone

log = logging.getLogger(__name__)


class Strays:
    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        self._strange: frozenset[str] = frozenset()  # at the last sweep

    def ordered(self, instance_ids: Iterable[str]) -> None:
        """Orders to build these came: what was said of them before holds no more."""
        self._strange = self._strange.difference(instance_ids)

    async def sweep(self) -> list[str]:
        """Look once; the ids that were strange now and at the last sweep. Removes them where the node says so."""
        node = self._compute
        here = await node.hypervisor.instances()
        strangers = await self._strangers(here | {claim.instance_id for claim in node.hosts.claims()})
        strays = sorted(strangers & self._strange)
        self._strange = strangers
        if strays:
            log.warning("node %s: of no server here: %s", node.config.host, ", ".join(strays))
        if strays and node.config.strays == "remove":
            await self._remove(strays)
        return strays

    async def _strangers(self, instance_ids: Iterable[str]) -> frozenset[str]:
        node = self._compute
        asked = sorted(set(instance_ids) - node.in_hand())
        strangers = frozenset(await node.conductor.strangers(node.config.host, asked) if asked else ())
        return strangers - node.in_hand()

    async def _remove(self, strays: list[str]) -> None:
        """An answer may come late: between the last look and what is in hand nothing is awaited."""
        node = self._compute
        found = await node.conductor.show(strays)  # a server that is elsewhere, or shelved, keeps its ports and volumes
        there = {view.id for view in found if not isinstance(view, CallerFault)}
        strange = await self._strangers(strays)
        builds = [
            Build(_order(one, node.hosts.host_of(one) or node.config.host, one in there))
            for one in sorted(strange & self._strange)
        ]
        if not builds:
            return
        with node.taking_away(builds):
            await node.volume.detach([_detach(build, build.id in there, node.epoch) for build in builds])
            broken = await node.undo(builds)
        for instance_id, causes in broken.items():
            log.error("node %s: stray %s: %s", node.config.host, instance_id, "; ".join(causes))


def _detach(build: Build, kept: bool, epoch: int) -> DetachRequest:
    """Volumes of a server that exists stay its own, and only leave this node."""
    return DetachRequest(instance_id=build.id, host=build.order.host, failed_boot=not kept, keep=kept, epoch=epoch)


def _order(instance_id: str, host: str, again: bool) -> DestroyOrder:
    claim = Claim(instance_id=instance_id, host=host, vcpus=0, ram_mib=0, disk_gib=0)
    return DestroyOrder(
        instance_id=instance_id,
        attempt=BEFORE_ALL,
        host=host,
        epoch=0,
        spec=NOBODY,
        claim=claim,
        deleting=False,
        again=again,
    )
