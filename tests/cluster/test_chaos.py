"""A small part of `novaray bench chaos`: whatever is killed while boots are in flight, nothing sticks or leaks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.cluster import names
from benchmarks import chaos

pytestmark = [pytest.mark.cluster, pytest.mark.chaos]

BOOTS = 30
NODES = 3  # so that a raylet is killed which is not the head's, where this very test is connected


@pytest.fixture(scope="module")
def stage() -> Iterator[chaos.Scene]:
    with chaos.scene(NODES, lambda line: None) as stage:
        chaos.measure(stage, BOOTS)
        yield stage


@pytest.mark.parametrize("killed", [names.CONDUCTOR, names.SCHEDULER, "compute", "raylet", "head"])
def test_what_was_accepted_ends_and_nothing_is_left(stage: chaos.Scene, killed: str) -> None:
    row = chaos.play(stage, killed, "middle", BOOTS)
    assert (row["accepted"], row["active"], row["error"], row["stuck"], row["leaked"]) == (BOOTS, BOOTS, 0, 0, 0), row
    assert row["recovery_s"] >= 0, row
