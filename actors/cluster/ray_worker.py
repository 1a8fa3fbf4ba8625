"""The process that Ray starts for an actor: Ray's own, but libraries that no actor here needs are not loaded.

`ray_hook.py` has Ray run this file where it would run its `default_worker.py`, with the same arguments. What Ray
imports of them is half of what importing Ray costs, in each of a cloud's dozens of processes, at each start of an
actor that was killed.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import cast

from actors.cluster.collector import collect_rarely
from actors.cluster.later import put_off

UNUSED = (  # library: what Ray has it for
    "requests",  # asking a cloud for the kind of its TPU
    "jsonschema",  # checking a runtime environment's plugins
    "yaml",  # files of node labels
    "wcwidth",  # tables in notebooks
)
PREPARED = "ray._common.pydantic_compat"  # of Ray: so that models of pydantic's first version can be sent, and
WITHOUT = ("pydantic",)  # loads both versions for it, unless they are not installed


@contextmanager
def absent(names: Sequence[str]) -> Iterator[None]:
    """As if they were not installed."""
    for name in names:
        sys.modules[name] = cast(ModuleType, None)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def make_lean() -> None:
    """Before Ray does anything."""
    collect_rarely()  # what is imported stays, and looking through it for garbage is a tenth of importing it
    put_off(UNUSED)
    with absent(WITHOUT):
        importlib.import_module(PREPARED)


if __name__ == "__main__":
    del sys.path[0]  # this folder, since Python was given a file: its modules are `actors.cluster`'s
    make_lean()
    runpy.run_module("ray._private.workers.default_worker", run_name="__main__", alter_sys=True)
