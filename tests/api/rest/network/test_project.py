"""Quotas, tags, agents, zones and extensions over HTTP."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.api.rest.network.test_networks import V2, kind, made
from tests.world import World, in_world, token

NEUTRONS = {
    "network": 100, "subnet": 100, "port": 500, "security_group": 10, "security_group_rule": 100, "subnetpool": -1,
    "router": 10, "floatingip": 50,
}  # fmt: skip


def test_a_new_project_has_neutrons_quotas(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(token("new")) as http:
            assert (await http.get(f"{V2}/quotas/new")).json()["quota"] == NEUTRONS
            assert (await http.get(f"{V2}/quotas/new/default")).json()["quota"] == NEUTRONS
            names = [group["name"] for group in (await http.get(f"{V2}/security-groups")).json()["security_groups"]]
            assert names == ["default"]  # one of the ten, as in Neutron
            for number in range(9):
                await made(http, "security_group", name=f"g{number}")
            over = await http.post(f"{V2}/security-groups", json={"security_group": {"name": "g9"}})
            assert kind(over) == (409, "OverQuota")

    in_world(tmp_path, play)


def test_quotas(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            assert (await http.delete(f"{V2}/quotas/demo")).status_code == 204
            before = (await http.get(f"{V2}/quotas/demo")).json()["quota"]
            set_to = await http.put(f"{V2}/quotas/demo", json={"quota": {"check_limit": True, "network": 1}})
            assert set_to.json()["quota"] == before | {"network": 1}
            assert (await http.get(f"{V2}/quotas/demo/default")).json()["quota"] == before
            [listed] = (await http.get(f"{V2}/quotas")).json()["quotas"]
            assert (listed["project_id"], listed["network"]) == ("demo", 1)
        async with world.http(world.member) as http:
            network = await made(http, "network")
            over = await http.post(f"{V2}/networks", json={"network": {}})
            assert kind(over) == (409, "OverQuota")
            details = (await http.get(f"{V2}/quotas/demo/details")).json()["quota"]
            assert details["network"] == {"limit": 1, "used": 1, "reserved": 0}
            refused = await http.put(f"{V2}/quotas/demo", json={"quota": {"network": 9}})
            assert kind(refused) == (403, "PolicyNotAuthorized")
        async with world.http(world.admin) as http:
            below = await http.put(f"{V2}/quotas/demo", json={"quota": {"check_limit": True, "network": 0}})
            assert kind(below) == (409, "InvalidQuotaValue")
            for bad in ({"network": -2}, {"network": "many"}, {"cats": 1}, {"network": 2**63}):
                assert (await http.put(f"{V2}/quotas/demo", json={"quota": bad})).status_code == 400, bad
            assert (await http.delete(f"{V2}/quotas/demo")).status_code == 204
            assert (await http.get(f"{V2}/quotas/demo")).json()["quota"] == before
        async with world.http(world.member) as http:
            await made(http, "network")
            assert (await http.delete(f"{V2}/networks/{network['id']}")).status_code == 204

    in_world(tmp_path, play)


def test_tags(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network = await made(http, "network")
            rows = {
                "networks": network["id"],
                "subnets": (await made(http, "subnet", network_id=network["id"], cidr="10.3.0.0/24"))["id"],
                "ports": (await made(http, "port", network_id=network["id"]))["id"],
                "security-groups": (await made(http, "security_group", name="web"))["id"],
                "subnetpools": (await made(http, "subnetpool", prefixes=["10.8.0.0/16"]))["id"],
            }
            for noun, row_id in rows.items():
                path = f"{V2}/{noun}/{row_id}/tags"
                assert (await http.put(path, json={"tags": ["b", "a", "b"]})).json() == {"tags": ["a", "b"]}
                assert (await http.put(f"{path}/c")).status_code == 201
                assert (await http.get(f"{path}/c")).status_code == 204
                assert (await http.delete(f"{path}/a")).status_code == 204
                assert kind(await http.get(f"{path}/a")) == (404, "TagNotFound")
                assert (await http.get(path)).json() == {"tags": ["b", "c"]}
                assert (await http.delete(path)).status_code == 204
                assert (await http.get(path)).json() == {"tags": []}
                assert (await http.put(path, json={"tags": ["x" * 256]})).status_code == 400
            assert kind(await http.get(f"{V2}/agents/x/tags"))[0] == 404
        async with world.http(token(roles=("reader",), user="rita")) as http:
            assert (await http.put(f"{V2}/networks/{network['id']}/tags/x")).status_code == 403

    in_world(tmp_path, play)


def test_agents_and_zones(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.boot(world.request("vm"))
        async with world.http(world.admin) as http:
            agents = (await http.get(f"{V2}/agents")).json()["agents"]
            assert {(a["agent_type"], a["host"], a["alive"]) for a in agents} == {
                ("DHCP agent", "node-1", True),
                ("L3 agent", "node-1", True),
                ("Linux bridge agent", "node-1", True),
            }
            one = agents[0]
            for moment in ("created_at", "started_at", "heartbeat_timestamp"):  # with the one format Gophercloud reads
                assert datetime.strptime(one[moment], "%Y-%m-%d %H:%M:%S")
            assert (await http.get(f"{V2}/agents/{one['id']}")).json()["agent"] == one
            assert kind(await http.get(f"{V2}/agents/nothing")) == (404, "AgentNotFound")
            [bridge] = (await http.get(f"{V2}/agents?agent_type=Linux bridge agent")).json()["agents"]
            assert bridge["configurations"]["devices"] == 1
        async with world.http(world.member) as http:
            zones = (await http.get(f"{V2}/availability_zones")).json()["availability_zones"]
            assert zones == [
                {"name": "nova", "resource": resource, "state": "available"} for resource in ("network", "router")
            ]

    in_world(tmp_path, play)


def test_extensions_are_what_there_is(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            extensions = (await http.get(f"{V2}/extensions")).json()["extensions"]
            aliases = {extension["alias"] for extension in extensions}
            assert {"security-group", "quotas", "binding", "standard-attr-tag", "router", "external-net"} < aliases
            assert not {"dvr", "l3-ha", "floating-ip-port-forwarding", "l3_agent_scheduler"} & aliases
            one = (await http.get(f"{V2}/extensions/port-security")).json()["extension"]
            assert one in extensions and set(one) == {"alias", "name", "description", "updated", "links"}
            for path in ("extensions/trunk", "trunks", "floatingips/x/port_forwardings"):
                assert kind(await http.get(f"{V2}/{path}")) == (404, "HTTPNotFound"), path
            resources = (await http.get(V2)).json()["resources"]
            for resource in resources:
                answer = await http.get(f"{V2}/{resource['collection']}")
                assert answer.status_code in (200, 403), resource

    in_world(tmp_path, play)


def test_without_a_token_nobody_is_answered(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http() as http:
            for path in ("networks", "subnets/x", "ports", "security-groups", "quotas/demo", "extensions", "agents"):
                answer = await http.get(f"{V2}/{path}")
                assert answer.status_code == 401 and "WWW-Authenticate" in answer.headers, path

    in_world(tmp_path, play)
