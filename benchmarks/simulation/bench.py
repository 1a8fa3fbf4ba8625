"""`novaray bench simulation`: many seeds of the simulator, one row, and the story of each seed that broke a law."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.simulation.run import Played, play

SEEDS = 10_000
BOOTS = "boots"  # the play of servers that are booted and deleted alone
PLAYS = (BOOTS, "rebuilds", "resizes", "shelves", "migrations", "day")
TOLD = 10  # stories of failures that are kept, at most
SAY_EVERY = 100  # seeds between two words of progress

Say = Callable[[str], None]


def run(first: int, seeds: int, say: Say, stories: Path | None = None, play_name: str = BOOTS) -> list[dict[str, Any]]:
    """`stories`: a folder for what happened in seeds that failed, a file each. `play_name`: one of `PLAYS`."""
    logging.getLogger("actors").setLevel(logging.CRITICAL)  # what goes wrong here goes wrong on purpose
    gc.freeze()  # nothing that is loaded now will go; looking at it at each collection doubles the time
    failed: list[int] = []
    totals = dict.fromkeys(("boots", "crashes", "messages", "steps"), 0)
    slowest_s = 0.0
    began, cpu = time.perf_counter(), time.process_time()
    for done, played in enumerate((_play(seed, play_name) for seed in range(first, first + seeds)), 1):
        for name in totals:
            totals[name] += getattr(played, name)
        slowest_s = max(slowest_s, played.took_s)
        if played.broken:
            failed.append(played.seed)
            say(f"seed {played.seed}: {played.broken[0]}")
            _tell(played.seed, play_name, stories, len(failed))
        if done % SAY_EVERY == 0:
            say(f"{done} of {seeds} seeds, {len(failed)} failed")
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    row = {
        "play": play_name,
        "seeds": seeds,
        "failures": len(failed),
        "failed_seeds": " ".join(map(str, failed)),
        "runs_per_s": round(seeds / took_s, 1),
        "cpu_ms_per_seed": round(1_000 * cpu_s / seeds, 1),
        **totals,
        "longest_calm_s": round(slowest_s, 1),
    }
    return [row]


def _play(seed: int, play_name: str, told: bool = False) -> Played:
    asked = {name: name == play_name for name in PLAYS if name != BOOTS}
    return play(seed, None, told, **asked)


def _tell(seed: int, play_name: str, stories: Path | None, number: int) -> None:
    if stories is not None and number <= TOLD:
        stories.mkdir(parents=True, exist_ok=True)
        (stories / f"seed-{seed}.txt").write_text(f"{_play(seed, play_name, told=True)}\n")
