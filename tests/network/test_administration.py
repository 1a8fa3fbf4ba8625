from __future__ import annotations

import pytest

from actors.errors import CallerError, value_of
from actors.messages import NetworkRequest
from actors.network.messages import (
    CreateNetwork,
    CreatePort,
    CreateSecurityGroup,
    CreateSecurityGroupRule,
    PortQuery,
    Reference,
)
from tests.network.cloud import ADMIN, ALICE, BOB, READER, Cloud, boot, fault_of, gone, on_disk, remembered, run


def test_tenants_see_their_own_and_the_shared() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        mine, theirs = await cloud.network(), await cloud.network(BOB)
        shared = await cloud.network(ADMIN, shared=True)
        room = cloud.room
        assert {network.id for network in await room.list_networks(ALICE)} == {mine.id, shared.id}
        assert {network.id for network in await room.list_networks(ADMIN)} == {mine.id, theirs.id, shared.id}
        assert {subnet.network_id for subnet in await room.list_subnets(BOB)} == {theirs.id, shared.id}
        shown = await room.show_networks([Reference(token=ALICE, id=each.id) for each in (mine, theirs, shared)])
        assert value_of(shown[0]).id == mine.id and fault_of(shown[1]).status == 404 and value_of(shown[2]) == shared
        refused = await room.delete_networks(
            [Reference(token=ALICE, id=theirs.id), Reference(token=ALICE, id=shared.id), Reference(token="x", id="")]
        )
        assert [fault_of(reply).status for reply in refused] == [404, 403, 401]
        with pytest.raises(CallerError):
            await room.list_networks("forged")

    run(scenario())


def test_a_reader_changes_nothing() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        (made,) = await cloud.room.create_networks([CreateNetwork(token=READER)])
        (deleted,) = await cloud.room.delete_networks([Reference(token=READER, id=network.id)])
        assert fault_of(made).status == fault_of(deleted).status == 403
        assert [each.id for each in await cloud.room.list_networks(READER)] == [network.id]

    run(scenario())


def test_what_is_in_use_stays() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        subnet_id = next(iter(cloud.ledger.rows["Subnet"]))
        (vifs,) = await cloud.room.allocate([boot("i1", network)])
        port_id = value_of(vifs)[0].port_id
        room = cloud.room

        async def delete_all() -> list[int]:
            faults = [
                *await room.delete_ports([Reference(token=ALICE, id=port_id)]),
                *await room.delete_subnets([Reference(token=ALICE, id=subnet_id)]),
                *await room.delete_networks([Reference(token=ALICE, id=network.id)]),
            ]
            return [fault.status if fault else 0 for fault in faults]

        assert await delete_all() == [409, 409, 409]
        await room.deallocate([gone("i1")])
        assert await delete_all() == [404, 0, 0]
        assert not cloud.ledger.rows["Network"] and not cloud.ledger.rows["Subnet"] and not cloud.ports()
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_a_second_subnet_reaches_the_dhcp_server() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network = await cloud.network()
        await cloud.room.allocate([boot("i1", network)])
        heard = len(cloud.agents["h1"].heard)
        second = await cloud.subnet(network, cidr="10.9.0.0/24")
        assert len(cloud.agents["h1"].heard) == heard + 1
        (info,) = value_of((await cloud.room.dhcp_networks([network.id]))[0]).port.fixed_ips[1:]  # type: ignore[union-attr]
        assert (info.subnet_id, info.ip_address) == (second.id, "10.9.0.2")
        await cloud.room.delete_subnets([Reference(token=ALICE, id=second.id)])
        assert len(value_of((await cloud.room.dhcp_networks([network.id]))[0]).port.fixed_ips) == 1  # type: ignore[union-attr]
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_ports_by_network_and_device() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        network, other = await cloud.network(), await cloud.network()
        (made,) = await cloud.room.create_ports([CreatePort(token=ALICE, network_id=other.id, name="mine")])
        await cloud.room.allocate([boot("i1", network, NetworkRequest(port_id=value_of(made).id))])

        async def listed(**narrow: str) -> set[str]:
            return {port.device_owner for port in await cloud.room.list_ports(PortQuery(token=ALICE, **narrow))}

        assert await listed() == {"compute:nova", "network:dhcp"}
        assert await listed(device_id="i1") == {"compute:nova"} == await listed(device_id="i1", network_id=other.id)
        assert len(await cloud.room.list_ports(PortQuery(token=ALICE, device_id="i1"))) == 2
        assert await cloud.room.list_ports(PortQuery(token=BOB)) == []
        (shown,) = await cloud.room.show_ports([Reference(token=ALICE, id=value_of(made).id)])
        assert value_of(shown).name == "mine" and value_of(shown).device_id == "i1"

    run(scenario())


def test_security_groups_and_rules() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        room, network = cloud.room, await cloud.network()
        (default,) = await room.list_security_groups(ALICE)
        assert default.name == "default" and len(await room.list_security_group_rules(ALICE)) == 4
        (web,) = map(value_of, await room.create_security_groups([CreateSecurityGroup(token=ALICE, name="web")]))
        await room.allocate([boot("i1", network, security_groups=("web",))])
        heard = len(cloud.agents["h1"].heard)
        rule = CreateSecurityGroupRule(
            token=ALICE, security_group_id=web.id, direction="ingress", protocol="tcp", port_min=80, port_max=80
        )
        made, again, theirs = await room.create_security_group_rules(
            [rule, rule, CreateSecurityGroupRule(token=BOB, security_group_id=web.id, direction="ingress")]
        )
        assert fault_of(again).status == 409 and fault_of(theirs).status == 404
        assert len(cloud.agents["h1"].heard) == heard + 1  # the firewalls of its ports change
        references = [Reference(token=ALICE, id=group.id) for group in (default, web)]
        assert [fault_of(reply).status for reply in await room.delete_security_groups(references)] == [409, 409]
        assert await room.delete_security_group_rules([Reference(token=ALICE, id=value_of(made).id)]) == [None]
        await room.deallocate([gone("i1")])
        assert (await room.delete_security_groups(references))[1] is None
        assert await remembered(cloud) == on_disk(cloud)
        assert fault_of((await room.show_security_groups(references))[1]).status == 404
        assert fault_of((await room.show_security_group_rules(references))[1]).status == 404
        (shown,) = await room.show_subnets([Reference(token=ALICE, id=next(iter(cloud.ledger.rows["Subnet"])))])
        assert value_of(shown).network_id == network.id

    run(scenario())


def test_default_comes_once_and_cannot_be_made() -> None:
    async def scenario() -> None:
        cloud = Cloud()
        for _ in range(2):
            await cloud.room.list_security_groups(ALICE)
        assert len(cloud.ledger.rows["SecurityGroup"]) == 1 and len(cloud.ledger.rows["SecurityGroupRule"]) == 4
        (fault,) = await cloud.room.create_security_groups([CreateSecurityGroup(token=ALICE, name="default")])
        assert (fault_of(fault).status, fault_of(fault).field) == (409, "name")

    run(scenario())
