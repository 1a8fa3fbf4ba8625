"""Taps in a namespace of the test's own."""

import asyncio

import pytest
import uvloop
from pyroute2 import IPRoute

from actors.compute.libvirt.taps import Taps
from actors.network.l2 import ALIAS_PREFIX, Bridge
from actors.network.links import Links
from actors.network.netns_thread import NetnsThread
from tests.compute.guests import INSTANCE, vif

pytestmark = pytest.mark.real
OTHER = "00000000-7f0c-4f43-9d4e-1d2c3b4a5f60"


def links() -> dict[str, tuple[int, str]]:
    """MTU and alias of every tap, in this thread's namespace."""
    with IPRoute() as netlink:
        found = [link for link in netlink.get_links() if link.get("ifname").startswith("tap")]
    return {link.get("ifname"): (link.get("mtu"), link.get("ifalias")) for link in found}


def test_taps_are_made_once_and_removed_by_the_instance_id_alone(namespace: str) -> None:
    async def play() -> None:
        taps, inside = Taps(namespace), NetnsThread(namespace)
        mine, others = (vif(), vif(device="tapbbbbbbbb-bb", mtu=1400)), (vif(device="tapcccccccc-cc"),)
        for made in ([tap.port_id for tap in mine], []):
            assert await taps.make(INSTANCE, mine, queues=1) == made
            await taps.make(OTHER, others, queues=2)
        assert await inside.run(links) == {
            mine[0].device: (1450, f"novaray:{INSTANCE}"),
            "tapbbbbbbbb-bb": (1400, f"novaray:{INSTANCE}"),
            "tapcccccccc-cc": (1450, f"novaray:{OTHER}"),
        }
        for _ in range(2):
            await taps.remove(INSTANCE)
        assert await taps.names() == ["tapcccccccc-cc"]
        await taps.remove(OTHER)
        assert await inside.run(links) == {}
        taps.close()
        inside.close()

    asyncio.run(play())


def test_a_network_s_bridge_is_no_instance(namespace: str) -> None:
    """It says whose it is by an alias that begins alike; a sweep for strays once took it for one and removed it."""
    network = "969c3092-8251-443e-a37c-b4dc6f072742"
    bridge = Bridge("brqtest", f"{ALIAS_PREFIX}{network}", 1450)

    async def play() -> None:
        taps, inside = Taps(namespace), NetnsThread(namespace)
        made = Links()
        await inside.run(made.carry_out, [bridge])
        await taps.make(INSTANCE, (vif(),), queues=1)
        assert await taps.instances() == {INSTANCE}
        await taps.remove(network)
        assert await inside.run(made.networks) == {network: bridge.name}
        await inside.run(made.close)
        taps.close()
        inside.close()

    asyncio.run(play())


def test_nothing_leaves_the_namespace(namespace: str) -> None:
    async def play() -> None:
        taps, outside = Taps(namespace), Taps("")
        await taps.make(INSTANCE, (vif(device="tapdddddddd-dd"),), queues=1)
        assert "tapdddddddd-dd" not in await outside.names()
        await taps.remove(INSTANCE)
        taps.close()
        outside.close()

    asyncio.run(play())


def test_taps_are_made_where_uvloop_is_the_process_s_policy(namespace: str) -> None:
    """As in a Ray actor: uvloop itself can't open netlink sockets."""

    async def play() -> None:
        taps = Taps(namespace)
        assert await taps.make(INSTANCE, (vif(),), queues=1) == [vif().port_id]
        await taps.remove(INSTANCE)
        assert await taps.names() == []
        taps.close()

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(play())
    finally:
        asyncio.set_event_loop_policy(None)
