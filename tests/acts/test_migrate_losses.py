"""A server that moves is whole afterwards, whoever leaves or answers late, and whatever was changed of it since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.acts import Edit
from actors.api.act_messages import EditServer
from actors.clock import SystemClock
from actors.errors import value_of
from actors.messages import ServerView
from actors.network.messages import CreateSecurityGroup, Reference, UpdatePort
from tests.acts.test_migrate import OTHER, ask, begin, broken, migrate, seen
from tests.world import HOUR_S, NODE_NAME, World, in_world


async def as_it_is(world: World, server: ServerView) -> ServerView:
    [view] = await world.conductor.show([server.id])
    assert isinstance(view, ServerView)
    return view


class Later(SystemClock):
    """After every token has ended."""

    def now(self) -> float:
        return super().now() + 2 * HOUR_S


@pytest.mark.parametrize("fails", [False, True])
def test_a_token_that_ends_on_the_way_ends_nothing(tmp_path: Path, fails: bool) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world, block_devices=(world.root_volume(),), image="")
        if fails:
            broken(other, "take")
        offer = world.hypervisor.guests.offer_disks

        async def takes_long(*asked: Any) -> Any:
            world.network._clock = world.volumes._clock = Later()
            return await offer(*asked)

        world.hypervisor.guests.offer_disks = takes_long  # type: ignore[method-assign]
        await ask(world, server)
        await world.settled()
        there = ("ACTIVE", None, "RUNNING", NODE_NAME) if fails else ("VERIFY_RESIZE", None, "RUNNING", OTHER)
        assert seen(await as_it_is(world, server)) == there, await world.conductor.actions(server.id)

    in_world(tmp_path, play)


def test_one_whose_host_name_was_changed_goes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        edit = Edit(instance_id=server.id, hostname="another")
        await world.api.edit(EditServer(token=world.member, server_id=server.id, edit=edit))
        assert seen(await migrate(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)

    in_world(tmp_path, play)


def test_one_whose_ports_and_groups_were_changed_goes(tmp_path: Path) -> None:
    """Their names, and what they are of, are nobody's to ask for when it moves."""

    async def play(world: World) -> None:
        [made] = await world.network.create_security_groups([CreateSecurityGroup(token=world.member, name="web")])
        web = value_of(made)
        server, _, _ = await begin(world, security_groups=("web",))
        [vif] = server.addresses
        change = UpdatePort(token=world.member, id=vif.port_id, security_groups=(), fixed_ips=())
        value_of((await world.network.update_ports([change]))[0])
        value_of((await world.network.delete_security_groups([Reference(token=world.member, id=web.id)]))[0])
        assert seen(await migrate(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)

    in_world(tmp_path, play)
