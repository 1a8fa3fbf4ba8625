"""What owners change: checked, kept with a revision, told to the hosts that have it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from actors.cluster.config import CloudConfig
from actors.errors import CallerError, value_of
from actors.messages import NetworkRequest
from actors.network.messages import (
    CreateNetwork,
    CreatePort,
    CreateSecurityGroup,
    CreateSubnet,
    CreateSubnetPool,
    EditTags,
    FixedIpRequest,
    QuotaQuery,
    Reference,
    SetQuota,
    UpdateNetwork,
    UpdatePort,
    UpdateSecurityGroup,
    UpdateSubnet,
    UpdateSubnetPool,
)
from actors.records import AddressPair, Network, Port
from tests.network.cloud import ADMIN, ALICE, BOB, READER, Cloud, boot, fault_of, gone, on_disk, remembered, run


async def port_on(cloud: Cloud, network: Network, **more: Any) -> Port:
    return value_of((await cloud.room.create_ports([CreatePort(token=ALICE, network_id=network.id, **more)]))[0])


async def changed(cloud: Cloud, port_id: str, token: str = ALICE, **fields: Any) -> Any:
    return (await cloud.room.update_ports([UpdatePort(token=token, id=port_id, **fields)]))[0]


def test_a_change_counts_and_is_dated() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network(name="old")
        assert network.revision == 1 and network.created_at == network.updated_at
        (reply,) = await cloud.room.update_networks([UpdateNetwork(token=ALICE, id=network.id, name="new", revision=1)])
        new = value_of(reply)
        assert (new.name, new.revision, new.created_at) == ("new", 2, network.created_at)
        assert new.updated_at > network.updated_at
        (stale,) = await cloud.room.update_networks([UpdateNetwork(token=ALICE, id=network.id, name="x", revision=1)])
        assert fault_of(stale).status == 412 and fault_of(stale).kind == "RevisionNumberConstraintFailed"
        (kept,) = await cloud.room.delete_networks([Reference(token=ALICE, id=network.id, revision=1)])
        assert fault_of(kept).status == 412
        assert await remembered(cloud) == on_disk(cloud)
        cloud.restarted()
        assert value_of((await cloud.room.show_networks([Reference(token=ALICE, id=network.id)]))[0]) == new

    run(scenario())


def test_only_owners_change_and_only_administrators_share() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        mine, shared = await cloud.network(), await cloud.network(ADMIN, shared=True)
        wanted = [
            UpdateNetwork(token=BOB, id=mine.id, name="x"),
            UpdateNetwork(token=BOB, id=shared.id, name="x"),
            UpdateNetwork(token=READER, id=mine.id, name="x"),
            UpdateNetwork(token=ALICE, id=mine.id, shared=True),
        ]
        assert [fault_of(each).status for each in await cloud.room.update_networks(wanted)] == [404, 403, 403, 403]
        port = await port_on(cloud, shared)
        (refused,) = await cloud.room.update_networks([UpdateNetwork(token=ADMIN, id=shared.id, shared=False)])
        assert fault_of(refused).kind == "InvalidSharedSetting"
        await cloud.room.delete_ports([Reference(token=ALICE, id=port.id)])
        (alone,) = await cloud.room.update_networks([UpdateNetwork(token=ADMIN, id=shared.id, shared=False)])
        assert not value_of(alone).shared

    run(scenario())


def test_a_live_port_changes_where_it_runs() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        (web,) = map(value_of, await cloud.room.create_security_groups([CreateSecurityGroup(token=ALICE, name="web")]))
        (vifs,) = await cloud.room.allocate([boot("i1", network)])
        port_id = value_of(vifs)[0].port_id
        heard = len(cloud.agents["h1"].heard)
        new = value_of(
            await changed(
                cloud, port_id, fixed_ips=(FixedIpRequest(ip_address="10.0.0.77"),), security_groups=(web.id,)
            )
        )
        assert [ip.ip_address for ip in new.fixed_ips] == ["10.0.0.77"] and new.security_groups == (web.id,)
        assert len(cloud.agents["h1"].heard) == heard + 1
        (firewall,) = map(value_of, await cloud.room.firewall_rules([port_id]))
        assert firewall.ip_addresses == ("10.0.0.77",) and {rule.direction for rule in firewall.rules} == {"egress"}
        (info,) = map(value_of, await cloud.room.dhcp_networks([network.id]))
        assert [host.fixed_ips for host in info.hosts] == [new.fixed_ips]
        down = value_of(await changed(cloud, port_id, admin_state_up=False))
        (closed,) = map(value_of, await cloud.room.firewall_rules([port_id]))
        assert not down.admin_state_up and (closed.ip_addresses, closed.rules) == ((), ())
        for field, value in {"mac_address": "fa:16:3e:00:00:99", "device_id": "i2", "dns_name": "other"}.items():
            assert fault_of(await changed(cloud, port_id, **{field: value})).kind == "PortBound"
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_fixed_addresses_that_are_named_again_stay() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        second = await cloud.subnet(network, cidr="10.9.0.0/24")
        first = next(iter(cloud.ledger.rows["Subnet"]))
        port, other = await port_on(cloud, network), await port_on(cloud, network)
        has, theirs = port.fixed_ips[0].ip_address, other.fixed_ips[0].ip_address

        async def addresses(*wanted: FixedIpRequest) -> list[str]:
            return [ip.ip_address for ip in value_of(await changed(cloud, port.id, fixed_ips=wanted)).fixed_ips]

        assert await addresses(FixedIpRequest(subnet_id=second.id), FixedIpRequest(subnet_id=first)) == [
            "10.9.0.2",
            has,
        ]
        taken = await changed(cloud, port.id, fixed_ips=(FixedIpRequest(ip_address=theirs),))
        assert fault_of(taken).kind == "IpAddressAlreadyAllocated"
        assert await addresses(FixedIpRequest(ip_address=has), FixedIpRequest(ip_address="10.0.0.50")) == [
            has, "10.0.0.50",
        ]  # fmt: skip
        assert await addresses() == []
        (again,) = await cloud.room.create_ports(
            [CreatePort(token=ALICE, network_id=network.id, fixed_ips=(FixedIpRequest(ip_address="10.9.0.2"),))]
        )
        assert value_of(again).fixed_ips[0].ip_address == "10.9.0.2"  # given back
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


@pytest.mark.parametrize(
    ("fields", "status", "kind"),
    [
        ({"device_owner": "compute:nova"}, 403, ""),
        ({"device_owner": "network:dhcp"}, 403, ""),
        ({"mac_address": "nonsense"}, 400, ""),
        ({"mac_address": "fa:16:3e:00:00:99"}, 403, ""),
        ({"allowed_address_pairs": (AddressPair("192.0.2.1", ""),) * 2}, 400, "DuplicateAddressPairInRequest"),
        ({"security_groups": ("no such group",)}, 404, "SecurityGroupNotFound"),
        ({"port_security_enabled": False}, 409, "PortSecurityAndIPRequiredForSecurityGroups"),
        ({"fixed_ips": (FixedIpRequest(ip_address="192.0.2.1"),)}, 400, "InvalidIpForNetwork"),
        ({"fixed_ips": (FixedIpRequest(subnet_id="nowhere"),)}, 400, ""),
        ({"profile": {"a": "b"}}, 403, ""),
        ({"name": "x" * 256}, 400, ""),
        ({"dns_name": "-"}, 400, ""),
    ],
)
def test_ports_stay_as_they_are(fields: dict[str, Any], status: int, kind: str) -> None:
    async def scenario() -> None:
        cloud = Cloud()
        port = await port_on(cloud, await cloud.network())
        fault = fault_of(await changed(cloud, port.id, **fields))
        assert (fault.status, fault.kind) == (status, kind)
        assert cloud.port(port.id) == port and await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_who_does_not_own_the_network_leaves_port_security_as_it_is() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        port = await port_on(cloud, await cloud.network(ADMIN, shared=True))
        off: dict[str, Any] = {"port_security_enabled": False, "security_groups": ()}
        assert fault_of(await changed(cloud, port.id, **off)).status == 403
        assert cloud.port(port.id) == port and await remembered(cloud) == on_disk(cloud)
        assert not value_of(await changed(cloud, port.id, ADMIN, **off)).port_security_enabled
        assert value_of(await changed(cloud, port.id, name="mine", port_security_enabled=False)).name == "mine"
        assert fault_of(await changed(cloud, port.id, port_security_enabled=True)).status == 403

    run(scenario())


def test_a_port_that_was_made_for_one_server_and_given_to_another_is_the_others() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        await cloud.room.create_security_groups([CreateSecurityGroup(token=ALICE, name="web")])
        await cloud.room.allocate([boot("i1", network, security_groups=("web",))])
        (port,) = [port for port in cloud.ports() if port.made_for == "i1"]
        await cloud.room.deallocate([replace(gone("i1"), keep=True)])  # it is shelved
        value_of(await changed(cloud, port.id, device_id="", device_owner="", dns_name=""))
        value_of((await cloud.room.allocate([boot("i2", NetworkRequest(port_id=port.id), host="h2")]))[0])
        assert cloud.port(port.id).security_groups == port.security_groups
        await cloud.room.deallocate([replace(gone("i1", host="h2"), keep=True), gone("i1", host="")])
        assert (cloud.port(port.id).device_id, cloud.port(port.id).host) == ("i2", "h2")
        await cloud.room.deallocate([gone("i2", host="h2")])
        assert (cloud.port(port.id).device_id, cloud.port(port.id).host) == ("", "")
        await cloud.room.deallocate([gone("i1", host="")])
        assert port.id not in cloud.ledger.rows["Port"]

    run(scenario())


def test_a_port_on_no_host_is_no_other_servers_by_its_owners_word() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        await cloud.room.allocate([boot("i1", network)])
        await cloud.room.deallocate([replace(gone("i1"), keep=True)])  # it is shelved
        (port,) = [port for port in cloud.ports() if port.device_id == "i1"]
        assert fault_of(await changed(cloud, port.id, device_id="another's")).status == 403
        (info,) = map(value_of, await cloud.room.dhcp_networks([network.id]))
        assert [host.device_id for host in info.hosts] == ["i1"]  # who asks for metadata from there is told i1's
        assert value_of(await changed(cloud, port.id, device_id="i1", name="same")).name == "same"
        value_of(await changed(cloud, port.id, device_id="a box", device_owner="lab:box"))
        (info,) = map(value_of, await cloud.room.dhcp_networks([network.id]))
        assert [host.device_id for host in info.hosts] == [""]

    run(scenario())


def test_who_only_claims_to_be_an_instance_is_not_released_with_it() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        own = await port_on(cloud, network, device_id="i1", device_owner="lab:box")
        await cloud.room.allocate([boot("i1", network)])
        (info,) = map(value_of, await cloud.room.dhcp_networks([network.id]))
        assert sorted(host.device_id for host in info.hosts) == ["", "i1"]
        (refused,) = await cloud.room.allocate([boot("i2", NetworkRequest(port_id=own.id))])
        assert fault_of(refused).status == 409
        await cloud.room.deallocate([gone("i1")])
        assert [port.id for port in cloud.ports()] == [own.id] and cloud.port(own.id).device_id == "i1"

    run(scenario())


def test_subnets_change_with_their_addresses_kept() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        subnet_id = next(iter(cloud.ledger.rows["Subnet"]))
        port = await port_on(cloud, network)

        async def update(**fields: Any) -> Any:
            return (await cloud.room.update_subnets([UpdateSubnet(token=ALICE, id=subnet_id, **fields)]))[0]

        new = value_of(await update(pools=(("10.0.0.2", "10.0.0.3"),), dns_servers=("192.0.2.53",), name="front"))
        assert (new.name, new.pools, new.dns_servers) == ("front", (("10.0.0.2", "10.0.0.3"),), ("192.0.2.53",))
        assert (await port_on(cloud, network)).fixed_ips[0].ip_address == "10.0.0.3"  # .2 is in use already
        (full,) = await cloud.room.create_ports([CreatePort(token=ALICE, network_id=network.id)])
        assert fault_of(full).kind == "IpAddressGenerationFailure"
        assert fault_of(await update(gateway_ip=port.fixed_ips[0].ip_address)).kind == "GatewayIpInUse"
        assert fault_of(await update(gateway_ip="10.0.0.3")).status == 409
        assert fault_of(await update(pools=(("10.0.0.1", "10.0.0.9"),))).kind == "GatewayConflictWithAllocationPools"
        assert value_of(await update(gateway_ip="")).gateway_ip == ""
        assert not value_of(await update(enable_dhcp=False)).enable_dhcp
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_new_ports_together_are_all_or_none() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        good = CreatePort(token=ALICE, network_id=network.id)
        bad = CreatePort(token=ALICE, network_id=network.id, mac_address="nonsense")
        made, refused = await cloud.room.create_ports([good, bad], True)
        assert value_of(made) and fault_of(refused).status == 400
        refused, *rest = await cloud.room.create_ports([bad, good, good], True)
        assert fault_of(refused).status == 400 and rest == [refused] * 2
        assert cloud.ports() == [] and await remembered(cloud) == on_disk(cloud)
        both = await cloud.room.create_ports([good, good], True)
        assert {value_of(each).fixed_ips[0].ip_address for each in both} < {"10.0.0.2", "10.0.0.3", "10.0.0.4"}

    run(scenario())


def test_quotas_are_exact() -> None:
    async def scenario() -> None:
        cloud = Cloud(config=CloudConfig(network_quotas={"port": 2}))
        network = await cloud.network()
        made = await cloud.room.create_ports([CreatePort(token=ALICE, network_id=network.id)] * 3)
        assert fault_of(made[2]).kind == "OverQuota" and fault_of(made[2]).status == 409
        query = QuotaQuery(token=ALICE, project_id="project-a")
        assert (await cloud.room.show_quota(query))["port"].limit == (await cloud.room.show_quota(query))["port"].used
        limits = {"port": 3, "network": 1}
        quota = SetQuota(token=ADMIN, project_id="project-a", limits=limits, check_limit=True)
        assert (await cloud.room.set_quota(quota))["port"].limit == 3
        assert value_of((await cloud.room.create_ports([CreatePort(token=ALICE, network_id=network.id)]))[0])
        (over,) = await cloud.room.create_networks([CreateNetwork(token=ALICE)])
        assert fault_of(over).message == "Quota exceeded for resources: ['network']."
        for token, project, status in ((BOB, "project-a", 403), (ALICE, "project-b", 403)):
            with pytest.raises(CallerError) as refused:
                await cloud.room.show_quota(QuotaQuery(token=token, project_id=project))
            assert refused.value.fault.status == status
        for bad, kind in (({"port": 1}, "InvalidQuotaValue"), ({"cats": 1}, "HTTPBadRequest"), ({"port": -2}, "")):
            with pytest.raises(CallerError) as refused:
                await cloud.room.set_quota(SetQuota(token=ADMIN, project_id="project-a", limits=bad, check_limit=True))
            assert refused.value.fault.kind == kind
        with pytest.raises(CallerError):
            await cloud.room.set_quota(SetQuota(token=ALICE, project_id="project-a", limits={"port": 9}))
        assert list(await cloud.room.list_quotas(ADMIN)) == ["project-a"]
        cloud.restarted()
        assert (await cloud.room.show_quota(query))["port"].limit == 3
        await cloud.room.set_quota(SetQuota(token=ADMIN, project_id="project-a", limits=None))
        assert (await cloud.room.show_quota(query))["port"].limit == 2
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_subnet_pools_give_each_cidr_once() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        room = cloud.room
        wanted = CreateSubnetPool(
            token=ALICE, name="pool", prefixes=("10.40.0.0/25", "10.40.0.128/25"), default_prefixlen=25
        )
        pool = value_of((await room.create_subnet_pools([wanted]))[0])
        assert pool.prefixes == ("10.40.0.0/24",) and (pool.min_prefixlen, pool.max_prefixlen) == (8, 30)
        network, other = await cloud.network(cidr=""), await cloud.network(cidr="")

        async def subnet(where: Network, **more: Any) -> Any:
            request = CreateSubnet(token=ALICE, network_id=where.id, subnetpool_id=pool.id, **more)
            return (await room.create_subnets([request]))[0]

        assert value_of(await subnet(network)).cidr == "10.40.0.0/25"
        assert value_of(await subnet(other, prefixlen=26)).cidr == "10.40.0.128/26"
        assert fault_of(await subnet(other, cidr="10.40.0.128/28")).kind == "SubnetAllocationError"
        last = value_of(await subnet(network, cidr="10.40.0.192/26"))
        assert last.subnetpool_id == pool.id
        assert fault_of(await subnet(network)).kind == "SubnetAllocationError"
        assert fault_of(await subnet(network, prefixlen=31)).kind == "MaxPrefixSubnetAllocationError"
        (refused,) = await room.delete_subnet_pools([Reference(token=ALICE, id=pool.id)])
        assert fault_of(refused).kind == "SubnetPoolDeleteError"
        (hidden,) = await room.show_subnet_pools([Reference(token=BOB, id=pool.id)])
        assert fault_of(hidden).kind == "SubnetPoolNotFound" and await room.list_subnet_pools(BOB) == []
        shrunk, grown = await room.update_subnet_pools(
            [
                UpdateSubnetPool(token=ALICE, id=pool.id, prefixes=("10.41.0.0/24",)),
                UpdateSubnetPool(token=ALICE, id=pool.id, prefixes=("10.40.0.0/23",)),
            ]
        )
        assert fault_of(shrunk).kind == "IllegalSubnetPoolUpdate" and value_of(grown).prefixes == ("10.40.0.0/23",)
        assert value_of(await subnet(network)).cidr == "10.40.1.0/25"
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_tags_and_groups() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        room, network = cloud.room, await cloud.network()

        async def tags(**edit: Any) -> Any:
            request = EditTags(**({"token": ALICE, "id": network.id, "noun": "networks"} | edit))
            return (await room.edit_tags([request]))[0]

        assert await tags(replace=("red", "blue", "red")) == ("blue", "red")
        assert await tags(add=("green",), remove=("red",)) == ("blue", "green")
        assert fault_of(await tags(remove=("red",))).kind == "TagNotFound"
        assert fault_of(await tags(replace=("a,b",))).status == 400
        assert fault_of(await tags(replace=tuple(map(str, range(51))))).status == 400
        assert fault_of(await tags(noun="cats", add=("x",))).status == 404
        assert fault_of(await tags(token=BOB, add=("x",))).status == 404
        (default,) = await room.list_security_groups(ALICE)
        renamed, described = await room.update_security_groups(
            [
                UpdateSecurityGroup(token=ALICE, id=default.id, name="mine"),
                UpdateSecurityGroup(token=ALICE, id=default.id, description="ours"),
            ]
        )
        assert fault_of(renamed).kind == "SecurityGroupCannotUpdateDefault"
        assert value_of(described).description == "ours"
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_agents_as_they_are_known() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        assert not await cloud.room.has_agents(ALICE)
        await cloud.room.agent_started("h1", "192.0.2.1")
        await cloud.room.allocate([boot("i1", network)])
        (agent,) = await cloud.room.list_agents(ADMIN)
        assert (agent.host, agent.alive, agent.networks, agent.ports) == ("h1", True, 1, 1)
        cloud.agents["h1"].broken = True
        await cloud.room.allocate([boot("i2", network)])
        assert not (await cloud.room.list_agents(ADMIN))[0].alive
        assert await cloud.room.has_agents(ALICE)
        with pytest.raises(CallerError):
            await cloud.room.list_agents(ALICE)

    run(scenario())
