"""Networks, subnets and subnet pools over HTTP: what is answered, value by value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from httpx import AsyncClient, Response

from tests.world import World, in_world, token

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
V2 = "/network/v2.0"


async def made(http: AsyncClient, noun: str, collection: str = "", **fields: Any) -> dict[str, Any]:
    answer = await http.post(f"{V2}/{(collection or noun + 's').replace('_', '-')}", json={noun: fields})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()[noun]
    return body


def kind(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["NeutronError"]["type"]


def test_a_network_from_its_making_to_its_end(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network = await made(http, "network", name="mine", description="for tests", mtu=1400)
            subnet = await made(http, "subnet", network_id=network["id"], cidr="10.30.0.0/24", ip_version=4)
            shown = (await http.get(f"{V2}/networks/{network['id']}")).json()["network"]
            changed = await http.put(f"{V2}/networks/{network['id']}", json={"network": {"name": "ours"}})
            stale = await http.put(
                f"{V2}/networks/{network['id']}",
                json={"network": {"name": "x"}},
                headers={"If-Match": "revision_number=1"},
            )
            gone = await http.delete(f"{V2}/networks/{network['id']}")
            again = await http.delete(f"{V2}/networks/{network['id']}")
            lost = await http.get(f"{V2}/subnets/{subnet['id']}")
        assert TIME.fullmatch(network.pop("created_at")) and TIME.fullmatch(network.pop("updated_at"))
        network_id = network.pop("id")
        assert network == {
            "name": "mine",
            "project_id": "demo",
            "tenant_id": "demo",
            "admin_state_up": True,
            "status": "ACTIVE",
            "subnets": [],
            "shared": False,
            "router:external": False,
            "mtu": 1400,
            "port_security_enabled": True,
            "dns_domain": "",
            "availability_zone_hints": [],
            "availability_zones": [],
            "description": "for tests",
            "tags": [],
            "revision_number": 1,
        }
        assert shown["subnets"] == [subnet["id"]] and shown["id"] == network_id
        assert changed.json()["network"]["name"] == "ours" and changed.json()["network"]["revision_number"] == 2
        assert kind(stale) == (412, "RevisionNumberConstraintFailed")
        assert (gone.status_code, kind(again), kind(lost)) == (
            204, (404, "NetworkNotFound"), (404, "SubnetNotFound"),
        )  # fmt: skip

    in_world(tmp_path, play)


def test_only_administrators_see_and_choose_how_a_network_is_made(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        provider = {"provider:network_type": "vlan", "provider:physical_network": "left"}
        async with world.http(world.admin) as http:
            network = await made(http, "network", **provider, shared=True)
            assert network["provider:network_type"] == "vlan" and 1 <= network["provider:segmentation_id"] <= 4094
            taken = provider | {"provider:segmentation_id": network["provider:segmentation_id"]}
            assert kind(await http.post(f"{V2}/networks", json={"network": taken})) == (409, "VlanIdInUse")
        async with world.http(world.member) as http:
            shown = (await http.get(f"{V2}/networks/{network['id']}")).json()["network"]
            assert not [name for name in shown if name.startswith("provider:")]
            for fields in (provider, {"shared": True}, {"project_id": "other"}):
                assert kind(await http.post(f"{V2}/networks", json={"network": fields})) == (403, "PolicyNotAuthorized")
            refused = await http.put(f"{V2}/networks/{network['id']}", json={"network": {"name": "x"}})
            assert refused.status_code == 403

    in_world(tmp_path, play)


def test_lists_are_filtered_sorted_cut_and_paged(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            made_ids = {name: (await made(http, "network", name=name))["id"] for name in "cadb"}
            await http.put(f"{V2}/networks/{made_ids['a']}/tags", json={"tags": ["red", "blue"]})

            async def names(query: str) -> list[str]:
                answer = await http.get(f"{V2}/networks?{query}")
                assert answer.status_code == 200, answer.text
                return [body["name"] for body in answer.json()["networks"]]

            assert sorted(await names("project_id=demo")) == ["a", "b", "c", "d"]
            assert await names("shared=True") == ["private"] and await names("router:external=True") == []
            assert sorted(await names("name=a&name=b")) == ["a", "b"]
            assert await names(f"id={made_ids['d']}&name=d") == ["d"] and await names("name=nothing") == []
            assert await names("project_id=demo&sort_key=name&sort_dir=desc") == ["d", "c", "b", "a"]
            assert await names("tags=red,blue") == ["a"] and await names("tags-any=red,green") == ["a"]
            assert "a" not in await names("not-tags=red") and await names("status=DOWN") == []
            cut = (await http.get(f"{V2}/networks?fields=id&fields=name&name=a")).json()["networks"]
            assert cut == [{"id": made_ids["a"], "name": "a"}]
            url, seen = f"{V2}/networks?project_id=demo&sort_key=name&limit=3", []
            while url:
                page = (await http.get(url)).json()
                seen.append([body["name"] for body in page["networks"]])
                links = {link["rel"]: link["href"] for link in page.get("networks_links", ())}
                url = links.get("next", "")
            assert seen == [["a", "b", "c"], ["d"]]
            back = (await http.get(links["previous"])).json()["networks"]
            assert [body["name"] for body in back] == ["a", "b", "c"]
            for query in (
                "limit=-1",
                "limit=x",
                "marker=x",
                "shared=maybe",
                "colour=red",
                "sort_key=colour",
                "sort_key=id&sort_dir=up",
            ):
                answer = await http.get(f"{V2}/networks?{query}")
                assert answer.status_code == 400 and "NeutronError" in answer.json(), query

    in_world(tmp_path, play)


def test_subnets(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network = await made(http, "network")
            fields = {
                "network_id": network["id"],
                "cidr": "10.30.0.0/24",
                "gateway_ip": None,
                "allocation_pools": [{"start": "10.30.0.10", "end": "10.30.0.20"}],
                "dns_nameservers": ["192.0.2.53"],
                "host_routes": [{"destination": "192.0.2.0/24", "nexthop": "10.30.0.9"}],
                "enable_dhcp": False,
            }
            subnet = await made(http, "subnet", **fields)
            assert {name: subnet[name] for name in fields} == fields
            assert (subnet["ip_version"], subnet["ipv6_ra_mode"], subnet["subnetpool_id"]) == (4, None, None)
            path = f"{V2}/subnets/{subnet['id']}"
            changed = (await http.put(path, json={"subnet": {"gateway_ip": "10.30.0.1", "name": "front"}})).json()
            assert (changed["subnet"]["gateway_ip"], changed["subnet"]["name"]) == ("10.30.0.1", "front")
            assert changed["subnet"]["dns_nameservers"] == ["192.0.2.53"]
            refusals = {
                "OutOfBoundsAllocationPool": {"allocation_pools": [{"start": "10.31.0.1", "end": "10.31.0.2"}]},
                "GatewayConflictWithAllocationPools": {"gateway_ip": "10.30.0.10"},
            }
            for name, wanted in refusals.items():
                assert kind(await http.put(path, json={"subnet": wanted}))[1] == name
            overlap = {"subnet": {"network_id": network["id"], "cidr": "10.30.0.0/25"}}
            assert kind(await http.post(f"{V2}/subnets", json=overlap)) == (400, "InvalidInput")
            port = await made(http, "port", network_id=network["id"])
            assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.30.0.10"}]
            assert kind(await http.delete(path)) == (409, "SubnetInUse")
            assert kind(await http.delete(f"{V2}/networks/{network['id']}")) == (409, "NetworkInUse")
            assert (await http.delete(f"{V2}/ports/{port['id']}")).status_code == 204
            assert (await http.delete(path)).status_code == 204

    in_world(tmp_path, play)


def test_subnets_from_a_pool(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            shared = {"prefixes": ["10.50.0.0/16"], "default_prefixlen": 24, "shared": True, "is_default": True}
            shared |= {"default_quota": 400}  # addresses
            pool = await made(http, "subnetpool", name="all", **shared)
            assert {name: pool[name] for name in shared} == shared and pool["min_prefixlen"] == 8
        async with world.http(world.member) as http:
            network = await made(http, "network")
            first = await made(http, "subnet", network_id=network["id"], use_default_subnetpool=True, ip_version=4)
            second = await made(http, "subnet", network_id=network["id"], subnetpool_id=pool["id"], prefixlen=26)
            assert (first["cidr"], second["cidr"]) == ("10.50.0.0/24", "10.50.1.0/26")
            assert first["subnetpool_id"] == pool["id"]
            more = {"network_id": network["id"], "subnetpool_id": pool["id"], "prefixlen": 25}
            assert kind(await http.post(f"{V2}/subnets", json={"subnet": more})) == (409, "SubnetPoolQuotaExceeded")
            await made(http, "subnet", **more | {"prefixlen": 28})
            assert [each["id"] for each in (await http.get(f"{V2}/subnetpools")).json()["subnetpools"]] == [pool["id"]]
            assert (await http.delete(f"{V2}/subnetpools/{pool['id']}")).status_code == 403
            bare = await http.post(f"{V2}/subnets", json={"subnet": {"network_id": network["id"]}})
            assert kind(bare) == (400, "BadRequest")
        async with world.http(world.admin) as http:
            assert kind(await http.delete(f"{V2}/subnetpools/{pool['id']}")) == (409, "SubnetPoolDeleteError")
            renamed = await http.put(f"{V2}/subnetpools/{pool['id']}", json={"subnetpool": {"name": "every"}})
            assert renamed.json()["subnetpool"]["name"] == "every"
            unlimited = {"subnetpool": {"default_quota": None}}
            answer = await http.put(f"{V2}/subnetpools/{pool['id']}", json=unlimited)
            assert answer.json()["subnetpool"]["default_quota"] is None
        async with world.http(world.member) as http:
            await made(http, "subnet", **more)

    in_world(tmp_path, play)


def test_a_hint_of_the_only_zone_and_a_domain_are_kept(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        hints = {"availability_zone_hints": ["nova"]}
        async with world.http(world.member) as http:
            network = await made(http, "network", dns_domain="lab.example.", **hints)
            router = await made(http, "router", **hints)
            for body in (network, router, (await http.get(f"{V2}/networks/{network['id']}")).json()["network"]):
                assert body["availability_zone_hints"] == ["nova"]
            assert network["dns_domain"] == "lab.example."
            changed = await http.put(f"{V2}/networks/{network['id']}", json={"network": {"dns_domain": ""}})
            assert changed.json()["network"]["dns_domain"] == ""
            for noun in ("network", "router"):
                nowhere = await http.post(f"{V2}/{noun}s", json={noun: {"availability_zone_hints": ["moon"]}})
                assert kind(nowhere) == (404, "AvailabilityZoneNotFound")
            bad = await http.post(f"{V2}/networks", json={"network": {"dns_domain": "no domain"}})
            assert bad.status_code == 400

    in_world(tmp_path, play)


def test_many_at_once_are_all_or_none(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            two = await http.post(f"{V2}/networks", json={"networks": [{"name": "one"}, {"name": "two"}]})
            assert [body["name"] for body in two.json()["networks"]] == ["one", "two"]
            half = await http.post(f"{V2}/networks", json={"networks": [{"name": "three"}, {"mtu": 5}]})
            assert half.status_code == 400
            left = (await http.get(f"{V2}/networks?project_id=demo&fields=name")).json()["networks"]
            assert [body["name"] for body in left] == ["one", "two"]
            for body in ({}, {"network": {}, "networks": [{}]}, {"networks": []}):
                assert (await http.post(f"{V2}/networks", json=body)).status_code == 400

    in_world(tmp_path, play)


def test_of_another_project_nothing_is_there(tmp_path: Path) -> None:
    """Every noun and verb: what is not to be seen is answered as what never was."""

    async def play(world: World) -> None:
        async with world.http(world.member) as http:
            network = await made(http, "network")
            ids = {
                "networks": ("network", network["id"]),
                "subnets": ("subnet", (await made(http, "subnet", network_id=network["id"], cidr="10.1.0.0/24"))["id"]),
                "ports": ("port", (await made(http, "port", network_id=network["id"]))["id"]),
                "subnetpools": ("subnetpool", (await made(http, "subnetpool", prefixes=["10.8.0.0/16"]))["id"]),
            }
            group = await made(http, "security_group", name="web")
            ids["security-groups"] = ("security_group", group["id"])
            rule_id = group["security_group_rules"][0]["id"]
        async with world.http(token("stranger", user="eve")) as http:
            for collection, (noun, row_id) in ids.items():
                path = f"{V2}/{collection}/{row_id}"
                never = f"{V2}/{collection}/11111111-1111-4111-8111-111111111111"
                for verb, body in (("GET", None), ("PUT", {noun: {"name": "x"}}), ("DELETE", None)):
                    theirs, nobodys = [await http.request(verb, each, json=body) for each in (path, never)]
                    assert kind(theirs) == kind(nobodys) and theirs.status_code == 404, (verb, path)
                tagging = ("GET", "", None), ("PUT", "", {"tags": []}), ("PUT", "/x", None), ("DELETE", "", None)
                for verb, tail, body in tagging:
                    assert (await http.request(verb, f"{path}/tags{tail}", json=body)).status_code == 404
                listed = (await http.get(f"{V2}/{collection}?id={row_id}")).json()
                assert next(iter(listed.values())) == []
            assert kind(await http.get(f"{V2}/security-group-rules/{rule_id}"))[0] == 404
            assert kind(await http.delete(f"{V2}/security-group-rules/{rule_id}"))[0] == 404
            for noun, fields in (
                ("port", {"network_id": network["id"]}),
                ("subnet", {"network_id": network["id"], "cidr": "10.2.0.0/24"}),
            ):
                answer = await http.post(f"{V2}/{noun}s", json={noun: fields})
                assert kind(answer) == (404, "NetworkNotFound")
            rule = {"security_group_id": group["id"], "direction": "ingress"}
            answer = await http.post(f"{V2}/security-group-rules", json={"security_group_rule": rule})
            assert kind(answer) == (404, "SecurityGroupNotFound")
            assert (await http.get(f"{V2}/quotas/demo")).status_code == 403
            assert (await http.get(f"{V2}/agents")).json() == {"agents": []}

    in_world(tmp_path, play)
