"""Servers are shelved in storms: each runs again on the disk that it wrote to, and nothing is left behind or lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from actors.acts import ActDone, Shelve
from actors.compute.service import Compute
from actors.conductor.service import Conductor
from actors.messages import DetachRequest
from actors.volume.service import VolumeRoom
from benchmarks.simulation.cloud import Parts
from benchmarks.simulation.run import play
from benchmarks.simulation.stands import IMAGE

SEEDS = 60
ONCE_BROKEN = (173, 646, 1143, 1243)  # acts told to a node that is back, ends of acts that were written over


def test_every_server_comes_back_as_it_was_and_the_books_agree() -> None:
    plays = [play(seed, shelves=True) for seed in (*range(SEEDS), *ONCE_BROKEN)]
    broken = [played.seed for played in plays if played.broken]
    assert not broken, str(play(broken[0], told=True, shelves=True))
    done = sum((played.shelves for played in plays), Counter[str]())
    assert done["shelve"] > SEEDS
    assert min(done["unshelve"], 4 * done["failed"]) > SEEDS / 2
    assert sum(played.crashes for played in plays) > SEEDS


class KeepsNothing(Compute):
    async def act(self, orders: list[Any]) -> list[Any]:
        """It says that it has sent the disk."""
        shelved = [order for order in orders if isinstance(order.act, Shelve)]
        return [ActDone(started_at=0.0, finished_at=0.0)] if shelved else await super().act(orders)


class BuildsAnew(Compute):
    async def build(self, orders: list[Any]) -> None:
        """Of the image that the server was made of once."""
        anew = [replace(o, spec=replace(o.spec, image_id=IMAGE)) if o.spec.image_id else o for o in orders]
        await super().build(anew)


class FreesVolumes(VolumeRoom):
    async def detach(self, requests: list[DetachRequest]) -> None:
        """Anybody may have them."""
        await super().detach([replace(request, keep=False) for request in requests])


class KeepsImages(Conductor):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.shelving.add = lambda ids: None  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "parts",
    [
        Parts(compute=KeepsNothing),
        Parts(compute=BuildsAnew),
        Parts(volume=FreesVolumes),
        Parts(conductor=KeepsImages),
    ],
    ids=["keeps nothing", "builds anew", "frees volumes", "keeps images"],
)
def test_a_fault_put_in_on_purpose_is_found(parts: Parts) -> None:
    assert any(play(seed, parts, shelves=True).broken for seed in range(SEEDS))
