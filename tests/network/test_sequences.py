"""Any order of boots, undos, user ports, failing commits and restarts keeps the room's promises."""

from __future__ import annotations

import asyncio
import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.errors import value_of
from actors.messages import NetworkRequest
from actors.network.messages import CreatePort, Reference
from actors.network.naming import DHCP_OWNER, dhcp_port_id
from actors.records import Network
from tests.network.cloud import ALICE, Cloud, boot, gone, on_disk, remembered, run

HOSTS = ("h1", "h2", "h3")
INSTANCES = st.sampled_from(["i1", "i2", "i3", "i4"])
WANTED = st.sampled_from(["any", "any", "10.0.0.3", "10.0.0.5", "port"])
BATCHES = st.lists(
    st.tuples(INSTANCES, st.sampled_from(HOSTS), st.lists(WANTED, min_size=1, max_size=3)), min_size=1, max_size=3
)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("allocate"), BATCHES),
        st.tuples(st.just("deallocate"), BATCHES),
        st.tuples(st.sampled_from(["fail before", "fail after", "restart", "port", "delete port"]), BATCHES),
    ),
    max_size=15,
)


class Story:
    def __init__(self, cloud: Cloud, networks: list[Network]) -> None:
        self.cloud, self.networks = cloud, networks
        self.port_id = "none-yet"

    async def play(self, act: str, batch: list[tuple[str, str, list[str]]]) -> None:
        cloud = self.cloud
        if act == "allocate":
            requests = [
                boot(instance, *[self.wanted(each, at) for at, each in enumerate(wanted)], host=host)
                for instance, host, wanted in batch
            ]
            await self.twice(cloud.room.allocate(requests), lambda: cloud.room.allocate(requests))
        elif act == "deallocate":
            undo = [gone(instance, host) for instance, host, _ in batch]
            await self.twice(cloud.room.deallocate(undo), lambda: cloud.room.deallocate(undo))
        elif act == "restart":
            cloud.restarted()
        elif act == "port":
            (made,) = await cloud.room.create_ports([CreatePort(token=ALICE, network_id=self.networks[0].id)])
            self.port_id = getattr(made, "id", self.port_id)
        elif act == "delete port":
            await cloud.room.delete_ports([Reference(token=ALICE, id=self.port_id)])
        else:
            cloud.ledger.fail_before, cloud.ledger.fail_after = int(act == "fail before"), int(act == "fail after")

    def wanted(self, what: str, index: int) -> NetworkRequest:
        network_id = self.networks[index % 2].id
        if what == "port":
            return NetworkRequest(port_id=self.port_id)
        return NetworkRequest(network_id=network_id, fixed_ip="" if what == "any" else what)

    async def twice(self, first, again) -> None:  # type: ignore[no-untyped-def]
        try:
            replies = await first
        except OSError:
            return  # nothing was promised
        rows = content(self.cloud)
        if replies is None or all(isinstance(reply, tuple) for reply in replies):
            assert await again() == replies
            assert content(self.cloud) == rows


def content(cloud: Cloud) -> dict[str, dict[str, object]]:
    """Rows but for the counts of their changes: a batch that asks for two things of one port changes it twice."""
    return {
        kind: {
            row_id: replace(row, revision=0, updated_at=0.0) if hasattr(row, "revision") else row
            for row_id, row in rows.items()
        }
        for kind, rows in on_disk(cloud).items()
    }


async def check(cloud: Cloud) -> None:
    ports = cloud.ports()
    addresses = [(ip.subnet_id, ip.ip_address) for port in ports for ip in port.fixed_ips]
    assert len(addresses) == len(set(addresses))
    assert len({port.mac_address for port in ports}) == len(ports)
    assert await remembered(cloud) == on_disk(cloud)
    for network in on_disk(cloud)["Network"].values():
        assert isinstance(network, Network)
        others = [port for port in ports if port.network_id == network.id and port.device_owner != DHCP_OWNER]
        bound = any(port.host for port in others)
        served = [port for port in ports if port.id == dhcp_port_id(network.id)]
        has_room = len(others) < 5
        assert (
            bool(network.dhcp_host) == bool(served) and (bound or not served) and (served or not bound or not has_room)
        )


@settings(max_examples=60, deadline=None)
@given(acts=ACTS)
def test_any_order_of_acts(acts: list[tuple[str, list[tuple[str, str, list[str]]]]]) -> None:
    async def scenario() -> None:
        cloud = Cloud(HOSTS)
        networks = [await cloud.network(cidr=cidr) for cidr in ("10.0.0.0/29", "10.1.0.0/29")]
        story = Story(cloud, networks)
        for act, batch in acts:
            with contextlib.suppress(OSError):  # the ledger failed: the room must have gone back to what is on disk
                await story.play(act, batch)
            await check(cloud)
        cloud.ledger.fail_before = cloud.ledger.fail_after = 0
        await cloud.room.deallocate([gone(f"i{number}", host) for number in range(1, 5) for host in HOSTS])
        assert {port.id for port in cloud.ports()} <= {story.port_id, *[p.id for p in cloud.ports() if not p.made_for]}
        await check(cloud)

    run(scenario())


@settings(max_examples=30, deadline=None)
@given(batches=st.lists(BATCHES, min_size=2, max_size=6), fail=st.booleans())
def test_at_the_same_time(batches: list[list[tuple[str, str, list[str]]]], fail: bool) -> None:
    async def scenario() -> None:
        cloud = Cloud(HOSTS)
        networks = [await cloud.network(cidr=cidr) for cidr in ("10.0.0.0/29", "10.1.0.0/29")]
        story = Story(cloud, networks)
        cloud.ledger.fail_after = int(fail)
        works = []
        for number, batch in enumerate(batches):
            requests = [boot(f"{i}-{number}", story.wanted(w[0], 0), host=host) for i, host, w in batch]
            works.append(cloud.room.allocate(requests))
        replies = await asyncio.gather(*works, return_exceptions=True)
        assert all(isinstance(reply, list | OSError) for reply in replies)
        await check(cloud)
        given = [
            value_of(reply)[0].port_id
            for batch in replies
            if isinstance(batch, list)
            for reply in batch
            if isinstance(reply, tuple)
        ]
        assert set(given) <= {port.id for port in cloud.ports()}  # whoever was answered has it on disk

    run(scenario())
