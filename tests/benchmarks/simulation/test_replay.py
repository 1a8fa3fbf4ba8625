"""A seed plays the same story in any process: nothing of it hangs on the order of a set, which differs each time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SEEDS = 60
PROGRAM = f"""
from hashlib import sha256
from benchmarks.simulation.run import play
for seed in range({SEEDS}):
    print(seed, sha256(str(play(seed, told=True)).encode()).hexdigest())
"""


def begun(hash_seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_a_seed_plays_the_same_story_whatever_order_sets_have() -> None:
    plays = [begun(1), begun(2)]
    one, other = (play.communicate(timeout=300)[0].splitlines() for play in plays)
    assert len(one) == SEEDS
    assert one == other
