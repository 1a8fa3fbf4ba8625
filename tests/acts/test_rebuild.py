"""A guest made anew from an image: what stays, what is new, and what becomes of one that could not be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from actors.acts import ActDone, ActOrder, Edit, Rebuild, Start, Stop
from actors.api.act_messages import AttachVolumeTo, EditServer, RebuildServer
from actors.api.messages import CreateKeypair
from actors.errors import CallerError
from actors.messages import Hello, ServerView
from tests.acts.test_acts import act, shown
from tests.acts.test_crashes import Away
from tests.world import NODE_NAME, World, in_world, token

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUTU1wXnpyTBz0B3WVMmDcbLdpCvJXLGkjwnPIVYkVB me"


async def rebuild(world: World, server: ServerView, image: str, by: str = "", **changes: Any) -> ServerView:
    """Ask for it, and wait until it is over."""
    asked = RebuildServer(token=by or world.member, server_id=server.id, image=image, **changes)
    action = await world.api.rebuild(asked)
    await world.conductor.acted([action.id], 20.0)
    return await shown(world, server)


def test_what_is_asked_anew_is_new_and_everything_else_stays(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        other = await world.upload("other", b"another disk")
        await world.api.create_keypair(CreateKeypair(token=world.member, name="mine", public_key=KEY))
        [server] = await world.boot(world.request(metadata={"a": "1"}, description="kept"))
        running = await world.state()
        view = await rebuild(
            world, server, other.id, name="new", metadata={"b": "2"}, key_name="mine", admin_password="secret"
        )
        assert (view.status, view.power_state, view.task_state) == ("ACTIVE", "RUNNING", None)
        assert (view.name, view.image_id, view.metadata, view.key_name) == ("new", other.id, {"b": "2"}, "mine")
        assert (view.addresses, view.host, view.description) == (server.addresses, server.host, "kept")
        found = await world.conductor.instance(server.id)
        assert (found.spec.public_key, found.spec.admin_password) == (KEY, "secret")
        assert await world.state() == running
        action, _ = await world.api.instance_actions(world.member, server.id)
        assert (action.name, action.events[0].event, action.message) == ("rebuild", "compute_rebuild_instance", "")
        told = [one.event_type for one in await world.conductor.notifications(0, 100, 0.0)]
        assert told[-2:] == ["instance.rebuild.start", "instance.rebuild.end"]
        await world.delete(server)
        assert await world.state() == before

    in_world(tmp_path, play)


def test_one_that_is_off_is_off_afterwards_and_one_with_volumes_keeps_them(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id))
        await world.settled()
        await act(world, server, Stop(wait_s=1))
        view = await rebuild(world, server, server.image_id)
        assert (view.status, view.power_state) == ("SHUTOFF", "SHUTDOWN")
        assert [one.source_id for one in view.volumes] == [volume_id]
        assert any(volume_id in held for held in await world.held_by(server.id))
        assert (await act(world, server, Start())).status == "ACTIVE"
        await world.api.detach_volume(world.member, server.id, volume_id)
        await world.settled()
        assert await world.volume_status(volume_id) == "available"
        await world.delete(server)

    in_world(tmp_path, play)


def test_it_waits_for_what_is_done_to_its_devices(tmp_path: Path) -> None:
    """Else a volume would be attached again by a rebuild that was told of it before it was detached."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        volume_id = await world.volume()
        await world.api.attach_volume(AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume_id))
        with pytest.raises(CallerError, match="while attach_volume is under way") as refused:
            await rebuild(world, server, server.image_id)
        assert refused.value.fault.status == 409
        await world.settled()
        assert (await rebuild(world, server, server.image_id)).status == "ACTIVE"

    in_world(tmp_path, play)


def test_what_is_refused_has_changed_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        [rooted] = await world.boot(world.request(image="", block_devices=(world.root_volume(),)))
        big = await world.upload("big", b"x")
        for on, image, changes, status in (
            (server, "nowhere", {}, 400),
            (server, big.id, {"name": ""}, 400),
            (server, big.id, {"key_name": "nobody's"}, 400),
            (server, big.id, {"user_data": "%"}, 400),
            (server, big.id, {"metadata": {f"k{n}": "v" for n in range(129)}}, 403),
            (server, big.id, {"by": token("other")}, 404),
            (server, big.id, {"by": token(roles=("reader",))}, 403),
            (rooted, big.id, {}, 400),
            (rooted, "nowhere", {"reimage": True}, 400),
        ):
            was = await shown(world, on)
            with pytest.raises(CallerError) as refused:
                await rebuild(world, on, image, **changes)
            assert refused.value.fault.status == status, (image, changes)
            assert await shown(world, on) == was

    in_world(tmp_path, play)


