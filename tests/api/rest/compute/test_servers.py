"""Servers over HTTP, in process: what clients send is understood, and each version shows exactly its fields."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from actors.errors import CallerError, CallerFault
from tests.world import World, in_world, token

SERVERS = "/compute/v2.1/servers"
NEWEST = "2.96"

FIELDS_21 = {
    "id", "name", "status", "tenant_id", "user_id", "metadata", "hostId", "image", "flavor", "created", "updated",
    "addresses", "accessIPv4", "accessIPv6", "links", "progress", "OS-DCF:diskConfig", "OS-EXT-AZ:availability_zone",
    "config_drive", "key_name", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at", "security_groups",
    "OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-EXT-STS:power_state", "os-extended-volumes:volumes_attached",
}  # fmt: skip
ADMIN_21 = {f"OS-EXT-SRV-ATTR:{name}" for name in ("host", "instance_name", "hypervisor_hostname")}
ADMIN_23 = {
    f"OS-EXT-SRV-ATTR:{name}"
    for name in (
        "reservation_id", "launch_index", "hostname", "kernel_id", "ramdisk_id", "root_device_name", "user_data",
    )
}  # fmt: skip
SINCE = {
    "2.9": {"locked"},
    "2.19": {"description"},
    "2.26": {"tags"},
    "2.63": {"trusted_image_certificates"},
    "2.71": {"server_groups"},
    "2.73": {"locked_reason"},
    "2.90": {"OS-EXT-SRV-ATTR:hostname"},
    "2.96": {"pinned_availability_zone"},
}


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def fields_of(version: str) -> set[str]:
    return FIELDS_21.union(*(fields for since, fields in SINCE.items() if number(since) <= number(version)))


def client(world: World, version: str = "2.1", token: str = "") -> httpx.AsyncClient:
    return world.http(token or world.member, OpenStack_API_Version=f"compute {version}")


def body(world: World, **changes: Any) -> dict[str, Any]:
    server = {"name": "vm", "flavorRef": "tiny", "imageRef": world.image.id} | changes
    return {"server": {key: value for key, value in server.items() if value is not ...}}


async def launched(world: World, http: httpx.AsyncClient, sent: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post(SERVERS, json=sent)
    assert answer.status_code == 202, answer.text
    await world.settled()
    found: dict[str, Any] = (await http.get(answer.headers["Location"])).json()["server"]
    return found


def refused(answer: httpx.Response, status: int, name: str) -> str:
    assert answer.status_code == status, answer.text
    [(kind, said)] = answer.json().items()
    assert (kind, said["code"]) == (name, status)
    return str(said["message"])


@pytest.mark.parametrize(
    "version", ["2.1", "2.3", "2.8", "2.18", "2.25", "2.47", "2.63", "2.71", "2.79", "2.90", NEWEST]
)
def test_each_version_shows_exactly_its_fields(tmp_path: Path, version: str) -> None:
    async def play(world: World) -> None:
        async with client(world, version) as http, client(world, version, world.admin) as admin:
            sent = body(world, networks="auto" if number(version) >= (2, 37) else ...)
            server = await launched(world, http, sent)
            assert server.keys() == fields_of(version)
            extended = ADMIN_21 | (ADMIN_23 if number(version) >= (2, 3) else set())
            extended |= {"host_status"} if number(version) >= (2, 16) else set()
            seen = (await admin.get(f"{SERVERS}/{server['id']}")).json()["server"]
            assert seen.keys() == fields_of(version) | extended
            listed = (await http.get(f"{SERVERS}/detail")).json()["servers"]
            assert listed[0].keys() == fields_of(version) - {"server_groups"}

    in_world(tmp_path, play)


def test_a_server_as_it_is_shown(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, NEWEST, world.admin) as admin:
            server = await launched(world, http, body(world, metadata={"a": "b"}))
            assert (server["status"], server["OS-EXT-STS:vm_state"], server["OS-EXT-STS:power_state"]) == (
                "ACTIVE", "active", 1,
            )  # fmt: skip
            assert server["flavor"]["id"] == "tiny" and server["flavor"]["links"][0]["rel"] == "bookmark"
            assert server["image"]["id"] == world.image.id
            assert (server["metadata"], server["progress"]) == ({"a": "b"}, 100)
            [address] = server["addresses"]["private"]
            assert (address["version"], address["OS-EXT-IPS:type"]) == (4, "fixed")
            assert server["links"][0]["href"].endswith(f"/compute/v2.1/servers/{server['id']}")
            assert server["OS-EXT-AZ:availability_zone"] == "nova"
            newest = (await admin.get(f"{SERVERS}/{server['id']}")).json()["server"]
            assert newest["flavor"] == {
                "vcpus": 1, "ram": 128, "disk": 1, "ephemeral": 0, "swap": 0, "original_name": "tiny",
                "extra_specs": {},
            }  # fmt: skip
            assert (newest["host_status"], newest["locked"], newest["tags"]) == ("UP", False, [])
            ips = (await http.get(f"{SERVERS}/{server['id']}/ips")).json()
            assert ips == {"addresses": {"private": [{"version": 4, "addr": address["addr"]}]}}
            assert (await http.get(f"{SERVERS}/{server['id']}/ips/private")).json() == ips["addresses"]
            refused(await http.get(f"{SERVERS}/{server['id']}/ips/other"), 404, "itemNotFound")

    in_world(tmp_path, play)


def test_what_the_command_line_sends(tmp_path: Path) -> None:
    """A device that repeats the image, numbers as text, hints in either spelling, groups by id, all that it can."""

    async def play(world: World) -> None:
        async with client(world, NEWEST) as http:
            group = (await http.post(
                "/compute/v2.1/os-server-groups", json={"server_group": {"name": "g", "policy": "affinity"}}
            )).json()["server_group"]  # fmt: skip
            device = {
                "uuid": world.image.id, "source_type": "image", "destination_type": "local", "boot_index": "0",
                "delete_on_termination": True,
            }  # fmt: skip
            made = {
                "source_type": "blank", "destination_type": "volume", "volume_size": 1, "boot_index": None,
                "device_type": "cdrom", "volume_type": "__DEFAULT__", "delete_on_termination": True,
            }  # fmt: skip
            sent = body(
                world,
                block_device_mapping_v2=[device, made],
                min_count=1,
                max_count="1",
                networks=[{"uuid": world.net.id, "fixed_ip": "10.7.0.99", "tag": "nic1"}],
                security_groups=[{"name": "default"}],
                user_data=base64.b64encode(b"#!/bin/sh").decode(),
                config_drive="true",
                description="all of it",
                tags=["a", "b"],
                hostname="host-1",
                availability_zone="nova",
            )
            sent["OS-SCH-HNT:scheduler_hints"] = {"group": group["id"]}
            server = await launched(world, http, sent)
            assert server["status"] == "ACTIVE"
            assert server["addresses"]["private"][0]["addr"] == "10.7.0.99"
            assert (server["description"], server["tags"]) == ("all of it", ["a", "b"])
            assert (server["OS-EXT-SRV-ATTR:hostname"], server["server_groups"]) == ("host-1", [group["id"]])
            assert (server["pinned_availability_zone"], server["config_drive"]) == ("nova", "True")
            [attachment] = (await http.get(f"{SERVERS}/{server['id']}/os-volume_attachments")).json()[
                "volumeAttachments"
            ]
            assert (attachment["device"], attachment["delete_on_termination"]) == ("/dev/hda", True)
            volume = (await http.get(f"/volume/v3/volumes/{attachment['volumeId']}")).json()["volume"]
            assert UUID(volume["id"]).version == 4  # what some clients call a UUID
            assert [one["device"] for one in volume["attachments"]] == ["/dev/hda"]
            for field, odd in (("device_type", "floppy"), ("volume_type", "gold")):
                wrong = body(world, block_device_mapping_v2=[device, made | {field: odd}])
                refused(await http.post(SERVERS, json=wrong), 400, "badRequest")
            again = (await http.get(f"/compute/v2.1/os-server-groups/{group['id']}")).json()["server_group"]
            assert again["members"] == [server["id"]]

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    "hints",
    [
        {"same_host": "web"},
        {"different_host": ["0" * 32, "web"]},
        {"different_host": [None]},
        {"same_host": 7},
    ],
)
def test_a_hint_that_names_nothing_is_refused(tmp_path: Path, hints: dict[str, Any]) -> None:
    async def play(world: World) -> None:
        async with client(world) as http:
            for name in ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"):
                answer = await http.post(SERVERS, json=body(world) | {name: hints})
                assert "is no UUID" in refused(answer, 400, "badRequest")
            kept = {"same_host": [], "different_host": "0" * 32, "query": ["and", ["x"]], "own": "hint"}
            answer = await http.post(SERVERS, json=body(world) | {"os:scheduler_hints": kept})
            assert answer.status_code == 202, answer.text

    in_world(tmp_path, play)


@pytest.mark.parametrize(("version", "status"), [("2.93", 400), ("2.94", 202)])
def test_a_host_name_may_have_dots_since_2_94(tmp_path: Path, version: str, status: int) -> None:
    async def play(world: World) -> None:
        async with client(world, version) as http:
            longest = ".".join(["x" * 63] * 3) + ".example.org"
            for name in ("web.example.org", longest):
                answer = await http.post(SERVERS, json=body(world, networks="none", hostname=name))
                assert answer.status_code == status, answer.text
            for name in ("x" * 64, "web..org", "web.-x", "x." * 127 + "xy"):
                refused(await http.post(SERVERS, json=body(world, networks="none", hostname=name)), 400, "badRequest")
            several = body(world, networks="none", hostname="web", max_count=2)
            refused(await http.post(SERVERS, json=several), 400, "badRequest")
            plain = await http.post(SERVERS, json=body(world, networks="none", hostname="web"))
            await world.settled()
            changed = await http.put(plain.headers["Location"], json={"server": {"hostname": "db.example.org"}})
            assert changed.status_code == (200 if status == 202 else status)

    in_world(tmp_path, play)


def test_several_at_once_and_a_reservation(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, "2.3", world.admin) as admin:
            sent = body(world, min_count=2, max_count=3, return_reservation_id=True)
            answer = await http.post(SERVERS, json=sent)
            assert answer.status_code == 202
            reservation = answer.json()["reservation_id"]
            await world.settled()
            servers = (await http.get(f"{SERVERS}?reservation_id={reservation}")).json()["servers"]
            assert sorted(server["name"] for server in servers) == ["vm-1", "vm-2", "vm-3"]
            seen = (await admin.get(f"{SERVERS}/detail?all_tenants=1&reservation_id={reservation}")).json()["servers"]
            assert sorted(server["OS-EXT-SRV-ATTR:launch_index"] for server in seen) == [0, 1, 2]
            await world.api.set_quota(world.admin, "demo", {"instances": 5}, force=False)
            assert (await http.post(SERVERS, json=body(world, min_count=1, max_count=9))).status_code == 202
            message = refused(await http.post(SERVERS, json=body(world)), 403, "forbidden")
            assert message == "Quota exceeded for instances: Requested 1, but already used 5 of 5 instances"

    in_world(tmp_path, play)


def test_a_boot_from_a_volume_and_a_personality(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http:
            root = {
                "uuid": world.image.id, "source_type": "image", "destination_type": "volume", "boot_index": 0,
                "volume_size": "1", "delete_on_termination": True,
            }  # fmt: skip
            files = [{"path": "/etc/motd", "contents": base64.b64encode(b"hello").decode()}]
            sent = body(world, imageRef="", block_device_mapping_v2=[root], personality=files)
            server = await launched(world, http, sent)
            assert (server["status"], server["image"]) == ("ACTIVE", "")
            assert len(server["os-extended-volumes:volumes_attached"]) == 1
            both = body(world, block_device_mapping_v2=[root], block_device_mapping=[{"device_name": "vdb"}])
            refused(await http.post(SERVERS, json=both), 400, "badRequest")

    in_world(tmp_path, play)


BAD = {
    "no name": {"name": ...},
    "an empty name": {"name": ""},
    "a long name": {"name": "x" * 256},
    "a name of spaces": {"name": "  "},
    "a flavor that is not there": {"flavorRef": "huge"},
    "an image that is not there": {"imageRef": "b" * 32},
    "a network that is not there": {"networks": [{"uuid": "b" * 32}]},
    "a key that is not there": {"key_name": "nobody's"},
    "a zone that is not there": {"availability_zone": "moon"},
    "what is no base64": {"user_data": "%%%"},
    "a field of nobody": {"colour": "red"},
    "a field of a later version": {"description": "x"},
    "more at least than at most": {"min_count": 3, "max_count": 2},
    "a number too great": {"max_count": 2**70},
    "a count of none": {"min_count": 0},
    "metadata that is no text": {"metadata": {"a": {"b": 1}}},
    "networks that are a word": {"networks": "some"},
}


@pytest.mark.parametrize("wrong", BAD)
def test_what_is_wrong_is_refused_and_changes_nothing(tmp_path: Path, wrong: str) -> None:
    async def play(world: World) -> None:
        async with client(world) as http:
            refused(await http.post(SERVERS, json=body(world, **BAD[wrong])), 400, "badRequest")
            assert (await http.get(SERVERS)).json() == {"servers": []}

    in_world(tmp_path, play)


def test_newer_versions_need_networks_and_have_no_personality(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.57") as http:
            assert "networks" in refused(await http.post(SERVERS, json=body(world)), 400, "badRequest")
            sent = body(world, networks="none", personality=[{"path": "/a", "contents": "aGk="}])
            assert "personality" in refused(await http.post(SERVERS, json=sent), 400, "badRequest")
            server = await launched(world, http, body(world, networks="none"))
            assert (server["status"], server["addresses"]) == ("ACTIVE", {})
        async with client(world, "2.97") as http:
            assert (await http.get(SERVERS)).status_code == 406

    in_world(tmp_path, play)


def test_deleting_also_while_it_builds(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http:
            made = (await http.post(SERVERS, json=body(world))).json()["server"]
            assert made.keys() == {"id", "links", "OS-DCF:diskConfig", "adminPass", "security_groups"}
            assert (await http.delete(f"{SERVERS}/{made['id']}")).status_code == 204
            await world.settled()
            gone = refused(await http.get(f"{SERVERS}/{made['id']}"), 404, "itemNotFound")
            assert gone == f"Instance {made['id']} could not be found."
            refused(await http.delete(f"{SERVERS}/{made['id']}"), 404, "itemNotFound")
            assert not any((await world.scheduler.world()).values())

    in_world(tmp_path, play)


def test_lists_are_filtered_sorted_and_paged(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world) as http, client(world, "2.79") as newer:
            for name in ("web-1", "web-2", "db"):
                await launched(world, http, body(world, name=name))

            async def names(query: str, http: httpx.AsyncClient = http) -> list[str]:
                answer = await http.get(f"{SERVERS}?{query}")
                assert answer.status_code == 200, answer.text
                return [server["name"] for server in answer.json()["servers"]]

            assert await names("") == ["db", "web-2", "web-1"]
            assert await names("name=web") == ["web-2", "web-1"]
            assert await names("name=^db$&status=active") == ["db"]
            assert await names("status=ERROR") == []
            assert await names("sort_key=display_name&sort_dir=asc") == ["db", "web-1", "web-2"]
            assert await names(f"image={world.image.id}&flavor=tiny&sort_key=name&sort_dir=desc&limit=1") == ["web-2"]
            assert await names("ip=10.7.0&deleted=False") == ["db", "web-2", "web-1"]
            assert await names("changes-since=2100-01-01T00:00:00Z") == []
            assert await names("unheard=of") == ["db", "web-2", "web-1"]
            refused(await newer.get(f"{SERVERS}?unheard=of"), 400, "badRequest")
            refused(await http.get(f"{SERVERS}?name=("), 400, "badRequest")
            refused(await http.get(f"{SERVERS}?limit=-1"), 400, "badRequest")
            refused(await http.get(f"{SERVERS}?marker=nobody"), 400, "badRequest")
            refused(await http.get(f"{SERVERS}?all_tenants=1"), 403, "forbidden")
            pages, url = [], f"{SERVERS}?limit=2&sort_key=name&sort_dir=asc"
            while url:
                page = (await http.get(url)).json()
                pages.append([server["name"] for server in page["servers"]])
                url = page["servers_links"][0]["href"] if "servers_links" in page else ""
            assert pages == [["db", "web-1"], ["web-2"]]

    in_world(tmp_path, play)


def test_tags_are_filtered_by(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, "2.52") as http:
            for name, tags in (("one", ["a"]), ("two", ["a", "b"]), ("none", [])):
                await launched(world, http, body(world, name=name, tags=tags, networks="auto"))
            found = {
                query: {server["name"] for server in (await http.get(f"{SERVERS}?{query}")).json()["servers"]}
                for query in ("tags=a,b", "tags-any=a,b", "not-tags=a,b", "not-tags-any=a,b")
            }
            assert list(found.values()) == [{"two"}, {"one", "two"}, {"one", "none"}, {"none"}]

    in_world(tmp_path, play)


def test_another_project_sees_and_does_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        stranger = token("other", user="bob")
        reader = token("demo", ("reader",), "eve")
        async with client(world) as http, client(world, token=stranger) as other, client(world, token=reader) as eve:
            server = await launched(world, http, body(world))
            path = f"{SERVERS}/{server['id']}"
            for answer in (await other.get(path), await other.delete(path), await other.get(f"{path}/ips")):
                refused(answer, 404, "itemNotFound")
            assert (await other.get(f"{SERVERS}/detail")).json() == {"servers": []}
            assert (await eve.get(path)).status_code == 200
            refused(await eve.delete(path), 403, "forbidden")
            refused(await eve.post(SERVERS, json=body(world)), 403, "forbidden")
            assert (await http.get(path)).json()["server"]["status"] == "ACTIVE"

    in_world(tmp_path, play)


def test_a_token_without_a_project_has_no_servers(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        projectless = token("")
        async with client(world) as http:
            server = await launched(world, http, body(world))
        [refusal] = await world.api.boot([world.request(token=projectless)])
        assert isinstance(refusal, CallerFault) and refusal.status == 403
        assert await world.api.list_servers(projectless) == []
        with pytest.raises(CallerError):
            await world.api.server(projectless, server["id"])

    in_world(tmp_path, play)


def test_two_hundred_posts_at_a_time_against_a_quota_of_fifty(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.api.set_quota(world.admin, "demo", {"instances": 50}, force=False)
        async with client(world) as http:
            answers = await asyncio.gather(*(http.post(SERVERS, json=body(world, name=f"vm{n}")) for n in range(200)))
            codes = [answer.status_code for answer in answers]
            assert (codes.count(202), codes.count(403)) == (50, 150)
            assert all("Quota exceeded for instances" in a.text for a in answers if a.status_code == 403)
            await world.settled()
            assert len((await http.get(SERVERS)).json()["servers"]) == 50

    in_world(tmp_path, play)


def test_addresses_to_reach_it_by_are_kept_shown_and_changed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with client(world, NEWEST) as http, client(world, NEWEST, world.admin) as admin:
            sent = body(world, networks="auto", accessIPv4="192.0.2.7", accessIPv6="2001:DB8:0::7")
            server = await launched(world, http, sent)
            assert (server["accessIPv4"], server["accessIPv6"]) == ("192.0.2.7", "2001:db8::7")
            url = f"{SERVERS}/{server['id']}"
            for change, now in (
                ({"accessIPv4": "192.0.2.8"}, ("192.0.2.8", "2001:db8::7")),
                ({"name": "renamed"}, ("192.0.2.8", "2001:db8::7")),
                ({"accessIPv4": None, "accessIPv6": ""}, ("", "")),
            ):
                answer = (await http.put(url, json={"server": change})).json()["server"]
                shown = (await http.get(url)).json()["server"]
                assert (answer["accessIPv4"], answer["accessIPv6"]) == (shown["accessIPv4"], shown["accessIPv6"]) == now
            assert (await http.put(url, json={"server": {"OS-DCF:diskConfig": "AUTO"}})).status_code == 200
            assert (await http.get(url)).json()["server"]["OS-DCF:diskConfig"] == "AUTO"
            await http.put(url, json={"server": {"accessIPv4": "192.0.2.9"}})
            for query, found in (("access_ip_v4=192.0.2.9", 1), ("access_ip_v4=192.0.2.1", 0)):
                listed = (await admin.get(f"{SERVERS}?all_tenants=1&{query}")).json()["servers"]
                assert len(listed) == found
            for wrong in ("x", "2001:db8::7", "192.0.2.256", "192.0.2.1/24", 7):
                for request in ({"accessIPv4": wrong}, {"accessIPv6": "192.0.2.1"}, {"accessIPv6": "fe80::1%eth0"}):
                    assert (await http.put(url, json={"server": request})).status_code == 400, request

    in_world(tmp_path, play)
