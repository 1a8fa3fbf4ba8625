"""Any order of acts on routers, floating IPs, ports, nodes and servers, with commits that fail and restarts between,
keeps what the network room promises of them."""

from __future__ import annotations

import contextlib
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import CallerError, CallerFault
from actors.network.messages import FixedIpRequest, Reference, UpdatePort
from actors.network.naming import FLOATING_OWNER
from actors.network.router_messages import ExternalGateway
from actors.network.router_place import place
from actors.network.router_views import router_info, router_ports
from actors.network.rows import KINDS, Rows
from actors.records import Network, Subnet
from tests.network.cloud import ADMIN, ALICE, boot, gone, live_rows, on_disk, remembered, run
from tests.network.routing_cloud import RoutedCloud

HOSTS = ("h1", "h2", "h3")
WORDS = (
    "router", "gateway", "no gateway", "add", "remove", "delete router", "floating", "lead", "free", "delete floating",
    "port", "delete port", "move port", "boot", "undo", "node comes", "node leaves", "route", "fail before",
    "fail after", "restart", "delete outside",
)  # fmt: skip
ACTS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 5), st.integers(0, 5)), min_size=5, max_size=25)


class Story:
    """Things are named by numbers, of those that are there."""

    def __init__(self, cloud: RoutedCloud, networks: list[Network], subnets: list[Subnet]) -> None:
        self.cloud, self.networks, self.subnets = cloud, networks, subnets
        self.instances = itertools.count()

    async def play(self, act: str, one: int, two: int) -> None:
        cloud = self.cloud
        rows = await live_rows(cloud).ready()
        network, subnet, host = self.networks[one % 2], self.subnets[two % 2], HOSTS[one % 3]
        users = [port for port in rows.ports.values() if not port.device_owner.startswith("network:")]
        if act == "router":
            await cloud.router(gateway=bool(one % 2))
        elif act == "floating":
            await cloud.floating(port_id=users[two % len(users)].id if users and two % 2 else "")
        elif act == "port":
            await cloud.made_port(network)
        elif act == "boot":
            await cloud.room.allocate([boot(f"i{next(self.instances)}", network, host=host)])
        elif act == "undo":
            await cloud.room.deallocate([gone(f"i{number}", node) for number in range(one) for node in HOSTS])
        elif act == "node comes":
            await cloud.room.agent_started(host, f"172.31.0.{host[-1]}", ("public",) if two % 3 else ())
        elif act == "node leaves":
            await cloud.room.forget_hosts([host])
        elif act == "restart":
            await cloud.restarted().start()
        elif act.startswith("fail"):
            cloud.ledger.fail_before, cloud.ledger.fail_after = int(act == "fail before"), int(act == "fail after")
        elif act == "delete outside":
            await cloud.room.delete_networks([Reference(token=ADMIN, id=cloud.outside.id)])
        elif act in ("delete port", "move port") and users:
            await self._port(act, users[one % len(users)].id, two)
        elif act in ("lead", "free", "delete floating") and rows.floating_ips:
            await self._floating(act, rows, one, users[two % len(users)].id if users else "nobody")
        elif rows.routers:
            await self._router(act, rows, one, subnet)

    async def _port(self, act: str, port_id: str, number: int) -> None:
        if act == "delete port":
            await self.cloud.room.delete_ports([Reference(token=ALICE, id=port_id)])
        else:
            wanted = () if number % 3 == 0 else (FixedIpRequest(subnet_id=self.subnets[number % 2].id),)
            await self.cloud.room.update_ports([UpdatePort(token=ALICE, id=port_id, fixed_ips=wanted)])

    async def _floating(self, act: str, rows: Rows, one: int, port_id: str) -> None:
        floating = list(rows.floating_ips.values())[one % len(rows.floating_ips)]
        if act == "delete floating":
            await self.cloud.room.delete_floating_ips([Reference(token=ALICE, id=floating.id)])
        else:
            await self.cloud.lead(floating, port_id=port_id if act == "lead" else "")

    async def _router(self, act: str, rows: Rows, one: int, subnet: Subnet) -> None:
        cloud, router = self.cloud, list(rows.routers.values())[one % len(rows.routers)]
        if act == "add":
            await cloud.add(router, subnet_id=subnet.id)
        elif act == "remove":
            await cloud.remove(router, subnet_id=subnet.id)
        elif act == "route":
            hop = subnet.cidr.replace("0/", "77/").partition("/")[0]
            await cloud.update(router, routes=(("192.0.2.0/24", hop),) if one % 2 else ())
        elif act == "delete router":
            await cloud.room.delete_routers([Reference(token=ALICE, id=router.id)])
        else:
            network_id = cloud.outside.id if act == "gateway" else ""
            await cloud.update(router, gateway=ExternalGateway(network_id=network_id))


