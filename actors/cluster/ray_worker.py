"""The process that Ray starts for an actor: Ray's own, but libraries that no actor here needs are not loaded.

`ray_hook.py` has Ray run this file where it would run its `default_worker.py`, with the same arguments. What Ray
imports of them is a third of what importing Ray costs, in each of a cloud's dozens of processes, at each start of an
actor that was killed.
"""

from __future__ import annotations

import runpy
import sys

from actors.cluster.later import put_off

UNUSED = (  # library: what Ray has it for
    "requests",  # asking a cloud for the kind of its TPU
    "jsonschema",  # checking a runtime environment's plugins
    "yaml",  # files of node labels
    "wcwidth",  # tables in notebooks
)

if __name__ == "__main__":
    del sys.path[0]  # this folder, since Python was given a file: its modules are `actors.cluster`'s
    put_off(UNUSED)
    runpy.run_module("ray._private.workers.default_worker", run_name="__main__", alter_sys=True)
