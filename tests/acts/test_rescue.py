"""A guest that boots from a rescue disk and from its own again: what is refused, what stays, and who may die when."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.acts import ActDone, ActOrder, Edit, Pause, Reboot, Rescue, Stop, Unrescue
from actors.api.act_messages import ActOnServer, AttachVolumeTo, EditServer, RescueServer
from actors.clock import SystemClock
from actors.cluster.config import CloudConfig
from actors.compute.build import Build
from actors.conductor.service import Conductor
from actors.conductor.service import Rooms as ConductorRooms
from actors.errors import CallerError, CallerFault, HostError, HostFault, value_of
from actors.image.messages import CreateImage, FinishUpload, UploadChunk
from actors.messages import Hello, ImageRequest, ServerView
from actors.records import Image, InstanceAction
from actors.states import Power
from tests.acts.test_acts import act, shown
from tests.acts.test_crashes import Away
from tests.world import NODE_NAME, World, in_world, token

BESIDE = {"hw_rescue_device": "disk", "hw_rescue_bus": "virtio"}


async def rescue(world: World, server: ServerView, by: str = "", **changes: Any) -> ServerView:
    """Ask for it, and wait until it is over."""
    asked = RescueServer(token=by or world.member, server_id=server.id, admin_password="secret", **changes)
    action = await world.api.rescue(asked)
    await world.conductor.acted([action.id], 20.0)
    return await shown(world, server)


async def image_with(world: World, **properties: str) -> Image:
    create = CreateImage(
        token=world.admin, name="rescue", disk_format="raw", visibility="public", properties=properties
    )
    made = value_of((await world.images.create([create]))[0])
    await world.images.begin_upload([ImageRequest(token=world.admin, image_id=made.id)])
    await world.images.upload_chunk([UploadChunk(token=world.admin, image_id=made.id, offset=0, data=b"mends")])
    return value_of((await world.images.finish_upload([FinishUpload(token=world.admin, image_id=made.id)]))[0])


async def rescued_by(world: World, server: ServerView) -> str:
    return await world.hypervisor.guests.rescued_by(server.id)


def test_it_boots_from_a_rescue_disk_and_from_its_own_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        mends = await image_with(world)
        [server] = await world.boot(world.request())
        running = await world.state()
        view = await rescue(world, server, image=mends.id)
        assert (view.status, view.vm_state, view.task_state, view.power_state) == ("RESCUE", "rescued", None, "RUNNING")
        assert (view.image_id, view.addresses, view.host) == (server.image_id, server.addresses, server.host)
        [action, *_] = await world.api.instance_actions(world.member, server.id)
        assert (action.name, action.events[0].event, action.message) == ("rescue", "compute_rescue_instance", "")
        assert await rescued_by(world, server) == action.id
        assert (await act(world, server, Unrescue())).status == "ACTIVE"
        assert await world.state() == running
        [action, *_] = await world.api.instance_actions(world.member, server.id)
        assert (action.name, action.events[0].event) == ("unrescue", "compute_unrescue_instance")
        told = [one.event_type for one in await world.conductor.notifications(0, 100, 0.0)]
        wanted = [f"instance.{name}.{phase}" for name in ("rescue", "unrescue") for phase in ("start", "end")]
        assert told[-4:] == wanted
        await world.delete(server)
        assert await world.state() == before

    in_world(tmp_path, play)


def test_its_password_is_nobody_else_s(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        world.conductor.compute = lambda host: Away()  # type: ignore[assignment,return-value]
        asked = RescueServer(token=world.member, server_id=server.id, admin_password="secret")
        action = await world.api.rescue(asked)
        seen = (action, *await world.api.instance_actions(world.member, server.id))
        assert all("secret" not in str(one.act) and world.member not in str(one.act) for one in seen)

    in_world(tmp_path, play)


@pytest.mark.parametrize("how", ["off", "error"])
def test_one_that_is_off_or_in_error_is_rescued_too(tmp_path: Path, how: str) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        if how == "off":
            await act(world, server, Stop(wait_s=0))
        else:
            reset = Edit(instance_id="", vm_state="error")
            await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        assert (await rescue(world, server)).status == "RESCUE"
        assert (await act(world, server, Unrescue())).status == "ACTIVE"
        assert await world.hypervisor.guests.power(server.id) is Power.RUNNING

    in_world(tmp_path, play)


def test_what_is_refused_has_changed_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server, paused] = await world.boot(world.request(), world.request())
        [rooted] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        await act(world, paused, Pause())
        mends, beside = await image_with(world), await image_with(world, **BESIDE)
        half = await image_with(world, hw_rescue_device="disk")
        unfit = [
            await image_with(world, hw_rescue_device="floppy"),
            await image_with(world, hw_rescue_bus="xen"),
            await image_with(world, hw_rescue_device="cdrom", hw_rescue_bus="virtio"),
        ]
        queued = value_of(
            (await world.images.create([CreateImage(token=world.member, name="q", disk_format="raw")]))[0]
        )
        foreign = CreateImage(token=token("other"), name="theirs", disk_format="raw", visibility="private")
        theirs = value_of((await world.images.create([foreign]))[0])
        not_supported = "Requested rescue image '.*' is not supported"
        on_volume = "cannot be rescued: Cannot rescue a volume-backed instance"
        for on, changes, status, text in (
            (server, {"image": "nowhere"}, 400, not_supported),
            (server, {"image": queued.id}, 400, not_supported),
            (server, {"image": theirs.id}, 400, not_supported),
            *((server, {"image": one.id}, 400, not_supported) for one in unfit),
            (server, {"by": token("other")}, 404, "could not be found"),
            (server, {"by": token(roles=("reader",))}, 403, "needs the role"),
            (paused, {}, 409, f"Cannot 'rescue' instance {paused.id} while it is in vm_state paused"),
            (rooted, {}, 400, on_volume),
            (rooted, {"image": beside.id}, 400, on_volume),
            (rooted, {"image": mends.id, "volumes_too": True}, 400, on_volume),
            (rooted, {"image": half.id, "volumes_too": True}, 400, on_volume),
        ):
            was, state = await shown(world, on), await world.state()
            with pytest.raises(CallerError, match=text) as refused:
                await rescue(world, on, **changes)
            assert refused.value.fault.status == status, changes
            assert (await shown(world, on), await world.state()) == (was, state)
        with pytest.raises(CallerError, match=r"Cannot .unrescue. instance .* vm_state active") as refused:
            await act(world, server, Unrescue())
        assert refused.value.fault.status == 409

    in_world(tmp_path, play)


def test_one_on_a_volume_is_rescued_from_an_image_that_leaves_its_disks_in_place(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        beside = await image_with(world, **BESIDE)
        [server] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        view = await rescue(world, server, image=beside.id, volumes_too=True)
        assert (view.status, view.volumes) == ("RESCUE", server.volumes)
        assert (await act(world, server, Unrescue())).status == "ACTIVE"
        await world.delete(server)

    in_world(tmp_path, play)


def test_its_volumes_wait_and_a_rescue_waits_for_those_that_come(tmp_path: Path) -> None:
    """Else a volume would be plugged into the guest that is rescued, and be lost with it."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id, late = await world.volume(), await world.volume()
        order: list[str] = []
        once = world.compute.act

        async def noted(orders: list[ActOrder]) -> list[Any]:
            done = await once(orders)
            order.extend(type(one.act).__name__ for one in orders)
            return done

        world.compute.act = noted  # type: ignore[method-assign]
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id))
        view = await rescue(world, server)
        assert (order, view.status) == (["AttachVolume", "Rescue"], "RESCUE")
        assert await world.volume_status(volume_id) == "in-use"
        for refused in (
            world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=late)),
            world.api.detach_volume(world.member, server.id, volume_id),
        ):
            with pytest.raises(CallerError, match="while it is in vm_state rescued") as why:
                await refused
            assert why.value.fault.status == 409
        await act(world, server, Unrescue())
        await world.api.detach_volume(world.member, server.id, volume_id)
        await world.settled()
        assert await world.volume_status(volume_id) == "available"

    in_world(tmp_path, play)


