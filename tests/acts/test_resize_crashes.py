"""A compute actor that dies at any moment of a resize or its ends: the next life ends it well, or deletes it all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.acts import ActDone, ActOrder, ConfirmResize, Resize, RevertResize
from actors.messages import Claim, Resized
from actors.states import Power
from tests.acts.test_rescue_crashes import Death, dies
from tests.acts.test_resize import flavor
from tests.world import World, in_world

MOMENTS = [
    *((Resize, name) for name in ("check_sizes", "shut_down", "keep_disks", "fit", "plug", "start_paused", "unpause")),
    (ConfirmResize, "confirm_resize"),
    *((RevertResize, name) for name in ("switch_off", "unresize", "plug", "start_paused", "unpause")),
]


@pytest.mark.parametrize("end", ["done", "deleted"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("kind", "moment"), MOMENTS, ids=[f"{kind.__name__}-{name}" for kind, name in MOMENTS])
def test_it_dies_at_this_moment(tmp_path: Path, kind: type[Any], moment: str, before: bool, end: str) -> None:
    async def play(world: World) -> None:
        big = await flavor(world, "big", 2, 96, 3)
        empty = await world.state()
        [server] = await world.boot(world.request())
        running = await world.state()
        spec, guests = (await world.conductor.instance(server.id)).spec, world.hypervisor.guests
        held = world.compute.hosts.claim_of(server.host, server.id)
        assert held is not None

        def order(act: Any) -> ActOrder:
            """As the conductor would have it."""
            back, most = isinstance(act, RevertResize), claim(2, 128, 3)
            becomes = {Resize: most, ConfirmResize: claim(2, 96, 3), RevertResize: claim(1, 128, 1)}[type(act)]
            has, other = (spec.flavor, big) if back else (big, spec.flavor)
            return ActOrder(
                id=f"the {type(act).__name__}",
                instance_id=server.id,
                attempt=0,
                host=server.host,
                spec=msgspec.structs.replace(spec, flavor=has, resized=Resized(edition=1, other=other)),
                vifs=server.addresses,
                act=act,
                claim=becomes,
                claim_before=claim(1, 128, 1),
            )

        def claim(vcpus: int, ram_mib: int, disk_gib: int) -> Claim:
            return msgspec.structs.replace(held, vcpus=vcpus, ram_mib=ram_mib, disk_gib=disk_gib, edition=1)

        if kind is not Resize:
            await world.compute.act([order(Resize(token=world.member))])
        wanted, whole = order(Resize(token=world.member) if kind is Resize else kind()), getattr(guests, moment)
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
        assert world.compute.hosts.claim_of(server.host, server.id) == wanted.claim
        if kind is Resize:
            assert (await world.state())["compute"]["resized"] == [f"{server.id} big"]
        else:
            assert await world.state() == running

    in_world(tmp_path, play)