def test_a_server_on_a_volume_is_made_anew_around_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        root = world.root_volume()
        [server] = await world.boot(world.request(image="", block_devices=(root,)))
        view = await rebuild(world, server, root.source_id, name="again")
        assert (view.status, view.name, view.image_id, view.volumes) == ("ACTIVE", "again", "", server.volumes)
        await world.delete(server)

    in_world(tmp_path, play)


def test_where_it_fails_the_server_is_in_error_says_why_and_can_be_rebuilt(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        claim = world.compute.hosts.claim_of(server.host, server.id)
        assert claim is not None
        world.compute.hosts.drop(server.host, server.id)
        view = await rebuild(world, server, server.image_id)
        assert (view.status, view.task_state) == ("ERROR", None)
        assert view.fault is not None
        assert (view.fault.message, view.fault.host) == (
            "rebuild on node-1: the server has no place on this host",
            "node-1",
        )
        action, _ = await world.api.instance_actions(world.member, server.id)
        assert (action.name, action.message) == ("rebuild", "Error")
        world.compute.hosts.claim(claim)
        view = await rebuild(world, server, server.image_id)
        assert (view.status, view.fault) == ("ACTIVE", None)
        await world.delete(server)

    in_world(tmp_path, play)


def test_what_was_done_is_told_again_and_not_done_again(tmp_path: Path) -> None:
    """Else a conductor that was away when it ended would have the guest's new disk made anew."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        spec = (await world.conductor.instance(server.id)).spec
        order = ActOrder(
            id="one",
            instance_id=server.id,
            attempt=0,
            host=server.host,
            spec=spec,
            vifs=server.addresses,
            act=Rebuild(token=world.member),
        )
        [first] = await world.compute.act([order])
        [again] = await world.compute.act([order])
        [other] = await world.compute.act([replace(order, id="two")])
        assert isinstance(first, ActDone) and isinstance(other, ActDone)
        assert again == first and other.started_at > first.started_at

    in_world(tmp_path, play)


def test_a_server_whose_node_left_is_not_rebuilt_later(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await world.conductor.node_left(NODE_NAME)
        with pytest.raises(CallerError, match="its node left the cluster") as refused:
            await rebuild(world, server, server.image_id)
        assert refused.value.fault.status == 409
        assert (await shown(world, server)).task_state is None

    in_world(tmp_path, play)


def test_one_that_was_built_elsewhere_since_is_left_alone(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        there = world.conductor.compute
        world.conductor.compute = lambda host: Away()  # type: ignore[assignment,return-value]
        action = await world.api.rebuild(
            RebuildServer(token=world.member, server_id=server.id, image=server.image_id, name="new")
        )
        await world.conductor.settled()
        world.conductor.compute = there
        reset = Edit(instance_id="", vm_state="active")
        await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=reset))
        boot = world.conductor.boot(server.id)
        assert boot is not None
        boot.change(attempt=boot.instance.attempt + 1)
        running = await world.compute.world()
        await world.conductor.hello(Hello(node=NODE_NAME, hosts=(NODE_NAME,)))
        await world.settled()
        assert await world.compute.world() == running
        view = await shown(world, server)
        assert (view.status, view.task_state, view.fault) == ("ACTIVE", None, None)
        [told] = [one for one in await world.api.instance_actions(world.member, server.id) if one.id == action.id]
        assert told.events[0].traceback == "rebuild on node-1: the server was built again elsewhere"

    in_world(tmp_path, play)


def test_its_files_count_against_the_quota(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await world.conductor.set_quota("demo", {"injected_files": 1})
        with pytest.raises(CallerError, match="Personality file limit exceeded"):
            await rebuild(world, server, server.image_id, files=(("/a", ""), ("/b", "")))
        assert (await rebuild(world, server, server.image_id, files=(("/a", ""),))).status == "ACTIVE"

    in_world(tmp_path, play)
