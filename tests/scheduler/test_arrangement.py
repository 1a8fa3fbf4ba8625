"""Aggregates that administrators make hold at once for placement, and hosts said to be down get nothing."""

from __future__ import annotations

from pathlib import Path

from actors.api.messages import ForceDown
from actors.cluster.config import SimulatedConfig
from actors.errors import CallerError, CallerFault, value_of
from actors.records import Aggregate
from actors.scheduler.arrangement import ALONE, Arrangement, Put
from tests.world import NODE_NAME, World, in_world


def test_who_is_where() -> None:
    arrangement = Arrangement()
    fast = Aggregate(id="a", number=1, name="fast", hosts=("h1", "h2"), properties={"ssd": "true"})
    zone = Aggregate(id="b", number=2, name="east", hosts=("h2",), properties={"availability_zone": "east"})
    assert arrangement.arrange([zone, fast]) == {"h1", "h2"}
    assert arrangement.of("h1") == Put("", (("fast", (("ssd", "true"),)),))
    assert arrangement.of("h2").zone == "east"
    assert [name for name, _ in arrangement.of("h2").aggregates] == ["fast", "east"]
    assert arrangement.arrange([fast]) == {"h2"}
    arrangement.force_down(["h3"], True)
    assert arrangement.of("h3").down
    arrangement.force_down(["h3"], False)
    assert arrangement.of("h3") == ALONE


def test_a_node_is_all_of_its_hosts() -> None:
    arrangement = Arrangement()
    whole = Aggregate(id="a", number=1, name="all", hosts=("n1",), properties={"availability_zone": "east"})
    one = Aggregate(id="b", number=2, name="one", hosts=("n1/00000",), properties={"ssd": "true"})
    assert arrangement.arrange([whole, one]) == {"n1", "n1/00000"}
    assert arrangement.of("n1/00000") == Put(
        "east", (("all", (("availability_zone", "east"),)), ("one", (("ssd", "true"),)))
    )
    assert arrangement.of("n1/00001") == Put("east", (("all", (("availability_zone", "east"),)),))
    assert arrangement.of("n2/00000") == ALONE


def test_the_host_of_a_service_brings_all_its_hypervisors(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        made = value_of(await world.api.create_aggregate(world.admin, "east", "east"))
        inside = value_of(await world.api.put_host(world.admin, made.id, NODE_NAME, True))
        assert inside.hosts == (NODE_NAME,)
        hosts = await world.api.hosts(world.admin)
        assert len(hosts) == 3 and {seen.zone for seen in hosts} == {"east"}
        for again in (NODE_NAME, hosts[0].report.host):
            fault = await world.api.put_host(world.admin, made.id, again, True)
            assert isinstance(fault, CallerFault) and fault.status == 409
        west = value_of(await world.api.create_aggregate(world.admin, "west", "west"))
        torn = await world.api.put_host(world.admin, west.id, hosts[0].report.host, True)
        assert isinstance(torn, CallerFault) and torn.status == 409
        [there] = await world.boot(world.request(availability_zone="east"))
        assert there.status == "ACTIVE"
        refused = await world.api.put_host(world.admin, made.id, NODE_NAME, False)
        assert isinstance(refused, CallerFault) and refused.status == 409
        await world.delete(there)
        value_of(await world.api.put_host(world.admin, made.id, NODE_NAME, False))
        assert {seen.zone for seen in await world.api.hosts(world.admin)} == {"nova"}

    in_world(tmp_path, play, hosts=3)


def test_a_zone_made_at_run_time_takes_servers_and_does_not_change_under_them(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        host = (await world.api.hosts(world.admin))[0].report.host
        [nowhere] = await world.boot(world.request(availability_zone="east"))
        made = value_of(await world.api.create_aggregate(world.admin, "east", "east"))
        value_of(await world.api.put_host(world.admin, str(made.number), host, True))
        [there] = await world.boot(world.request(availability_zone="east"))
        assert (nowhere.status, there.status, there.availability_zone) == ("ERROR", "ACTIVE", "east")
        assert await world.api.zones(world.member) == {"east": True}
        for refused in (
            await world.api.put_host(world.admin, made.id, host, False),
            await world.api.change_aggregate(world.admin, made.id, "", "west"),
            await world.api.set_aggregate_metadata(world.admin, made.id, {"availability_zone": None}),
            await world.api.delete_aggregate(world.admin, made.id),
        ):
            assert isinstance(refused, CallerFault)
        await world.delete(there)
        value_of(await world.api.put_host(world.admin, made.id, host, False))
        assert await world.api.zones(world.member) == {"nova": True}
        assert await world.api.delete_aggregate(world.admin, made.id) is None

    in_world(tmp_path, play)


def test_room_that_was_given_back_since_the_last_report_is_free_whatever_is_arranged(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await world.compute.heartbeat()
        assert (await world.api.hosts(world.admin))[0].vcpus_used == 1
        await world.delete(server)
        value_of(await world.api.create_aggregate(world.admin, "east", "east"))
        made = value_of(await world.api.create_aggregate(world.admin, "fast", ""))
        value_of(await world.api.put_host(world.admin, made.id, NODE_NAME, True))
        assert (await world.api.hosts(world.admin))[0].vcpus_used == 0
        assert (await world.boot(world.request()))[0].status == "ACTIVE"

    in_world(tmp_path, play, simulated=SimulatedConfig(hosts=1, vcpus=1, ram_mib=200))


def test_a_node_forced_down_gets_nothing_though_it_reports(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        assert await world.api.force_down(ForceDown(token=world.admin, node=NODE_NAME, down=True)) is None
        await world.compute.heartbeat()
        [lost] = await world.boot(world.request())
        assert lost.status == "ERROR"
        await world.api.force_down(ForceDown(token=world.admin, node=NODE_NAME, down=False))
        [found] = await world.boot(world.request())
        assert found.status == "ACTIVE"

    in_world(tmp_path, play)


def test_only_administrators_arrange(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        for ask in (world.api.aggregates(world.member), world.api.hosts(world.member), world.api.nodes(world.member)):
            try:
                await ask
            except CallerError as error:
                assert error.fault.status == 403
            else:
                raise AssertionError("a member saw it")

    in_world(tmp_path, play)
