"""Allocation and what follows from it, against a ledger in memory."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from actors.cluster.config import CloudConfig
from actors.errors import value_of
from actors.messages import NetworkRequest, Vif
from actors.network.messages import (
    CreatePort,
    CreateSecurityGroup,
    CreateSecurityGroupRule,
    DhcpNetworkInfo,
    FixedIpRequest,
)
from actors.network.naming import dhcp_port_id
from actors.records import Network, Port
from tests.network.cloud import (
    ADMIN,
    ALICE,
    BOB,
    READER,
    Cloud,
    boot,
    fault_of,
    gone,
    live_rows,
    on_disk,
    remembered,
    run,
)


async def one(cloud: Cloud, *args: object, **more: object) -> tuple[Vif, ...]:
    (reply,) = await cloud.room.allocate([boot(*args, **more)])  # type: ignore[arg-type]
    return value_of(reply)


async def made_port(cloud: Cloud, network: Network, address: str = "", token: str = ALICE, **more: object) -> Port:
    fixed = (FixedIpRequest(ip_address=address),) if address else None
    request = CreatePort(token=token, network_id=network.id, fixed_ips=fixed, **more)  # type: ignore[arg-type]
    return value_of((await cloud.room.create_ports([request]))[0])


def test_a_boot_gets_a_whole_vif() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network(name="net")
        commits = cloud.ledger.commits
        (vif,) = await one(cloud, "i1", network)
        assert cloud.ledger.commits == commits + 1
        assert vif.network_name == "net" and vif.mtu == 1450 and vif.made_here and not vif.active
        assert vif.device == f"tap{vif.port_id[:11]}" and vif.bridge == f"brq{network.id[:11]}"
        assert [ip.ip_address for ip in vif.fixed_ips] == ["10.0.0.2"] and vif.subnets[0].gateway_ip == "10.0.0.1"
        port = cloud.port(vif.port_id)
        assert (port.device_id, port.device_owner, port.host) == ("i1", "compute:nova", "h1")
        assert port.dns_name == "i1" and port.made_for == "i1" and port.status == "DOWN" and port.security_groups

    run(scenario())


def test_a_notice_says_what_is_new_since_the_last_that_was_heard() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        agent = cloud.agents["h1"]
        (vif,) = await one(cloud, "i1", network)
        (first,) = agent.news
        assert {details.port_id for details in first.ports} == {vif.port_id, dhcp_port_id(network.id)}
        await cloud.room.ports_up([vif.port_id, dhcp_port_id(network.id)])
        assert first.dhcp and first.dhcp.since == "" and [host.device_id for host in first.dhcp.hosts] == ["i1"]
        agent.broken = True
        await one(cloud, "i2", network)
        agent.broken = False
        agent.told.clear()
        await one(cloud, "i3", network)
        await agent.told.wait()  # nobody waits for one that was away
        (last,) = agent.news
        assert last.dhcp and last.dhcp.since == first.dhcp.version
        assert [host.device_id for host in last.dhcp.hosts] == ["i2", "i3"]
        assert [details.device_id for details in last.ports] == ["i2", "i3"]
        await cloud.room.agent_started("h1", "172.31.0.1")
        await cloud.room.agent_started("h2", "172.31.0.2")
        await one(cloud, "i4", network, host="h2")
        (told,) = agent.news
        assert told.peers == ("172.31.0.1", "172.31.0.2")

    run(scenario())


def test_the_first_boot_brings_dhcp_where_it_runs_and_the_last_takes_it_away() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        await one(cloud, "i1", network, host="h2")
        assert cloud.agents["h2"].heard == [[network.id]] and not cloud.agents["h1"].heard
        (info,) = await cloud.room.dhcp_networks([network.id])
        assert isinstance(info, DhcpNetworkInfo) and info.network.dhcp_host == "h2" and info.port
        assert info.port.device_owner == "network:dhcp" and info.port.device_id == f"dhcp-h2-{network.id}"
        assert [host.device_id for host in info.hosts] == ["i1"]
        await one(cloud, "i2", network, host="h1")
        assert cloud.agents["h2"].heard == [[network.id]] * 2
        await cloud.room.deallocate([gone("i1", "h2"), gone("i2", "h1")])
        (info,) = await cloud.room.dhcp_networks([network.id])
        assert isinstance(info, DhcpNetworkInfo) and info.port is None and info.network.dhcp_host == ""
        assert cloud.agents["h2"].heard == [[network.id]] * 3 and not cloud.ports()

    run(scenario())


def test_boots_that_come_together_leave_dhcp_its_address() -> None:
    """As one after the other: who is given no address hears of it, instead of all being given none."""

    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network(cidr="10.0.0.0/29")  # five addresses beside the gateway's
        replies = await cloud.room.allocate([boot(f"i{number}", network) for number in range(5)])
        assert [isinstance(reply, tuple) for reply in replies] == [True] * 4 + [False]
        assert fault_of(replies[4]).kind == "IpAddressGenerationFailure"
        (info,) = await cloud.room.dhcp_networks([network.id])
        assert isinstance(info, DhcpNetworkInfo) and info.port is not None and len(info.hosts) == 4

    run(scenario())


def test_twice_is_once() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        request = boot("i1", network, network)
        first = await cloud.room.allocate([request])
        rows = on_disk(cloud)
        commits = cloud.ledger.commits
        assert await cloud.room.allocate([request]) == first
        assert on_disk(cloud) == rows and cloud.ledger.commits == commits
        for _ in range(2):
            await cloud.room.deallocate([gone("i1")])
            assert not cloud.ports()

    run(scenario())


def test_validate_refuses_what_allocate_would_and_changes_nothing() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        before = on_disk(cloud), cloud.ledger.commits
        bad = boot("i2", NetworkRequest(network_id=network.id, fixed_ip="10.0.9.9"))
        good = boot("i1", NetworkRequest(network_id=network.id, fixed_ip="10.0.0.9"), host="")
        replies = await cloud.room.validate([good, bad, good])
        assert replies[0] is None and replies[2] is None and fault_of(replies[1]).field == "networks[0].fixed_ip"
        assert (on_disk(cloud), cloud.ledger.commits) == before
        (vif,) = await one(cloud, "i3", NetworkRequest(network_id=network.id, fixed_ip="10.0.0.9"))
        assert vif.fixed_ips[0].ip_address == "10.0.0.9"

    run(scenario())


@pytest.mark.parametrize("together", [True, False])
def test_of_two_who_want_the_same_exactly_one_wins(together: bool) -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        port = await made_port(cloud, network)
        for wanted in (NetworkRequest(network_id=network.id, fixed_ip="10.0.0.77"), NetworkRequest(port_id=port.id)):
            name = "address" if wanted.fixed_ip else "port"
            requests = [boot(f"{name}-{number}", wanted) for number in range(5)]
            if together:
                replies = await cloud.room.allocate(requests)
            else:
                answers = await asyncio.gather(*(cloud.room.allocate([request]) for request in requests))
                replies = [reply for answer in answers for reply in answer]
            losers = [reply for reply in replies if not isinstance(reply, tuple)]
            assert len(losers) == 4 and {fault_of(loser).status for loser in losers} == {409}
            assert {fault_of(loser).field for loser in losers} <= {"networks[0].fixed_ip", "networks[0].port_id"}
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_one_bad_interface_gives_everything_back() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network(cidr="10.0.0.0/29")  # 5 addresses
        bad = NetworkRequest(network_id=network.id, fixed_ip="10.0.0.1")
        for number in range(10):
            (reply,) = await cloud.room.allocate([boot(f"i{number}", network, network, bad)])
            assert fault_of(reply).field == "networks[2].fixed_ip"
        await one(cloud, "i", network, network)
        assert len(cloud.ports()) == 3  # DHCP's among them

    run(scenario())


def test_requests_of_ports() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network, other = await cloud.network(), await cloud.network(cidr="10.1.0.0/24")
        mine = await made_port(cloud, network, "10.0.0.50", dns_name="")
        theirs = await made_port(cloud, await cloud.network(BOB), token=BOB)
        bare = await made_port(cloud, await cloud.network(cidr=""))
        named = await made_port(cloud, network, dns_name="www")
        use = NetworkRequest(port_id=mine.id)
        refused = [
            (boot("i", use, use), 400, "networks[1].port_id"),
            (boot("i", NetworkRequest(port_id="nothing")), 400, "networks[0].port_id"),
            (boot("i", NetworkRequest(port_id=theirs.id)), 400, "networks[0].port_id"),
            (boot("i", NetworkRequest(port_id=bare.id)), 400, "networks[0].port_id"),
            (boot("i", NetworkRequest(port_id=named.id)), 400, "networks[0].port_id"),
            (boot("i", NetworkRequest(port_id=mine.id, fixed_ip="10.0.0.5")), 400, "networks[0].fixed_ip"),
            (boot("i", NetworkRequest(port_id=mine.id, network_id=other.id)), 400, "networks[0].network_id"),
        ]
        for request, status, field in refused:
            fault = fault_of((await cloud.room.allocate([request]))[0])
            assert (fault.status, fault.field) == (status, field), fault
        vifs = await one(cloud, "i", other, NetworkRequest(port_id=mine.id, tag="data"))
        assert [vif.network_id for vif in vifs] == [other.id, network.id] and vifs[1].tag == "data"
        assert vifs[1].port_id == mine.id and not vifs[1].made_here
        assert vifs[1].fixed_ips[0].ip_address == "10.0.0.50"
        await cloud.room.deallocate([gone("i")])
        left = cloud.port(mine.id)
        assert replace(left, revision=mine.revision, updated_at=mine.updated_at) == mine  # the user's own stays
        assert not [port for port in cloud.ports() if port.made_for]

    run(scenario())


def test_requests_of_networks() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        private, theirs, bare = await cloud.network(), await cloud.network(BOB), await cloud.network(cidr="")
        shared = await cloud.network(ADMIN, shared=True)
        small = await cloud.network(cidr="10.2.0.0/30")
        refused = [
            (boot("i", private, theirs), 400, "networks[1].network_id"),
            (boot("i", NetworkRequest(network_id="x")), 400, "networks[0].network_id"),
            (boot("i", NetworkRequest()), 400, "networks[0].network_id"),
            (boot("i", bare), 400, "networks[0].network_id"),
            (boot("i", small, small), 409, "networks[1].network_id"),
            (boot("i", NetworkRequest(network_id=private.id, fixed_ip="10.0.0.1")), 400, "networks[0].fixed_ip"),
            (boot("i", NetworkRequest(network_id=private.id, fixed_ip="<x>")), 400, "networks[0].fixed_ip"),
            (boot("i\n", private), 400, "hostname"),
        ]
        for request, status, field in refused:
            fault = fault_of((await cloud.room.allocate([request]))[0])
            assert (fault.status, fault.field) == (status, field), fault
        assert len(await one(cloud, "i", private, shared)) == 2
        assert await one(cloud, "none") == ()

    run(scenario())


def test_auto_takes_the_only_network() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        none = fault_of((await cloud.room.allocate([boot("i0", auto=True)]))[0])
        assert (none.status, none.field) == (400, "networks")
        await cloud.network(cidr="")
        await cloud.network(BOB)
        network = await cloud.network()
        (vif,) = await one(cloud, "i1", auto=True)
        assert vif.network_id == network.id
        await cloud.network(ADMIN, shared=True)
        many = fault_of((await cloud.room.allocate([boot("i2", auto=True)]))[0])
        assert (many.status, many.field) == (409, "networks")
        assert await one(cloud, "i1", auto=True) == (vif,)  # a repeat keeps to its first choice

    run(scenario())


def test_who_may_ask() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        asked = boot("i", network)
        requests = [
            replace(asked, token="forged"),
            replace(asked, token=READER),
            replace(asked, token=BOB),  # for a project that is not his
        ]
        replies = await cloud.room.allocate(requests)
        assert [fault_of(reply).status for reply in replies] == [401, 403, 403]

    run(scenario())


def test_security_groups() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network, open_network = await cloud.network(), await cloud.network(port_security_enabled=False)
        made = await cloud.room.create_security_groups(
            [CreateSecurityGroup(token=ALICE, name=name) for name in ("web", "twin", "twin")]
        )
        web, twin, _ = (value_of(group).id for group in made)
        refused = [
            (boot("i", network, security_groups=("web", "nope")), 400, "security_groups[1]"),
            (boot("i", network, security_groups=("twin",)), 409, "security_groups[0]"),
            (boot("i", open_network, security_groups=("web",)), 400, "security_groups"),
        ]
        for request, status, field in refused:
            fault = fault_of((await cloud.room.allocate([request]))[0])
            assert (fault.status, fault.field) == (status, field), fault
        (vif,) = await one(cloud, "i1", network, security_groups=("web", twin, web))
        assert cloud.port(vif.port_id).security_groups == (web, twin)
        (vif,) = await one(cloud, "i2", open_network)
        assert cloud.port(vif.port_id).security_groups == ()
        (vif,) = await one(cloud, "i3", network, security_groups=("default", "web"))
        default, second = cloud.port(vif.port_id).security_groups
        assert second == web and cloud.ledger.rows["SecurityGroup"][default].name == "default"  # type: ignore[union-attr]

    run(scenario())


def test_quota() -> None:
    async def scenario() -> None:
        cloud = Cloud(config=CloudConfig(network_quotas={"port": 2}))
        network = await cloud.network()
        await one(cloud, "i1", network, network)
        fault = fault_of((await cloud.room.allocate([boot("i2", network)]))[0])
        assert (fault.status, fault.field) == (403, "networks")
        await one(cloud, "i1", network, network)  # a repeat asks for nothing new

    run(scenario())


def test_plugged_is_told_each_time() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        (vif,) = await one(cloud, "i1", network)
        (details, unknown) = await cloud.room.port_details([vif.device, "tap-unknown"])
        assert value_of(details).port_id == vif.port_id and value_of(details).network_type == "vxlan"
        assert fault_of(unknown).status == 404
        for _ in range(2):
            await cloud.room.ports_up([vif.port_id, dhcp_port_id(network.id), "unknown"])
        events = cloud.computes["h1"].events
        assert [(event.name, event.instance_id, event.port_id) for event in events] == [
            ("network-vif-plugged", "i1", vif.port_id)
        ] * 2
        assert await cloud.room.ports_active([vif.port_id]) == [True]
        rows = await live_rows(cloud).ready()
        assert {port.status for port in rows.ports.values()} == {"ACTIVE"}
        assert {port.status for port in cloud.ports()} == {"DOWN"}  # what is seen is not written
        assert (await one(cloud, "i1", network))[0].active
        await cloud.room.ports_down([vif.port_id], "h2")  # where it was once, or never
        assert rows.ports[vif.port_id].status == "ACTIVE"
        await cloud.room.ports_down([vif.port_id], "h1")
        assert rows.ports[vif.port_id].status == "DOWN"

    run(scenario())


def test_ports_that_were_up_are_so_again_after_a_restart() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        vifs = [(await one(cloud, name, network, host=host))[0] for name, host in (("i1", "h1"), ("i2", "h2"))]
        for host in ("h1", "h2"):
            await cloud.room.agent_started(host)
        ids = [vif.port_id for vif in vifs]
        await cloud.room.ports_up(ids)
        cloud.agents["h1"].up, cloud.agents["h2"].up = [ids[0], ids[1]], [ids[1]]
        assert {cloud.port(port_id).status for port_id in ids} == {"DOWN"}
        cloud.ledger.rows["Port"][ids[1]] = replace(cloud.port(ids[1]), status="ACTIVE")  # of an older version
        room = cloud.restarted()

        async def statuses(port_ids: list[str]) -> list[str]:
            rows = await live_rows(cloud).ready()
            return [rows.ports[port_id].status for port_id in port_ids]

        await room.start()
        assert await statuses(ids) == ["DOWN", "DOWN"]
        await room.ports_down([ids[1]], "h2")  # told before the agents are heard
        assert room._asking is not None
        await room._asking
        assert await statuses(ids) == ["ACTIVE", "DOWN"]

    run(scenario())


def test_a_tap_that_was_wired_while_its_port_was_elsewhere_counts_when_the_port_is_back() -> None:
    """Seed 200420 of the simulator: the agent told of it at its start, and had no reason to tell again."""

    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        (vif,) = await one(cloud, "i1", network, host="h1")
        await cloud.room.ports_up([vif.port_id], "h2")  # bound to h1: nobody's business
        assert await cloud.room.ports_active([vif.port_id]) == [False]
        await one(cloud, "i1", network, host="h2")
        cloud.agents["h2"].up, cloud.agents["h2"].heard = [vif.port_id], []
        assert await cloud.room.ports_active([vif.port_id, "unknown"]) == [True, False]
        assert cloud.agents["h2"].heard == [[network.id]]  # its filters are those of the port as it is now
        assert (await live_rows(cloud).ready()).ports[vif.port_id].status == "ACTIVE"

    run(scenario())


def test_an_agent_that_is_away_is_asked_again_until_it_answers() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        (vif,) = await one(cloud, "i1", network)
        await cloud.room.agent_started("h1")
        cloud.agents["h1"].broken = True
        room = cloud.restarted()
        await room.start()
        assert await room.ports_active([vif.port_id]) == [False]
        cloud.agents["h1"].broken, cloud.agents["h1"].up = False, [vif.port_id]
        assert room._asking is not None
        await room._asking
        assert (await live_rows(cloud).ready()).ports[vif.port_id].status == "ACTIVE"

    run(scenario())


def test_what_was_seen_outlives_a_commit_that_failed() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        (vif,) = await one(cloud, "i1", network)
        await cloud.room.ports_up([vif.port_id], "h1")
        was = (await live_rows(cloud).ready()).ports[vif.port_id]
        live_rows(cloud)._forget([], ConnectionError("the database is away"))
        again = (await live_rows(cloud).ready()).ports[vif.port_id]
        assert again.status == was.status == "ACTIVE"
        assert again.revision == cloud.port(vif.port_id).revision  # what is seen is no revision

    run(scenario())


def test_a_boot_that_moves_is_not_undone_by_its_old_host() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        (vif,) = await one(cloud, "i1", network, host="h1")
        await cloud.room.ports_up([vif.port_id])
        (moved,) = await one(cloud, "i1", network, host="h2")
        assert moved.port_id == vif.port_id and not moved.active and moved.fixed_ips == vif.fixed_ips
        await cloud.room.deallocate([gone("i1", "h1")])
        assert cloud.port(vif.port_id).host == "h2"

    run(scenario())


def test_peers_and_who_hears_of_them() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        assert await cloud.room.agent_started("h1", "172.31.0.1") == []
        await cloud.room.agent_started("h2", "172.31.0.2")
        await one(cloud, "i1", network, host="h1")
        await one(cloud, "i2", network, host="h2")
        await one(cloud, "i3", network, host="h3")
        await asyncio.sleep(0)
        assert len(cloud.agents["h1"].heard) == 3  # DHCP's host hears of every boot
        await asyncio.wait_for(cloud.agents["h2"].told.wait(), 5)
        assert len(cloud.agents["h2"].heard) == 1  # and a peer of the next host, when that has gathered
        assert await cloud.room.peers([network.id, "unknown"]) == [("172.31.0.1", "172.31.0.2"), ()]
        for host in ("h1", "h2"):
            cloud.agents[host].told.clear()
        await cloud.room.agent_started("h3", "172.31.0.3")
        for host in ("h1", "h2"):
            await asyncio.wait_for(cloud.agents[host].told.wait(), 5)
        assert len(cloud.agents["h1"].heard) == 4 and len(cloud.agents["h2"].heard) == 2
        room = cloud.restarted()
        assert await room.peers([network.id]) == [("172.31.0.1", "172.31.0.2", "172.31.0.3")]
        assert await room.agent_started("h1", "172.31.0.1") == [network.id]

    run(scenario())


def test_firewall_rules_name_the_members_of_remote_groups() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network, open_network = await cloud.network(), await cloud.network(port_security_enabled=False)
        first, second = await one(cloud, "i1", network), await one(cloud, "i2", network)
        (unsecured,) = await one(cloud, "i3", open_network)
        replies = await cloud.room.firewall_rules([first[0].port_id, unsecured.port_id, "unknown"])
        firewall = value_of(replies[0])
        addresses = tuple(vif.fixed_ips[0].ip_address for vif in (first[0], second[0]))
        assert firewall.ip_addresses == addresses[:1] and firewall.mac_address == first[0].mac_address
        assert {(rule.direction, rule.ethertype, rule.remote_prefixes) for rule in firewall.rules} == {
            ("egress", "IPv4", ()),
            ("egress", "IPv6", ()),
            ("ingress", "IPv4", addresses),  # and no IPv6 ingress: no member has such an address
        }
        assert not value_of(replies[1]).port_security_enabled and not value_of(replies[1]).rules
        assert fault_of(replies[2]).status == 404

    run(scenario())


def test_who_lets_a_groups_members_in_hears_of_them_also_in_another_network() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        front, back = await cloud.network(), await cloud.network(cidr="10.1.0.0/24")
        web, data = [
            value_of((await cloud.room.create_security_groups([CreateSecurityGroup(token=ALICE, name=name)]))[0])
            for name in ("web", "data")
        ]
        rule = CreateSecurityGroupRule(
            token=ALICE, security_group_id=data.id, direction="ingress", ethertype="IPv4", remote_group_id=web.id
        )
        value_of((await cloud.room.create_security_group_rules([rule]))[0])
        await cloud.room.allocate([boot("i1", back, host="h1", security_groups=("data",))])
        await cloud.room.allocate([boot("i2", back, host="h2", security_groups=("data",))])
        (port,) = [port for port in cloud.ports() if port.device_id == "i2"]

        async def told() -> tuple[str, ...]:
            """What the firewall lets in, once its node has heard."""
            await asyncio.wait_for(cloud.agents["h2"].told.wait(), 5)
            cloud.agents["h2"].told.clear()
            assert cloud.agents["h2"].heard.pop() == [back.id]
            (reply,) = map(value_of, await cloud.room.firewall_rules([port.id]))
            return tuple(each for rule in reply.rules for each in rule.remote_prefixes)

        cloud.agents["h2"].told.clear()
        await cloud.room.allocate([boot("i3", front, host="h3", security_groups=("web",))])
        assert await told() == ("10.0.0.2",)
        await cloud.room.deallocate([gone("i3", host="h3")])
        assert await told() == ()

    run(scenario())


def test_dhcp_moves_when_its_host_leaves() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        await cloud.room.agent_started("h1", "172.31.0.1")
        await one(cloud, "i1", network, host="h1")
        await one(cloud, "i2", network, host="h2")
        heard = len(cloud.agents["h1"].heard)
        before = cloud.agents["h2"].heard.count([network.id])
        for _ in range(2):
            await cloud.room.forget_hosts(["h1", "unknown"])
            (info,) = await cloud.room.dhcp_networks([network.id])
            assert isinstance(info, DhcpNetworkInfo) and info.network.dhcp_host == "h2"
            assert info.port and info.port.host == "h2" and info.port.device_id == f"dhcp-h2-{network.id}"
        assert cloud.agents["h2"].heard[-1] == [network.id] and len(cloud.agents["h1"].heard) == heard
        assert cloud.agents["h2"].heard.count([network.id]) >= before + 2  # a room that died may have told nobody
        assert await cloud.room.peers([network.id]) == [()]

    run(scenario())


@pytest.mark.parametrize("after", [False, True])
def test_a_commit_that_fails_leaves_memory_as_the_disk_is(after: bool) -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        if after:
            cloud.ledger.fail_after = 1
        else:
            cloud.ledger.fail_before = 1
        request = boot("i1", NetworkRequest(network_id=network.id, fixed_ip="10.0.0.9"))
        with pytest.raises(OSError):
            await cloud.room.allocate([request])
        assert await remembered(cloud) == on_disk(cloud)
        assert bool(cloud.ports()) == after and not cloud.agents["h1"].heard
        (reply,) = await cloud.room.allocate([request])
        assert value_of(reply)[0].fixed_ips[0].ip_address == "10.0.0.9"
        assert cloud.agents["h1"].heard == [[network.id]] and await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_the_world_after_undo_is_the_world_before() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        port = await made_port(cloud, network)
        before = await cloud.room.world()
        await one(cloud, "i1", network, NetworkRequest(port_id=port.id))
        assert await cloud.room.world() != before
        await cloud.room.deallocate([gone("i1")])
        assert await cloud.room.world() == before

    run(scenario())
