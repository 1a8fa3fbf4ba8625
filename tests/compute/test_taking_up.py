"""What the watchdog is told of a guest from its beginning to its end, and what an actor that starts takes up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from actors.acts import Start, Stop
from actors.clock import SystemClock
from actors.compute.service import Compute, Rooms
from actors.compute.watchdog import NoWatchdog
from actors.conductor.nodes import LEASE_S
from actors.errors import HostError, HostFault
from actors.states import Power
from tests.acts.test_acts import act
from tests.acts.test_rebuild import rebuild
from tests.world import NODE_NAME, World, in_world


class Told(NoWatchdog):
    """Writes down what it is told; an earlier actor had begun `begun` and not let go of them."""

    def __init__(self, begun: Sequence[str] = (), absent: bool = False) -> None:
        self.said: list[tuple[str, list[str]]] = []
        self.until = 0.0
        self._begun = begun
        self._absent = absent

    async def begin(self, instance_ids: Sequence[str], until: float) -> None:
        if self._absent:
            raise HostError(HostFault("watchdog", "host", "it is not there"))
        self.said.append(("begin", list(instance_ids)))
        self.until = until

    async def take_up(self, instance_ids: Sequence[str]) -> list[str]:
        return [one for one in instance_ids if one in self._begun]

    def let_go(self, instance_ids: Sequence[str]) -> None:
        if instance_ids:
            self.said.append(("let go", list(instance_ids)))


async def second(world: World, watchdog: Told) -> Compute:
    """The actor that follows on the same machine."""
    world.hypervisor.watchdog = watchdog
    rooms = Rooms(world.conductor, world.scheduler, world.images, world.network, world.volumes)
    compute = Compute(world.node, world.hypervisor, rooms, SystemClock())
    await compute.start()
    return compute


@pytest.mark.parametrize("begun", [True, False], ids=["a lease was over", "it ended by itself"])
def test_a_guest_that_was_stopped_with_its_lease_and_is_known_to_run_here_runs_again(
    tmp_path: Path, begun: bool
) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        world.hypervisor.guests.end_by_itself(server.id)
        await second(world, Told([server.id] if begun else []))
        power = await world.hypervisor.guests.power(server.id)
        assert power is (Power.RUNNING if begun else Power.SHUTDOWN)

    in_world(tmp_path, play)


def test_a_guest_is_told_of_before_it_begins_and_let_go_of_when_the_conductor_has_heard(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        watchdog = Told()
        compute = await second(world, watchdog)
        before = SystemClock().monotonic()
        await compute.build([world.conductor._boots[server.id].build_order(compute.epoch)])
        await compute.settled()
        assert watchdog.said == [("begin", [server.id]), ("begin", [server.id]), ("let go", [server.id])]
        assert before < watchdog.until <= SystemClock().monotonic() + LEASE_S

    in_world(tmp_path, play)


def test_what_is_done_to_a_server_that_is_there_is_none_of_its_business(tmp_path: Path) -> None:
    """It is this node's, whatever becomes of the node: a guest that was rebuilt must not end with the lease."""

    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        watchdog = Told()
        world._computes[NODE_NAME].room = await second(world, watchdog)
        assert (await rebuild(world, server, server.image_id)).status == "ACTIVE"
        for what, status in ((Stop(wait_s=0), "SHUTOFF"), (Start(), "ACTIVE")):
            assert (await act(world, server, what)).status == status
        assert watchdog.said == []
        await world.delete(server)
        assert watchdog.said == [("let go", [server.id])]

    in_world(tmp_path, play)


def test_without_a_watchdog_no_guest_begins(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        order = world.conductor._boots[server.id].build_order(2)
        watchdog = Told(absent=True)
        compute = await second(world, watchdog)
        await compute.build([order])
        await compute.settled()
        assert await world.hypervisor.guests.power(server.id) is None  # undone, and told as the host's fault

    in_world(tmp_path, play)
