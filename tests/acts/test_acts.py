"""What users do to servers that are there, through every room, on simulated guests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.acts import Edit, Pause, Reboot, Resume, Start, Stop, Suspend, Unpause
from actors.api.act_messages import ActOnServer, EditServer
from actors.api.messages import CreateFlavor, ServersRequest
from actors.errors import CallerError, CallerFault, value_of
from actors.messages import ServerView
from actors.records import Instance
from tests.world import World, in_world, token


async def act(world: World, server: ServerView, what: Any, by: str = "") -> ServerView:
    """Ask for it, and wait until it is over."""
    action = await world.api.act(ActOnServer(token=by or world.member, server_id=server.id, act=what))
    await world.conductor.acted([action.id], 20.0)
    return await shown(world, server)


async def shown(world: World, server: ServerView) -> ServerView:
    [view] = await world.conductor.show([server.id])
    assert isinstance(view, ServerView)
    return view


def test_a_server_goes_through_all_of_its_states_and_is_deleted_without_trace(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        [server] = await world.boot(world.request())
        running = await world.state()
        seen = []
        for what in (Stop(wait_s=1), Start(), Pause(), Unpause(), Suspend(), Resume()):
            view = await act(world, server, what)
            seen.append((view.status, view.task_state, view.power_state))
        assert seen == [
            ("SHUTOFF", None, "SHUTDOWN"),
            ("ACTIVE", None, "RUNNING"),
            ("PAUSED", None, "PAUSED"),
            ("ACTIVE", None, "RUNNING"),
            ("SUSPENDED", None, "SHUTDOWN"),
            ("ACTIVE", None, "RUNNING"),
        ]
        for hard in (False, True):
            assert (await act(world, server, Reboot(hard=hard))).status == "ACTIVE"
        assert await world.state() == running
        await world.delete(server)
        assert await world.state() == before

    in_world(tmp_path, play)


@pytest.mark.parametrize("last", [Stop(wait_s=1), Pause(), Suspend()])
def test_a_server_that_does_not_run_is_deleted_without_trace(tmp_path: Path, last: Any) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        [server] = await world.boot(world.request())
        await act(world, server, last)
        await world.delete(server)
        assert await world.state() == before

    in_world(tmp_path, play)


def test_what_does_not_fit_the_state_is_a_conflict_that_names_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        with pytest.raises(CallerError) as refused:
            await act(world, server, Start())
        assert refused.value.fault.status == 409
        assert str(refused.value) == f"Cannot 'start' instance {server.id} while it is in vm_state active"
        assert (await shown(world, server)).task_state is None

    in_world(tmp_path, play)


def test_a_server_that_never_ran_can_t_be_acted_on_whatever_its_state(tmp_path: Path) -> None:
    """A boot that failed has no guest, even if an administrator says that it is ACTIVE."""

    async def play(world: World) -> None:
        vast = CreateFlavor(token=world.admin, name="vast", vcpus=1, ram_mib=1 << 30, disk_gib=1, id="vast")
        value_of(await world.api.create_flavor(vast))
        [server] = await world.boot(world.request(flavor="vast"))
        assert server.status == "ERROR"
        for what in (Reboot(hard=True), Stop(wait_s=0)):
            with pytest.raises(CallerError, match="while it has never been active") as refused:
                await act(world, server, what)
            assert refused.value.fault.status == 409
        await world.delete(server)

    in_world(tmp_path, play)


def test_of_two_at_once_one_is_told_that_the_other_is_at_work(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        asked = [ActOnServer(token=world.member, server_id=server.id, act=one) for one in (Stop(wait_s=1), Pause())]
        first, second = await asyncio.gather(*(world.api.act(one) for one in asked), return_exceptions=True)
        assert not isinstance(first, BaseException)
        assert str(second) == f"Cannot 'pause' instance {server.id} while it is in task_state powering-off"
        await world.settled()
        assert (await shown(world, server)).status == "SHUTOFF"

    in_world(tmp_path, play)


def test_a_server_of_another_project_does_not_exist(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        with pytest.raises(CallerError) as refused:
            await act(world, server, Stop(wait_s=1), by=token("other"))
        assert refused.value.fault.status == 404
        with pytest.raises(CallerError) as refused:
            await act(world, server, Stop(wait_s=1), by=token(roles=("reader",)))
        assert refused.value.fault.status == 403

    in_world(tmp_path, play)


def test_a_guest_that_switches_itself_off_is_shut_off_and_can_be_started(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        world.hypervisor.guests.end_by_itself(server.id)
        await world.settled()
        view = await shown(world, server)
        assert (view.status, view.power_state) == ("SHUTOFF", "SHUTDOWN")
        assert (await act(world, server, Start())).status == "ACTIVE"

    in_world(tmp_path, play)


def test_actions_are_told_with_who_asked_and_how_they_ended(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        request = ActOnServer(token=world.member, server_id=server.id, act=Stop(wait_s=1), request_id="req-1")
        action = await world.api.act(request)
        await world.conductor.acted([action.id], 20.0)
        stop, create = await world.api.instance_actions(world.member, server.id)
        assert (stop.name, stop.request_id, stop.user_id, stop.message) == ("stop", "req-1", "ann", "")
        assert [(one.event, one.result, one.host) for one in stop.events] == [
            ("compute_stop_instance", "Success", "node-1")
        ]
        assert (create.name, create.events[0].event) == ("create", "compute__do_build_and_run_instance")
        assert create.finished_at == server.launched_at
        assert "token" not in str(stop)

    in_world(tmp_path, play)


def test_delete_takes_over_from_what_is_at_work(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        [server] = await world.boot(world.request())
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=Reboot(hard=False)))
        await world.delete(server)
        assert await world.state() == before

    in_world(tmp_path, play)


def test_a_locked_server_is_left_alone_by_its_users_and_not_by_administrators(tmp_path: Path) -> None:
    from actors.acts import Edit
    from actors.api.act_messages import EditServer

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())

        async def edit(by: str, **fields: Any) -> ServerView:
            return await world.api.edit(EditServer(token=by, server_id=server.id, edit=Edit(instance_id="", **fields)))

        view = await edit(world.member, locked=True, locked_reason="audit", record="lock")
        assert (view.locked_by, view.locked_reason) == ("owner", "audit")
        with pytest.raises(CallerError, match="is locked") as refused:
            await act(world, server, Stop(wait_s=1))
        assert refused.value.fault.status == 409
        [fault] = await world.api.delete(ServersRequest(token=world.member, server_ids=(server.id,)))
        assert fault is not None
        assert fault.status == 409
        assert (await act(world, server, Stop(wait_s=1), by=world.admin)).status == "SHUTOFF"
        assert (await edit(world.member, locked=False, record="unlock")).locked_by == ""
        assert (await act(world, server, Start())).status == "ACTIVE"
        await edit(world.admin, locked=True)
        with pytest.raises(CallerError) as refused:
            await edit(world.member, locked=False)
        assert refused.value.fault.status == 403

    in_world(tmp_path, play)


def test_names_metadata_and_tags_are_changed_durably(tmp_path: Path) -> None:
    from actors.acts import Edit
    from actors.api.act_messages import EditServer

    async def play(world: World) -> None:
        [server] = await world.boot(world.request(metadata={"a": "1"}))

        async def edit(**fields: Any) -> ServerView:
            asked = EditServer(token=world.member, server_id=server.id, edit=Edit(instance_id="", **fields))
            return await world.api.edit(asked)

        view = await edit(name="new", description="text", hostname="new-host")
        assert (view.name, view.description, view.hostname) == ("new", "text", "new-host")
        assert (await edit(metadata={"b": "2"})).metadata == {"a": "1", "b": "2"}
        assert (await edit(metadata_without=("a",))).metadata == {"b": "2"}
        assert (await edit(metadata={"c": "3"}, metadata_anew=True)).metadata == {"c": "3"}
        assert (await edit(tags=("x", "y", "x"))).tags == ("x", "y")
        assert (await edit(tag="z")).tags == ("x", "y", "z")
        assert (await edit(tags_without=("x",))).tags == ("y", "z")
        with pytest.raises(CallerError, match="not found"):
            await edit(metadata_without=("a",))
        with pytest.raises(CallerError, match="administrator"):
            await edit(vm_state="error")
        found = await world.conductor.instance(server.id)
        assert (found.spec.name, found.spec.metadata) == ("new", {"c": "3"})

    in_world(tmp_path, play)


@pytest.mark.parametrize("vm_state", ["active", "error"])
@pytest.mark.parametrize("when", ["vm_state building", "task_state deleting"])
def test_the_state_of_one_that_is_built_or_deleted_is_not_reset(tmp_path: Path, when: str, vm_state: str) -> None:
    async def play(world: World) -> None:
        empty = await world.state()
        compute, go_on = world.compute, asyncio.Event()
        build, destroy = compute.build, compute.destroy

        async def builds_late(orders: Any) -> Any:
            await go_on.wait()
            return await build(orders)

        async def destroys_late(orders: Any) -> Any:
            await go_on.wait()
            return await destroy(orders)

        if when == "vm_state building":
            compute.build = builds_late  # type: ignore[method-assign]
            [reply] = await world.api.boot([world.request()])
            [server_id] = value_of(reply)
        else:
            compute.destroy = destroys_late  # type: ignore[method-assign]
            [server] = await world.boot(world.request())
            server_id = server.id
            await world.api.delete(ServersRequest(token=world.member, server_ids=(server_id,)))
        edit = Edit(instance_id=server_id, vm_state=vm_state)
        with pytest.raises(CallerError, match=f"is in {when}") as refused:
            await world.api.edit(EditServer(token=world.admin, server_id=server_id, edit=edit))
        assert refused.value.fault.status == 409
        go_on.set()
        await world.settled()
        if when == "vm_state building":
            [view] = await world.api.show(ServersRequest(token=world.member, server_ids=(server_id,), wait_s=10.0))
            assert (value_of(view).status, len(world.conductor._seats)) == ("ACTIVE", 0)
            await world.delete(value_of(view))
        assert await world.state() == empty
        assert world.conductor.boot(server_id) is None

    in_world(tmp_path, play)


def test_what_is_said_of_one_as_its_deletion_ends_does_not_bring_it_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        releases = world.conductor.release_late

        async def meanwhile(boots: Any) -> None:
            reset = Edit(instance_id=server.id, vm_state="error", above_locks=True)
            [reply] = await world.conductor.edit([reset])
            assert isinstance(reply, CallerFault)
            assert reply.status == 404
            await releases(boots)

        world.conductor.release_late = meanwhile  # type: ignore[method-assign]
        await world.delete(server)
        assert [row.vm_state for row in await world.ledger.load(Instance)] == ["deleted"]

    in_world(tmp_path, play)
