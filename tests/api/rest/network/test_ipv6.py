"""Subnets of IPv6 and the addresses that ports get there, as Neutron's clients ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.network.ipam import address_by_mac
from tests.api.rest.network.test_networks import V2, kind, made
from tests.world import World, in_world

SLAAC = {"ip_version": 6, "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
STATEFUL = {"ip_version": 6, "ipv6_ra_mode": "dhcpv6-stateful", "ipv6_address_mode": "dhcpv6-stateful"}


async def dual(http: httpx.AsyncClient, modes: dict[str, Any]) -> tuple[str, str, str]:
    """Ids of a network and its two subnets, that of IPv4 first."""
    network = (await made(http, "network"))["id"]
    four = await made(http, "subnet", network_id=network, cidr="10.40.0.0/24", ip_version=4)
    six = await made(http, "subnet", network_id=network, cidr="fd00:40::/64", **modes)
    return network, four["id"], six["id"]


def test_a_subnet_of_ipv6_is_shown_as_it_was_asked_for(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network = (await made(http, "network"))["id"]
            subnet = await made(http, "subnet", network_id=network, cidr="FD00:40:0::/64", **SLAAC)
            assert {name: subnet[name] for name in SLAAC} == SLAAC
            assert (subnet["cidr"], subnet["gateway_ip"]) == ("fd00:40::/64", "fd00:40::1")
            assert subnet["allocation_pools"] == [{"start": "fd00:40::2", "end": "fd00:40::ffff:ffff:ffff:ffff"}]
            found = (await http.get(f"{V2}/subnets", params={"ip_version": 6})).json()["subnets"]
            assert [one["id"] for one in found] == [subnet["id"]]
            path = f"{V2}/subnets/{subnet['id']}"
            off = await http.put(path, json={"subnet": {"enable_dhcp": False}})
            assert kind(off) == (400, "InvalidInput")
            mode = await http.put(path, json={"subnet": {"ipv6_ra_mode": "slaac"}})
            assert mode.status_code == 400  # it stays as it was made
            by_hand = await made(http, "subnet", network_id=network, cidr="fd00:41::/96", ip_version=6)
            assert (by_hand["ipv6_ra_mode"], by_hand["ipv6_address_mode"], by_hand["enable_dhcp"]) == (None, None, True)
            assert (await http.delete(path)).status_code == 204

    in_world(tmp_path, play)


def test_a_port_has_an_address_of_each_version(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network, four, six = await dual(http, STATEFUL)
            port = await made(http, "port", network_id=network)
            assert port["fixed_ips"] == [
                {"subnet_id": four, "ip_address": "10.40.0.2"},
                {"subnet_id": six, "ip_address": "fd00:40::2"},
            ]
            wanted = [{"subnet_id": six, "ip_address": "fd00:40:0::00aa"}]
            only = await made(http, "port", network_id=network, fixed_ips=wanted)
            assert only["fixed_ips"] == [{"subnet_id": six, "ip_address": "fd00:40::aa"}]
            again = await http.post(f"{V2}/ports", json={"port": {"network_id": network, "fixed_ips": wanted}})
            assert kind(again) == (409, "IpAddressAlreadyAllocated")

    in_world(tmp_path, play)


def test_where_guests_make_their_addresses_a_port_has_the_one_of_its_mac(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network, four, six = await dual(http, SLAAC)
            port = await made(http, "port", network_id=network)
            own = {"subnet_id": six, "ip_address": address_by_mac("fd00:40::/64", port["mac_address"])}
            assert port["fixed_ips"] == [{"subnet_id": four, "ip_address": "10.40.0.2"}, own]
            path = f"{V2}/ports/{port['id']}"
            moved = (await http.put(path, json={"port": {"fixed_ips": [{"ip_address": "10.40.0.9"}]}})).json()["port"]
            assert moved["fixed_ips"] == [{"subnet_id": four, "ip_address": "10.40.0.9"}, own]
            mac = "fa:16:3e:12:34:56"
            async with world.http(world.admin) as root:  # others may not choose a MAC
                renamed = (await root.put(path, json={"port": {"mac_address": mac}})).json()["port"]
            its = {"subnet_id": six, "ip_address": "fd00:40::f816:3eff:fe12:3456"}
            assert renamed["fixed_ips"] == [moved["fixed_ips"][0], its]
            chosen = {"network_id": network, "fixed_ips": [{"subnet_id": six, "ip_address": "fd00:40::5"}]}
            refused = await http.post(f"{V2}/ports", json={"port": chosen})
            assert kind(refused) == (400, "AllocationOnAutoAddressSubnet")
            assert kind(await http.delete(f"{V2}/subnets/{four}")) == (409, "SubnetInUse")
            bare = await made(http, "port", network_id=network, fixed_ips=[])
            assert bare["fixed_ips"] == []
            assert (await http.delete(f"{V2}/subnets/{six}")).status_code == 204
            left = (await http.get(path)).json()["port"]["fixed_ips"]
            assert left == [{"subnet_id": four, "ip_address": "10.40.0.9"}]

    in_world(tmp_path, play)


@pytest.mark.parametrize("modes", [SLAAC, STATEFUL, {"ip_version": 6}])
def test_a_server_has_an_address_of_each_version(tmp_path: Path, modes: dict[str, Any]) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, OpenStack_API_Version="compute 2.96") as http:
            network, _, six = await dual(http, modes)
            server = {"name": "vm", "flavorRef": "tiny", "imageRef": world.image.id, "networks": [{"uuid": network}]}
            made_one = (await http.post("/compute/v2.1/servers", json={"server": server})).json()["server"]
            await world.settled()
            shown = (await http.get(f"/compute/v2.1/servers/{made_one['id']}")).json()["server"]
            assert shown["status"] == "ACTIVE"
            [addresses] = shown["addresses"].values()
            assert [one["version"] for one in addresses] == [4, 6]
            [port] = (await http.get(f"{V2}/ports", params={"device_id": made_one["id"]})).json()["ports"]
            assert [ip["ip_address"] for ip in port["fixed_ips"]] == [one["addr"] for one in addresses]
            assert (await http.delete(f"{V2}/subnets/{six}")).status_code == 409
            assert (await http.delete(f"/compute/v2.1/servers/{made_one['id']}")).status_code == 204
            await world.settled()
            assert (await http.delete(f"{V2}/subnets/{six}")).status_code == 204

    in_world(tmp_path, play)


def test_an_address_is_the_same_however_it_is_spelled(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network, _, six = await dual(http, STATEFUL)
            port = await made(http, "port", network_id=network, fixed_ips=[{"subnet_id": six}])
            again = [{"subnet_id": six, "ip_address": "FD00:40:0::0002"}]
            kept = await http.put(f"{V2}/ports/{port['id']}", json={"port": {"fixed_ips": again}})
            assert kept.json()["port"]["fixed_ips"] == [{"subnet_id": six, "ip_address": "fd00:40::2"}]

    in_world(tmp_path, play)


def test_ipv6_needs_a_wide_enough_network(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network, _, _ = await dual(http, SLAAC)
            narrow = await http.put(f"{V2}/networks/{network}", json={"network": {"mtu": 1000}})
            assert narrow.status_code == 400
            small = (await made(http, "network", mtu=1000))["id"]
            six = {"network_id": small, "cidr": "fd00:41::/64"} | SLAAC
            assert (await http.post(f"{V2}/subnets", json={"subnet": six})).status_code == 400

    in_world(tmp_path, play)


def test_who_may_have_no_more_ports_takes_no_addresses(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root, world.http(world.member) as http:
            network, four, six = await dual(http, STATEFUL)
            assert (await root.put(f"{V2}/quotas/demo", json={"quota": {"port": 0}})).status_code == 200
            rows = await world.network._live.ready()
            for _ in range(3):
                refused = await http.post(f"{V2}/ports", json={"port": {"network_id": network}})
                assert kind(refused) == (409, "OverQuota")
            assert (len(rows.books[four]), len(rows.books[six]), len(rows.macs)) == (0, 0, 0)

    in_world(tmp_path, play)


def test_a_rule_for_icmp_of_ipv6_is_of_ipv6(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            group = (await made(http, "security_group", name="g"))["id"]
            rule = {"security_group_id": group, "direction": "ingress", "protocol": "icmpv6", "port_range_min": 8}
            refused = await http.post(f"{V2}/security-group-rules", json={"security_group_rule": rule})
            assert kind(refused) == (400, "SecurityGroupEthertypeConflictWithProtocol")
            await made(http, "security_group_rule", **rule, ethertype="IPv6")

    in_world(tmp_path, play)


def test_pools_of_ipv6(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network = (await made(http, "network"))["id"]
            pool = await made(http, "subnetpool", name="six", prefixes=["fd00:50::/48"])
            shown = (pool["ip_version"], pool["min_prefixlen"], pool["default_prefixlen"], pool["max_prefixlen"])
            assert shown == (6, 64, 64, 126)
            subnet = await made(http, "subnet", network_id=network, subnetpool_id=pool["id"], **SLAAC)
            assert subnet["cidr"] == "fd00:50::/64"
            mixed = {"subnetpool": {"name": "x", "prefixes": ["10.0.0.0/8", "fd00::/48"]}}
            assert kind(await http.post(f"{V2}/subnetpools", json=mixed)) == (400, "PrefixVersionMismatch")
            four = {"network_id": network, "subnetpool_id": pool["id"], "ip_version": 4}
            assert kind(await http.post(f"{V2}/subnets", json={"subnet": four})) == (400, "InvalidInput")

    in_world(tmp_path, play)
