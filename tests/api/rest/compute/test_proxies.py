"""What Nova passed on to other services, in its own form, as long as it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.volume.messages import VolumeRequest
from tests.api.rest.compute.test_servers import body, client, launched, refused
from tests.world import World, in_world, token

V = "/compute/v2.1"
GROUPS, RULES = f"{V}/os-security-groups", f"{V}/os-security-group-rules"
NOBODYS = "5b0c5f4f-0000-4000-8000-000000000000"


def ruled(group: str, **changes: Any) -> dict[str, Any]:
    rule = {"parent_group_id": group, "ip_protocol": "tcp", "from_port": 22, "to_port": 22} | changes
    return {"security_group_rule": {name: value for name, value in rule.items() if value is not ...}}


async def grouped(http: Any, name: str = "web") -> dict[str, Any]:
    answer = await http.post(GROUPS, json={"security_group": {"name": name, "description": "d"}})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["security_group"]
    return made


def test_security_groups_in_nova_s_form(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, token=token("other")) as stranger:
            made = await grouped(http)
            plain = {"name": "web", "description": "d", "tenant_id": "demo", "rules": []}
            assert made == {"id": made["id"]} | plain
            url = f"{GROUPS}/{made['id']}"
            sent = {"security_group": {"name": "front", "description": ""}}
            assert (await http.put(url, json=sent)).json()["security_group"]["name"] == "front"
            assert (await http.get(url)).json()["security_group"]["name"] == "front"
            listed = (await http.get(GROUPS)).json()["security_groups"]
            assert {one["name"] for one in listed} == {"default", "front"}
            assert len((await http.get(f"{GROUPS}?limit=1&offset=1")).json()["security_groups"]) == 1
            refused(await http.get(f"{GROUPS}?limit=many"), 400, "badRequest")
            [default] = [one for one in listed if one["name"] == "default"]
            refused(await http.delete(f"{GROUPS}/{default['id']}"), 400, "badRequest")
            for wrong in ({"name": "x" * 256, "description": ""}, {"description": ""}, {"name": "x"}):
                refused(await http.post(GROUPS, json={"security_group": wrong}), 400, "badRequest")
            refused(await stranger.get(url), 404, "itemNotFound")
            refused(await http.delete(f"{GROUPS}/{NOBODYS}"), 404, "itemNotFound")
            refused(await http.delete(f"{GROUPS}/"), 404, "itemNotFound")
            assert (await http.delete(url)).status_code == 202
            refused(await http.get(url), 404, "itemNotFound")

    in_world(tmp_path, play)


def test_an_administrator_lists_the_groups_of_all(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, token=world.admin) as admin:
            made = await grouped(http)
            for query, seen in (("", False), ("?all_tenants=true", True), ("?all_tenants=false", False)):
                listed = (await admin.get(f"{GROUPS}{query}")).json()["security_groups"]
                assert (made["id"] in [one["id"] for one in listed]) == seen, query
            others = (await http.get(f"{GROUPS}?all_tenants=true")).json()["security_groups"]
            assert {one["tenant_id"] for one in others} == {"demo"}

    in_world(tmp_path, play)


def test_rules_say_what_comes_in(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http:
            group, other = (await grouped(http))["id"], await grouped(http, "other")
            made = (await http.post(RULES, json=ruled(group))).json()["security_group_rule"]
            said = ruled(group)["security_group_rule"] | {"group": {}, "ip_range": {"cidr": "0.0.0.0/0"}}
            assert made == {"id": made["id"]} | said
            own = await http.post(RULES, json=ruled(group, group_id=other["id"], from_port=..., to_port=...))
            told = own.json()["security_group_rule"]
            assert (told["from_port"], told["to_port"], told["ip_range"]) == (1, 65_535, {})
            assert told["group"] == {"name": "other", "tenant_id": "demo"}
            ping = await http.post(RULES, json=ruled(group, ip_protocol="icmp", from_port=-1, to_port=-1, cidr="::/0"))
            pinged = ping.json()["security_group_rule"]
            assert pinged["ip_range"] == {"cidr": "::/0"}
            found = (await http.get(f"{GROUPS}/{group}")).json()["security_group"]["rules"]
            assert {one["id"] for one in found} == {made["id"], told["id"], pinged["id"]}
            assert (await http.delete(f"{RULES}/{made['id']}")).status_code == 202
            refused(await http.delete(f"{RULES}/{made['id']}"), 404, "itemNotFound")
            answer = await http.get("/network/v2.0/security-group-rules")
            of_network = {one["id"] for one in answer.json()["security_group_rules"]}
            assert made["id"] not in of_network and told["id"] in of_network

    in_world(tmp_path, play)


WRONG: tuple[tuple[dict[str, Any], int], ...] = (
    ({"parent_group_id": NOBODYS}, 404),
    ({"group_id": NOBODYS}, 404),
    ({"parent_group_id": "no-uuid"}, 400),
    ({"group_id": "no-uuid"}, 400),
    ({"ip_protocol": "sctp-ish"}, 400),
    ({"from_port": 65_536}, 400),
    ({"to_port": 65_536}, 400),
    ({"from_port": 22, "to_port": 21}, 400),
    ({"from_port": 0}, 400),
    ({"from_port": ...}, 400),
    ({"ip_protocol": ...}, 400),
    ({"ip_protocol": "icmp", "from_port": 256}, 400),
    ({"cidr": "nowhere"}, 400),
    ({"colour": "red"}, 400),
)


def test_wrong_rules_are_refused(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http:
            group = (await grouped(http))["id"]
            for changes, code in WRONG:
                answer = await http.post(RULES, json=ruled(group, **changes))
                refused(answer, code, "itemNotFound" if code == 404 else "badRequest")
            assert (await http.post(RULES, json=ruled(group))).status_code == 200
            refused(await http.post(RULES, json=ruled(group)), 400, "badRequest")  # it is there

    in_world(tmp_path, play)


def test_networks(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, token=world.admin) as admin:
            [mine] = (await http.get(f"{V}/os-networks")).json()["networks"]
            assert (mine["id"], mine["label"], mine["cidr"], "vlan" in mine) == (world.net.id, "private", None, False)
            assert (await http.get(f"{V}/os-networks/{world.net.id}")).json()["network"] == mine
            [all_of_it] = (await admin.get(f"{V}/os-networks")).json()["networks"]
            assert "vlan" in all_of_it
            [short] = (await http.get(f"{V}/os-tenant-networks")).json()["networks"]
            assert short == {"id": world.net.id, "label": "private", "cidr": "None"}
            assert (await http.get(f"{V}/os-tenant-networks/{world.net.id}")).json()["network"] == short
            for noun in ("os-networks", "os-tenant-networks"):
                refused(await http.get(f"{V}/{noun}/{NOBODYS}"), 404, "itemNotFound")

    in_world(tmp_path, play)


def test_volumes_and_their_snapshots(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http:
            sent = {"display_name": "v", "size": 1, "metadata": {"a": "b"}}
            made = (await http.post(f"{V}/os-volumes", json={"volume": sent})).json()["volume"]
            told = (made["displayName"], made["size"], made["metadata"], made["attachments"])
            assert told == ("v", 1, {"a": "b"}, [{}])
            await world.volumes.wait([VolumeRequest(token=world.member, volume_id=made["id"])], 5.0)
            await world.volume()
            assert (await http.get(f"{V}/os-volumes/{made['id']}")).json()["volume"]["status"] == "available"
            for path in ("os-volumes", "os-volumes/detail"):
                assert len((await http.get(f"{V}/{path}")).json()["volumes"]) == 2
                assert len((await http.get(f"{V}/{path}?limit=1")).json()["volumes"]) == 1
            for wrong in ({"size": "#$%"}, {"size": 0}, {}, {"size": 1, "colour": "red"}, {"size": -1}):
                refused(await http.post(f"{V}/os-volumes", json={"volume": wrong}), 400, "badRequest")
            snapshot = {"volume_id": made["id"], "display_name": "s"}
            shot = (await http.post(f"{V}/os-snapshots", json={"snapshot": snapshot})).json()["snapshot"]
            assert (shot["volumeId"], shot["displayName"], shot["size"]) == (made["id"], "s", 1)
            assert (await http.get(f"{V}/os-snapshots/{shot['id']}")).json()["snapshot"]["id"] == shot["id"]
            for path in ("os-snapshots", "os-snapshots/detail"):
                assert [one["id"] for one in (await http.get(f"{V}/{path}")).json()["snapshots"]] == [shot["id"]]
            for noun in ("os-volumes", "os-snapshots"):
                refused(await http.get(f"{V}/{noun}/{NOBODYS}"), 404, "itemNotFound")
                refused(await http.delete(f"{V}/{noun}/{NOBODYS}"), 404, "itemNotFound")
                refused(await http.delete(f"{V}/{noun}/"), 404, "itemNotFound")
                refused(await http.get(f"{V}/{noun}/"), 404, "itemNotFound")

    in_world(tmp_path, play)


def test_an_attached_volume_says_to_which_server(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        volume = await world.volume()
        async with client(world) as http:
            server = await launched(world, http, body(world))
            sent = {"volumeAttachment": {"volumeId": volume}}
            assert (await http.post(f"{V}/servers/{server['id']}/os-volume_attachments", json=sent)).status_code == 200
            await world.settled()
            [held] = (await http.get(f"{V}/os-volumes/{volume}")).json()["volume"]["attachments"]
            assert (held["serverId"], held["volumeId"]) == (server["id"], volume) and held["device"]

    in_world(tmp_path, play)


def test_hosts(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, "2.42", world.admin) as admin:
            await launched(world, http, body(world))
            hosts = (await admin.get(f"{V}/os-hosts")).json()["hosts"]
            lines = {(one["host_name"], one["service"], one["zone"]) for one in hosts}
            at_head = {("head", service, "internal") for service in ("conductor", "scheduler")}
            assert lines == at_head | {("node-1", "compute", "nova")}
            for zone, count in (("nova", 1), ("internal", 2), ("", 3), ("xxx", 0)):
                assert len((await admin.get(f"{V}/os-hosts", params={"zone": zone})).json()["hosts"]) == count
            url = f"{V}/os-hosts/node-1"
            found = [one["resource"] for one in (await admin.get(url)).json()["host"]]
            assert [one["project"] for one in found] == ["(total)", "(used_now)", "(used_max)", "demo"]
            assert [one["memory_mb"] for one in found[1:]] == [128, 128, 128] and found[0]["cpu"] > 1
            assert (await admin.put(url, json={"status": "Disable"})).json() == {"host": "node-1", "status": "disabled"}
            [service] = (await admin.get(f"{V}/os-services?binary=nova-compute")).json()["services"]
            assert service["status"] == "disabled"
            assert (await admin.put(url, json={"status": "enable"})).json()["status"] == "enabled"
            maintained = {"status": "disable", "maintenance_mode": "enable"}
            refused(await admin.put(url, json=maintained), 501, "notImplemented")
            [service] = (await admin.get(f"{V}/os-services?binary=nova-compute")).json()["services"]
            assert service["status"] == "enabled"  # what is refused has changed nothing
            for wrong in ({}, {"status": "invalid"}, {"status": "enable", "maintenance_mode": "on"}, {"status": None}):
                refused(await admin.put(url, json=wrong), 400, "badRequest")
            refused(await admin.put(f"{V}/os-hosts/none", json=maintained), 404, "itemNotFound")
            refused(await admin.get(f"{V}/os-hosts/none"), 404, "itemNotFound")
            for act in ("startup", "shutdown", "reboot"):
                refused(await admin.get(f"{url}/{act}"), 501, "notImplemented")
                refused(await admin.get(f"{V}/os-hosts/none/{act}"), 404, "itemNotFound")
            refused(await http.get(f"{V}/os-hosts"), 403, "forbidden")

    in_world(tmp_path, play)


def test_no_host_has_audited_a_month(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.1", world.admin) as admin:
            path = f"{V}/os-instance_usage_audit_log"
            logs = (await admin.get(path)).json()["instance_usage_audit_logs"]
            assert (logs["num_hosts"], logs["hosts_not_run"], logs["log"]) == (1, ["node-1"], {})
            for before, begin, end in (
                ("2026-03-05 10:00:00", "2026-02-01 00:00:00", "2026-03-01 00:00:00"),
                ("2026-01-01 00:00:00.5", "2025-12-01 00:00:00", "2026-01-01 00:00:00"),
            ):
                log = (await admin.get(f"{path}/{before}")).json()["instance_usage_audit_log"]
                assert (log["period_beginning"], log["period_ending"]) == (begin, end)
            refused(await admin.get(f"{path}/soon"), 400, "badRequest")

    in_world(tmp_path, play)


def test_floating_ips_lead_to_servers(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        n, [server] = "/network/v2.0", await world.boot(world.request())
        async with world.http(world.admin) as admin:
            external = {"network": {"name": "outside", "router:external": True}}
            outside = (await admin.post(f"{n}/networks", json=external)).json()["network"]["id"]
            wanted = {"subnet": {"network_id": outside, "cidr": "203.0.113.0/24", "ip_version": 4}}
            assert (await admin.post(f"{n}/subnets", json=wanted)).status_code == 201
            wanted = {"router": {"project_id": "demo", "external_gateway_info": {"network_id": outside}}}
            router = (await admin.post(f"{n}/routers", json=wanted)).json()["router"]["id"]
            [subnet] = (await admin.get(f"{n}/subnets?network_id={world.net.id}")).json()["subnets"]
            end = {"subnet_id": subnet["id"]}
            assert (await admin.put(f"{n}/routers/{router}/add_router_interface", json=end)).status_code == 200
        action = f"{V}/servers/{server.id}/action"

        async def addresses(http: httpx.AsyncClient) -> set[str]:
            shown = (await http.get(f"{V}/servers/{server.id}")).json()["server"]["addresses"]
            return {one["addr"] for of_network in shown.values() for one in of_network}

        async with client(world, "2.35") as http:
            assert (await http.get(f"{V}/os-floating-ip-pools")).json() == {"floating_ip_pools": [{"name": "outside"}]}
            refused(await http.post(f"{V}/os-floating-ips", json={"pool": "none"}), 404, "itemNotFound")
            made = (await http.post(f"{V}/os-floating-ips", json={"pool": "outside"})).json()["floating_ip"]
            second = (await http.post(f"{V}/os-floating-ips")).json()["floating_ip"]
            nowhere = (made["fixed_ip"], made["instance_id"], made["pool"])
            assert nowhere == (None, None, "outside")
            added = await http.post(action, json={"addFloatingIp": {"address": made["ip"]}})
            assert added.status_code == 202, added.text
            path = f"{V}/os-floating-ips/{made['id']}"
            shown = (await http.get(path)).json()["floating_ip"]
            assert shown["instance_id"] == server.id and made["ip"] in await addresses(http)
            assert {one["id"] for one in (await http.get(f"{V}/os-floating-ips")).json()["floating_ips"]} == {
                made["id"], second["id"],
            }  # fmt: skip
            for name, how, code, kind in (
                ("addFloatingIp", {"address": second["ip"]}, 400, "badRequest"),  # that address has one
                ("addFloatingIp", {"address": "0.0.0.0"}, 404, "itemNotFound"),
                ("addFloatingIp", {"address": ""}, 400, "badRequest"),
                ("addFloatingIp", {"address": made["ip"], "fixed_address": "10.9.9.9"}, 400, "badRequest"),
                ("removeFloatingIp", {"address": second["ip"]}, 409, "conflictingRequest"),
                ("removeFloatingIp", {"address": "0.0.0.0"}, 404, "itemNotFound"),
            ):
                refused(await http.post(action, json={name: how}), code, kind)
            removed = await http.post(action, json={"removeFloatingIp": {"address": made["ip"]}})
            assert removed.status_code == 202 and (await http.get(path)).json()["floating_ip"] == made
            assert made["ip"] not in await addresses(http)
            assert (await http.delete(path)).status_code == 202
            refused(await http.get(path), 404, "itemNotFound")
        async with client(world, "2.44") as http:
            gone = await http.post(action, json={"addFloatingIp": {"address": second["ip"]}})
            refused(gone, 404, "itemNotFound")

    in_world(tmp_path, play)


ENDED = {
    "2.35": (
        *("os-security-groups", "os-networks", "os-tenant-networks", "os-volumes", "os-snapshots"),
        *("os-floating-ips", "os-floating-ip-pools"),
    ),
    "2.42": ("os-hosts",),
}


@pytest.mark.parametrize("last", ENDED)
def test_each_ends_with_its_version(tmp_path: Path, last: str) -> None:
    async def play(world: World) -> None:
        after = f"2.{int(last[2:]) + 1}"
        async with client(world, last, world.admin) as http, client(world, after, world.admin) as later:
            for noun in ENDED[last]:
                assert (await http.get(f"{V}/{noun}")).status_code == 200
                refused(await later.get(f"{V}/{noun}"), 404, "itemNotFound")

    in_world(tmp_path, play)
