"""What administrators ask over HTTP: quotas, zones, aggregates, hypervisors, services, usage. Others may not."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from actors.scheduler.providers import provider_id
from tests.api.rest.compute.test_servers import NEWEST, SERVERS, body, client, launched, refused
from tests.world import NODE_NAME, World, in_world, token

V = "/compute/v2.1"
FIRST = {"instances", "cores", "ram", "metadata_items", "key_pairs", "server_groups", "server_group_members"}
FILES = {"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"}
NETWORKS = {"fixed_ips", "floating_ips", "security_groups", "security_group_rules"}
NOVAS = {
    "instances": 10, "cores": 20, "ram": 51_200, "metadata_items": 128, "key_pairs": 100, "server_groups": 10,
    "server_group_members": 10, "injected_files": 5, "injected_file_content_bytes": 10_240,
    "injected_file_path_bytes": 255,
}  # fmt: skip


def test_quota_sets_by_version_and_their_changes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.1", world.admin) as old, client(world, "2.56", world.admin) as cli:
            shown = (await old.get(f"{V}/os-quota-sets/demo")).json()["quota_set"]
            assert shown.keys() == {"id"} | FIRST | FILES | NETWORKS
            assert (await cli.get(f"{V}/os-quota-sets/demo")).json()["quota_set"].keys() == {"id"} | FIRST | FILES
            changed = await cli.put(f"{V}/os-quota-sets/demo", json={"quota_set": {"instances": "2", "cores": 9}})
            assert (changed.json()["quota_set"]["instances"], "id" in changed.json()["quota_set"]) == (2, False)
            async with client(world) as http:
                await launched(world, http, body(world))
                detail = (await http.get(f"{V}/os-quota-sets/demo/detail")).json()["quota_set"]
                assert detail["instances"] == {"limit": 2, "in_use": 1, "reserved": 0}
                absolute = (await http.get(f"{V}/limits?reserved=False")).json()["limits"]["absolute"]
                assert (absolute["maxTotalInstances"], absolute["totalCoresUsed"]) == (2, 1)
                refused(await http.get(f"{V}/os-quota-sets/other"), 403, "forbidden")
                sent = {"quota_set": {"instances": 99}}
                refused(await http.put(f"{V}/os-quota-sets/demo", json=sent), 403, "forbidden")
            low = {"quota_set": {"instances": 0}}
            refused(await cli.put(f"{V}/os-quota-sets/demo", json=low), 400, "badRequest")
            low["quota_set"]["force"] = True
            assert (await cli.put(f"{V}/os-quota-sets/demo", json=low)).status_code == 200
            wrong = {"quota_set": {"instances": 2**40}}
            refused(await cli.put(f"{V}/os-quota-sets/demo", json=wrong), 400, "badRequest")
            refused(await cli.put(f"{V}/os-quota-sets/demo", json={"quota_set": {"moons": 1}}), 400, "badRequest")
            assert (await cli.delete(f"{V}/os-quota-sets/demo")).status_code == 202
            assert (await cli.get(f"{V}/os-quota-sets/demo")).json()["quota_set"]["instances"] == 10

    in_world(tmp_path, play)


def test_a_new_project_has_novas_quotas_and_its_eleventh_server_is_refused(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(token("new"), OpenStack_API_Version="compute 2.56") as http:
            assert (await http.get(f"{V}/os-quota-sets/new")).json()["quota_set"] == NOVAS | {"id": "new"}
            assert (await http.get(f"{V}/os-quota-sets/new/defaults")).json()["quota_set"] == NOVAS | {"id": "new"}
            many = body(world, networks="none", min_count=11)
            message = refused(await http.post(SERVERS, json=many), 403, "forbidden")
            assert message == "Quota exceeded for instances: Requested 11, but already used 0 of 10 instances"
            many["server"]["min_count"] = 10
            assert (await http.post(SERVERS, json=many)).status_code == 202
            await world.settled()
            refused(await http.post(SERVERS, json=body(world, networks="none")), 403, "forbidden")
            for number in range(10):
                group = {"server_group": {"name": f"g{number}", "policies": ["affinity"]}}
                assert (await http.post(f"{V}/os-server-groups", json=group)).status_code == 200
            refused(await http.post(f"{V}/os-server-groups", json=group), 403, "forbidden")

    in_world(tmp_path, play)


def test_files_to_inject_are_limited(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        small = base64.b64encode(b"x" * 10_240).decode()
        big = base64.b64encode(b"x" * 10_241).decode()
        for files, code in (
            ([("/a", small)] * 5, 202),
            ([("/a", small)] * 6, 403),
            ([("/a", big)], 403),
            ([("/" + "a" * 254, small)], 202),
            ([("/" + "é" * 200, small)], 403),
        ):
            sent = body(world, personality=[{"path": path, "contents": content} for path, content in files])
            async with world.http(token("new")) as http:
                answer = await http.post(SERVERS, json=sent)
            assert answer.status_code == code, answer.text

    in_world(tmp_path, play)


def test_the_default_class_holds_where_a_project_has_none_of_its_own(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.50", world.admin) as admin, client(world, token=token("new")) as http:
            sent = {"quota_class_set": {"instances": 0}}
            answer = await admin.put(f"{V}/os-quota-class-sets/default", json=sent)
            assert answer.json()["quota_class_set"].keys() == FIRST | FILES
            assert (await admin.get(f"{V}/os-quota-sets/demo/defaults")).json()["quota_set"]["instances"] == 0
            refused(await http.post(SERVERS, json=body(world)), 403, "forbidden")
        async with client(world, "2.35", world.admin) as older:
            both = {"cores": 7, "floating_ips": 99, "security_groups": -1}
            path = f"{V}/os-quota-class-sets/default"
            for answer in (await older.put(path, json={"quota_class_set": both}), await older.get(path)):
                assert both.items() <= answer.json()["quota_class_set"].items()

    in_world(tmp_path, play)


def test_aggregates_and_zones(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.81", world.admin) as admin, client(world) as http:
            host = (await admin.get(f"{V}/os-hypervisors")).json()["hypervisors"][0]["hypervisor_hostname"]
            sent = {"aggregate": {"name": "fast", "availability_zone": "east"}}
            made = (await admin.post(f"{V}/os-aggregates", json=sent)).json()["aggregate"]
            assert (made["name"], made["availability_zone"], "hosts" in made) == ("fast", "east", False)
            path = f"{V}/os-aggregates/{made['id']}"
            refused(await admin.post(f"{V}/os-aggregates", json=sent), 409, "conflictingRequest")
            refused(await admin.post(f"{path}/action", json={"add_host": {"host": "nobody"}}), 404, "itemNotFound")
            inside = (await admin.post(f"{path}/action", json={"add_host": {"host": host}})).json()["aggregate"]
            newest = {"OpenStack-API-Version": "compute 2.96, placement 1.39"}
            uuid = (await admin.get(path, headers=newest)).json()["aggregate"]["uuid"]
            of_uuid = await admin.get(f"/placement/resource_providers?member_of={uuid}", headers=newest)
            assert [each["name"] for each in of_uuid.json()["resource_providers"]] == [host]
            assert inside["hosts"] == [host]
            keyed = await admin.post(f"{path}/action", json={"set_metadata": {"metadata": {"ssd": "true"}}})
            assert keyed.json()["aggregate"]["metadata"] == {"availability_zone": "east", "ssd": "true"}
            zones = (await http.get(f"{V}/os-availability-zone")).json()["availabilityZoneInfo"]
            assert zones == [{"zoneName": "east", "zoneState": {"available": True}, "hosts": None}]
            detail = (await admin.get(f"{V}/os-availability-zone/detail")).json()["availabilityZoneInfo"]
            assert detail[1]["hosts"][host]["nova-compute"]["available"] is True
            server = await launched(world, http, body(world, availability_zone="east"))
            assert (server["status"], server["OS-EXT-AZ:availability_zone"]) == ("ACTIVE", "east")
            refused(await admin.post(f"{path}/action", json={"remove_host": {"host": host}}), 409, "conflictingRequest")
            refused(await admin.delete(path), 400, "badRequest")
            await http.delete(f"{SERVERS}/{server['id']}")
            await world.settled()
            assert (await admin.post(f"{path}/action", json={"remove_host": {"host": host}})).status_code == 200
            renamed = await admin.put(path, json={"aggregate": {"name": "slow"}})
            assert renamed.json()["aggregate"]["name"] == "slow"
            assert (await admin.post(f"{path}/images", json={"cache": [{"id": world.image.id}]})).status_code == 202
            assert (await admin.delete(path)).status_code == 200
            refused(await admin.get(path), 404, "itemNotFound")

    in_world(tmp_path, play)


LEAN = {
    "id", "hypervisor_hostname", "state", "status", "hypervisor_type", "hypervisor_version", "host_ip", "service",
    "uptime",
}  # fmt: skip


def test_hypervisors_by_version(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with (
            client(world, "2.1", world.admin) as old,
            client(world, "2.53", world.admin) as uuids,
            client(world, "2.88", world.admin) as newest,
        ):
            server = await launched(world, old, body(world))
            [first] = (await old.get(f"{V}/os-hypervisors/detail")).json()["hypervisors"]
            assert isinstance(first["id"], int) and isinstance(first["cpu_info"], str)
            assert first["host_ip"] == world.node.node_ip
            assert (first["vcpus_used"], first["running_vms"], first["memory_mb_used"]) == (1, 1, 128)
            shown = (await old.get(f"{V}/os-hypervisors/{first['id']}")).json()["hypervisor"]
            assert shown == first
            assert (await old.get(f"{V}/os-hypervisors/statistics")).json()["hypervisor_statistics"]["count"] == 1
            name = first["hypervisor_hostname"]
            [found] = (await old.get(f"{V}/os-hypervisors/{name}/servers")).json()["hypervisors"]
            assert found["servers"] == [{"name": "vm", "uuid": server["id"]}]
            [one] = (await uuids.get(f"{V}/os-hypervisors?hypervisor_hostname_pattern={name}")).json()["hypervisors"]
            assert len(one["id"]) == 36
            refused(await uuids.get(f"{V}/os-hypervisors?hypervisor_hostname_pattern=zz"), 404, "itemNotFound")
            [lean] = (await newest.get(f"{V}/os-hypervisors/detail?with_servers=true")).json()["hypervisors"]
            assert lean.keys() == LEAN | {"servers"}
            assert "load average" in lean["uptime"]
            told = (await old.get(f"{V}/os-hypervisors/{first['id']}/uptime")).json()["hypervisor"]
            assert told.keys() == {"id", "hypervisor_hostname", "state", "status", "uptime"}
            assert " up " in told["uptime"] and told["hypervisor_hostname"] == name
            refused(await newest.get(f"{V}/os-hypervisors/{lean['id']}/uptime"), 404, "itemNotFound")
            assert await world.conductor.force_down(NODE_NAME, True) is None
            refused(await old.get(f"{V}/os-hypervisors/{first['id']}/uptime"), 400, "badRequest")
            assert (await newest.get(f"{V}/os-hypervisors/{lean['id']}")).json()["hypervisor"]["uptime"] is None
            assert await world.conductor.force_down(NODE_NAME, False) is None
            assert (await newest.get(f"{V}/os-hypervisors/{lean['id']}")).json()["hypervisor"].keys() == LEAN
            assert lean["id"] == provider_id(name)
            refused(await newest.get(f"{V}/os-hypervisors/{name}"), 400, "badRequest")
            refused(await newest.get(f"{V}/os-hypervisors/statistics"), 404, "itemNotFound")

    in_world(tmp_path, play)


def test_a_server_is_evacuated_by_every_version_s_own_words(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, "2.13", world.admin) as old:
            server = await launched(world, http, body(world))
            action = f"{SERVERS}/{server['id']}/action"
            refused(await http.post(action, json={"evacuate": {}}), 403, "forbidden")
            refused(await old.post(action, json={"evacuate": {}}), 400, "badRequest")
            refused(await old.post(action, json={"evacuate": {"onSharedStorage": False}}), 400, "badRequest")
            await world.join("node-2")
            await world.conductor.node_left(NODE_NAME)
            async with client(world, NEWEST, world.admin) as admin:
                shown = (await admin.get(f"{SERVERS}/{server['id']}")).json()["server"]
                assert (shown["host_status"], shown["OS-EXT-STS:power_state"], shown["status"]) == ("DOWN", 0, "ACTIVE")
                for wrong in ({"onSharedStorage": False}, {"force": True}):
                    refused(await admin.post(action, json={"evacuate": wrong}), 400, "badRequest")
                refused(await admin.post(action, json={"evacuate": {"host": "nowhere"}}), 404, "itemNotFound")
            answer = await old.post(action, json={"evacuate": {"onSharedStorage": False, "adminPass": "given"}})
            assert (answer.status_code, answer.json()) == (200, {"adminPass": "given"})
            await world.settled()
            shown = (await old.get(f"{SERVERS}/{server['id']}")).json()["server"]
            assert (shown["status"], shown["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "node-2")
            await world.join("node-3")
            await world.conductor.node_left("node-2")
            async with client(world, NEWEST, world.admin) as admin:
                answer = await admin.post(action, json={"evacuate": {"host": "node-3"}})
                assert (answer.status_code, answer.content) == (200, b"")
                await world.settled()
                shown = (await admin.get(f"{SERVERS}/{server['id']}")).json()["server"]
                assert (shown["status"], shown["OS-EXT-SRV-ATTR:host"]) == ("SHUTOFF", "node-3")  # since 2.95

    in_world(tmp_path, play)


def test_services_are_disabled_and_forced_down(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.69", world.admin) as admin, client(world, "2.1", world.admin) as old:
            path = f"{V}/os-services?binary=nova-compute&host={NODE_NAME}"
            [service] = (await admin.get(path)).json()["services"]
            assert service.keys() == {
                "id", "binary", "host", "zone", "status", "state", "updated_at", "disabled_reason", "forced_down",
            }  # fmt: skip
            assert (service["status"], service["state"]) == ("enabled", "up")
            binaries = {one["binary"] for one in (await old.get(f"{V}/os-services")).json()["services"]}
            assert binaries == {"nova-compute", "nova-conductor", "nova-scheduler"}
            sent = {"status": "disabled", "disabled_reason": "repairs"}
            off = (await admin.put(f"{V}/os-services/{service['id']}", json=sent)).json()["service"]
            assert (off["status"], off["disabled_reason"]) == ("disabled", "repairs")
            lost = await launched(world, old, body(world))
            assert lost["status"] == "ERROR" and "No valid host" in lost["fault"]["message"]
            path = f"{SERVERS}/{lost['id']}/os-instance-actions"
            [action] = (await admin.get(path)).json()["instanceActions"]
            [whole] = (await admin.get(f"{path}/{action['request_id']}")).json()["instanceAction"]["events"]
            assert (action["message"], whole["result"]) == ("Error", "Error") and whole["finish_time"]
            on = await old.put(f"{V}/os-services/enable", json={"host": NODE_NAME, "binary": "nova-compute"})
            assert on.json()["service"] == {"host": NODE_NAME, "binary": "nova-compute", "status": "enabled"}
            down = (await admin.put(f"{V}/os-services/{service['id']}", json={"forced_down": True})).json()["service"]
            assert (down["state"], down["forced_down"]) == ("down", True)
            await admin.put(f"{V}/os-services/{service['id']}", json={"forced_down": False})
            found = await launched(world, old, body(world))
            assert found["status"] == "ACTIVE"
            refused(await admin.put(f"{V}/os-services/{service['id']}", json={}), 400, "badRequest")
            refused(await admin.put(f"{V}/os-services/{'0' * 36}", json=sent), 404, "itemNotFound")
            nobody = {"host": "nobody", "binary": "nova-compute"}
            refused(await old.put(f"{V}/os-services/disable", json=nobody), 404, "itemNotFound")

    in_world(tmp_path, play)


def test_usage_counts_what_runs(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.40", world.admin) as admin, client(world) as http:
            server = await launched(world, http, body(world))
            span = "start=2020-01-01T00:00:00.000000&end=2100-01-01T00:00:00.000000"
            [used] = (await admin.get(f"{V}/os-simple-tenant-usage?detailed=1&{span}")).json()["tenant_usages"]
            [line] = used["server_usages"]
            assert (used["tenant_id"], line["instance_id"], line["vcpus"]) == ("demo", server["id"], 1)
            assert used["total_hours"] == line["hours"] >= 0
            own = (await http.get(f"{V}/os-simple-tenant-usage/demo?{span}")).json()["tenant_usage"]
            assert own["total_memory_mb_usage"] >= used["total_memory_mb_usage"]
            refused(await http.get(f"{V}/os-simple-tenant-usage?{span}"), 403, "forbidden")
            refused(await http.get(f"{V}/os-simple-tenant-usage/other?{span}"), 403, "forbidden")
            refused(await admin.get(f"{V}/os-simple-tenant-usage?start=soon"), 400, "badRequest")
            refused(await admin.get(f"{V}/os-simple-tenant-usage/?{span}"), 404, "itemNotFound")

    in_world(tmp_path, play)


def test_usage_comes_in_pages_of_servers_and_the_last_is_followed_by_nothing(tmp_path: Path) -> None:
    """novaclient and Horizon ask from the last server on until an answer counts none."""

    async def play(world: World) -> None:
        async with client(world, "2.40", world.admin) as admin, client(world) as http:
            made = sorted([(await launched(world, http, body(world)))["id"] for _ in range(3)])
            for path, found in (
                ("os-simple-tenant-usage/demo?", lambda answer: [answer["tenant_usage"]]),
                ("os-simple-tenant-usage?detailed=1&", lambda answer: answer["tenant_usages"]),
            ):
                seen: list[str] = []
                following = f"{V}/{path}limit=2"
                while following:
                    answer = (await admin.get(following)).json()
                    for used in found(answer):
                        assert used["total_vcpus_usage"] == sum(one["hours"] for one in used["server_usages"])
                        seen += [one["instance_id"] for one in used["server_usages"]]
                    links = answer.get("tenant_usage_links") or answer.get("tenant_usages_links") or [{"href": ""}]
                    following = links[0]["href"]
                assert seen == made
                after = (await admin.get(f"{V}/{path}marker={made[-1]}")).json()
                assert found(after) in ([], [{}])
                refused(await admin.get(f"{V}/{path}marker={'0' * 36}"), 400, "badRequest")
            older = {"OpenStack-API-Version": "compute 2.39"}
            whole = (await admin.get(f"{V}/os-simple-tenant-usage/demo?limit=1", headers=older)).json()
            assert len(whole["tenant_usage"]["server_usages"]) == 3

    in_world(tmp_path, play)


def test_events_from_outside(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.1", world.admin) as admin, client(world) as http:
            server = await launched(world, http, body(world))
            event = {"name": "network-vif-plugged", "server_uuid": server["id"], "tag": "p", "status": "completed"}
            lost = event | {"server_uuid": "0" * 36}
            path = f"{V}/os-server-external-events"
            both = await admin.post(path, json={"events": [event, lost]})
            assert both.status_code == 207
            assert [one["code"] for one in both.json()["events"]] == [200, 404]
            refused(await admin.post(path, json={"events": [lost]}), 404, "itemNotFound")
            refused(await http.post(path, json={"events": [event]}), 403, "forbidden")

    in_world(tmp_path, play)


def test_what_a_query_says_for_nothing_is_refused_since_2_75(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as admin:
            paths = ["flavors", "flavors/detail", "os-hypervisors", "os-hypervisors/detail", "os-keypairs", "limits"]
            paths += ["os-services", "os-server-groups", "os-quota-sets/demo", "os-simple-tenant-usage"]
            for path in paths:
                for version, status in (("2.74", 200), ("2.75", 400)):
                    spoken = {"OpenStack-API-Version": f"compute {version}"}
                    assert (await admin.get(f"{V}/{path}?foo=bar", headers=spoken)).status_code == status, path
            span = "changes-since=2030-01-01T00:00:00Z&changes-before=2020-01-01T00:00:00Z"
            for version, status in (("2.65", 200), ("2.66", 400)):
                spoken = {"OpenStack-API-Version": f"compute {version}"}
                assert (await admin.get(f"{V}/servers?{span}", headers=spoken)).status_code == status

    in_world(tmp_path, play)


def test_a_host_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, NEWEST, token=world.admin) as admin:
            [there] = (await admin.get(f"{V}/os-hypervisors")).json()["hypervisors"]
            for field in ("host", "hypervisor_hostname"):
                wanted = {field: "nobody", "networks": "none"}
                refused(await admin.post(SERVERS, json=body(world, **wanted)), 400, "badRequest")
                wanted[field] = there["hypervisor_hostname"]
                assert (await admin.post(SERVERS, json=body(world, **wanted))).status_code == 202
        await world.settled()

    in_world(tmp_path, play)


def test_names_are_changed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, "2.90") as newer:
            server = await launched(world, http, body(world))
            path = f"{SERVERS}/{server['id']}"
            renamed = (await http.put(path, json={"server": {"name": "new"}})).json()["server"]
            assert renamed["name"] == "new" and "OS-EXT-STS:vm_state" not in renamed
            refused(await http.put(path, json={"server": {"description": "x"}}), 400, "badRequest")
            sent = {"server": {"description": "of use", "hostname": "inside"}}
            shown = (await newer.put(path, json=sent)).json()["server"]
            assert (shown["description"], shown["OS-EXT-SRV-ATTR:hostname"]) == ("of use", "inside")
            assert shown["OS-EXT-STS:vm_state"] == "active"
            async with client(world, token=token("other")) as other:
                refused(await other.put(path, json={"server": {"name": "mine"}}), 404, "itemNotFound")

    in_world(tmp_path, play)


ADMINISTRATORS_ONLY = (
    "os-aggregates", "os-aggregates/1", "os-hypervisors", "os-hypervisors/detail", "os-hypervisors/1", "os-services",
    "os-migrations", "os-simple-tenant-usage", "os-availability-zone/detail", "os-quota-class-sets/default",
)  # fmt: skip


@pytest.mark.parametrize("version", ["2.1", NEWEST])
def test_what_only_administrators_see(tmp_path: Path, version: str) -> None:
    async def play(world: World) -> None:
        async with client(world, version) as http, client(world, version, world.admin) as admin:
            for path in ADMINISTRATORS_ONLY:
                refused(await http.get(f"{V}/{path}"), 403, "forbidden")
            assert (await admin.get(f"{V}/os-migrations")).json() == {"migrations": []}
            assert len((await http.get(f"{V}/extensions")).json()["extensions"]) > 20

    in_world(tmp_path, play)


def test_metadata_has_a_quota_when_it_is_asked_for_and_when_it_grows(tmp_path: Path) -> None:
    def items(count: int) -> dict[str, str]:
        return {f"key-{number}": "x" for number in range(count)}

    async def play(world: World) -> None:
        async with client(world, NEWEST, world.admin) as admin, client(world, NEWEST, token("new")) as http:
            many = body(world, networks="none", metadata=items(129))
            message = refused(await http.post(SERVERS, json=many), 403, "forbidden")
            assert message == "Maximum number of metadata items exceeds 128"
            server = await launched(world, http, body(world, networks="none", metadata=items(3)))
            url = f"{SERVERS}/{server['id']}/metadata"
            refused(await http.post(url, json={"metadata": items(129)}), 403, "forbidden")
            assert (await http.post(url, json={"metadata": items(128)})).status_code == 200
            quota = {"quota_set": {"metadata_items": 4}}
            assert (await admin.put(f"{V}/os-quota-sets/new", json=quota)).status_code == 200
            refused(await http.put(f"{url}/more", json={"meta": {"more": "x"}}), 403, "forbidden")
            assert (
                await http.put(f"{url}/key-1", json={"meta": {"key-1": "y"}})
            ).status_code == 200  # it grows no more
            assert (await http.put(url, json={"metadata": items(4)})).status_code == 200
            assert (await admin.put(f"{V}/os-quota-sets/new", json={"quota_set": {"metadata_items": -1}})).is_success
            assert (await http.post(url, json={"metadata": items(200)})).status_code == 200

    in_world(tmp_path, play)
