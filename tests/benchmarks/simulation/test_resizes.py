"""Servers are resized in a hundred storms, where they are and elsewhere: claims fit their hosts at every moment, and
all of it adds up in the end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from actors.conductor import resized
from actors.conductor.acts import Acts
from actors.conductor.service import Conductor
from actors.messages import ClaimChange
from actors.records import InstanceAction
from actors.scheduler.service import Scheduler
from benchmarks.simulation.cloud import Parts
from benchmarks.simulation.run import play

SEEDS = 100


def test_every_resize_ends_well_and_the_books_agree() -> None:
    plays = [play(seed, resizes=True) for seed in range(SEEDS)]
    broken = [played.seed for played in plays if played.broken]
    assert not broken, str(play(broken[0], told=True, resizes=True))
    done = sum((played.resizes for played in plays), Counter[str]())
    assert done["resize"] > 3 * SEEDS
    assert done["elsewhere"] > SEEDS / 4
    assert min(done["confirmResize"], done["revertResize"], done["failed"]) > SEEDS / 2
    assert sum(played.crashes for played in plays) > SEEDS


class GrowsAnyway(Scheduler):
    async def grow(self, changes: list[ClaimChange]) -> Any:
        """Where there is no room, too."""
        replies = await super().grow(changes)
        await self.shrink(changes)
        return replies


class HearsAgain(Scheduler):
    """What it was told last, after whatever came since."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._told: list[ClaimChange] = []

    async def grow(self, changes: list[ClaimChange]) -> Any:
        replies = await super().grow(changes)
        await self.shrink(self._told)
        return replies

    async def shrink(self, changes: list[ClaimChange]) -> None:
        await super().shrink(changes)
        self._told = changes


class TakesWhatIsLate(HearsAgain):
    async def shrink(self, changes: list[ClaimChange]) -> None:
        """Whatever came since."""
        for change in changes:
            self._claim_changes.forget(change.asked.instance_id)
        await super().shrink(changes)


class ForgetsToTell(Conductor):
    """What a server holds no more."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._acts.claims.add = lambda ids: None  # type: ignore[method-assign]


class HoldsTooLittle(Conductor):
    """On another host: what it needed on its own."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        whole = self._acts.migrating._request

        def asks(boot: Any, moving: Any) -> Any:
            return replace(whole(boot, moving), flavor=boot.spec().flavor)

        self._acts.migrating._request = asks  # type: ignore[method-assign]


class KeepsTheFlavor(Conductor):
    """Where it went, when it is back."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        whole = self._acts.migrating._is_on

        async def is_on(boot: Any, place: Any, task: Any) -> None:
            flavor = boot.spec().flavor
            await whole(boot, place, task)
            if place.host == boot.spec().moving.host:
                boot.ask_anew(flavor=flavor)

        self._acts.migrating._is_on = is_on  # type: ignore[method-assign]


class TellsNoNewScheduler(Acts):
    async def _has_room(self, boot: Any, action: InstanceAction) -> bool:
        """Nobody is asked."""
        if boot.spec().resized.to is not None:
            resized.granted(boot)
        return True


class AsksNobody(Conductor):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._acts = TellsNoNewScheduler(self, self._actions)


@pytest.mark.parametrize(
    "parts",
    [
        Parts(scheduler=GrowsAnyway),
        Parts(scheduler=TakesWhatIsLate),
        Parts(conductor=HoldsTooLittle),
        Parts(conductor=KeepsTheFlavor),
        Parts(conductor=ForgetsToTell),
        Parts(conductor=AsksNobody),
    ],
    ids=[
        "grows anyway",
        "takes what is late",
        "holds too little",
        "keeps the flavor",
        "forgets to tell",
        "asks nobody",
    ],
)
def test_a_fault_put_in_on_purpose_is_found(parts: Parts) -> None:
    assert any(play(seed, parts, resizes=True).broken for seed in range(10 * SEEDS))


def test_what_comes_late_breaks_nothing() -> None:
    assert not any(play(seed, Parts(scheduler=HearsAgain), resizes=True).broken for seed in range(SEEDS // 4))
