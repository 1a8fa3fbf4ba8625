"""Routers and floating IPs over HTTP: what is answered, value by value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from httpx import AsyncClient

from tests.api.rest.network.test_networks import TIME, V2, kind, made
from tests.world import World, in_world, token


async def outside(http: AsyncClient) -> str:
    """An external network of an administrator's."""
    network = await made(http, "network", name="outside", **{"router:external": True})
    assert network["router:external"]
    await made(http, "subnet", network_id=network["id"], cidr="203.0.113.0/24", ip_version=4, enable_dhcp=False)
    return str(network["id"])


async def put(http: AsyncClient, path: str, body: Any) -> Any:
    answer = await http.put(f"{V2}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def undated(body: dict[str, Any]) -> dict[str, Any]:
    assert TIME.fullmatch(body["created_at"]) and TIME.fullmatch(body["updated_at"])
    left_out = ("id", "created_at", "updated_at", "revision_number")
    return {name: value for name, value in body.items() if name not in left_out}


def test_a_router_from_its_making_to_its_end(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            external = await outside(http)
        async with world.http(world.member) as http:
            network = await made(http, "network")
            subnet = await made(http, "subnet", network_id=network["id"], cidr="10.30.0.0/24", ip_version=4)
            router = await made(http, "router", name="mine", external_gateway_info={"network_id": external})
            path = f"routers/{router['id']}"
            [address] = router["external_gateway_info"].pop("external_fixed_ips")
            assert address["ip_address"].startswith("203.0.113.")
            assert undated(router) == {
                "name": "mine",
                "project_id": "demo",
                "tenant_id": "demo",
                "description": "",
                "admin_state_up": True,
                "status": "ACTIVE",
                "external_gateway_info": {"network_id": external, "enable_snat": True},
                "routes": [],
                "availability_zone_hints": [],
                "availability_zones": ["nova"],
                "tags": [],
            }
            added = await put(http, f"{path}/add_router_interface", {"subnet_id": subnet["id"]})
            port = (await http.get(f"{V2}/ports/{added['port_id']}")).json()["port"]
            assert port["device_owner"] == "network:router_interface" and port["device_id"] == router["id"]
            assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.30.0.1"}]
            assert kind(await http.delete(f"{V2}/ports/{port['id']}")) == (409, "ServicePortInUse")
            assert kind(await http.delete(f"{V2}/{path}")) == (409, "RouterInUse")
            routes = [{"destination": "10.5.0.0/16", "nexthop": "10.30.0.9"}]
            assert (await put(http, path, {"router": {"routes": routes}}))["router"]["routes"] == routes
            more = [{"destination": "10.6.0.0/16", "nexthop": "10.30.0.9"}]
            body = await put(http, f"{path}/add_extraroutes", {"router": {"routes": more}})
            assert body["router"]["routes"] == [*routes, *more]
            body = await put(http, f"{path}/remove_extraroutes", {"router": {"routes": routes}})
            assert body["router"]["routes"] == more
            for wrong in ({"enable_snat": False}, {"network_id": None}, {"external_fixed_ips": []}):
                answer = await http.put(f"{V2}/{path}", json={"router": {"external_gateway_info": wrong}})
                assert kind(answer) == (400, "HTTPBadRequest")
                assert (await http.post(f"{V2}/routers", json={"router": {"external_gateway_info": wrong}})).is_error
            kept = (await http.get(f"{V2}/{path}")).json()["router"]["external_gateway_info"]
            assert kept["network_id"] == external
            changed = {"router": {"routes": None, "external_gateway_info": {}, "name": "ours"}}
            body = (await put(http, path, changed))["router"]
            assert (body["name"], body["external_gateway_info"], body["routes"]) == ("ours", None, [])
            for wrong in ({"distributed": True}, {"ha": True}, {"admin_state_up": "maybe"}):
                assert (await http.put(f"{V2}/{path}", json={"router": wrong})).status_code == 400
            [listed] = (await http.get(f"{V2}/routers?name=ours&fields=id")).json()["routers"]
            assert listed == {"id": router["id"]}
            removed = await put(http, f"{path}/remove_router_interface", {"port_id": port["id"]})
            assert (
                removed
                == added
                == {
                    "id": router["id"],
                    "project_id": "demo",
                    "tenant_id": "demo",
                    "network_id": network["id"],
                    "port_id": port["id"],
                    "subnet_id": subnet["id"],
                    "subnet_ids": [subnet["id"]],
                }
            )
            assert (await http.delete(f"{V2}/{path}")).status_code == 204
            assert kind(await http.get(f"{V2}/{path}")) == (404, "RouterNotFound")

    in_world(tmp_path, play)


def test_a_floating_ip_leads_to_a_server_and_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            external = await outside(http)
        async with world.http(world.member) as http:
            network = await made(http, "network")
            subnet = await made(http, "subnet", network_id=network["id"], cidr="10.30.0.0/24", ip_version=4)
            router = await made(http, "router", external_gateway_info={"network_id": external})
            await put(http, f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
            port = await made(http, "port", network_id=network["id"], name="p")
            floating = await made(http, "floatingip", floating_network_id=external, description="d")
            address = floating["floating_ip_address"]
            nowhere = undated(floating)
            assert nowhere == {
                "project_id": "demo",
                "tenant_id": "demo",
                "description": "d",
                "floating_ip_address": address,
                "floating_network_id": external,
                "port_id": None,
                "fixed_ip_address": None,
                "router_id": None,
                "status": "DOWN",
                "port_details": None,
                "dns_name": "",
                "dns_domain": "",
                "tags": [],
            }
            path = f"floatingips/{floating['id']}"
            led = (await put(http, path, {"floatingip": {"port_id": port["id"]}}))["floatingip"]
            assert led["status"] == "ACTIVE" and led["router_id"] == router["id"]
            assert led["fixed_ip_address"] == port["fixed_ips"][0]["ip_address"]
            names = "name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner"
            assert led["port_details"] == {name: port[name] for name in names}
            second = await made(http, "floatingip", floating_network_id=external)
            again = await http.put(f"{V2}/floatingips/{second['id']}", json={"floatingip": {"port_id": port["id"]}})
            assert kind(again) == (409, "FloatingIPPortAlreadyAssociated")
            for query, found in (
                (f"floating_ip_address={address}", 1),
                (f"port_id={port['id']}", 1),
                (f"router_id={router['id']}", 1),
                ("status=DOWN", 1),
                (f"floating_network_id={external}", 2),
                ("limit=1", 1),
            ):
                bodies = (await http.get(f"{V2}/floatingips?{query}")).json()["floatingips"]
                assert len(bodies) == found, query
            back = (await put(http, path, {"floatingip": {"port_id": None}}))["floatingip"]
            assert undated(back) == nowhere
            stale = {"If-Match": "revision_number=1"}
            refused = await http.put(f"{V2}/{path}", json={"floatingip": {"description": "x"}}, headers=stale)
            assert kind(refused) == (412, "RevisionNumberConstraintFailed")
            assert (await http.delete(f"{V2}/{path}")).status_code == 204
            assert kind(await http.get(f"{V2}/{path}")) == (404, "FloatingIPNotFound")
            both = {"floatingips": [{"floating_network_id": external}, {"floating_network_id": network["id"]}]}
            assert kind(await http.post(f"{V2}/floatingips", json=both)) == (400, "BadRequest")
            assert len((await http.get(f"{V2}/floatingips")).json()["floatingips"]) == 1  # all or none are made

    in_world(tmp_path, play)


def test_external_networks_are_listed_for_all_and_changed_by_administrators(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as admin, world.http(token("other")) as http:
            external = await outside(admin)
            [seen] = (await http.get(f"{V2}/networks?router:external=True")).json()["networks"]
            assert seen["id"] == external
            others = (await http.get(f"{V2}/networks?router:external=False")).json()["networks"]
            assert [network["id"] for network in others] == [world.net.id]
            network = await made(http, "network")
            wanted = {"network": {"router:external": True}}
            assert (await http.put(f"{V2}/networks/{network['id']}", json=wanted)).status_code == 403
            assert (await put(admin, f"networks/{network['id']}", wanted))["network"]["router:external"]

    in_world(tmp_path, play)


def test_agents_run_routers(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as http:
            external = await outside(http)
            router = await made(http, "router", external_gateway_info={"network_id": external})
            [agent] = (await http.get(f"{V2}/agents?agent_type=L3 agent")).json()["agents"]
            assert agent["configurations"]["routers"] == 1 and agent["topic"] == "l3_agent"
            [runs] = (await http.get(f"{V2}/agents/{agent['id']}/l3-routers")).json()["routers"]
            assert runs["id"] == router["id"]
            [there] = (await http.get(f"{V2}/routers/{router['id']}/l3-agents")).json()["agents"]
            assert there["id"] == agent["id"]
            assert kind(await http.get(f"{V2}/agents/nobody/l3-routers")) == (404, "AgentNotFound")
        async with world.http(world.member) as http:
            assert (await http.get(f"{V2}/agents/{agent['id']}/l3-routers")).status_code == 403

    in_world(tmp_path, play)
