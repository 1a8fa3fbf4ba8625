"""Security groups of a server that is there: given, taken and shown over HTTP."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

from actors.api.messages import ServersRequest
from actors.errors import value_of
from actors.network.messages import CreateSecurityGroup, PortQuery
from tests.api.rest.compute.test_server_parts import ask, booted, client
from tests.world import World, in_world, token


async def shown(world: World, url: str) -> list[Any]:
    async with client(world) as http:
        return list((await http.get(f"{url}/os-security-groups")).json()["security_groups"])


async def new_group(world: World, name: str, by: str = "") -> str:
    [made] = await world.network.create_security_groups([CreateSecurityGroup(token=by or world.member, name=name)])
    return value_of(made).id


def test_a_group_is_given_to_all_ports_and_taken_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        group_id = await new_group(world, "web")
        assert [one["name"] for one in await shown(world, url)] == ["default"]
        for name in ("web", group_id):  # twice is once
            assert (await ask(world, url, {"addSecurityGroup": {"name": name}})).status_code == 202
        assert [one["name"] for one in await shown(world, url)] == ["default", "web"]
        [port] = await world.network.list_ports(PortQuery(token=world.member, device_id=server.id))
        assert group_id in port.security_groups
        async with client(world) as http:
            groups = (await http.get(url)).json()["server"]["security_groups"]
        assert groups == [{"name": "default"}, {"name": "web"}]
        assert (await ask(world, url, {"removeSecurityGroup": {"name": "web"}})).status_code == 202
        assert [one["name"] for one in await shown(world, url)] == ["default"]

    in_world(tmp_path, play)


def test_a_server_shows_the_addresses_that_its_ports_are_given(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        [port] = await world.network.list_ports(PortQuery(token=world.member, device_id=server.id))
        [first] = port.fixed_ips
        async with world.http(world.admin) as http:

            async def given(*addresses: str) -> list[str]:
                fixed_ips = [{"subnet_id": first.subnet_id, "ip_address": each} for each in addresses]
                asked = {"port": {"fixed_ips": fixed_ips}}
                assert (await http.put(f"/network/v2.0/ports/{port.id}", json=asked)).status_code == 200
                [shown] = (await http.get(url)).json()["server"]["addresses"].values()
                return [each["addr"] for each in shown]

            second = str(ip_address(first.ip_address) + 77)
            assert await given(first.ip_address, second) == [first.ip_address, second]
            assert await given(second) == [second]
        [view] = await world.api.show(ServersRequest(token=world.member, server_ids=(server.id,)))
        [vif] = value_of(view).addresses
        assert [subnet.id for subnet in vif.subnets] == [first.subnet_id]

    in_world(tmp_path, play)


def test_what_is_refused(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        other = token("other")
        foreign = await new_group(world, "foreign", other)
        await new_group(world, "web")
        for body, by, code in (
            ({"addSecurityGroup": {"name": "nothing"}}, "", 404),
            ({"addSecurityGroup": {"name": foreign}}, "", 404),
            ({"addSecurityGroup": {"name": ""}}, "", 400),
            ({"addSecurityGroup": {"name": "web"}}, other, 404),
            ({"removeSecurityGroup": {"name": "web"}}, "", 400),
        ):
            answer = await ask(world, url, body, by=by)
            assert answer.status_code == code, (body, answer.text)
        assert [one["name"] for one in await shown(world, url)] == ["default"]

    in_world(tmp_path, play)


def test_rules_are_shown_in_nova_s_words(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        group_id = await new_group(world, "web")
        async with client(world) as http:
            for more in (
                {"protocol": "icmp", "port_range_min": 0, "port_range_max": 0},
                {"protocol": "tcp", "port_range_min": 22, "port_range_max": 23, "remote_ip_prefix": "10.0.0.0/8"},
            ):
                rule = {"security_group_id": group_id, "direction": "ingress"} | more
                made = await http.post("/network/v2.0/security-group-rules", json={"security_group_rule": rule})
                told = made.json()["security_group_rule"]
                assert {name: told[name] for name in more} == more
        await ask(world, url, {"addSecurityGroup": {"name": "web"}})
        rules = [(await shown(world, url))[1]["rules"][place] for place in (0, 1)]
        said = [(one["ip_protocol"], one["from_port"], one["to_port"], one["ip_range"]["cidr"]) for one in rules]
        assert sorted(said) == [("icmp", 0, 0, "0.0.0.0/0"), ("tcp", 22, 23, "10.0.0.0/8")]

    in_world(tmp_path, play)


def test_a_server_shows_the_groups_that_its_ports_really_have(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        web = await new_group(world, "web")
        [asked, bare] = await world.boot(
            world.request("asked", security_groups=(web,)), world.request("bare", network_mode="none")
        )
        [port] = await world.network.list_ports(PortQuery(token=world.member, device_id=asked.id))
        async with world.http(world.member) as http:

            async def shown(server_id: str) -> list[str] | None:
                one = (await http.get(f"/compute/v2.1/servers/{server_id}")).json()["server"]
                listed = (await http.get("/compute/v2.1/servers/detail")).json()["servers"]
                [same] = [server for server in listed if server["id"] == server_id]
                assert one.get("security_groups") == same.get("security_groups")
                groups = one.get("security_groups")
                return groups and [found["name"] for found in groups]

            assert await shown(asked.id) == ["web"]  # asked for by its id
            assert await shown(bare.id) is None
            [other] = (await http.get("/network/v2.0/security-groups?name=default")).json()["security_groups"]
            for wanted, names in (([web, other["id"]], ["web", "default"]), ([other["id"]], ["default"]), ([], None)):
                body = {"port": {"security_groups": wanted}}
                assert (await http.put(f"/network/v2.0/ports/{port.id}", json=body)).status_code == 200
                assert await shown(asked.id) == names
            await http.put(f"/network/v2.0/ports/{port.id}", json={"port": {"security_groups": [web]}})
            renamed = {"security_group": {"name": "www"}}
            assert (await http.put(f"/network/v2.0/security-groups/{web}", json=renamed)).status_code == 200
            assert await shown(asked.id) == ["www"]

        claimed = {"network_id": world.net.id, "device_id": asked.id}
        async with world.http(token("other")) as http:  # a port that says it is that server's
            made = (await http.post("/network/v2.0/ports", json={"port": claimed})).json()["port"]
            before = await world.conductor.show([asked.id])
            body = {"port": {"security_groups": []}}
            assert (await http.put(f"/network/v2.0/ports/{made['id']}", json=body)).status_code == 200
        assert await world.conductor.show([asked.id]) == before

    in_world(tmp_path, play)
