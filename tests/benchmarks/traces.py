"""Traces written by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

FLAVORS = "1,1.75 a\n16,112 d\n32,64 q\n"
BINS = "0 0\n300 1\n600 1\n900 2\n"


def write(folder: Path, requests: list[str], lifetimes: list[str], start_s: int = 1_000_000) -> Path:
    """A line a step of 300 s; `requests` and `lifetimes` without their times."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flavors.txt").write_text(FLAVORS)
    (folder / "lifetime_bins.txt").write_text(BINS)
    for name, lines in (("requests", requests), ("lifetimes", lifetimes)):
        with gzip.open(folder / f"{name}.txt.gz", "wt") as file:
            for step, line in enumerate(lines):
                file.write(f"{start_s + 300 * step} {line}\n")
    return folder
