"""How often an actor's process looks for garbage in cycles.

Rooms hold tens of thousands of small objects that live long and hardly any cycles; Python's own thresholds have it walk
over them all the time, for a tenth of a boot's cost. Called once by each actor's shell.
"""

from __future__ import annotations

import gc

THRESHOLDS = (100_000, 20, 50)  # new objects before a young, young before a middle, middle before a full collection


def collect_rarely() -> None:
    gc.set_threshold(*THRESHOLDS)
