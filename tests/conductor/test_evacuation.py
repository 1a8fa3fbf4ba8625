"""A node is no more, and its servers are built again elsewhere, with what they had: in one process, the real rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from actors.acts import Stop
from actors.api.act_messages import ActOnServer
from actors.api.messages import Evacuated, EvacuateNode, EvacuateServer, ForceDown, ServersRequest
from actors.cluster.evacuation import evacuate_all
from actors.errors import CallerError, value_of
from actors.messages import ServerView
from tests.world import NODE_NAME, World, in_world

OTHER = "node-2"
LIMIT_S = 10.0  # for what takes milliseconds
Play = Callable[[World], Awaitable[None]]


async def show(world: World, server: ServerView) -> ServerView:
    [view] = await world.api.show(ServersRequest(token=world.member, server_ids=(server.id,), wait_s=20.0))
    return value_of(view)


async def on_volume(world: World, name: str = "kept") -> ServerView:
    [server] = await world.boot(world.request(name, image="", block_devices=(world.root_volume(),)))
    assert (server.status, server.node) == ("ACTIVE", NODE_NAME), server
    return server


async def lose(world: World) -> None:
    """The node leaves, as the supervisor tells it."""
    await world.settled()
    hosts = await world.conductor.node_left(NODE_NAME)
    await world.scheduler.forget_hosts(hosts)
    await world.network.forget_hosts([NODE_NAME])


async def evacuate(world: World, from_image: bool = False) -> dict[str, str]:
    """By name why it does not go."""
    request = EvacuateNode(token=world.admin, node=NODE_NAME, from_image=from_image)
    return {one.name: one.why_not for one in await world.api.evacuate_node(request)}


def test_a_server_that_boots_from_a_volume_goes_with_its_volume_and_address(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        held = [volume.source_id for volume in server.volumes]
        await world.join(OTHER)
        await lose(world)
        assert (await show(world, server)).power_state == "NOSTATE"
        assert await evacuate(world) == {"kept": ""}
        moved = await show(world, server)
        assert (moved.status, moved.node, moved.power_state) == ("ACTIVE", OTHER, "RUNNING"), moved
        assert [vif.fixed_ips for vif in moved.addresses] == [vif.fixed_ips for vif in server.addresses]
        assert [vif.mac_address for vif in moved.addresses] == [vif.mac_address for vif in server.addresses]
        assert [volume.source_id for volume in moved.volumes] == held
        assert await world.volume_status(held[0]) == "in-use"
        assert await evacuate(world) == {}  # nothing is left there
        await world.delete(moved)
        assert await world.held_by(server.id) == []

    in_world(tmp_path, play)


def test_a_root_disk_that_went_with_its_host_is_made_anew_only_where_that_is_allowed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request("web"))
        await world.join(OTHER)
        await lose(world)
        assert "root disk went with its host" in (await evacuate(world))["web"]
        assert (await show(world, server)).node == NODE_NAME
        assert await evacuate(world, from_image=True) == {"web": ""}
        moved = await show(world, server)
        assert (moved.status, moved.node) == ("ACTIVE", OTHER)

    in_world(tmp_path, play)


def test_one_that_was_stopped_is_stopped_there(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        action = await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=Stop(wait_s=0.0)))
        await world.api.acted(world.member, server.id, action.id, 10.0)
        await world.join(OTHER)
        await lose(world)
        assert await evacuate(world) == {"kept": ""}
        await world.settled()
        moved = await show(world, server)
        assert (moved.status, moved.node) == ("SHUTOFF", OTHER)

    in_world(tmp_path, play)


def test_where_no_host_has_room_nothing_is_lost_and_it_can_be_tried_again(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        [volume] = [each.source_id for each in server.volumes]
        await lose(world)
        assert await evacuate(world) == {"kept": ""}
        await world.settled()
        failed = await show(world, server)
        assert (failed.status, failed.node) == ("ERROR", NODE_NAME), failed
        assert failed.fault is not None and "No valid host" in failed.fault.message
        assert await world.volume_status(volume) == "available"  # it is there, with all that is on it
        await world.join(OTHER)
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
        moved = await show(world, server)
        assert (moved.status, moved.node, moved.fault) == ("ACTIVE", OTHER, None)
        assert [vif.fixed_ips for vif in moved.addresses] == [vif.fixed_ips for vif in server.addresses]
        assert await world.volume_status(volume) == "in-use"

    in_world(tmp_path, play)


def test_the_policy_tries_again_where_no_host_had_room(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        await lose(world)
        seen: list[str] = []

        async def asked() -> list[Evacuated]:
            if len(seen) == 1:
                await world.join(OTHER)
            found = await world.api.evacuate_node(EvacuateNode(token=world.admin, node=NODE_NAME))
            await world.settled()
            seen.append((await show(world, server)).status)
            return found

        await evacuate_all(asked, NODE_NAME, lambda: False, 0.0)
        assert seen == ["ERROR", "ACTIVE", "ACTIVE"]

    in_world(tmp_path, play)


class Slow:
    """The volume room, whose answer to the `held`th `detach` comes when the test says so."""

    def __init__(self, room: Any, held: int = 2) -> None:
        self._room = room
        self._calls, self._held = 0, held
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._room, name)

    async def detach(self, requests: list[Any]) -> Any:
        self._calls += 1
        if self._calls == self._held:
            self.asked.set()
            await self.go.wait()
        return await self._room.detach(requests)


def test_a_try_that_failed_is_over_before_the_next_begins(tmp_path: Path) -> None:
    """What the first one still has to give back is the same as what the second one takes."""

    async def play(world: World) -> None:
        server = await on_volume(world)
        await lose(world)
        again = EvacuateServer(token=world.admin, server_id=server.id)
        slow = world.conductor.volume = Slow(world.volumes)
        assert await evacuate(world) == {"kept": ""}
        async with asyncio.timeout(LIMIT_S):
            await slow.asked.wait()
        await world.join(OTHER)
        try:
            with pytest.raises(CallerError, match="being undone"):
                await world.api.evacuate(again)
        finally:
            slow.go.set()
        await world.settled()
        assert (await show(world, server)).status == "ERROR"
        await world.api.evacuate(again)
        moved = await show(world, server)
        assert (moved.status, moved.node) == ("ACTIVE", OTHER)

    in_world(tmp_path, play)


def test_a_host_that_fails_on_the_way_takes_nothing_from_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        [volume] = [each.source_id for each in server.volumes]
        third = await world.join(OTHER, fault_share=1.0)
        await world.join("node-3")
        await lose(world)
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id, host=OTHER))
        moved = await show(world, server)
        assert moved.status == "ERROR"  # it was to go there and nowhere else
        assert await third.hypervisor.instances() == set()
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
        moved = await show(world, server)
        assert (moved.status, moved.node) == ("ACTIVE", "node-3"), moved.fault
        assert [vif.fixed_ips for vif in moved.addresses] == [vif.fixed_ips for vif in server.addresses]
        assert await world.volume_status(volume) == "in-use"

    in_world(tmp_path, play)


def test_nobody_is_evacuated_from_a_node_that_is_up_or_without_being_an_administrator(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        await world.join(OTHER)
        with pytest.raises(CallerError, match="still in use"):
            await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
        with pytest.raises(CallerError, match="administrator"):
            await world.api.evacuate(EvacuateServer(token=world.member, server_id=server.id))
        with pytest.raises(CallerError, match="no worker node"):
            await world.api.evacuate_node(EvacuateNode(token=world.admin, node="nowhere"))
        assert await world.api.force_down(ForceDown(token=world.admin, node=NODE_NAME, down=True)) is None
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
        assert (await show(world, server)).node == OTHER

    in_world(tmp_path, play)


def test_what_a_node_that_comes_back_still_has_is_no_stray_before_its_server_runs_elsewhere(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server = await on_volume(world)
        await lose(world)
        await evacuate(world)
        await world.settled()
        assert await world.conductor.strangers(NODE_NAME, [server.id]) == []  # it could not go
        await world.join(OTHER)
        await world.api.evacuate(EvacuateServer(token=world.admin, server_id=server.id))
        assert (await show(world, server)).node == OTHER
        assert await world.conductor.strangers(NODE_NAME, [server.id]) == [server.id]
        before = await world.network.world()
        for _ in range(2):
            await world.compute.strays.sweep()
        assert server.id not in await world.hypervisor.instances()
        assert await world.network.world() == before  # its ports are where it runs
        assert await world.volume_status(server.volumes[0].source_id) == "in-use"

    in_world(tmp_path, play)
