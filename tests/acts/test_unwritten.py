"""A database that takes nothing while something is done to a server: what was refused leaves nothing, and what has
happened is written when it takes again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from actors.acts import Act, ActDone, ActOrder, ConfirmResize, Pause, Reboot, Rebuild, Resize, Stop
from actors.api.act_messages import ActOnServer, RebuildServer
from actors.api.messages import ServersRequest
from actors.errors import Fault, value_of
from actors.ledger import MemoryLedger
from actors.messages import ServerView
from actors.records import Change, Instance, InstanceAction
from actors.states import Vm
from tests.acts.test_acts import act, shown
from tests.acts.test_resize import _heir, ask, claims, flavor, resize
from tests.world import World, in_world


class Full(MemoryLedger):
    """Its disk is full for a while."""

    is_full = False
    is_full_for_the_deleted = False

    async def commit(self, changes: list[Change]) -> None:
        deleted = any(isinstance(one, Instance) and one.vm_state == Vm.DELETED for one in changes)
        if self.is_full or (deleted and self.is_full_for_the_deleted):
            raise OSError("the disk is full")
        await super().commit(changes)


def in_full_world(folder: Path, play: Callable[[World, Full], Awaitable[None]]) -> None:
    ledger = Full()

    async def whole(world: World) -> None:
        await play(world, ledger)

    in_world(folder, whole, ledger=ledger)


@pytest.mark.parametrize("kind", [Pause, Stop, Resize, Rebuild], ids=lambda kind: kind.__name__)
def test_what_could_not_be_recorded_was_not_accepted(tmp_path: Path, kind: type[Act]) -> None:
    async def play(world: World, ledger: Full) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        used = await world.conductor.quotas([server.project_id])
        before, order = await shown(world, server), (await world.conductor.instance(server.id)).spec
        ledger.is_full = True
        with pytest.raises(OSError, match="full"):
            await begin(world, server, kind)
        ledger.is_full = False
        await world.settled()
        assert await shown(world, server) == before
        assert (await world.conductor.instance(server.id)).spec == order
        assert await world.conductor.quotas([server.project_id]) == used
        done = [one.name for one in value_of(await world.conductor.actions(server.id))]
        assert done == ["create"]
        assert (await act(world, server, Reboot(hard=True))).status == "ACTIVE"
        heir = await _heir(world, tmp_path)
        heir.resume()
        await heir.settled()
        [again] = await heir.show([server.id])
        assert value_of(again).status == "ACTIVE"

    in_full_world(tmp_path, play)


async def begin(world: World, server: ServerView, kind: type[Act]) -> None:
    if kind is Resize:
        await ask(world, server, "big")
    elif kind is Rebuild:
        request = RebuildServer(token=world.member, server_id=server.id, image=world.image.id, name="anew")
        await world.api.rebuild(request)
    else:
        chosen = Pause() if kind is Pause else Stop(wait_s=0.0)
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=chosen))


def test_an_end_that_could_not_be_written_is_written_by_and_by(tmp_path: Path) -> None:
    async def play(world: World, ledger: Full) -> None:
        await flavor(world, "big", 2, 256, 3)
        [server] = await world.boot(world.request())
        await resize(world, server, "big")
        does = world.compute.act

        async def does_and_fills(orders: list[ActOrder]) -> list[ActDone | Fault]:
            replies = await does(orders)
            ledger.is_full = True
            return replies

        setattr(world.compute, "act", does_and_fills)  # noqa: B010 - the database fails when it is done
        asked = ActOnServer(token=world.member, server_id=server.id, act=ConfirmResize())
        confirm = await world.api.act(asked)
        await world.conductor.acted([confirm.id], 20.0)
        await world.conductor.settled()
        setattr(world.compute, "act", does)  # noqa: B010
        ledger.is_full = False
        await world.conductor.tend()
        assert await claims(world, server) == ((2, 256, 3), (2, 256, 3))
        heir = await _heir(world, tmp_path)
        [again] = await heir.show([server.id])
        assert value_of(again).status == "ACTIVE"
        [_, _, ended] = value_of(await heir.actions(server.id))
        assert (ended.name, bool(ended.finished_at)) == ("confirmResize", True)

    in_full_world(tmp_path, play)


def test_a_deletion_whose_end_could_not_be_written_ends(tmp_path: Path) -> None:
    async def play(world: World, ledger: Full) -> None:
        empty = await world.state()
        [server] = await world.boot(world.request())
        ledger.is_full_for_the_deleted = True
        await world.api.delete(ServersRequest(token=world.member, server_ids=(server.id,)))
        await world.conductor.settled()
        ledger.is_full_for_the_deleted = False
        for _ in range(2):
            await world.conductor.tend()
            await world.conductor.settled()
        assert await world.conductor.list_servers("") == []
        [used] = await world.conductor.quotas([server.project_id])
        assert used.used["instances"] == 0
        assert await world.state() == empty

    in_full_world(tmp_path, play)


def test_what_is_built_again_has_ended_also_where_only_its_row_says_so(tmp_path: Path) -> None:
    """A conductor died before it had written more than what was begun next."""

    async def play(world: World, ledger: Full) -> None:
        [server] = await world.boot(world.request())
        begun = InstanceAction(
            id="an-unshelving",
            instance_id=server.id,
            project_id=server.project_id,
            user_id=server.user_id,
            request_id="req-1",
            name="unshelve",
            started_at=1.0,
            updated_at=1.0,
        )
        await ledger.commit([begun])
        heir = await _heir(world, tmp_path)
        heir.resume()
        await heir.settled()
        [row] = await ledger.load(InstanceAction)
        assert (bool(row.finished_at), row.message) == (True, "")

    in_full_world(tmp_path, play)
