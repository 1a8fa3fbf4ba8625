"""Servers on volumes are rebuilt in a hundred storms: none is lost, and no volume is read or written half-way."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from msgspec.structs import replace

from actors.volume.service import VolumeRoom
from benchmarks.simulation.cloud import Parts
from benchmarks.simulation.run import play

SEEDS = 100


def test_every_rebuild_ends_well_and_every_volume_is_whole() -> None:
    plays = [play(seed, rebuilds=True) for seed in range(SEEDS)]
    broken = [played.seed for played in plays if played.broken]
    assert not broken, str(play(broken[0], told=True, rebuilds=True))
    assert sum(played.written for played in plays) > 2 * SEEDS
    assert sum(played.crashes for played in plays) > SEEDS


class LeavesItReachable(VolumeRoom):
    async def _write_image(self, *asked: Any, **more: Any) -> Any:
        cut_off = self._backend.unexport

        async def not_now(volume_ids: Collection[str]) -> None:
            """Forgotten."""

        self._backend.unexport = not_now  # type: ignore[method-assign]
        try:
            return await super()._write_image(*asked, **more)
        finally:
            self._backend.unexport = cut_off  # type: ignore[method-assign]


class TakesHalfForWhole(VolumeRoom):
    async def start(self) -> None:
        """What a former room was writing counts as written."""
        await super().start()
        for row in [one for one in self._rows.volumes.values() if one.status == "downloading"]:
            await self._rows.commit([replace(row, status="in-use")])
            await self._backend.export([row.id])


@pytest.mark.parametrize("room", [LeavesItReachable, TakesHalfForWhole])
def test_a_fault_put_in_on_purpose_is_found(room: type[VolumeRoom]) -> None:
    assert any(play(seed, Parts(volume=room), rebuilds=True).broken for seed in range(SEEDS))
