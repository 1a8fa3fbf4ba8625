"""Booting and waiting in one message: what it answers, to whom, and when it is asked again."""

from __future__ import annotations

from pathlib import Path

from actors.errors import CallerFault
from actors.messages import Launched
from tests.world import World, in_world

WAIT_S = 20.0


def test_it_answers_when_all_have_ended_and_says_how(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        wanted = [world.request("vm-1"), world.request("bad", flavor="none"), world.request("vm-2", count=2)]
        one, refused, two = await world.api.boot_and_wait(wanted, WAIT_S)
        assert isinstance(one, Launched) and isinstance(two, Launched)
        assert (one.statuses, two.statuses) == (["ACTIVE"], ["ACTIVE", "ACTIVE"])
        assert isinstance(refused, CallerFault) and refused.field == "flavor"
        servers = await world.conductor.list_servers("")
        assert sorted(server.id for server in servers) == sorted([*one.server_ids, *two.server_ids])

    in_world(tmp_path, play)


def test_a_boot_that_fails_is_in_error(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [reply] = await world.api.boot_and_wait([world.request(availability_zone="nowhere")], WAIT_S)
        assert isinstance(reply, Launched) and reply.statuses == ["ERROR"]

    in_world(tmp_path, play)


def test_when_the_time_is_up_it_is_told_as_it_is_and_asked_again_it_is_the_same(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        request = world.request(idempotency_key="one of a kind")
        [early] = await world.api.boot_and_wait([request], 0.0)
        assert isinstance(early, Launched) and early.statuses == ["BUILD"]
        assert await world.api.boot_and_wait([request], WAIT_S) == [
            Launched(server_ids=early.server_ids, statuses=["ACTIVE"])
        ]
        assert len(await world.conductor.list_servers("")) == 1

    in_world(tmp_path, play)


def test_of_one_that_was_deleted_since_nothing_is_known(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        request = world.request(idempotency_key="one of a kind")
        [made] = await world.boot(request)
        await world.delete(made)
        assert await world.api.boot_and_wait([request], WAIT_S) == [Launched(server_ids=[made.id], statuses=[""])]

    in_world(tmp_path, play)
