"""A trace of VM requests in the form of the public Azure slices: who came when, with which shape, and for how long.

Read by `packing.py`. A trace is a folder of four files (gzip by the name):

- `flavors.txt`: `vCPUs,GiB letter`
- `lifetime_bins.txt`: `seconds bin`: a lifetime from so many seconds on belongs to that bin
- `requests.txt.gz`: a line a time step: the second, a space, flavor letters by commas; `|` ends a tenant's batch
- `lifetimes.txt.gz`: the same shape: `U15` ended in bin 15 of its life, `C40` outlived the trace
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

BATCH_END = "|"
ENDED = "U"
MIB = 1024  # in a GiB


class Flavor(NamedTuple):
    vcpus: int
    ram_mib: int


class Event(NamedTuple):
    """A machine comes or goes. In the order of events, those who go at a time make room for those who come then."""

    at_s: int
    comes: bool
    machine: int
    flavor: str  # letter


@dataclass(frozen=True, slots=True)
class Trace:
    flavors: dict[str, Flavor]
    events: tuple[Event, ...]
    start_s: int
    end_s: int


def load(folder: Path) -> Trace:
    """Raises FileNotFoundError where a file lacks and ValueError where requests and lifetimes do not match."""
    flavors = dict(_flavors((folder / "flavors.txt").read_text().splitlines()))
    bins = [_pair(line) for line in (folder / "lifetime_bins.txt").read_text().splitlines()]
    steps = list(_steps(folder))
    times = [at for at, _ in steps]
    step_s = times[1] - times[0] if len(times) > 1 else 1
    events = _events(steps, _lifetimes(bins, step_s), times[-1] + step_s)
    return Trace(flavors, tuple(events), times[0], times[-1] + step_s)


def _flavors(lines: list[str]) -> Iterator[tuple[str, Flavor]]:
    for line in lines:
        size, letter = line.split()
        vcpus, gib = size.split(",")
        yield letter, Flavor(int(vcpus), round(float(gib) * MIB))


def _pair(line: str) -> tuple[int, int]:
    seconds, number = line.split()
    return int(seconds), int(number)


def _lifetimes(bins: list[tuple[int, int]], step_s: int) -> dict[int, int]:
    """The middle of each bin, in seconds: all that is known of a life is the bin in which it ended."""
    least: dict[int, int] = {}
    most: dict[int, int] = {}
    for seconds, number in bins:
        least[number] = min(seconds, least.get(number, seconds))
        most[number] = max(seconds + step_s, most.get(number, 0))
    return {number: (least[number] + most[number]) // 2 for number in least}


def _steps(folder: Path) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """(second, [(flavor letter, lifetime)]) for each time step."""
    with (
        gzip.open(folder / "requests.txt.gz", "rt") as requests,
        gzip.open(folder / "lifetimes.txt.gz", "rt") as lifetimes,
    ):
        for number, (asked, lived) in enumerate(zip(requests, lifetimes, strict=True), 1):
            at, letters = _words(asked)
            also_at, lives = _words(lived)
            if at != also_at or len(letters) != len(lives):
                raise ValueError(f"line {number} of requests and of lifetimes do not belong together")
            yield at, list(zip(letters, lives, strict=True))


def _words(line: str) -> tuple[int, list[str]]:
    at, _, words = line.strip().partition(" ")
    return int(at), [word for word in words.split(",") if word and word != BATCH_END]


def _events(steps: list[tuple[int, list[tuple[str, str]]]], lifetimes: dict[int, int], end_s: int) -> list[Event]:
    events = []
    machine = 0
    for at, machines in steps:
        for letter, life in machines:
            machine += 1
            events.append(Event(at, True, machine, letter))
            gone_at = at + lifetimes[int(life[1:])]
            if life.startswith(ENDED) and gone_at < end_s:
                events.append(Event(gone_at, False, machine, letter))
    return sorted(events, key=itemgetter(0, 1))
