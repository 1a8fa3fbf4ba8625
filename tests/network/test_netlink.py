from __future__ import annotations

import gc
from pathlib import Path

from actors.network.netlink import Netlink
from tests.network.probes import real


@real
def test_closing_gives_everything_back() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    gc.collect()
    before = open_files()
    for _ in range(20):
        with Netlink() as calls:
            assert calls.get_links()
    assert open_files() == before
