"""The conductor with real neighbours: states, retries, deletion while building, idempotency, restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from actors.boot import NODE
from actors.clock import SystemClock
from actors.cluster.config import SimulatedConfig
from actors.errors import CallerFault, HostFault, StaleEpochError, value_of
from actors.ledger import MemoryLedger
from actors.messages import (
    BlockDevice,
    BuildEnded,
    DeallocateRequest,
    DeleteRequest,
    Hello,
    Placed,
    PlaceRequest,
    ServerView,
)
from actors.records import Change, Instance, Notification
from actors.saga import Failures, Step
from actors.scheduler.service import Scheduler
from actors.states import ACCEPTED, Vm
from tests.world import Late, World, in_world

AnyStep = Step[Any, Any]
TURNS = 20  # of the event loop: more than a placement takes


def with_step(name: str, do: Any) -> tuple[AnyStep, ...]:
    return tuple(replace(step, do=do(step.do)) if step.name == name else step for step in NODE)


def test_states_are_those_of_the_specification_at_every_step(tmp_path: Path) -> None:
    seen: dict[str, tuple[str | None, str]] = {}
    worlds: list[World] = []

    def watched(step: AnyStep) -> AnyStep:
        async def do(room: Any, builds: list[Any]) -> Failures:
            await worlds[0].compute._reports.drained()
            [view] = await worlds[0].conductor.show([builds[0].id])
            assert isinstance(view, ServerView)
            seen[step.name] = (view.task_state, view.status)
            return await step.do(room, builds)

        return replace(step, do=do, awaited_by="")

    async def play(world: World) -> None:
        worlds.append(world)
        [server] = await world.boot(world.request())
        assert (server.status, server.task_state, server.power_state) == ("ACTIVE", None, "RUNNING")

    in_world(tmp_path, play, node_table=tuple(watched(step) for step in NODE))
    expected = ["scheduling"] * 2 + ["networking"] + ["block_device_mapping"] + ["spawning"] * 10
    assert [task for task, _ in seen.values()] == expected
    assert {status for _, status in seen.values()} == {"BUILD"}


def test_a_host_that_fails_sends_the_boot_to_another(tmp_path: Path) -> None:
    failed: list[str] = []

    def fails_once(do: Any) -> Any:
        async def once(room: Any, builds: list[Any]) -> Failures:
            if not failed:
                failed.append(builds[0].order.host)
                return {build.id: HostFault("define", build.order.host, "broken once") for build in builds}
            return await do(room, builds)

        return once

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        assert server.status == "ACTIVE"
        assert server.host not in failed
        story = await world.conductor.story(server.id)
        assert {line.attempt for line in story} == {0, 1}
        assert any(line.phase == "failed" and "broken once" in line.note for line in story)
        assert len((await world.state())["scheduler"]) == 1

    in_world(tmp_path, play, hosts=3, node_table=with_step("define", fails_once))


def test_every_host_tried_ends_in_error_with_the_cause(tmp_path: Path) -> None:
    def fails(do: Any) -> Any:
        async def always(room: Any, builds: list[Any]) -> Failures:
            return {build.id: HostFault("define", build.order.host, "broken") for build in builds}

        return always

    async def play(world: World) -> None:
        before = await world.state()
        [server] = await world.boot(world.request())
        assert server.status == "ERROR"
        assert server.fault is not None
        assert server.fault.step == "define"
        assert "attempt 3" in server.fault.message
        assert await world.state() == before
        await world.delete(server)
        assert await world.state() == before

    in_world(tmp_path, play, hosts=5, node_table=with_step("define", fails))


def test_deleting_while_it_builds_cancels_and_undoes(tmp_path: Path) -> None:
    reached = asyncio.Event()

    def waits(do: Any) -> Any:
        async def wait(room: Any, builds: list[Any]) -> Failures:
            reached.set()
            for build in builds:
                room.plugs.expect(build.id, ["never"])
            return await do(room, builds)

        return wait

    async def play(world: World) -> None:
        before = await world.state()
        [ids] = await world.api.boot([world.request()])
        assert isinstance(ids, list)
        await asyncio.wait_for(reached.wait(), 5)
        [view] = await world.conductor.show(ids)
        assert isinstance(view, ServerView)
        await world.delete(view)
        assert await world.state() == before
        events = [event.event_type for event in await world.conductor.notifications(0, 100, 0)]
        assert events == ["instance.create.start", "instance.delete.start", "instance.delete.end"]

    in_world(tmp_path, play, node_table=with_step("await_plugged", waits))


def test_the_same_key_makes_one_boot(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        request = world.request(idempotency_key="once")
        [first, second] = await world.api.boot([request, request])
        [third] = await world.api.boot([request])
        assert first == second == third
        await world.settled()
        assert len(await world.conductor.list_servers("")) == 1

    in_world(tmp_path, play)


def test_a_conductor_that_starts_again_finishes_what_was_accepted(tmp_path: Path) -> None:
    """The rows of a boot that was accepted but not placed are all that the next conductor has."""
    first: list[World] = []

    def never(do: Any) -> Any:
        async def hang(room: Any, builds: list[Any]) -> Failures:
            await asyncio.Event().wait()
            return {}

        return hang

    async def run() -> None:
        world = await World(tmp_path, node_table=with_step("define", never)).start()
        await world.furnish()
        [ids] = await world.api.boot([world.request()])
        first.append(world)
        await world.agent.stop(True)
        again = await World(tmp_path, ledger=world.ledger, seed=2).start()
        again.conductor.resume()
        assert isinstance(ids, list)
        [view] = await again.conductor.wait(ids, 5.0)
        assert isinstance(view, ServerView)
        assert view.status == "ACTIVE"
        await again.close()
        await world.images.close()
        await world.volumes.close()

    asyncio.run(run())
    assert first


def test_what_a_conductor_asked_before_it_died_claims_nothing_for_good(tmp_path: Path) -> None:
    """Its message comes to the scheduler when the next one has deleted the server, which has given its host back."""

    async def play(world: World) -> None:
        [kept, deleted] = await world.boot(world.request("kept"), world.request("deleted"))
        boot = world.conductor._boots[deleted.id]
        asked = boot.place_request()
        boot.change(vm_state="building", task_state="scheduling", power_state="NOSTATE")  # as it was then
        world.conductor._attempts.inherit(world.conductor.all_boots())
        boot.change(vm_state="active", task_state="", power_state="RUNNING")
        await world.delete(deleted)
        [placed] = await world.scheduler.place([asked])
        assert isinstance(placed, Placed)
        await world.conductor.tend()
        await world.settled()
        assert [claim.instance_id for claim in await world.scheduler.claims()] == [kept.id]

    in_world(tmp_path, play)


def test_faults_at_random_leave_no_claim_too_many(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        servers = await world.boot(*(world.request(f"vm-{n}") for n in range(200)))
        active = {server.id for server in servers if server.status == "ACTIVE"}
        assert {server.vm_state for server in servers} <= {Vm.ACTIVE, Vm.ERROR}
        assert len(active) > 150
        state = await world.state()
        claimed = {i for ids in state["scheduler"].values() for i in ids}
        assert claimed == active
        assert set(state["compute"]["claims"]) == active

    in_world(tmp_path, play, simulated=SimulatedConfig(hosts=20, fault_share=0.4, seed=3))


def test_a_server_on_a_node_that_left_can_be_deleted_without_it(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        volume = await world.volume()
        device = BlockDevice(source_type="volume", destination_type="volume", source_id=volume)
        before = await world.state()
        [server] = await world.boot(world.request(block_devices=(device,)))
        assert await world.conductor.node_left(server.node) == [server.host]
        await world.delete(server)
        after = await world.state()
        assert {room: after[room] for room in ("scheduler", "network", "volume")} == {
            room: before[room] for room in ("scheduler", "network", "volume")
        }

    in_world(tmp_path, play)


def test_an_end_that_is_told_twice_in_one_message_counts_once(tmp_path: Path) -> None:
    """A conductor that starts again orders again what has just ended, whose end is on its way already."""
    reached, told = asyncio.Event(), asyncio.Event()

    def waits(do: Any) -> Any:
        async def wait(room: Any, builds: list[Any]) -> Failures:
            reached.set()
            await told.wait()
            return await do(room, builds)

        return wait

    async def play(world: World) -> None:
        [ids] = await world.api.boot([world.request()])
        assert isinstance(ids, list)
        await asyncio.wait_for(reached.wait(), 5)
        end = BuildEnded(instance_id=ids[0], attempt=0, host="node-1", node="node-1", epoch=world.compute.epoch, at=1.0)
        await world.conductor.progress([end, end])
        told.set()
        await world.settled()
        events = [event.event_type for event in await world.conductor.notifications(0, 100, 0)]
        assert events == ["instance.create.start", "instance.create.end"]

    in_world(tmp_path, play, node_table=with_step("define", waits))


def test_a_repeated_request_is_answered_though_its_own_server_has_its_volume(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        device = BlockDevice(source_type="volume", destination_type="volume", source_id=await world.volume())
        request = world.request(block_devices=(device,), idempotency_key="once")
        [first] = await world.api.boot([request])
        assert isinstance(first, list)
        await world.settled()
        assert await world.api.boot([request]) == [first]
        [other] = await world.api.boot([world.request(block_devices=(device,), idempotency_key="twice")])
        assert isinstance(other, CallerFault)

    in_world(tmp_path, play)


def test_a_stale_compute_actor_is_told_so_and_believed_in_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        stale = world.compute.epoch
        await world.conductor.hello(Hello(node=server.node, hosts=(server.host,)))
        with pytest.raises(StaleEpochError):
            await world.conductor.renew(server.node, stale)
        await world.compute.heartbeat()
        assert world.compute.standing.over.is_set()
        before = await world.network.world()
        await world.network.deallocate([DeallocateRequest(instance_id=server.id, host=server.host, epoch=stale)])
        assert await world.network.world() == before

    in_world(tmp_path, play)


class HeldLedger(MemoryLedger):
    """One that keeps the writer of an event waiting until it is let go."""

    def __init__(self, event_type: str) -> None:
        super().__init__()
        self.event_type = event_type
        self.reached, self.let_go = asyncio.Event(), asyncio.Event()

    async def commit(self, changes: list[Change]) -> None:
        if any(isinstance(row, Notification) and row.event_type == self.event_type for row in changes):
            self.reached.set()
            await self.let_go.wait()
        await super().commit(changes)


def test_a_boot_that_ends_before_it_is_taken_up_again_is_not_placed_anew(tmp_path: Path) -> None:
    """A conductor that starts asks around before it takes boots up; one that is deleted meanwhile claims nothing."""
    ledger = HeldLedger("instance.delete.end")

    async def play(world: World) -> None:
        before = await world.state()
        [server] = await world.boot(world.request())
        asked, boot = [DeleteRequest(instance_id=server.id)], world.conductor.boot(server.id)
        assert boot is not None
        assert await world.conductor.delete(asked) == [None]
        await asyncio.wait_for(ledger.reached.wait(), 5)
        try:
            world.conductor.go([boot])
            assert await world.conductor.delete(asked) == [None]  # asking again in that moment changes nothing
        finally:
            ledger.let_go.set()
        assert await world.state() == before

    in_world(tmp_path, play, ledger=ledger)


class Mortal(Late):
    """A scheduler that dies when it has answered, before its answer arrives; another starts meanwhile."""

    def __init__(self, world: World) -> None:
        self.world, self.room = world, world.scheduler

    async def place(self, requests: list[PlaceRequest]) -> list[Any]:
        replies: list[Any] = await self.room.place(requests)
        if self.room is self.world.scheduler:
            self.room = Scheduler(SystemClock(), Random(2), "spread", 3_600)
            await self.room.restore(await self.world.conductor.claims())
            await self.room.heartbeat([seen.report for seen in await self.world.scheduler.hosts()])
        return replies


def test_what_a_dead_scheduler_chose_is_claimed_by_the_next(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        world.conductor.scheduler = mortal = Mortal(world)
        [server] = await world.boot(world.request())
        assert server.status == "ACTIVE"
        assert [claim.instance_id for claim in await mortal.room.claims()] == [server.id]
        await world.delete(server)
        assert await mortal.room.claims() == []

    in_world(tmp_path, play)


class Tardy(Late):
    """Its answer arrives when the boot has just been told to run elsewhere, where a dead conductor had sent it."""

    def __init__(self, world: World) -> None:
        self.world, self.room, self.chosen = world, world.scheduler, ""

    async def place(self, requests: list[PlaceRequest]) -> list[Any]:
        [placed] = await self.room.place(requests)
        boot = self.world.conductor.boot(requests[0].instance_id)
        assert boot is not None
        hosts = {seen.report.host for seen in await self.room.hosts()}
        self.chosen, other = placed.host, min(hosts - {placed.host})
        boot.change(host=other, node=placed.node, vm_state="active", task_state="", launched_at=1.0)
        return [placed]


def test_a_choice_that_comes_too_late_moves_no_server(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        world.conductor.scheduler = tardy = Tardy(world)
        [ids] = await world.api.boot([world.request()])
        await world.settled()
        boot = world.conductor.boot(value_of(ids)[0])
        assert boot is not None and tardy.chosen
        assert boot.instance.host != tardy.chosen
        assert [claim.host for claim in await world.scheduler.claims()] == [boot.instance.host]

    in_world(tmp_path, play, hosts=2)


def test_where_a_boot_is_that_nobody_wrote_down_is_claimed_when_its_end_tells_it(tmp_path: Path) -> None:
    """Seed 301219 of the simulator: conductor and scheduler died, and the order was on its way to its host."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        boot = world.conductor.boot(server.id)
        assert boot is not None
        was, (vm, task, power) = boot.instance, ACCEPTED
        boot.change(
            host="", node="", launched_at=0.0, vm_state=vm.value, task_state=task.value, power_state=power.value
        )
        await world.scheduler.release([server.id])
        end = BuildEnded(
            instance_id=server.id, attempt=0, host=was.host, node=was.node, epoch=1, at=1.0, vifs=was.addresses,
            root_device=was.root_device,
        )  # fmt: skip
        await world.conductor.progress([end])
        await world.settled()
        assert [claim.instance_id for claim in await world.scheduler.claims()] == [server.id]
        await world.delete(server)
        assert await world.scheduler.claims() == []

    in_world(tmp_path, play)


