"""Volumes and interfaces of servers that are there: attached, shown, detached; and given back where a step fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.acts import Reboot, Stop
from actors.api.act_messages import ActOnServer, AttachPort, AttachVolumeTo
from actors.compute.build import Disk
from actors.compute.simulated_guests import SimulatedGuests
from actors.errors import CallerError, HostError, HostFault
from actors.messages import BlockDevice, BootSpec, ServerView, Vif
from actors.network.messages import CreatePort, PortQuery
from actors.volume.messages import VolumeRequest
from tests.world import World, in_world, token


async def shown(world: World, server: ServerView) -> ServerView:
    [view] = await world.conductor.show([server.id])
    assert isinstance(view, ServerView)
    return view


async def status_of(world: World, volume_id: str) -> str:
    [volume] = await world.volumes.show([VolumeRequest(token=world.member, volume_id=volume_id)])
    return volume.status


async def attach(world: World, server: ServerView, volume_id: str, device: str = "") -> BlockDevice:
    request = AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id, device=device)
    attached = await world.api.attach_volume(request)
    await world.settled()
    return attached


def test_volumes_are_attached_under_free_names_and_detached(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        blank = BlockDevice(source_type="blank", destination_type="volume", size_gib=1, delete_on_termination=True)
        [server] = await world.boot(world.request(block_devices=(blank,)))
        first, second = await world.volume(), await world.volume()
        [made] = server.volumes
        assert (made.source_type, made.device_name) == ("volume", "/dev/vdb")
        assert (await attach(world, server, first)).device_name == "/dev/vdc"
        assert (await attach(world, server, second, "/dev/vdf")).device_name == "/dev/vdf"
        view = await shown(world, server)
        assert [one.source_id for one in view.volumes] == [made.source_id, first, second]
        assert await status_of(world, first) == "in-use"
        await world.api.detach_volume(world.member, server.id, made.source_id)
        await world.settled()
        left = {one.source_id: one.device_name for one in (await shown(world, server)).volumes}
        assert left == {first: "/dev/vdc", second: "/dev/vdf"}
        assert await status_of(world, made.source_id) == "available"
        await world.delete(server)
        assert await status_of(world, first) == "available"
        for volume_id in (first, second, made.source_id):
            await world.volumes.delete([VolumeRequest(token=world.member, volume_id=volume_id)])
        assert await world.state() == before

    in_world(tmp_path, play)


def test_what_can_t_be_attached_or_detached_is_told_and_changes_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server], [other] = await world.boot(world.request()), await world.boot(world.request("other"))
        volume = await world.volume()
        await attach(world, server, volume)
        for target, wanted, device, status in (
            (server, volume, "", 400),  # attached already
            (other, volume, "", 400),  # to another
            (other, "00000000-0000-4000-8000-000000000000", "", 404),
            (other, await world.volume(), "/dev/vda", 409),  # the root disk's name
        ):
            with pytest.raises(CallerError) as refused:
                await attach(world, target, wanted, device)
            assert refused.value.fault.status == status, (wanted, device)
        with pytest.raises(CallerError) as refused:
            await world.api.detach_volume(world.member, other.id, volume)
        assert refused.value.fault.status == 404
        assert (await shown(world, other)).volumes == ()

    in_world(tmp_path, play)


def test_a_root_volume_stays(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        with pytest.raises(CallerError) as refused:
            await world.api.detach_volume(world.member, server.id, server.volumes[0].source_id)
        assert refused.value.fault.status == 403

    in_world(tmp_path, play)


class Clumsy(SimulatedGuests):
    """Takes no new device."""

    async def attach_disk(self, instance_id: str, disk: Disk, spec: BootSpec) -> None:
        raise HostError(HostFault("attach_volume", "node-1", "no slot is left"))

    async def attach_interface(self, instance_id: str, vif: Vif, spec: BootSpec) -> None:
        raise HostError(HostFault("attach_interface", "node-1", "no slot is left"))


def test_what_a_guest_does_not_take_is_given_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume = await world.volume()
        before = await world.state()
        world.hypervisor.guests.__class__ = Clumsy
        await attach(world, server, volume)
        assert await status_of(world, volume) == "available"
        with pytest.raises(CallerError, match="no slot is left"):
            await world.api.attach_interface(
                AttachPort(token=world.member, server_id=server.id, network_id=world.net.id)
            )
        assert await world.state() == before
        view = await shown(world, server)
        assert (view.volumes, view.addresses) == ((), server.addresses)
        failed = (await world.api.instance_actions(world.member, server.id))[1]
        assert (failed.name, failed.message, failed.events[0].result) == ("attach_volume", "Error", "Error")

    in_world(tmp_path, play)


def test_interfaces_come_and_go_with_their_ports(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        before = await world.state()
        [own] = await world.network.create_ports([CreatePort(token=world.member, network_id=world.net.id)])
        made = await world.api.attach_interface(
            AttachPort(token=world.member, server_id=server.id, network_id=world.net.id, fixed_ip="10.7.3.3", tag="t")
        )
        brought = await world.api.attach_interface(AttachPort(token=world.member, server_id=server.id, port_id=own.id))
        assert (made.fixed_ips[0].ip_address, made.tag, brought.port_id) == ("10.7.3.3", "t", own.id)
        ports = await world.network.list_ports(PortQuery(token=world.member, device_id=server.id))
        assert {port.status for port in ports} == {"ACTIVE"}
        assert len((await shown(world, server)).addresses) == 3
        for what in (Stop(wait_s=0), Reboot(hard=True)):
            action = await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=what))
            await world.conductor.acted([action.id], 20.0)
        assert len((await shown(world, server)).addresses) == 3
        for port_id in (made.port_id, own.id):
            await world.api.detach_interface(world.member, server.id, port_id)
        await world.settled()
        assert (await shown(world, server)).addresses == server.addresses
        [left] = await world.network.list_ports(PortQuery(token=world.member, device_id=server.id))
        assert left.id == server.addresses[0].port_id
        await world.network.delete_ports([own_reference(world, own.id)])
        assert await world.state() == before

    in_world(tmp_path, play)


def own_reference(world: World, port_id: str):  # type: ignore[no-untyped-def]
    from actors.network.messages import Reference

    return Reference(token=world.member, id=port_id)


def test_an_interface_that_can_t_be_had_is_refused_at_the_door(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        used = server.addresses[0].fixed_ips[0].ip_address
        for by, network_id, fixed_ip, status in (
            (world.member, world.net.id, used, 409),
            (world.member, "00000000-0000-4000-8000-000000000000", "", 400),
            (token("other"), world.net.id, "", 404),
        ):
            with pytest.raises(CallerError) as refused:
                await world.api.attach_interface(
                    AttachPort(token=by, server_id=server.id, network_id=network_id, fixed_ip=fixed_ip)
                )
            assert refused.value.fault.status == status
        with pytest.raises(CallerError) as refused:
            await world.api.detach_interface(world.member, server.id, world.net.id)
        assert refused.value.fault.status == 404

    in_world(tmp_path, play)
