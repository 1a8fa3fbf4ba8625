"""What a user can get wrong: each is refused with the field and the reason, and leaves nothing behind.

In the whole cloud of `world.py`, so that a refusal by any room is seen as the user sees it: at the door with nothing
recorded, or, where only the build can know, as the fault of a server in ERROR.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from actors.api.messages import ServersRequest
from actors.cluster.config import SimulatedConfig
from actors.errors import CallerError, CallerFault, value_of
from actors.image.messages import CreateImage, FinishUpload, UploadChunk
from actors.messages import BlockDevice, ImageRequest, NetworkRequest, ServerView
from actors.network.messages import CreatePort
from actors.records import Port
from tests.image.contents import qcow2
from tests.world import World, in_world, token

GIB = 1 << 30
NOBODY = "00000000-0000-4000-8000-000000000000"
Changes = dict[str, Any]
Prepare = Callable[[World], Awaitable[Changes]]


# ---------------------------------------------------------------- refused at the door


async def unknown_flavor(world: World) -> Changes:
    return {"flavor": "gigantic"}


async def too_little_memory(world: World) -> Changes:
    return {"image": await _image(world, min_ram_mib=1024)}


async def too_little_disk_by_the_images_own_word(world: World) -> Changes:
    return {"image": await _image(world, min_disk_gib=4)}


async def image_too_big(world: World) -> Changes:
    return {"image": await _image(world, data=qcow2(3 * GIB), disk_format="qcow2")}


async def unknown_image(world: World) -> Changes:
    return {"image": NOBODY}


async def unknown_keypair(world: World) -> Changes:
    return {"key_name": "lost"}


async def name_with_control_characters(world: World) -> Changes:
    return {"name": "vm\x1b[2J"}


async def name_with_xml(world: World) -> Changes:
    return {"name": "vm</name><on_crash>preserve</on_crash>"}


async def a_megabyte_of_user_data(world: World) -> Changes:
    return {"user_data": base64.b64encode(bytes(1_000_000)).decode()}


async def no_such_network(world: World) -> Changes:
    return {"networks": (NetworkRequest(network_id=world.net.id), NetworkRequest(network_id=NOBODY))}


async def no_such_port(world: World) -> Changes:
    return {"networks": (NetworkRequest(port_id=NOBODY),)}


async def address_outside_the_subnet(world: World) -> Changes:
    return {"networks": (NetworkRequest(network_id=world.net.id, fixed_ip="192.0.2.7"),)}


async def address_that_is_none(world: World) -> Changes:
    return {"networks": (NetworkRequest(network_id=world.net.id, fixed_ip="10.7.0.300"),)}


async def address_of_the_gateway(world: World) -> Changes:
    return {"networks": (NetworkRequest(network_id=world.net.id, fixed_ip="10.7.0.1"),)}


async def address_in_use(world: World) -> Changes:
    port = await _port(world)
    return {"networks": (NetworkRequest(network_id=world.net.id, fixed_ip=port.fixed_ips[0].ip_address),)}


async def unknown_security_group(world: World) -> Changes:
    return {"security_groups": ("default", "dmz")}


async def unknown_volume(world: World) -> Changes:
    return {"block_devices": (_attached(NOBODY),)}


async def volume_of_another_project(world: World) -> Changes:
    return {"token": token("other", user="bob"), "block_devices": (_attached(await world.volume()),)}


async def volume_twice(world: World) -> Changes:
    volume = _attached(await world.volume())
    return {"block_devices": (volume, volume)}


async def too_small_a_volume_for_its_image(world: World) -> Changes:
    image = await _image(world, data=qcow2(3 * GIB), disk_format="qcow2")
    root = BlockDevice(source_type="image", destination_type="volume", source_id=image, boot_index=0, size_gib=2)
    return {"image": "", "block_devices": (root,)}


async def a_host_of_ones_choice(world: World) -> Changes:
    return {"availability_zone": "nova:node-1"}


async def a_reader(world: World) -> Changes:
    return {"token": token(roles=("reader",))}


async def a_token_of_nobody(world: World) -> Changes:
    return {"token": "not.a.token"}


async def a_forged_token(world: World) -> Changes:
    return {"token": f"{world.member[:-6]}AAAAAA"}


REFUSALS: list[tuple[Prepare, int, str, str]] = [
    (unknown_flavor, 404, "flavor", "'gigantic'"),
    (too_little_memory, 400, "flavor", "tiny has 128 MiB of RAM; the image needs 1024"),
    (too_little_disk_by_the_images_own_word, 400, "flavor", "tiny has 1 GiB of disk; the image needs 4"),
    (image_too_big, 400, "flavor", "tiny has 1 GiB of disk; the image needs 3"),
    (unknown_image, 400, "image", NOBODY),
    (unknown_keypair, 400, "key_name", "'lost'"),
    (name_with_control_characters, 400, "name", "control characters"),
    (name_with_xml, 400, "name", "markup"),
    (a_megabyte_of_user_data, 400, "user_data", "1333336 characters of base64; at most 65535"),
    (no_such_network, 400, "networks[1].network_id", NOBODY),
    (no_such_port, 400, "networks[0].port_id", NOBODY),
    (address_outside_the_subnet, 400, "networks[0].fixed_ip", "192.0.2.7"),
    (address_that_is_none, 400, "networks[0].fixed_ip", "10.7.0.300"),
    (address_of_the_gateway, 400, "networks[0].fixed_ip", "gateway"),
    (address_in_use, 409, "networks[0].fixed_ip", "already in use"),
    (unknown_security_group, 400, "security_groups[1]", "'dmz'"),
    (unknown_volume, 404, "block_device_mapping_v2[0].source_id", NOBODY),
    (volume_of_another_project, 404, "block_device_mapping_v2[0].source_id", "there is no volume"),
    (volume_twice, 400, "block_device_mapping_v2[1].source_id", "asked for twice"),
    (too_small_a_volume_for_its_image, 400, "block_device_mapping_v2[0].size_gib", "the source needs 3"),
    (a_host_of_ones_choice, 403, "", "only an administrator chooses the host"),
    (a_reader, 403, "", "needs the role admin or member"),
    (a_token_of_nobody, 401, "", "log in"),
    (a_forged_token, 401, "", "log in"),
]


@pytest.mark.parametrize(
    ("prepare", "status", "field", "reason"), REFUSALS, ids=[prepare.__name__ for prepare, *_ in REFUSALS]
)
def test_refused_at_the_door(tmp_path: Path, prepare: Prepare, status: int, field: str, reason: str) -> None:
    async def play(world: World) -> None:
        changes = await prepare(world)
        before = await world.state()
        [fault] = await world.api.boot([world.request(**changes)])
        assert isinstance(fault, CallerFault)
        assert (fault.status, fault.field) == (status, field)
        assert reason in fault.message
        assert await world.state() == before
        assert await world.conductor.list_servers("") == []
        assert await world.conductor.notifications(0, 10, 0.0) == []

    in_world(tmp_path, play)


def test_one_that_is_refused_spoils_no_other_of_its_batch(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        requests = [world.request("one"), world.request("two", flavor="gigantic"), world.request("three")]
        first, refused, last = await world.api.boot(requests)
        assert isinstance(refused, CallerFault)
        servers = await _ended(world, *value_of(first), *value_of(last))
        assert [(server.name, server.status) for server in servers] == [("one", "ACTIVE"), ("three", "ACTIVE")]

    in_world(tmp_path, play)


# ---------------------------------------------------------------- two that want the same


@pytest.mark.parametrize("together", [True, False], ids=["in_one_batch", "one_after_the_other"])
def test_two_boots_ask_for_one_port(tmp_path: Path, together: bool) -> None:
    async def play(world: World) -> None:
        port = await _port(world)
        before = await world.state()
        wanted = (NetworkRequest(port_id=port.id),)
        fault, winner = await _two(world, {"networks": wanted}, together)
        assert (fault.status, fault.field) == (409, "networks[0].port_id")
        assert f"Port {port.id} is still in use" in fault.message
        assert winner.addresses[0].fixed_ips == port.fixed_ips
        assert [server.id for server in await world.conductor.list_servers("") if server.status == "ACTIVE"] == [
            winner.id
        ]
        await _delete_all(world)
        assert await world.state() == before

    in_world(tmp_path, play)


@pytest.mark.parametrize("together", [True, False], ids=["in_one_batch", "one_after_the_other"])
def test_two_boots_ask_for_one_address(tmp_path: Path, together: bool) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        wanted = (NetworkRequest(network_id=world.net.id, fixed_ip="10.7.3.3"),)
        fault, winner = await _two(world, {"networks": wanted}, together)
        assert (fault.status, fault.field) == (409, "networks[0].fixed_ip")
        assert winner.addresses[0].fixed_ips[0].ip_address == "10.7.3.3"
        await _delete_all(world)
        assert await world.state() == before

    in_world(tmp_path, play)


@pytest.mark.parametrize("together", [True, False], ids=["in_one_batch", "one_after_the_other"])
def test_two_boots_ask_for_one_volume(tmp_path: Path, together: bool) -> None:
    async def play(world: World) -> None:
        volume = await world.volume()
        before = await world.state()
        fault, _ = await _two(world, {"block_devices": (_attached(volume),)}, together)
        assert (fault.status, fault.field) == (409, "block_device_mapping_v2[0].source_id")
        assert f"volume {volume} is in use" in fault.message
        await _delete_all(world)
        assert await world.state() == before

    in_world(tmp_path, play)


# ---------------------------------------------------------------- no room


def test_a_full_cloud_says_what_was_short(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.boot(*(world.request(f"vm-{number}") for number in range(6)))
        full = await world.state()
        [server] = await world.boot(world.request("one-too-many"))
        assert server.status == "ERROR"
        assert server.fault is not None
        assert (server.fault.code, server.fault.step) == (500, "place")
        assert server.fault.details["reasons"] == {"MEMORY_MB": 2}
        assert server.fault.message.startswith("No valid host was found: MEMORY_MB removed 2")
        assert server.fault.details["nearest"][0] == "node-1/00000: 64 MiB of RAM short"
        assert await world.state() == full
        await world.delete(server)
        assert await world.state() == full

    in_world(tmp_path, play, simulated=SimulatedConfig(hosts=2, ram_mib=3 * 128 + 64))


# ---------------------------------------------------------------- whose server it is


def test_another_projects_server_does_not_exist(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        stranger = ServersRequest(token=token("other", user="bob"), server_ids=(server.id,))
        before = await world.state()
        for reply in (*await world.api.show(stranger), *await world.api.delete(stranger)):
            assert isinstance(reply, CallerFault)
            assert (reply.status, reply.field) == (404, "server")
        for ask in (world.api.story(stranger.token, server.id), world.api.console(stranger.token, server.id, 10)):
            with pytest.raises(CallerError) as refused:
                await ask
            assert refused.value.fault.status == 404
        assert await world.api.list_servers(stranger.token) == []
        assert await world.api.notifications(stranger.token, 0, 10, 0.0) == []
        assert await world.state() == before

    in_world(tmp_path, play)


def test_a_reader_sees_but_does_not_delete(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        reader = ServersRequest(token=token(roles=("reader",)), server_ids=(server.id,))
        assert [value_of(view).id for view in await world.api.show(reader)] == [server.id]
        with pytest.raises(CallerError) as refused:
            await world.api.delete(reader)
        assert refused.value.fault.status == 403
        assert [view.status for view in await world.conductor.list_servers("")] == ["ACTIVE"]

    in_world(tmp_path, play)


# ---------------------------------------------------------------- what the tests are made of


async def _two(world: World, changes: Changes, together: bool) -> tuple[CallerFault, ServerView]:
    """Two boots that want the same thing: why the one was refused, at the door or by the host, and the other."""
    requests = [world.request("first", **changes), world.request("second", **changes)]
    if together:
        replies = await world.api.boot(requests)
    else:
        [reply] = await world.api.boot(requests[:1])
        await _ended(world, *value_of(reply))
        replies = [reply, *await world.api.boot(requests[1:])]
    refused = [reply for reply in replies if isinstance(reply, CallerFault)]
    ids = [server_id for reply in replies if not isinstance(reply, CallerFault) for server_id in reply]
    servers = await _ended(world, *ids)
    refused += [_told(server) for server in servers if server.status == "ERROR"]
    [fault], [winner] = refused, [server for server in servers if server.status == "ACTIVE"]
    return fault, winner


def _told(server: ServerView) -> CallerFault:
    assert server.fault is not None
    return CallerFault(server.fault.code, server.fault.message, server.fault.details["field"])


async def _ended(world: World, *server_ids: str) -> list[ServerView]:
    request = ServersRequest(token=world.admin, server_ids=server_ids, wait_s=20.0)
    return [value_of(view) for view in await world.api.show(request)]


async def _delete_all(world: World) -> None:
    await world.delete(*await world.conductor.list_servers(""))


async def _image(world: World, data: bytes = bytes(64 * 1024), disk_format: str = "raw", **fields: Any) -> str:
    request = CreateImage(token=world.admin, name="odd", disk_format=disk_format, visibility="public", **fields)
    [image] = await world.images.create([request])
    asked = ImageRequest(token=world.admin, image_id=value_of(image).id)
    await world.images.begin_upload([asked])
    await world.images.upload_chunk([UploadChunk(token=world.admin, image_id=asked.image_id, offset=0, data=data)])
    [ready] = await world.images.finish_upload([FinishUpload(token=world.admin, image_id=asked.image_id)])
    return value_of(ready).id


async def _port(world: World) -> Port:
    [port] = await world.network.create_ports([CreatePort(token=world.member, network_id=world.net.id)])
    return value_of(port)


def _attached(volume_id: str) -> BlockDevice:
    return BlockDevice(source_type="volume", destination_type="volume", source_id=volume_id)