def test_one_that_is_deleted_while_it_is_rescued_leaves_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        [server] = await world.boot(world.request())
        await rescue(world, server)
        await world.delete(server)
        [server] = await world.boot(world.request())
        asked = RescueServer(token=world.member, server_id=server.id, admin_password="secret")
        await asyncio.gather(world.api.rescue(asked))  # and is not waited for
        await world.delete(server)
        assert await world.state() == before

    in_world(tmp_path, play)


def test_where_it_fails_the_guest_is_as_it_was_and_off_and_the_server_says_why(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        running = await world.state()
        guests = world.hypervisor.guests
        real = guests.rescue

        async def fails_after(build: Build, act_id: str) -> None:
            await real(build, act_id)
            raise HostError(HostFault("rescue", NODE_NAME, "no room for the disk"))

        guests.rescue = fails_after  # type: ignore[method-assign]
        view = await rescue(world, server)
        assert (view.status, view.task_state) == ("ERROR", None)
        assert view.fault is not None and view.fault.message == "rescue on node-1: no room for the disk"
        assert await rescued_by(world, server) == ""
        assert await guests.power(server.id) is Power.SHUTDOWN
        told = [one.event_type for one in await world.conductor.notifications(0, 100, 0.0)]
        assert told[-1] == "instance.rescue.error"
        guests.rescue = real  # type: ignore[method-assign]
        assert (await rescue(world, server)).status == "RESCUE"
        assert (await act(world, server, Unrescue())).status == "ACTIVE"
        assert await world.state() == running

    in_world(tmp_path, play)


def test_an_image_that_does_not_come_leaves_the_guest_running(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        spec = (await world.conductor.instance(server.id)).spec
        order = _order(server, spec, Rescue(token=world.member, image_id="gone meanwhile", admin_password=""))
        running = await world.state()
        [reply] = await world.compute.act([order])
        assert isinstance(reply, CallerFault)
        assert await world.state() == running

    in_world(tmp_path, play)


def _order(server: ServerView, spec: Any, what: Any, order_id: str = "one") -> ActOrder:
    return ActOrder(
        id=order_id, instance_id=server.id, attempt=0, host=server.host, spec=spec, vifs=server.addresses, act=what
    )


def test_told_again_it_does_not_start_the_guest_again(tmp_path: Path) -> None:
    """A conductor that was away when it ended tells it again, perhaps to another life of the compute actor."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        spec = (await world.conductor.instance(server.id)).spec
        guests, offs = world.hypervisor.guests, [0]
        shut_down, switch_off = guests.shut_down, guests.switch_off

        async def counted(instance_id: str, wait_s: float, hurry: asyncio.Event) -> None:
            offs[0] += 1
            await shut_down(instance_id, wait_s, hurry)

        async def counted_off(instance_id: str) -> None:
            offs[0] += 1
            await switch_off(instance_id)

        guests.shut_down, guests.switch_off = counted, counted_off  # type: ignore[method-assign]
        mends = Rescue(token=world.member, image_id=world.image.id, admin_password="")
        for order_id, what, wanted in (("one", mends, 1), ("two", Unrescue(), 2), ("three", mends, 3)):
            for _ in range(2):
                [reply] = await world.compute.act([_order(server, spec, what, order_id)])
                assert isinstance(reply, ActDone)
                assert await guests.power(server.id) is Power.RUNNING
                assert offs[0] == wanted, order_id

    in_world(tmp_path, play)


def test_whoever_starts_anew_finds_it_rescued(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await rescue(world, server)
        await world.compute.start()
        await world.settled()
        assert (await shown(world, server)).status == "RESCUE"
        world.hypervisor.guests._power[server.id] = Power.SHUTDOWN  # its machine was started anew
        await world.compute.start()
        await world.settled()
        view = await shown(world, server)
        assert (view.status, view.power_state) == ("RESCUE", "SHUTDOWN")
        heir = await _heir(world, tmp_path)
        [seen] = await heir.show([server.id])
        assert isinstance(seen, ServerView) and seen.status == "RESCUE"

    in_world(tmp_path, play)


async def _heir(world: World, folder: Path) -> Conductor:
    """The conductor after one that died."""
    rooms = ConductorRooms(world.scheduler, world.network, world.volumes, lambda host: world.compute, world.images)
    heir = Conductor(CloudConfig(home=folder, hypervisor="simulated"), world.ledger, rooms, SystemClock())
    await heir.start()
    return heir


@pytest.mark.parametrize("dies", ["compute", "conductor"])
@pytest.mark.parametrize("name", ["rescue", "unrescue"])
def test_what_was_accepted_is_done_whoever_dies(tmp_path: Path, name: str, dies: str) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        if name == "unrescue":
            await rescue(world, server)
        there = world.conductor.compute
        world.conductor.compute = lambda host: Away()  # type: ignore[assignment,return-value]
        if name == "rescue":
            await world.api.rescue(RescueServer(token=world.member, server_id=server.id, admin_password=""))
        else:
            await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=Unrescue()))
        await world.conductor.settled()
        world.conductor.compute = there
        assert (await shown(world, server)).task_state == f"{name[:-1]}ing"
        conductor = world.conductor
        if dies == "compute":
            await conductor.hello(Hello(node=NODE_NAME, hosts=(NODE_NAME,)))
            await world.settled()
        else:
            conductor = await _heir(world, tmp_path)
            conductor.resume()
            await conductor.settled()
        [view] = await conductor.show([server.id])
        assert isinstance(view, ServerView)
        assert (view.status, view.task_state) == ("RESCUE" if name == "rescue" else "ACTIVE", None)
        assert bool(await rescued_by(world, server)) == (name == "rescue")

    in_world(tmp_path, play)


def test_one_whose_devices_wait_for_their_host_is_rescued_after_them(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        there = world.conductor.compute
        world.conductor.compute = lambda host: Away()  # type: ignore[assignment,return-value]
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id))
        await world.api.rescue(RescueServer(token=world.member, server_id=server.id, admin_password=""))
        await world.conductor.settled()
        world.conductor.compute = there
        await world.compute.start()
        await world.settled()
        assert (await shown(world, server)).status == "RESCUE"
        rows = sorted(await world.ledger.load(InstanceAction), key=lambda row: row.finished_at)
        assert [(row.name, row.message) for row in rows] == [("attach_volume", ""), ("rescue", "")]

    in_world(tmp_path, play)


def test_one_that_was_built_elsewhere_since_is_left_alone(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        there = world.conductor.compute
        world.conductor.compute = lambda host: Away()  # type: ignore[assignment,return-value]
        await world.api.rescue(RescueServer(token=world.member, server_id=server.id, admin_password=""))
        await world.conductor.settled()
        world.conductor.compute = there
        reset = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        boot = world.conductor.boot(server.id)
        assert boot is not None
        boot.change(attempt=boot.instance.attempt + 1)
        await world.conductor.hello(Hello(node=NODE_NAME, hosts=(NODE_NAME,)))
        await world.settled()
        assert (await shown(world, server)).status == "ACTIVE"
        assert await rescued_by(world, server) == ""
        [told, *_] = await world.api.instance_actions(world.member, server.id)
        assert told.events[0].traceback == "rescue on node-1: the server was built again elsewhere"

    in_world(tmp_path, play)


def test_a_reset_forgets_that_it_is_rescued_and_its_next_start_is_from_its_own_disk(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        running = await world.state()
        await rescue(world, server)
        reset = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        assert (await act(world, server, Reboot(hard=True))).status == "ACTIVE"
        assert await world.state() == running

    in_world(tmp_path, play)
