"""What becomes of an idempotency key when its servers are deleted: the repeat makes none, and memory has an end."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.conductor.keys import Keys
from actors.errors import value_of
from actors.messages import DeleteRequest
from tests.world import World, in_world


def test_of_keys_whose_servers_are_gone_the_last_are_known() -> None:
    there: set[str] = set()
    keys = Keys(there, kept=2)
    for number in range(10):
        keys.take("a", f"key-{number}", [f"vm-{number}"])
        keys.gone("a", f"key-{number}")
    assert len(keys) == 2
    assert [keys.find("a", f"key-{number}") for number in (7, 8, 9)] == [[], ["vm-8"], ["vm-9"]]


def test_a_key_stands_while_any_of_its_servers_does() -> None:
    there = {"one", "two"}
    keys = Keys(there, kept=1)
    keys.take("a", "both", ["one", "two"])
    there.remove("one")
    keys.gone("a", "both")
    keys.take("a", "other", ["three"])
    keys.gone("a", "other")
    assert keys.find("a", "both") == ["one", "two"]
    there.remove("two")
    keys.gone("a", "both")
    assert (keys.find("a", "both"), keys.find("a", "other")) == (["one", "two"], [])


def test_those_that_are_loaded_go_in_the_order_in_which_their_servers_went() -> None:
    keys = Keys({"here"}, kept=2)
    gone = [("a", "first", "1"), ("a", "half", "2"), ("a", "", "3"), ("a", "last", "4")]
    keys.load([("a", "half", "here"), ("a", "", "keyless")], gone)
    assert keys.find("a", "half") == ["here", "2"] and keys.find("a", "") == [] and len(keys) == 3
    keys.take("a", "new", ["5"])
    keys.gone("a", "new")
    assert [keys.find("a", key) for key in ("first", "last", "new")] == [[], ["4"], ["5"]]


async def deleted_while_it_builds(world: World, key: str) -> list[str]:
    """Answered, and deleted before anybody has begun to build it."""
    [reply] = await world.api.boot([world.request(idempotency_key=key)])
    ids = value_of(reply)
    assert await world.conductor.delete([DeleteRequest(instance_id=one) for one in ids]) == [None]
    await world.settled()
    return ids


async def deleted_when_it_has_ended(world: World, key: str, status: str, **fields: object) -> list[str]:
    [server] = await world.boot(world.request(idempotency_key=key, **fields))
    assert server.status == status
    await world.delete(server)
    return [server.id]


async def restarted(world: World) -> World:
    """The next conductor has what is on disk."""
    await world.agent.stop(True)
    return await World(world.folder, ledger=world.ledger, seed=world.seed + 1).start()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_repeat_after_deletion_is_answered_with_what_was_deleted(tmp_path: Path, restarts: bool) -> None:
    async def play(world: World) -> None:
        made = {
            "building": await deleted_while_it_builds(world, "building"),
            "active": await deleted_when_it_has_ended(world, "active", "ACTIVE"),
            "error": await deleted_when_it_has_ended(world, "error", "ERROR", availability_zone="nowhere"),
        }
        [kept] = await world.boot(world.request(idempotency_key="kept"))
        made["kept"] = [kept.id]
        requests = [world.request(idempotency_key=key) for key in made]
        now = await restarted(world) if restarts else world
        now.image = world.image
        assert await now.api.boot(requests) == list(made.values())
        assert [view.id for view in await now.conductor.list_servers("")] == [kept.id]
        if restarts:
            await now.close()

    in_world(tmp_path, play)


def test_a_conductor_forgets_which_keys_are_too_old_and_not_those_of_living_servers(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        conductor = world.conductor
        conductor._acceptance.keys = Keys(conductor._boots, kept=3)
        [kept] = await world.boot(world.request(idempotency_key="kept"))
        for number in range(8):
            await deleted_while_it_builds(world, f"key-{number}")
        assert len(conductor._acceptance.keys) == 4
        assert await world.api.boot([world.request(idempotency_key="kept")]) == [[kept.id]]

    in_world(tmp_path, play)