async def check(cloud: RoutedCloud) -> None:
    assert await remembered(cloud) == on_disk(cloud)
    rows = await live_rows(cloud).ready()
    fresh = Rows(row for kind in KINDS for row in rows.tables[kind.__name__].values())
    for index in ("on", "floating_of_port", "floating_of_router"):
        assert getattr(rows.routing, index) == getattr(fresh.routing, index), index
    taken = [(ip.subnet_id, ip.ip_address) for port in rows.ports.values() for ip in port.fixed_ips]
    assert len(taken) == len(set(taken))
    for router in rows.routers.values():
        assert place(rows, router.id) == []  # it is where it should be, and so are its ports
        ports = router_ports(rows, router.id)
        assert {port.host for port in ports} <= {router.host} and bool(router.host) <= bool(ports)
        assert router.host in ("", *rows.agents)
        outside = [port for port in ports if port.network_id == cloud.outside.id]
        assert len(outside) == bool(router.external_network_id)
    held = {port.device_id: port for port in rows.ports.values() if port.device_owner == FLOATING_OWNER}
    assert held.keys() == rows.floating_ips.keys()
    for floating in rows.floating_ips.values():
        assert [ip.ip_address for ip in held[floating.id].fixed_ips] == [floating.address]
        assert bool(floating.port_id) == bool(floating.fixed_ip) == bool(floating.router_id)
        if floating.port_id:
            subnets = {ip.ip_address: ip.subnet_id for ip in rows.ports[floating.port_id].fixed_ips}
            router = rows.routers[floating.router_id]
            ends = {ip.subnet_id for port in router_ports(rows, router.id) for ip in port.fixed_ips}
            assert subnets[floating.fixed_ip] in ends and router.external_network_id == floating.network_id


async def check_heard(cloud: RoutedCloud) -> None:
    """When the last word was said, each node's agent knows its routers as they are, and no others."""
    rows = await live_rows(cloud).ready()
    for host, agent in cloud.agents.items():
        if host in rows.agents:
            wanted = {one: router_info(rows, rows.routers[one]) for one in rows.routing.on.get(host, ())}
            assert agent.routers == wanted, host


async def begun() -> Story:
    cloud = await RoutedCloud(HOSTS).begin(flat=True)
    networks = [await cloud.network(cidr=cidr) for cidr in ("10.0.0.0/29", "10.1.0.0/29")]
    subnets = [await cloud.subnet_of(network) for network in networks]
    await cloud.add(await cloud.router(), subnet_id=subnets[0].id)
    await cloud.floating(port_id=(await cloud.made_port(networks[0])).id)
    return Story(cloud, networks, subnets)


@settings(max_examples=80, deadline=None)
@given(acts=ACTS)
def test_any_order_of_acts(acts: list[tuple[str, int, int]]) -> None:
    async def scenario() -> None:
        story = await begun()
        for act, one, two in acts:
            with contextlib.suppress(OSError, CallerError):  # where the ledger failed, the room must be as the disk is
                await story.play(act, one, two)
            await check(story.cloud)

    run(scenario())


QUIET = tuple(word for word in WORDS if not word.startswith(("node", "fail", "restart")))


@settings(max_examples=60, deadline=None)
@given(acts=st.lists(st.tuples(st.sampled_from(QUIET), st.integers(0, 5), st.integers(0, 5)), min_size=5, max_size=25))
def test_agents_hear_of_every_change_before_its_answer(acts: list[tuple[str, int, int]]) -> None:
    async def scenario() -> None:
        story = await begun()
        for act, one, two in acts:
            with contextlib.suppress(CallerError):
                await story.play(act, one, two)
            await check_heard(story.cloud)

    run(scenario())


def test_refusals_are_told_as_such() -> None:
    """What the stories above try in vain is refused, and not done by halves."""

    async def scenario() -> None:
        story = await begun()
        before = on_disk(story.cloud)
        assert isinstance(await story.cloud.floating(port_id="nobody"), CallerFault)
        assert on_disk(story.cloud) == before

    run(scenario())
