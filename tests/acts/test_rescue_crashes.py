"""A compute actor that dies at any moment of a rescue or its end: the next life ends it well, or deletes it all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from actors.acts import ActDone, ActOrder, Rescue, Unrescue
from actors.states import Power
from tests.world import World, in_world

MOMENTS = [
    *((Rescue, name) for name in ("shut_down", "unrescue", "rescue", "plug", "start_paused", "unpause")),
    *((Unrescue, name) for name in ("switch_off", "unrescue", "plug", "start_paused", "unpause")),
]
Guest = Callable[..., Awaitable[Any]]


class Death(Exception):
    """What no code here catches, as nothing is caught in a process that is killed."""


def dies(work: Guest, before: bool) -> Guest:
    async def work_and_die(*asked: Any) -> None:
        if not before:
            await work(*asked)
        raise Death

    return work_and_die


@pytest.mark.parametrize("end", ["done", "deleted"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("kind", "moment"), MOMENTS, ids=[f"{kind.__name__}-{name}" for kind, name in MOMENTS])
def test_it_dies_at_this_moment(tmp_path: Path, kind: type[Any], moment: str, before: bool, end: str) -> None:
    async def play(world: World) -> None:
        empty = await world.state()
        [server] = await world.boot(world.request())
        running = await world.state()
        spec, guests = (await world.conductor.instance(server.id)).spec, world.hypervisor.guests
        mends = Rescue(token=world.member, image_id=world.image.id, admin_password="")

        def order(act: Any) -> ActOrder:
            return ActOrder(
                id=f"the {type(act).__name__}",
                instance_id=server.id,
                attempt=0,
                host=server.host,
                spec=spec,
                vifs=server.addresses,
                act=act,
            )

        if kind is Unrescue:
            await world.compute.act([order(mends)])
        wanted, whole = order(mends if kind is Rescue else Unrescue()), getattr(guests, moment)
        setattr(guests, moment, dies(whole, before))
        with pytest.raises(Death):
            await world.compute.act([wanted])
        setattr(guests, moment, whole)
        if end == "deleted":
            await world.delete(server)
            assert await world.state() == empty
            return
        [reply] = await world.compute.act([wanted])
        assert isinstance(reply, ActDone)
        assert await guests.power(server.id) is Power.RUNNING
        assert await guests.rescued_by(server.id) == (wanted.id if kind is Rescue else "")
        if kind is Unrescue:
            assert await world.state() == running

    in_world(tmp_path, play)
