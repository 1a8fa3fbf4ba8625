"""Three laws over every step of the boot, whatever the step is:

fail it → the world is as it was; run it twice → the world is the same; undo it twice → the world is as it was.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors.api.messages import CreateFlavor
from actors.boot import CONTROL, NODE
from actors.errors import HostFault, value_of
from actors.messages import BlockDevice
from actors.saga import Failures, NoUndo, Step
from tests.world import World, in_world

AnyStep = Step[Any, Any]
NODE_STEPS = [step.name for step in NODE]
ALL_STEPS = [step.name for step in (*CONTROL, *NODE)]
UNDONE_STEPS = [step.name for step in (*CONTROL, *NODE) if not isinstance(step.undo, NoUndo)]


def changed(table: tuple[AnyStep, ...], name: str, change: Any) -> tuple[AnyStep, ...]:
    return tuple(change(step) if step.name == name else step for step in table)


def tables(name: str, change: Any) -> dict[str, tuple[AnyStep, ...]]:
    """Both tables of a boot, with one step of either changed."""
    return {"control_table": changed(CONTROL, name, change), "node_table": changed(NODE, name, change)}


def fails_before(step: AnyStep) -> AnyStep:
    async def do(room: Any, items: list[Any]) -> Failures:
        return {item.id: HostFault(step.name, "node-1", "broken on purpose") for item in items}

    return replace(step, do=do)


def fails_after(step: AnyStep) -> AnyStep:
    """It does its work and then fails: what it did must be undone all the same."""

    async def do(room: Any, items: list[Any]) -> Failures:
        await step.do(room, items)
        return {item.id: HostFault(step.name, "node-1", "broken on purpose") for item in items}

    return replace(step, do=do)


def twice(step: AnyStep) -> AnyStep:
    async def do(room: Any, items: list[Any]) -> Failures:
        return await step.do(room, items) or await step.do(room, items)

    return replace(step, do=do)


def undone_twice(step: AnyStep) -> AnyStep:
    undo = step.undo
    assert not isinstance(undo, NoUndo)

    async def undo_twice(room: Any, items: list[Any]) -> None:
        await undo(room, items)
        await undo(room, items)

    return replace(step, undo=undo_twice)


async def full_request(world: World) -> Any:
    """A boot that uses everything: network, volume, new volume, ephemeral disk and swap."""
    sizes = {"vcpus": 1, "ram_mib": 128, "disk_gib": 1, "ephemeral_gib": 1, "swap_mib": 64}
    value_of(await world.api.create_flavor(CreateFlavor(token=world.admin, id="full", name="full", **sizes)))
    data = BlockDevice(source_type="volume", destination_type="volume", source_id=await world.volume())
    blank = BlockDevice(source_type="blank", destination_type="volume", size_gib=1, delete_on_termination=True)
    return world.request(flavor="full", block_devices=(data, blank))


@pytest.mark.parametrize("breaks", [fails_before, fails_after])
@pytest.mark.parametrize("name", NODE_STEPS)
def test_a_failed_step_leaves_the_world_as_it_was(tmp_path: Path, name: str, breaks: Any) -> None:
    async def play(world: World) -> None:
        request = await full_request(world)
        before = await world.state()
        [server] = await world.boot(request)
        assert server.status == "ERROR"
        assert server.fault is not None
        assert (server.fault.step, "broken on purpose" in server.fault.message) == (name, True)
        assert await world.state() == before

    in_world(tmp_path, play, node_table=changed(NODE, name, breaks))


@pytest.mark.parametrize("breaks", [fails_before, fails_after])
@pytest.mark.parametrize("name", [step.name for step in CONTROL[1:]])
def test_a_failed_step_of_the_conductor_leaves_the_world_as_it_was(tmp_path: Path, name: str, breaks: Any) -> None:
    async def play(world: World) -> None:
        request = await full_request(world)
        before = await world.state()
        [server] = await world.boot(request)
        assert server.status == "ERROR"
        assert await world.state() == before

    in_world(tmp_path, play, control_table=changed(CONTROL, name, breaks))


@pytest.mark.parametrize("name", ALL_STEPS)
def test_a_step_run_twice_makes_the_same_world(tmp_path: Path, name: str) -> None:
    seen: list[Any] = []

    async def play(world: World) -> None:
        [server] = await world.boot(await full_request(world))
        assert server.status == "ACTIVE", server.fault
        state = await world.state()
        seen.append({room: {kind: len(found) for kind, found in kinds.items()} for room, kinds in state.items()})
        assert server.addresses[0].fixed_ips[0].ip_address

    in_world(tmp_path / "once", play)
    in_world(tmp_path / "twice", play, **tables(name, twice))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name", UNDONE_STEPS)
def test_undone_twice_is_undone(tmp_path: Path, name: str) -> None:
    async def play(world: World) -> None:
        request = await full_request(world)
        before = await world.state()
        [server] = await world.boot(request)
        assert server.status == "ACTIVE", server.fault
        assert await world.state() != before
        await world.delete(server)
        assert await world.state() == before

    in_world(tmp_path, play, **tables(name, undone_twice))


def test_every_step_that_has_no_undo_says_why() -> None:
    for step in (*CONTROL, *NODE):
        if isinstance(step.undo, NoUndo):
            assert len(step.undo.reason) > 10
