from __future__ import annotations

import asyncio
import gc
import socket
from pathlib import Path

from actors.network.netlink import Netlink
from actors.network.netns_thread import NetnsThread
from tests.network.probes import ip, namespace, real


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


@real
def test_the_kernel_tells_of_one_devices_forwarding_entries_alone() -> None:
    def look() -> list[tuple[int, str]]:
        netlink = Netlink()
        found = netlink.forwarding(socket.if_nametoindex("vx1"))
        netlink.close()
        return [(entry["ifindex"], entry.get_attr("NDA_DST")) for entry in found]

    with namespace("fdb") as name:
        for n in ("1", "2"):
            ip(
                "link",
                "add",
                f"vx{n}",
                "type",
                "vxlan",
                "id",
                n,
                "dstport",
                "4789",
                "remote",
                f"192.0.2.{n}",
                netns=name,
            )
        thread = NetnsThread(name)
        index = asyncio.run(thread.run(socket.if_nametoindex, "vx1"))
        assert asyncio.run(thread.run(look)) == [(index, "192.0.2.1")]
        thread.close()
