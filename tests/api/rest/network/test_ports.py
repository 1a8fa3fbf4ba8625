"""Ports and security groups over HTTP, alone and under a running server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actors.messages import NetworkRequest
from tests.api.rest.network.test_networks import V2, kind, made
from tests.world import NODE_NAME, World, in_world


def test_a_port_says_all_of_itself(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network = await made(http, "network")
            subnet = await made(http, "subnet", network_id=network["id"], cidr="10.30.0.0/24")
            port = await made(http, "port", network_id=network["id"], name="p", dns_name="www")
            [default] = (await http.get(f"{V2}/security-groups")).json()["security_groups"]
        for name in ("created_at", "updated_at", "id", "mac_address"):
            assert port.pop(name)
        assert port == {
            "name": "p",
            "project_id": "demo",
            "tenant_id": "demo",
            "network_id": network["id"],
            "fixed_ips": [{"subnet_id": subnet["id"], "ip_address": "10.30.0.2"}],
            "admin_state_up": True,
            "status": "DOWN",
            "device_id": "",
            "device_owner": "",
            "security_groups": [default["id"]],
            "port_security_enabled": True,
            "allowed_address_pairs": [],
            "binding:vnic_type": "normal",
            "dns_name": "www",
            "dns_assignment": [
                {"ip_address": "10.30.0.2", "hostname": "www", "fqdn": "www.openstacklocal."},
            ],
            "description": "",
            "tags": [],
            "revision_number": 1,
        }

    in_world(tmp_path, play)


def test_ports_are_found_by_what_they_have(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request("vm"))
        async with world.http(world.admin) as http:
            ask = {"network_id": world.net.id, "project_id": "demo", "fixed_ips": [{"ip_address": "10.7.9.9"}]}
            own = await made(http, "port", **ask)
        async with world.http(world.member) as http:

            async def found(query: str) -> list[str]:
                return [body["id"] for body in (await http.get(f"{V2}/ports?{query}")).json()["ports"]]

            theirs = server.addresses[0].port_id
            assert await found(f"device_id={server.id}") == [theirs]
            assert await found("fixed_ips=ip_address%3D10.7.9.9") == [own["id"]]
            assert await found("fixed_ips=ip_address_substr%3D.9.9") == [own["id"]]
            assert set(await found(f"fixed_ips=subnet_id%3D{own['fixed_ips'][0]['subnet_id']}")) == {own["id"], theirs}
            assert await found(f"mac_address={own['mac_address'].upper()}") == [own["id"]]
            assert await found(f"id={own['id']}&id={theirs}&status=ACTIVE") == [theirs]
            assert await found(f"network_id={world.net.id}&device_owner=compute:nova") == [theirs]
            assert set(await found(f"security_groups={own['security_groups'][0]}")) == {own["id"], theirs}
            fields = "fields=id&fields=mac_address&fields=fixed_ips&fields=status"
            [cut] = (await http.get(f"{V2}/ports?device_id={server.id}&{fields}")).json()["ports"]
            assert set(cut) == {"id", "mac_address", "fixed_ips", "status"}
            assert kind(await http.delete(f"{V2}/ports/{theirs}")) == (409, "PortInUse")
            assert kind(await http.get(f"{V2}/ports?fixed_ips=nonsense"))[0] == 400
        async with world.http(world.admin) as http:
            [shown] = (await http.get(f"{V2}/ports?device_id={server.id}")).json()["ports"]
            assert (shown["binding:host_id"], shown["binding:vif_type"]) == (server.host, "bridge")
            owners = {body["device_owner"] for body in (await http.get(f"{V2}/ports")).json()["ports"]}
            assert owners == {"compute:nova", "network:dhcp", ""}

    in_world(tmp_path, play)


def test_a_running_servers_port_changes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            port = await made(http, "port", network_id=world.net.id)
            wanted = (NetworkRequest(port_id=port["id"]),)
            [server] = await world.boot(world.request("vm", networks=wanted))
            web = await made(http, "security_group", name="web")
            path = f"{V2}/ports/{port['id']}"
            subnet_id = port["fixed_ips"][0]["subnet_id"]
            fields = {
                "fixed_ips": [{"subnet_id": subnet_id, "ip_address": "10.7.0.99"}],
                "security_groups": [web["id"]],
                "allowed_address_pairs": [{"ip_address": "10.7.0.200"}],
            }
            for name in ("fixed_ips", "allowed_address_pairs"):  # the network is an administrator's, and so are these
                refused = await http.put(path, json={"port": {name: fields[name]}})
                assert kind(refused) == (403, "PolicyNotAuthorized"), name
            del fields["allowed_address_pairs"]
            async with world.http(world.admin) as owner:
                changed = (await owner.put(path, json={"port": fields})).json()["port"]
            assert {name: changed[name] for name in fields} == fields
            assert (changed["status"], changed["device_id"]) == ("ACTIVE", server.id)
            again = {"fixed_ips": changed["fixed_ips"], "mac_address": changed["mac_address"]}
            assert (await http.put(path, json={"port": again})).status_code == 200
            assert kind(await http.put(path, json={"port": {"mac_address": "fa:16:3e:01:02:03"}})) == (409, "PortBound")
            assert kind(await http.put(path, json={"port": {"device_id": ""}})) == (409, "PortBound")
            down = (await http.put(path, json={"port": {"admin_state_up": False}})).json()["port"]
            assert (down["status"], down["admin_state_up"]) == ("DOWN", False)
            await world.delete(server)
            freed = (await http.get(path)).json()["port"]
            assert (freed["device_id"], freed["device_owner"]) == ("", "")

    in_world(tmp_path, play)


@pytest.mark.parametrize("choice", [{"mac_address": "fa:16:3e:01:02:03"}, {"fixed_ips": [{"ip_address": "10.7.0.9"}]}])
def test_who_does_not_own_a_network_takes_what_it_gives(tmp_path: Path, choice: dict[str, Any]) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            asked = {"port": {"network_id": world.net.id} | choice}
            assert kind(await http.post(f"{V2}/ports", json=asked)) == (403, "PolicyNotAuthorized")
            own = await made(http, "network")
            await made(http, "subnet", network_id=own["id"], cidr="10.7.0.0/24")
            assert await made(http, "port", network_id=own["id"], **choice)

    in_world(tmp_path, play)


def test_many_ports_are_all_or_none(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            good = {"network_id": world.net.id}
            half = await http.post(f"{V2}/ports", json={"ports": [good, {"network_id": "nothing"}]})
            assert kind(half) == (404, "NetworkNotFound")
            assert (await http.get(f"{V2}/ports")).json() == {"ports": []}
            both = await http.post(f"{V2}/ports", json={"ports": [good, good | {"fixed_ips": []}]})
            assert [len(body["fixed_ips"]) for body in both.json()["ports"]] == [1, 0]

    in_world(tmp_path, play)


def test_addresses_run_out_and_collide(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network = await made(http, "network")
            await made(http, "subnet", network_id=network["id"], cidr="10.30.0.0/30")
            port = await made(http, "port", network_id=network["id"])
            asked = {"port": {"network_id": network["id"]}}
            assert kind(await http.post(f"{V2}/ports", json=asked)) == (409, "IpAddressGenerationFailure")
            asked["port"]["fixed_ips"] = [{"ip_address": "10.30.0.2"}]
            assert kind(await http.post(f"{V2}/ports", json=asked)) == (409, "IpAddressAlreadyAllocated")
            asked["port"]["fixed_ips"] = [{"ip_address": "192.0.2.1"}]
            assert kind(await http.post(f"{V2}/ports", json=asked)) == (400, "InvalidIpForNetwork")
            asked = {"port": {"network_id": network["id"], "fixed_ips": [], "mac_address": port["mac_address"]}}
            assert kind(await http.post(f"{V2}/ports", json=asked)) == (409, "MacAddressInUse")
            asked = {"port": {"network_id": network["id"], "fixed_ips": [], "security_groups": ["nothing"]}}
            assert kind(await http.post(f"{V2}/ports", json=asked)) == (404, "SecurityGroupNotFound")

    in_world(tmp_path, play)


def test_each_project_has_its_default_group_on_first_use(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            [group] = (await http.get(f"{V2}/security-groups?name=default")).json()["security_groups"]
            rules = {(r["direction"], r["ethertype"], r["remote_group_id"]) for r in group["security_group_rules"]}
            assert rules == {
                ("egress", "IPv4", None), ("egress", "IPv6", None),
                ("ingress", "IPv4", group["id"]), ("ingress", "IPv6", group["id"]),
            }  # fmt: skip
            path = f"{V2}/security-groups/{group['id']}"
            assert kind(await http.delete(path)) == (409, "SecurityGroupCannotRemoveDefault")
            renamed = await http.put(path, json={"security_group": {"name": "mine"}})
            assert kind(renamed) == (409, "SecurityGroupCannotUpdateDefault")
            second = await http.post(f"{V2}/security-groups", json={"security_group": {"name": "default"}})
            assert kind(second) == (409, "SecurityGroupDefaultAlreadyExists")

    in_world(tmp_path, play)


def test_groups_and_rules(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            group = await made(http, "security_group", name="web", description="open")
            assert [rule["direction"] for rule in group["security_group_rules"]] == ["egress", "egress"]
            rule = await made(
                http, "security_group_rule", security_group_id=group["id"], direction="ingress", ethertype="IPv4",
                protocol="tcp", port_range_min=22, port_range_max="22", remote_ip_prefix="0.0.0.0/0",
            )  # fmt: skip
            for name in ("created_at", "updated_at", "id"):
                assert rule[name]
            told = {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "0.0.0.0/0"}
            told |= {"remote_group_id": None, "description": "", "security_group_id": group["id"]}
            assert {name: rule[name] for name in told} == told
            ping = await made(
                http, "security_group_rule", security_group_id=group["id"], direction="ingress",
                protocol="icmp", port_range_min=8,
            )  # fmt: skip
            assert (ping["port_range_min"], ping["port_range_max"]) == (8, None)
            again = {name: rule[name] for name in ("security_group_id", "direction", "protocol", "port_range_min")}
            again |= {"remote_ip_prefix": "0.0.0.0/0"}
            answer = await http.post(f"{V2}/security-group-rules", json={"security_group_rule": again})
            assert kind(answer) == (409, "SecurityGroupRuleExists")
            listed = (await http.get(f"{V2}/security-group-rules?security_group_id={group['id']}")).json()
            assert len(listed["security_group_rules"]) == 4
            assert (await http.delete(f"{V2}/security-group-rules/{rule['id']}")).status_code == 204
            within = {"security_group_id": group["id"], "direction": "ingress", "remote_ip_prefix": "10.2.3.124/24"}
            odd = await made(http, "security_group_rule", **within)
            assert (odd["remote_ip_prefix"], odd["normalized_cidr"]) == ("10.2.3.124/24", "10.2.3.0/24")
            same = {"security_group_rule": within | {"remote_ip_prefix": "10.2.3.0/24"}}
            answer = await http.post(f"{V2}/security-group-rules", json=same)
            assert kind(answer) == (409, "SecurityGroupRuleExists")
            other = await made(http, "security_group", name="another")
            passing = {"security_group_id": other["id"], "direction": "ingress", "remote_group_id": group["id"]}
            passing = await made(http, "security_group_rule", **passing)
            port = await made(http, "port", network_id=world.net.id, security_groups=[group["id"]])
            assert kind(await http.delete(f"{V2}/security-groups/{group['id']}")) == (409, "SecurityGroupInUse")
            await http.put(f"{V2}/ports/{port['id']}", json={"port": {"security_groups": []}})
            assert (await http.delete(f"{V2}/security-groups/{group['id']}")).status_code == 204
            gone = await http.get(f"{V2}/security-group-rules/{passing['id']}")
            assert kind(gone)[0] == 404  # a rule that lets nobody pass any more

    in_world(tmp_path, play)


JSON = {"content-type": "application/json"}
BAD: list[tuple[str, Any]] = [
    ("networks", {"network": {"name": "x" * 256}}),
    ("networks", {"network": {"name": 7}}),
    ("networks", {"network": {"name": "a\nb"}}),
    ("networks", {"network": {"name": "\ud800"}}),
    ("networks", {"network": {"mtu": 2**70}}),
    ("networks", {"network": {"mtu": -1}}),
    ("networks", {"network": {"router:external": True}}),
    ("networks", {"network": {"colour": "red"}}),
    ("networks", {"network": []}),
    ("networks", []),
    ("networks", None),
    ("subnets", {"subnet": {"network_id": "x", "cidr": "nonsense"}}),
    ("subnets", {"subnet": {"network_id": "NET", "cidr": "fd00::/64", "ip_version": 4}}),
    ("subnets", {"subnet": {"network_id": "NET", "cidr": "fd00::/64"}}),
    ("subnets", {"subnet": {"network_id": "NET", "cidr": "fd00::/64", "ip_version": 6, "ipv6_ra_mode": "dhcp"}}),
    ("subnets", {"subnet": {"network_id": "NET", "cidr": "10.0.0.0/24", "ip_version": 4, "ipv6_ra_mode": "slaac"}}),
    ("ports", {"port": {}}),
    ("ports", {"port": {"network_id": "NET", "fixed_ips": [{"ip_address": "::1"}]}}),
    ("ports", {"port": {"network_id": "NET", "fixed_ips": [{}] * 6}}),
    ("ports", {"port": {"network_id": "NET", "mac_address": "x"}}),
    ("ports", {"port": {"network_id": "NET", "dns_name": "no name"}}),
    ("ports", {"port": {"network_id": "NET", "binding:host_id": "somewhere"}}),
    ("ports", {"port": {"network_id": "NET", "binding:vnic_type": "magic"}}),
    ("security-groups", {"security_group": {}}),
    ("security-group-rules", {"security_group_rule": {"security_group_id": "GROUP", "direction": "up"}}),
    ("security-group-rules", {"security_group_rule": {"security_group_id": "GROUP", "direction": "ingress",
        "protocol": "tcp", "port_range_min": 9, "port_range_max": 1}}),
    ("security-group-rules", {"security_group_rule": {"security_group_id": "GROUP", "direction": "ingress",
        "protocol": "tcp", "port_range_min": 1, "port_range_max": 70000}}),
    ("security-group-rules", {"security_group_rule": {"security_group_id": "GROUP", "direction": "ingress",
        "remote_ip_prefix": "here"}}),
    ("subnetpools", {"subnetpool": {"prefixes": []}}),
    ("subnetpools", {"subnetpool": {"prefixes": ["10.0.0.0/8"], "min_prefixlen": 28, "max_prefixlen": 20}}),
]  # fmt: skip


def test_bad_bodies_are_refused_and_change_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            group = await made(http, "security_group", name="web")
            before = await world.network.world()
            for collection, body in BAD:
                text = json.dumps(body).replace('"NET"', f'"{world.net.id}"').replace('"GROUP"', f'"{group["id"]}"')
                answer = await http.post(f"{V2}/{collection}", content=text, headers=JSON)
                status, name = kind(answer)
                assert 400 <= status < 500 and name, (collection, body, answer.text)
            for raw in (b"{", b"\xff\xfe", b'{"network": {"name": "\xff"}}', b"[" * 10_000):
                answer = await http.post(f"{V2}/networks", content=raw, headers=JSON)
                assert answer.status_code == 400, raw[:20]
            assert await world.network.world() == before

    in_world(tmp_path, play)


def test_an_administrator_takes_away_a_default_group(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as admin:
            [group] = (await http.get(f"{V2}/security-groups?name=default")).json()["security_groups"]
            path = f"{V2}/security-groups/{group['id']}"
            port = await made(http, "port", network_id=world.net.id)
            assert kind(await admin.delete(path)) == (409, "SecurityGroupInUse")
            await http.delete(f"{V2}/ports/{port['id']}")
            assert (await admin.delete(path)).status_code == 204
            assert kind(await admin.delete(path))[0] == 404
            left = (await admin.get(f"{V2}/security-group-rules")).json()["security_group_rules"]
            assert group["id"] not in {rule["security_group_id"] for rule in left}
            again = await made(http, "port", network_id=world.net.id)  # a project that needs one has it again
            assert again["security_groups"] == [group["id"]]
            assert len((await http.get(path)).json()["security_group"]["security_group_rules"]) == 4

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("protocol", "low", "high", "text"),
    [
        ("tcp", -16, 80, "Invalid value for port -16"),
        ("tcp", 80, 79, "port_range_min must be <= port_range_max"),
        ("tcp", 80, 65536, "Invalid value for port 65536"),
        ("tcp", None, 6, "port_range_min must be <= port_range_max"),
        ("udp", 0, 6, "Invalid value for port 0"),
        ("icmp", 1, 256, "Invalid value for ICMP code (port_range_max) 256. It must be 0 to 255."),
        ("icmp", 300, 1, "Invalid value for ICMP type (port_range_min) 300. It must be 0 to 255."),
        ("icmp", None, 6, "ICMP type (port-range-min) is missing"),
        ("icmp", -1, 25, "Invalid value for port -1"),
    ],
)
def test_ports_of_a_rule_are_refused_in_neutrons_words(
    tmp_path: Path, protocol: str, low: int | None, high: int, text: str
) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            [group] = (await http.get(f"{V2}/security-groups?name=default")).json()["security_groups"]
            rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": protocol}
            rule |= {"port_range_min": low, "port_range_max": high}
            refused = await http.post(f"{V2}/security-group-rules", json={"security_group_rule": rule})
        assert refused.status_code == 400
        assert text in refused.json()["NeutronError"]["message"]

    in_world(tmp_path, play)


def test_an_administrator_binds_a_port_that_no_server_has(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as admin:
            host = f"{NODE_NAME}/00000"
            port = await made(http, "port", network_id=world.net.id)
            path = f"{V2}/ports/{port['id']}"
            bind = {"port": {"binding:host_id": host}}
            assert kind(await http.put(path, json=bind)) == (403, "PolicyNotAuthorized")
            new = {"port": {"network_id": world.net.id, "binding:host_id": host}}
            assert kind(await http.post(f"{V2}/ports", json=new)) == (403, "PolicyNotAuthorized")
            assert kind(await admin.put(path, json={"port": {"binding:host_id": "nowhere"}})) == (400, "HostNotFound")
            bound = (await admin.put(path, json=bind)).json()["port"]
            assert (bound["binding:host_id"], bound["binding:vif_type"], bound["status"]) == (host, "bridge", "DOWN")
            mac = {"port": {"mac_address": "fa:16:3e:01:02:03"}}
            assert kind(await admin.put(path, json=mac)) == (409, "PortBound")
            free = (await admin.put(path, json={"port": {"binding:host_id": ""}})).json()["port"]
            assert (free["binding:host_id"], free["binding:vif_type"]) == ("", "unbound")
            other = (await admin.post(f"{V2}/ports", json=new)).json()["port"]
            assert other["binding:host_id"] == host
            wanted = (NetworkRequest(port_id=port["id"]),)
            [server] = await world.boot(world.request("vm", networks=wanted))
            assert kind(await admin.put(path, json={"port": {"binding:host_id": ""}})) == (409, "PortBound")
            assert (await admin.put(path, json={"port": {"binding:host_id": server.host}})).status_code == 200
            await world.delete(server)
            assert (await admin.get(path)).json()["port"]["binding:host_id"] == ""

    in_world(tmp_path, play)