@pytest.mark.parametrize("anew", ["", "node-2"])
def test_a_boot_that_was_handed_over_to_nobody_knows_whom_gives_everything_back(tmp_path: Path, anew: str) -> None:
    """A conductor died before it wrote down where it sent the boot, and that node never came back; it may have been
    placed anew since."""

    async def play(world: World) -> None:
        volume = await world.volume()
        device = BlockDevice(source_type="volume", destination_type="volume", source_id=volume)
        before = await world.state()
        [server] = await world.boot(world.request(block_devices=(device,)))
        await world.join("node-2")
        boot = world.conductor.boot(server.id)
        assert boot is not None
        boot.change(host=anew, node=anew)
        boot.perhaps_somewhere = True
        await world.delete(server)
        after = await world.state()
        assert {room: after[room] for room in ("scheduler", "network", "volume")} == {
            room: before[room] for room in ("scheduler", "network", "volume")
        }

    in_world(tmp_path, play)


class SlowToTry(MemoryLedger):
    """One that keeps whoever writes of a second attempt waiting until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.let_go = asyncio.Event(), asyncio.Event()

    async def commit(self, changes: list[Change]) -> None:
        if any(isinstance(row, Instance) and row.attempt == 1 for row in changes):
            self.reached.set()
            await self.let_go.wait()
        await super().commit(changes)


class Noting(Late):
    """A scheduler, and how far each request that it is asked is ahead of what is on disk."""

    def __init__(self, world: World) -> None:
        self.world, self.room = world, world.scheduler
        self.ahead: list[int] = []

    async def place(self, requests: list[PlaceRequest]) -> list[Any]:
        on_disk = {row.id: row.attempt for row in await self.world.ledger.load(Instance)}
        self.ahead += [request.attempt - on_disk[request.instance_id] for request in requests]
        return list(await self.world.scheduler.place(requests))


def test_no_attempt_begins_before_it_is_on_disk_that_the_last_is_over(tmp_path: Path) -> None:
    """A conductor that died then would not believe what is told of the new one."""
    failed: set[str] = set()

    def at_first(do: Any) -> Any:
        async def define(room: Any, builds: list[Any]) -> Failures:
            fresh = [build for build in builds if build.id not in failed]
            failed.update(build.id for build in fresh)
            faults: Failures = {build.id: HostFault("define", build.order.host, "not today") for build in fresh}
            return faults or await do(room, builds)

        return define

    ledger = SlowToTry()

    async def play(world: World) -> None:
        world.conductor.scheduler = noting = Noting(world)
        [ids] = await world.api.boot([world.request()])
        assert isinstance(ids, list)
        await asyncio.wait_for(ledger.reached.wait(), 5)
        boot = world.conductor.boot(ids[0])
        assert boot is not None
        world.conductor.go([boot])  # as a conductor that starts does, which asks around meanwhile
        for _ in range(TURNS):
            await asyncio.sleep(0)  # whoever can go on does
        ledger.let_go.set()
        [view] = await world.conductor.wait(ids, 5.0)
        assert isinstance(view, ServerView) and view.status == "ACTIVE"
        assert noting.ahead == [0, 0]

    in_world(tmp_path, play, hosts=2, node_table=with_step("define", at_first), ledger=ledger)
