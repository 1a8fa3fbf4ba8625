"""Days on which everything is done to servers, in storms: all comes to rest, and nothing is lost, left or open."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from actors.conductor.service import Conductor
from actors.messages import DeallocateRequest, DetachRequest
from actors.network.service import NetworkRoom
from actors.volume.service import VolumeRoom
from benchmarks.simulation.cloud import Parts
from benchmarks.simulation.run import play

SEEDS = 31
# By these faults were found that the days before them do not have.
ONCE_BROKEN = (25, 59, 108, 1082, 1407, 3083, 5769, 10186, 10881, 14278, 16288, 16942, 950478)


def test_every_day_ends_well() -> None:
    plays = [play(seed, day=True) for seed in sorted({*range(SEEDS), *ONCE_BROKEN})]
    broken = [played.seed for played in plays if played.broken]
    assert not broken, str(play(broken[0], told=True, day=True))
    done = sum((played.acts for played in plays), Counter[str]())
    assert len(done) > 20
    assert min(done[name] for name in ("reboot", "shelve", "attach_volume", "attach_interface", "failed")) > SEEDS / 2
    assert sum(played.crashes for played in plays) > SEEDS


class LeavesActsOpen(Conductor):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._acts.node_left = _nothing  # type: ignore[method-assign]


async def _nothing(*_: Any) -> None:
    return


class KeepsVolumes(VolumeRoom):
    async def detach(self, requests: list[DetachRequest]) -> None:
        """Those that are named."""
        await super().detach([one for one in requests if one.keep or not one.volume_ids])


class KeepsPorts(NetworkRoom):
    async def deallocate(self, requests: list[DeallocateRequest]) -> None:
        """Those that are named."""
        await super().deallocate([one for one in requests if not one.port_ids])


@pytest.mark.parametrize(
    "parts",
    [Parts(conductor=LeavesActsOpen), Parts(volume=KeepsVolumes), Parts(network=KeepsPorts)],
    ids=["leaves acts open", "keeps volumes", "keeps ports"],
)
def test_a_fault_put_in_on_purpose_is_found(parts: Parts) -> None:
    assert any(play(seed, parts, day=True).broken for seed in range(SEEDS))
