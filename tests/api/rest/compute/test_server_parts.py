"""What is done to servers over HTTP: each action, and the parts of a server, in the shapes of their microversions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.messages import ServerView
from tests.world import World, in_world, token

NEWEST = "2.96"


def client(world: World, version: str = NEWEST, by: str = "") -> httpx.AsyncClient:
    return world.http(by or world.member, OpenStack_API_Version=f"compute {version}")


async def booted(world: World, **fields: Any) -> tuple[ServerView, str]:
    [server] = await world.boot(world.request(**fields))
    return server, f"/compute/v2.1/servers/{server.id}"


async def ask(world: World, url: str, body: Any, version: str = NEWEST, by: str = "") -> httpx.Response:
    """One action; returns when it is over."""
    async with client(world, version, by) as http:
        answer = await http.post(f"{url}/action", json=body)
    await world.settled()
    return answer


async def status(world: World, server: ServerView) -> str:
    [view] = await world.conductor.show([server.id])
    assert isinstance(view, ServerView)
    return view.status


def test_actions_are_accepted_and_done(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        for body, shown in (
            ({"os-stop": None}, "SHUTOFF"),
            ({"os-start": None}, "ACTIVE"),
            ({"pause": None}, "PAUSED"),
            ({"unpause": None}, "ACTIVE"),
            ({"suspend": None}, "SUSPENDED"),
            ({"resume": None}, "ACTIVE"),
            ({"reboot": {"type": "SOFT"}}, "ACTIVE"),
            ({"reboot": {"type": "HARD"}}, "ACTIVE"),
        ):
            answer = await ask(world, url, body)
            assert (answer.status_code, answer.content) == (202, b""), body
            assert await status(world, server) == shown, body
        assert (await ask(world, url, {"forceDelete": None})).status_code == 202
        assert (await ask(world, url, {"os-stop": None})).status_code == 404

    in_world(tmp_path, play)


def test_wrong_actions_are_told_in_nova_s_words_and_form(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        conflict = await ask(world, url, {"os-start": None})
        assert conflict.status_code == 409
        message = f"Cannot 'start' instance {server.id} while it is in vm_state active"
        assert conflict.json() == {"conflictingRequest": {"code": 409, "message": message}}
        for body, code in (
            ({"dance": None}, 400),
            ({}, 400),
            ({"os-stop": None, "os-start": None}, 400),
            ([], 400),
            ({"reboot": {"type": "WARM"}}, 400),
            ({"reboot": None}, 400),
            ({"os-getConsoleOutput": {"length": "many"}}, 400),
            ({"createImage": {"name": ""}}, 400),
            ({"os-resetState": {"state": "happy"}}, 403),
            ({"os-resetState": {"state": "error"}}, 403),
            ({"resize": {"flavorRef": "1"}}, 400),
            ({"rebuild": {"imageRef": "x"}}, 400),
            ({"rebuild": {}}, 400),
            ({"rebuild": {"imageRef": "x", "key_name": "k"}}, 400),  # it has that since 2.54
            ({"unshelve": None}, 409),
            ({"changePassword": None}, 501),
            ({"migrate": None}, 403),
            ({"restore": None}, 409),
        ):
            answer = await ask(world, url, body)
            assert answer.status_code == code, body
            assert next(iter(answer.json().values()))["code"] == code
        assert (await ask(world, url, {"os-stop": None}, by=token("other"))).status_code == 404
        nowhere = url.replace(server.id, "5b0c5f4f-0000-4000-8000-000000000000")
        for name, there, code in (
            ("os-migrateLive", url, 501),
            ("os-migrateLive", nowhere, 404),
            ("migrate", nowhere, 404),
            ("restore", nowhere, 404),
        ):
            assert (await ask(world, there, {name: None}, by=world.admin)).status_code == code, name
        for version, code in (("2.43", 501), ("2.44", 404)):  # Nova has it no more
            answer = await ask(world, url, {"removeFixedIp": {"address": "10.0.0.1"}}, version=version)
            assert answer.status_code == code
        assert (await ask(world, url, {"shelve": None}, by=token("other"))).status_code == 404
        assert await status(world, server) == "ACTIVE"

    in_world(tmp_path, play)


def test_locks_and_resets(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        assert (await ask(world, url, {"lock": {"locked_reason": "audit"}})).status_code == 202
        assert (await ask(world, url, {"os-stop": None})).status_code == 409
        assert (await ask(world, url, {"unlock": None})).status_code == 202
        assert (await ask(world, url, {"os-resetState": {"state": "error"}}, by=world.admin)).status_code == 202
        assert await status(world, server) == "ERROR"
        assert (await ask(world, url, {"reboot": {"type": "HARD"}})).status_code == 202
        assert await status(world, server) == "ACTIVE"

    in_world(tmp_path, play)


def test_console_output_and_a_guest_without_a_screen(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        whole = (await ask(world, url, {"os-getConsoleOutput": {}})).json()["output"].split("\n")
        assert "simulated guest" in whole[0] and len(whole) > 3
        for how, count in ((None, len(whole)), (-1, len(whole)), (3, 3), ("2", 2), (0, 0)):
            answer = await ask(world, url, {"os-getConsoleOutput": {"length": how}})
            assert answer.json()["output"].splitlines() == whole[len(whole) - count :], how
        wanted = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
        async with client(world) as http:
            console = (await http.post(f"{url}/remote-consoles", json=wanted)).json()["remote_console"]
            assert (console["protocol"], console["type"]) == ("vnc", "novnc")
            assert console["url"].startswith("http://novaray.test/vnc/vnc_lite.html?path=vnc%3Ftoken%3D")
            wanted["remote_console"] = {"protocol": "spice", "type": "spice-html5"}
            assert (await http.post(f"{url}/remote-consoles", json=wanted)).status_code == 400
            assert (await http.get("/vnc", params={"token": "x"})).status_code == 426
        old = await ask(world, url, {"os-getVNCConsole": {"type": "novnc"}}, "2.1")
        assert old.json()["console"]["type"] == "novnc"
        assert (await ask(world, url, {"os-getVNCConsole": {"type": "novnc"}})).status_code == 404

    in_world(tmp_path, play)


ATTACHMENT = {
    "2.1": {"id", "device", "serverId", "volumeId"},
    "2.70": {"id", "device", "serverId", "volumeId", "tag"},
    "2.79": {"id", "device", "serverId", "volumeId", "tag", "delete_on_termination"},
    "2.89": {"device", "serverId", "volumeId", "tag", "delete_on_termination", "attachment_id", "bdm_uuid"},
}


def test_volume_attachments(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        volume = await world.volume()
        async with client(world) as http:
            answer = await http.post(
                f"{url}/os-volume_attachments",
                json={"volumeAttachment": {"volumeId": volume, "tag": "data", "delete_on_termination": False}},
            )
            assert answer.status_code == 200
            made = answer.json()["volumeAttachment"]
            assert (made["volumeId"], made["device"], made["tag"]) == (volume, "/dev/vdb", "data")
            await world.settled()
            assert set(made) == ATTACHMENT["2.79"] and made["id"] == volume
            [listed] = (await http.get(f"{url}/os-volume_attachments")).json()["volumeAttachments"]
            assert made == {name: listed[name] for name in made if name != "id"} | {"id": volume}
            again = {"volumeAttachment": {"volumeId": volume}}
            assert (await http.post(f"{url}/os-volume_attachments", json=again)).status_code == 400
            wrong = {"volumeAttachment": {"volumeId": "v1"}}
            assert (await http.post(f"{url}/os-volume_attachments", json=wrong)).status_code == 400
        for version, fields in ATTACHMENT.items():
            async with client(world, version) as http:
                shown = (await http.get(f"{url}/os-volume_attachments/{volume}")).json()["volumeAttachment"]
            assert set(shown) == fields, version
        async with client(world) as http:
            assert (await http.delete(f"{url}/os-volume_attachments/{volume}")).status_code == 202
            await world.settled()
            assert (await http.get(f"{url}/os-volume_attachments/{volume}")).status_code == 404
            assert (await http.delete(f"{url}/os-volume_attachments/{volume}")).status_code == 404

    in_world(tmp_path, play)


def test_interfaces(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        async with client(world) as http:
            body = {"interfaceAttachment": {"net_id": world.net.id, "fixed_ips": [{"ip_address": "10.7.5.5"}]}}
            made = (await http.post(f"{url}/os-interface", json=body)).json()["interfaceAttachment"]
            assert set(made) == {"port_state", "fixed_ips", "net_id", "port_id", "mac_addr", "tag"}
            assert made["fixed_ips"][0]["ip_address"] == "10.7.5.5"
            found = (await http.get(f"{url}/os-interface")).json()["interfaceAttachments"]
            assert [one["port_id"] for one in found] == [server.addresses[0].port_id, made["port_id"]]
            one = (await http.get(f"{url}/os-interface/{made['port_id']}")).json()["interfaceAttachment"]
            assert one == made
            both = {"interfaceAttachment": {"net_id": world.net.id, "port_id": world.net.id}}
            assert (await http.post(f"{url}/os-interface", json=both)).status_code == 400
            assert (await http.delete(f"{url}/os-interface/{made['port_id']}")).status_code == 202
            await world.settled()
            assert (await http.get(f"{url}/os-interface/{made['port_id']}")).status_code == 404
            narrow = (await http.post("/network/v2.0/networks", json={"network": {}})).json()["network"]["id"]
            subnet = {"network_id": narrow, "ip_version": 4, "cidr": "10.8.0.0/29", "enable_dhcp": False}
            subnet["allocation_pools"] = [{"start": "10.8.0.2", "end": "10.8.0.2"}]
            await http.post("/network/v2.0/subnets", json={"subnet": subnet})
            last, any_of_two = {"interfaceAttachment": {"net_id": narrow}}, {"interfaceAttachment": {}}
            for asked, code in ((last, 200), (last, 400), (any_of_two, 400)):
                assert (await http.post(f"{url}/os-interface", json=asked)).status_code == code
        async with client(world, "2.1") as http:
            shown, _ = (await http.get(f"{url}/os-interface")).json()["interfaceAttachments"]
            assert "tag" not in shown

    in_world(tmp_path, play)


EVENT = {
    "2.51": {"event", "start_time", "finish_time", "result"},
    "2.62": {"event", "start_time", "finish_time", "result", "hostId"},
    "2.84": {"event", "start_time", "finish_time", "result", "hostId", "details"},
}


def test_instance_actions(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        answer = await ask(world, url, {"os-stop": None})
        request_id = answer.headers["X-Openstack-Request-Id"]
        for version, fields in EVENT.items():
            async with client(world, version) as http:
                found = (await http.get(f"{url}/os-instance-actions")).json()["instanceActions"]
                assert [one["action"] for one in found] == ["stop", "create"]
                shown = (await http.get(f"{url}/os-instance-actions/{request_id}")).json()["instanceAction"]
            assert (shown["action"], shown["user_id"], shown["message"]) == ("stop", "ann", None)
            assert set(shown["events"][0]) == fields, version
        async with client(world) as http:
            page = (await http.get(f"{url}/os-instance-actions", params={"limit": 1})).json()
            assert len(page["instanceActions"]) == 1
            following = (await http.get(page["links"][0]["href"])).json()["instanceActions"]
            assert [one["action"] for one in following] == ["create"]
            assert (await http.get(f"{url}/os-instance-actions/req-none")).status_code == 404
            wrong = await http.get(f"{url}/os-instance-actions", params={"changes-since": "yesterday"})
            assert wrong.status_code == 400
        async with client(world, "2.1") as http:
            shown = (await http.get(f"{url}/os-instance-actions/{request_id}")).json()["instanceAction"]
        assert "events" not in shown

    in_world(tmp_path, play)


def test_metadata(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world, metadata={"a": "1"})
        async with client(world) as http:
            where = f"{url}/metadata"
            assert (await http.get(where)).json() == {"metadata": {"a": "1"}}
            added = await http.post(where, json={"metadata": {"b": "2"}})
            assert added.json() == {"metadata": {"a": "1", "b": "2"}}
            assert (await http.put(f"{where}/c", json={"meta": {"c": "3"}})).json() == {"meta": {"c": "3"}}
            assert (await http.get(f"{where}/c")).json() == {"meta": {"c": "3"}}
            assert (await http.delete(f"{where}/a")).status_code == 204
            assert (await http.put(where, json={"metadata": {"d": "4"}})).json() == {"metadata": {"d": "4"}}
            for method, path, body, code in (
                ("GET", "/a", None, 404),
                ("DELETE", "/a", None, 404),
                ("PUT", "/x", {"meta": {"y": "1"}}, 400),
                ("POST", "", {"metadata": {"k": 1}}, 400),
                ("POST", "", {"metadata": {"": "v"}}, 400),
                ("POST", "", {"metadata": {"k": "v" * 256}}, 400),
                ("POST", "", {"metadata": {f"k{n}": "v" for n in range(129)}}, 403),
            ):
                answer = await http.request(method, where + path, json=body)
                assert answer.status_code == code, (method, path)
            assert (await http.get(where)).json() == {"metadata": {"d": "4"}}

    in_world(tmp_path, play)


def test_what_is_said_anew_of_a_server(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        async with client(world) as http:
            changed = await http.put(url, json={"server": {"name": "new", "description": "d", "hostname": "h1"}})
            assert changed.status_code == 200
            assert changed.json() == (await http.get(url)).json() | {"server": changed.json()["server"]}
            shown = (await http.get(url)).json()["server"]
            assert (shown["name"], shown["description"], shown["OS-EXT-SRV-ATTR:hostname"]) == ("new", "d", "h1")
            assert (await http.put(url, json={"server": {"description": None}})).json()["server"]["name"] == "new"
            assert (await http.get(url)).json()["server"]["description"] is None
            for wrong in ({"name": ""}, {"name": "x" * 256}, {"color": "red"}, {"hostname": "-"}):
                assert (await http.put(url, json={"server": wrong})).status_code == 400, wrong
        async with client(world, "2.1") as http:
            old = (await http.put(url, json={"server": {"name": "old"}})).json()["server"]
            assert old["name"] == "old"
            assert not [name for name in old if name.startswith("OS-EXT")]
            assert (await http.put(url, json={"server": {"description": "d"}})).status_code == 400

    in_world(tmp_path, play)


def test_tags(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        where = f"{url}/tags"
        async with client(world) as http:
            assert (await http.put(where, json={"tags": ["x", "y"]})).json() == {"tags": ["x", "y"]}
            assert (await http.put(f"{where}/z")).status_code == 201
            assert (await http.put(f"{where}/z")).status_code == 204
            assert (await http.get(f"{where}/z")).status_code == 204
            assert (await http.delete(f"{where}/x")).status_code == 204
            assert (await http.get(f"{where}/x")).status_code == 404
            assert (await http.get(where)).json() == {"tags": ["y", "z"]}
            assert (await http.put(where, json={"tags": ["a,b"]})).status_code == 400
            assert (await http.put(where, json={"tags": [f"t{n}" for n in range(51)]})).status_code == 400
            assert (await http.delete(where)).status_code == 204
            assert (await http.get(where)).json() == {"tags": []}
        async with client(world, "2.25") as http:
            assert (await http.get(where)).status_code == 404

    in_world(tmp_path, play)


def test_no_guest_has_cells_of_its_own(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        async with client(world, "2.78") as http:
            assert (await http.get(f"{url}/topology")).json() == {"nodes": [], "pagesize_kb": None}
        async with client(world, "2.77") as http:
            assert (await http.get(f"{url}/topology")).status_code == 404

    in_world(tmp_path, play)


def test_the_root_disk_is_named_as_a_device(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        async with client(world, by=world.admin) as http:
            name = "OS-EXT-SRV-ATTR:root_device_name"
            assert (await http.get(url)).json()["server"][name] == "/dev/vda"
            wanted = {"all_tenants": "1", "root_device_name": "/dev/vda"}
            found = (await http.get("/compute/v2.1/servers", params=wanted)).json()["servers"]
            assert [one["id"] for one in found] == [server.id]

    in_world(tmp_path, play)


def test_what_becomes_of_a_volume_is_said_while_it_is_attached(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        stays, goes = await world.volume(), await world.volume()
        where = f"{url}/os-volume_attachments"
        async with client(world) as http:
            for volume, first in ((stays, True), (goes, False)):
                sent = {"volumeAttachment": {"volumeId": volume, "delete_on_termination": first}}
                assert (await http.post(where, json=sent)).status_code == 200
            await world.settled()

            async def put(volume: str, **said: Any) -> int:
                body = {"volumeAttachment": {"volumeId": volume} | said}
                return (await http.put(f"{where}/{volume}", json=body)).status_code

            shown = (await http.get(f"{where}/{stays}")).json()["volumeAttachment"]
            same = {"serverId": server.id, "device": shown["device"]}
            assert await put(stays, delete_on_termination=False, **same) == 202
            assert await put(goes, delete_on_termination=True) == 202
            assert await put(goes) == 202
            for wrong in ({"device": "/dev/vdz"}, {"tag": "other"}, {"serverId": stays}, {"colour": "red"}):
                assert await put(goes, delete_on_termination=False, **wrong) == 400, wrong
            assert await put(await world.volume(), delete_on_termination=True) == 404
            there = (await http.get(where)).json()["volumeAttachments"]
            assert {one["volumeId"]: one["delete_on_termination"] for one in there} == {stays: False, goes: True}
            swap = {"volumeAttachment": {"volumeId": stays}}
            assert (await http.put(f"{where}/{goes}", json=swap)).status_code == 501
        async with client(world, "2.84") as http:
            old = await http.put(f"{where}/{goes}", json={"volumeAttachment": {"volumeId": goes}})
            assert old.status_code == 501
        await world.delete(server)
        async with world.http(world.member) as http:
            statuses = [(await http.get(f"/volume/v3/volumes/{one}")).status_code for one in (stays, goes)]
        assert statuses == [200, 404]

    in_world(tmp_path, play)


def test_a_root_disk_that_was_made_by_the_boot_may_stay(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world, image="", block_devices=(world.root_volume(),))
        [root] = server.volumes
        assert root.delete_on_termination
        async with client(world) as http:
            body = {"volumeAttachment": {"volumeId": root.source_id, "delete_on_termination": False}}
            assert (await http.put(f"{url}/os-volume_attachments/{root.source_id}", json=body)).status_code == 202
            await world.delete(server)
            kept = (await http.get(f"/volume/v3/volumes/{root.source_id}")).json()["volume"]
        assert (kept["status"], kept["attachments"]) == ("available", [])

    in_world(tmp_path, play)


@pytest.mark.parametrize("part", ["topology", "diagnostics", "os-server-password", "tags", "metadata", "os-interface"])
def test_parts_of_another_project_s_server_are_not_there(tmp_path: Path, part: str) -> None:
    async def play(world: World) -> None:
        _, url = await booted(world)
        async with client(world, by=token("other")) as http:
            assert (await http.get(f"{url}/{part}")).status_code == 404
        async with client(world, by=world.admin) as http:
            assert (await http.get(f"{url}/{part}")).status_code == 200

    in_world(tmp_path, play)


DIAGNOSED = {
    "state", "driver", "hypervisor", "hypervisor_os", "uptime", "config_drive", "num_cpus", "num_nics", "num_disks",
    "memory_details", "cpu_details", "nic_details", "disk_details",
}  # fmt: skip


def test_diagnostics_have_every_field_since_2_48(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        async with client(world, "2.48", world.admin) as http:
            said = (await http.get(f"{url}/diagnostics")).json()
            assert said.keys() == DIAGNOSED
            assert (said["state"], said["hypervisor"], said["num_cpus"], said["num_disks"]) == (
                "running", "simulated", 1, 1,
            )  # fmt: skip
            assert said["memory_details"] == {"maximum": 128, "used": None}
            assert [one["mac_address"] for one in said["nic_details"]] == [v.mac_address for v in server.addresses]
            assert said["uptime"] >= 0 and said["config_drive"] is True
        async with client(world, "2.47", world.admin) as http:
            assert "num_cpus" not in (await http.get(f"{url}/diagnostics")).json()

    in_world(tmp_path, play)


def test_an_image_of_a_simulated_server_is_whole_and_says_what_it_is(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, url = await booted(world)
        answer = await ask(world, url, {"createImage": {"name": "shot", "metadata": {"k": "v"}}})
        assert answer.status_code == 202
        path = f"/image/v2/images/{answer.json()['image_id']}"
        async with client(world) as http:
            image = (await http.get(path)).json()
            assert (image["status"], image["disk_format"], image["k"]) == ("active", "qcow2", "v")
            assert (image["virtual_size"], image["instance_uuid"]) == (1 << 20, server.id)
            data = (await http.get(f"{path}/file")).content
            assert f"simulated server {server.id}".encode() in data and len(data) == image["size"]
            sent = {"server": {"name": "again", "flavorRef": "tiny", "imageRef": image["id"], "networks": "none"}}
            again = await http.post("/compute/v2.1/servers", json=sent)
            await world.settled()
            shown = (await http.get(again.headers["Location"])).json()["server"]
        assert shown["status"] == "ACTIVE"
        newest = (await world.api.instance_actions(world.member, server.id))[0]
        assert (newest.name, newest.message) == ("createImage", "")
        assert list(world.node.instances.glob("*")) == []  # the copy is gone
        old = await ask(world, url, {"createImage": {"name": "shot"}}, "2.1")
        assert old.content == b""
        assert "/images/" in old.headers["Location"]

    in_world(tmp_path, play)


def test_a_backup_of_no_kind_is_one_and_the_newest_stays(tmp_path: Path) -> None:
    """The command line sends '' where no type is asked for."""

    async def play(world: World) -> None:
        _, url = await booted(world)
        made = []
        for name in ("old", "new"):
            answer = await ask(world, url, {"createBackup": {"name": name, "backup_type": "", "rotation": 1}})
            assert answer.status_code == 202, answer.text
            made.append(answer.json()["image_id"])
        async with client(world) as http:
            statuses = [(await http.get(f"/image/v2/images/{image_id}")).status_code for image_id in made]
            kind = (await http.get(f"/image/v2/images/{made[1]}")).json()["backup_type"]
        assert (statuses, kind) == ([404, 200], "")

    in_world(tmp_path, play)
