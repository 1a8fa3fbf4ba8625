"""A server whose own host has no room for its new flavor is resized on another; what fails or is reverted goes back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.acts import ConfirmResize, Edit, RevertResize, Stop
from actors.api.act_messages import ActOnServer, AttachVolumeTo, EditServer
from actors.conductor.quotas import UNLIMITED
from actors.errors import CallerError, bad_request
from actors.messages import ClaimChange, ServerView
from actors.records import Aggregate
from tests.acts.test_acts import act, shown
from tests.acts.test_migrate import OTHER, TOO_MUCH_MIB, begin, broken, claimed, lose, migrate, seen, states
from tests.acts.test_migrate_crashes import Gate, Mortal, agree, conductor, rooms
from tests.acts.test_resize import TINY, Amounts, amounts, ask, flavor, last_cause, resize, used
from tests.conductor.test_moves import told
from tests.scheduler.test_in_the_cloud import group
from tests.world import NODE_NAME, World, in_world

BIG = (2, TOO_MUCH_MIB, 5)  # with its ephemeral disk and its swap


async def held(world: World) -> dict[str, Amounts]:
    """By host, of one server; the hosts' own books say the same."""
    await world.settled()
    books = [claim for compute in world._computes.values() for claim in compute.hosts.claims()]
    found = {claim.host: amounts(claim) for claim in await world.scheduler.claims()}
    assert {claim.host: amounts(claim) for claim in books} == found
    assert sum(1 for _ in books) == len(found) == len(await world.scheduler.claims())
    return found


async def reset(world: World, server: ServerView) -> None:
    edit = Edit(instance_id=server.id, vm_state="active")
    await world.api.edit(EditServer(token=world.admin, server_id=server.id, edit=edit))


def test_it_goes_and_stays(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, empty = await begin(world)
        view = await resize(world, server, "big")
        assert (*seen(view), view.flavor) == ("VERIFY_RESIZE", None, "RUNNING", OTHER, "big")
        assert [one.fixed_ips for one in view.addresses] == [one.fixed_ips for one in server.addresses]
        assert await claimed(world, server) == {NODE_NAME: [False], OTHER: [True]}
        assert await held(world) == {NODE_NAME: TINY, OTHER: BIG}
        assert await used(world) == {"instances": 1, "cores": 2, "ram": TOO_MUCH_MIB}
        assert await told(world, server) == [("resize", "finished", NODE_NAME, OTHER)]
        [move] = await world.conductor.migrations()
        assert (move.old_flavor, move.new_flavor) == ("tiny", "big")
        [action, *_] = await world.api.instance_actions(world.member, server.id)
        assert (action.name, action.events[0].event, action.message) == ("resize", "compute_finish_resize", "")
        assert action.events[0].host == OTHER
        await agree(world)
        view = await act(world, server, ConfirmResize())
        assert (*seen(view), view.flavor) == ("ACTIVE", None, "RUNNING", OTHER, "big")
        assert await held(world) == {OTHER: BIG}
        assert (await shown(world, server)).kept_places == ()
        assert await used(world) == {"instances": 1, "cores": 2, "ram": TOO_MUCH_MIB}
        assert await told(world, server) == [("resize", "confirmed", NODE_NAME, OTHER)]
        assert await world.compute.world() == empty[0]["compute"]
        names = [one.event_type for one in await world.conductor.notifications(0, 100, 0.0)]
        ends = [f"instance.{name}.{phase}" for name in ("resize", "resize_confirm") for phase in ("start", "end")]
        assert names[-4:] == ends
        await agree(world)
        await world.delete(view)
        assert await states(world, other) == empty
        assert await used(world) == {"instances": 0, "cores": 0, "ram": 0}

    in_world(tmp_path, play)


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_it_goes_back_and_is_what_it_was(tmp_path: Path, stopped: bool) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        if stopped:
            await act(world, server, Stop(wait_s=0.0))
        power, status = ("SHUTDOWN", "SHUTOFF") if stopped else ("RUNNING", "ACTIVE")
        before = await states(world, other)
        for _ in range(2):
            view = await resize(world, server, "big")
            assert (*seen(view), view.flavor) == ("VERIFY_RESIZE", None, power, OTHER, "big")
            view = await act(world, server, RevertResize())
            assert (*seen(view), view.flavor) == (status, None, power, NODE_NAME, "tiny")
            assert await held(world) == {NODE_NAME: TINY}
            assert await used(world) == {"instances": 1, "cores": 1, "ram": 128}
            after = await states(world, other)
            if not stopped:
                assert after == before
            assert after[1] == before[1]
            await agree(world)
        assert [(kind, status) for kind, status, *_ in await told(world, server)] == [("resize", "reverted")] * 2

    in_world(tmp_path, play)


def test_it_stays_where_there_is_room(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await flavor(world, "low", 2, 64, 3)
        for end, name in ((RevertResize(), "tiny"), (ConfirmResize(), "low")):
            assert seen(await resize(world, server, "low"))[3] == NODE_NAME
            assert await told(world, server)
            assert await claimed(world, server) == {NODE_NAME: [True]}
            assert (await act(world, server, end)).flavor == name

    in_world(tmp_path, play)


def test_afterwards_it_is_resized_there_and_moved_like_any_other(tmp_path: Path) -> None:
    """What it holds is numbered on."""

    async def play(world: World) -> None:
        server, other, empty = await begin(world)
        await flavor(world, "low", 2, 64, 4, ephemeral_gib=1)
        for _ in range(2):
            await resize(world, server, "big")
            await act(world, server, RevertResize())
        await resize(world, server, "big")
        await act(world, server, ConfirmResize())
        assert seen(await resize(world, server, "low"))[3] == OTHER
        assert await held(world) == {OTHER: (2, TOO_MUCH_MIB, 5)}
        await act(world, server, ConfirmResize())
        assert await held(world) == {OTHER: (2, 64, 5)}
        assert seen(await migrate(world, server))[3] == NODE_NAME
        assert await held(world) == {OTHER: (2, 64, 5), NODE_NAME: (2, 64, 5)}
        view = await act(world, server, ConfirmResize())
        assert (await held(world), view.flavor) == ({NODE_NAME: (2, 64, 5)}, "low")
        assert await used(world) == {"instances": 1, "cores": 2, "ram": 64}
        await agree(world)
        await world.delete(server)
        assert await states(world, other) == empty

    in_world(tmp_path, play)


def test_it_goes_with_its_volumes(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world, image="", block_devices=(world.root_volume(),))
        [volume] = server.volumes
        for end, host, holds in ((RevertResize(), NODE_NAME, (1, 128, 0)), (ConfirmResize(), OTHER, (*BIG[:2], 2))):
            assert seen(await resize(world, server, "big"))[3] == OTHER
            view = await act(world, server, end)
            assert [(one.source_id, one.device_name) for one in view.volumes] == [(volume.source_id, "/dev/vda")]
            [row] = world.volumes._rows.attachments.values()
            assert (row.host, await world.volume_status(row.volume_id)) == (host, "in-use")
            assert await held(world) == {host: holds}
        await world.delete(server)
        assert await world.held_by(server.id) == []

    in_world(tmp_path, play)


def test_a_volume_that_comes_while_it_waits_has_a_name_that_is_free_on_both_hosts(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "swapping", 1, 128, 1, swap_mib=64)
        await flavor(world, "plain", 1, 128, 2)
        server, _, _ = await begin(world, flavor="swapping")
        volume = await world.volume()
        await world.compute.set_enabled(False)
        assert seen(await resize(world, server, "plain"))[3] == OTHER
        device = await world.api.attach_volume(
            AttachVolumeTo(token=world.member, server_id=server.id, volume_id=volume)
        )
        assert device.device_name == "/dev/vdc"  # beside the swap that it has again when it goes back
        view = await act(world, server, RevertResize())
        assert (*seen(view), [one.device_name for one in view.volumes]) == (
            *("ACTIVE", None, "RUNNING", NODE_NAME),
            ["/dev/vdc"],
        )
        await agree(world)

    in_world(tmp_path, play)


@pytest.mark.parametrize("why", ["drained", "aggregate"])
def test_where_a_filter_refuses_its_host_it_goes_to_one_that_passes(tmp_path: Path, why: str) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        specs = {"aggregate_instance_extra_specs:licence": "yes"} if why == "aggregate" else {}
        await flavor(world, "wanted", 1, 128, 1, extra_specs=specs)
        if why == "drained":
            await world.compute.set_enabled(False)
        else:
            licensed = Aggregate(id="1", number=1, name="licensed", hosts=(OTHER,), properties={"licence": "yes"})
            await world.scheduler.arrange([licensed])
        view = await resize(world, server, "wanted")
        assert (*seen(view), view.flavor) == ("VERIFY_RESIZE", None, "RUNNING", OTHER, "wanted")

    in_world(tmp_path, play)


@pytest.mark.parametrize("what", ["zone", "group", "hint"])
def test_it_goes_only_where_it_may_be(tmp_path: Path, what: str) -> None:
    async def play(world: World) -> None:
        [first] = await world.boot(world.request("first"))
        close = await group(world, "close", "affinity")
        hints = {"hint": {"same_host": (first.id,)}, "group": {"group": (close.id,)}}
        [member] = await world.boot(world.request("member", hints=hints.get(what, {})))
        zone = {"availability_zone": member.availability_zone} if what == "zone" else {}
        server, _, _ = await begin(world, hints=hints.get(what, {}), **zone)
        if what == "zone":
            north = Aggregate(id="1", number=1, name="n", hosts=(OTHER,), properties={"availability_zone": "north"})
            await world.scheduler.arrange([north])
        view = await resize(world, server, "big")
        assert (*seen(view), view.flavor) == ("ACTIVE", None, "RUNNING", NODE_NAME, "tiny")
        assert "; elsewhere: No valid host was found" in await last_cause(world, server)

    in_world(tmp_path, play)


def test_none_of_its_own_node_s_hosts_is_another(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await flavor(world, "wanted", 1, 128, 1, extra_specs={"aggregate_instance_extra_specs:licence": "yes"})
        hosts = tuple(seen.report.host for seen in await world.scheduler.hosts() if seen.report.host != server.host)
        licensed = Aggregate(id="1", number=1, name="licensed", hosts=hosts, properties={"licence": "yes"})
        await world.scheduler.arrange([licensed])
        assert seen(await resize(world, server, "wanted")) == ("ACTIVE", None, "RUNNING", server.host)

    in_world(tmp_path, play, hosts=3)


@pytest.mark.parametrize("part", ["take", "fit", "define", "plug", "start", "shut_down", "offer", "unplug"])
def test_where_it_fails_on_the_way_it_goes_on_with_its_old_flavor(tmp_path: Path, part: str) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        before = await states(world, other)
        heal = broken(world.compute if part in ("shut_down", "offer", "unplug") else other, part)
        view = await resize(world, server, "big")
        assert (*seen(view), view.flavor) == ("ACTIVE", None, "RUNNING", NODE_NAME, "tiny")
        cause = await last_cause(world, server)
        assert cause.startswith(f"resize on {OTHER}") and "it is broken" in cause
        assert await held(world) == {NODE_NAME: TINY}
        assert await used(world) == {"instances": 1, "cores": 1, "ram": 128}
        assert await told(world, server) == [("resize", "error", NODE_NAME, OTHER)]
        assert await states(world, other) == before
        await agree(world)
        heal()
        assert seen(await resize(world, server, "big"))[3] == OTHER

    in_world(tmp_path, play)


def test_a_disk_that_would_shrink_is_found_while_its_guest_runs(tmp_path: Path) -> None:
    """Its old flavor says nothing of its size: so large was its image."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        asked: list[tuple[str, list[str]]] = []

        async def shrinks(build: Any) -> None:
            asked.append((build.order.spec.flavor.id, [disk.role for disk in build.disks]))
            raise CallerError(bad_request("flavorRef", "Unable to resize disk down."))

        world.hypervisor.guests.check_fit = shrinks  # type: ignore[method-assign]
        world.hypervisor.guests.shut_down = raises(AssertionError("it runs on"))  # type: ignore[method-assign]
        view = await resize(world, server, "big")
        assert (*seen(view), view.flavor) == ("ACTIVE", None, "RUNNING", NODE_NAME, "tiny")
        assert "Unable to resize disk down." in await last_cause(world, server)
        assert asked == [("big", ["root", "ephemeral", "swap", "config"])]
        assert await held(world) == {NODE_NAME: TINY}

    in_world(tmp_path, play)


@pytest.mark.parametrize("end", ["deleted", "reset"])
def test_one_that_waits_may_be_deleted_or_reset(tmp_path: Path, end: str) -> None:
    async def play(world: World) -> None:
        server, other, empty = await begin(world)
        await flavor(world, "wide", 4, 64, 3, ephemeral_gib=1)
        await resize(world, server, "big")
        if end == "reset":
            await act(world, server, RevertResize())
            await world.conductor.set_quota("demo", {**UNLIMITED, "cores": 5})
            await resize(world, server, "big")
            await act(world, server, ConfirmResize())
            await flavor(world, "deep", 1, TOO_MUCH_MIB + 1, 5, ephemeral_gib=1)
            third = await world.join("node-3", ram_mib=3 * TOO_MUCH_MIB)
            await other.set_enabled(False)
            assert seen(await resize(world, server, "deep"))[3] == "node-3"
            assert await used(world) == {"instances": 1, "cores": 2, "ram": TOO_MUCH_MIB + 1}
            await reset(world, server)
            assert await held(world) == {"node-3": (1, TOO_MUCH_MIB + 1, 6)}
            assert await used(world) == {"instances": 1, "cores": 1, "ram": TOO_MUCH_MIB + 1}
            assert await other.world() == empty[1]
            assert await third.world() != empty[1]
        await world.delete(server)
        assert (await states(world, other))[1] == empty[1]
        assert await used(world) == {"instances": 0, "cores": 0, "ram": 0}
        assert {status for _, status, *_ in await told(world, server)} <= {"confirmed", "reverted"}

    in_world(tmp_path, play)


def test_one_that_is_reset_while_its_host_is_asked_goes_nowhere(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        grow = world.scheduler.grow

        async def meanwhile(changes: Any) -> Any:
            replies = await grow(changes)
            await reset(world, server)
            return replies

        world.scheduler.grow = meanwhile  # type: ignore[method-assign]
        view = await resize(world, server, "big")
        assert (*seen(view), view.flavor) == ("ACTIVE", None, "RUNNING", NODE_NAME, "tiny")
        assert "ResourceUnits removed 1" in await last_cause(world, server)
        assert await held(world) == {NODE_NAME: TINY}
        assert await used(world) == {"instances": 1, "cores": 1, "ram": 128}

    in_world(tmp_path, play)


def test_a_quota_is_of_the_larger_of_both_until_it_is_confirmed(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await flavor(world, "narrow", 1, TOO_MUCH_MIB, 3)
        await flavor(world, "wide", 3, 64, 1)
        server, _, _ = await begin(world, flavor="wide")
        await world.conductor.set_quota("demo", {**UNLIMITED, "cores": 3})
        await resize(world, server, "narrow")
        assert await used(world) == {"instances": 1, "cores": 3, "ram": TOO_MUCH_MIB}
        with pytest.raises(CallerError, match="Quota exceeded for cores"):
            await world.boot(world.request())
        await act(world, server, RevertResize())
        assert await used(world) == {"instances": 1, "cores": 3, "ram": 64}
        await resize(world, server, "narrow")
        await act(world, server, ConfirmResize())
        assert await used(world) == {"instances": 1, "cores": 1, "ram": TOO_MUCH_MIB}

    in_world(tmp_path, play)


@pytest.mark.parametrize("gone", [NODE_NAME, OTHER])
def test_one_of_its_nodes_leaves_while_it_waits(tmp_path: Path, gone: str) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await resize(world, server, "big")
        await lose(world, gone)
        end = ConfirmResize() if gone == NODE_NAME else RevertResize()
        view = await act(world, server, end, world.admin)
        there, name, most = (OTHER, "big", BIG) if gone == NODE_NAME else (NODE_NAME, "tiny", TINY)
        assert (*seen(view), view.flavor) == ("ACTIVE", None, "RUNNING", there, name)
        await world.settled()
        assert [amounts(claim) for claim in await world.scheduler.claims()] == [most]
        assert await used(world) == {"instances": 1, "cores": most[0], "ram": most[1]}

    in_world(tmp_path, play)


@pytest.mark.parametrize("to", ["big", ""], ids=["resized there", "resized afterwards"])
def test_a_scheduler_that_starts_is_told_what_each_host_holds(tmp_path: Path, to: str) -> None:
    """Also of one that has yet to let go of it."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await (resize(world, server, to) if to else migrate(world, server))
        there = {NODE_NAME: TINY, OTHER: BIG if to else TINY}
        await began_anew(world)
        assert await held(world) == there
        await world.compute.start()  # its next life
        assert await held(world) == there
        world.compute.destroy = raises(ConnectionError("it is away"))  # type: ignore[method-assign]
        await act(world, server, ConfirmResize())
        if not to:
            await resize(world, server, "big")
            await act(world, server, ConfirmResize())
        await began_anew(world)
        assert await held(world) == {NODE_NAME: TINY, OTHER: BIG}

    in_world(tmp_path, play)


def test_a_scheduler_that_starts_while_one_that_waits_is_deleted_keeps_nothing(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await resize(world, server, "big")
        release = world.scheduler.release

        async def begins_anew_after(ids: list[str]) -> None:
            await release(ids)
            world.scheduler.release = release  # type: ignore[method-assign]
            await began_anew(world)

        world.scheduler.release = begins_anew_after  # type: ignore[method-assign]
        await world.delete(server)
        assert await world.scheduler.claims() == []

    in_world(tmp_path, play)


def raises(error: Exception) -> Any:
    async def work(*_: Any) -> Any:
        raise error

    return work


async def began_anew(world: World) -> None:
    """The scheduler."""
    told = await world.conductor.claims()
    await world.scheduler.release([one.instance_id for one in told])
    assert await world.scheduler.claims() == []
    await world.scheduler.restore(told)


@pytest.mark.parametrize("when", ["it waits", "it came back"])
def test_room_that_is_asked_for_late_changes_nothing(tmp_path: Path, when: str) -> None:
    """The question to its own host comes once more, when there would be room."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await flavor(world, "wanted", 2, 256, 2)
        await world.compute.set_enabled(False)
        asked: list[ClaimChange] = []
        grow = world.scheduler.grow

        async def heard(changes: list[ClaimChange]) -> Any:
            asked.extend(changes)
            return await grow(changes)

        world.scheduler.grow = heard  # type: ignore[method-assign]
        await resize(world, server, "wanted")
        await world.compute.set_enabled(True)
        if when == "it came back":
            await act(world, server, RevertResize())
        before = await held(world)
        await grow(asked)
        assert await held(world) == before

    in_world(tmp_path, play)


@pytest.mark.parametrize("moment", ["accepted", "set out", "placed"])
def test_room_that_a_dead_conductor_asked_for_is_neither_lost_nor_given_back(tmp_path: Path, moment: str) -> None:
    """There is room on its own host, when the next one asks; and it gives back late what is needed no more."""

    async def play(world: World) -> None:
        server, _, _ = await begin(world)
        await flavor(world, "wanted", 2, 256, 2)
        await world.compute.set_enabled(False)
        await world.settled()
        gate = Gate()
        last = {"accepted": 1, "set out": 2}.get(moment, 0)
        await conductor(world, rooms(world, gate), Mortal(gate, world.ledger, last, before=False))
        place, release = world.scheduler.place, world.scheduler.release

        async def dies(requests: Any) -> Any:
            replies = await place(requests)
            gate.shut.set()
            return replies

        if moment == "placed":
            world.scheduler.place = dies  # type: ignore[method-assign]
        asking = asyncio.create_task(resize(world, server, "wanted"))
        await gate.shut.wait()
        asking.cancel()

        async def late(ids: list[str]) -> None:
            for _ in range(100):
                await asyncio.sleep(0)
            await release(ids)

        world.scheduler.release = late  # type: ignore[method-assign]
        world.scheduler.place = place  # type: ignore[method-assign]
        await world.compute.set_enabled(moment != "accepted")
        await conductor(world, rooms(world), world.ledger)
        await agree(world)
        assert seen(await shown(world, server)) == ("VERIFY_RESIZE", None, "RUNNING", OTHER)

    in_world(tmp_path, play)


def test_what_is_on_its_way_is_seen_in_its_task(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        server, other, _ = await begin(world)
        tasks: list[str | None] = []

        def watched(owner: Any, name: str) -> None:
            whole = getattr(owner, name)

            async def work(*asked: Any) -> Any:
                tasks.append((await shown(world, server)).task_state)
                return await whole(*asked)

            setattr(owner, name, work)

        for owner, name in (
            (world.scheduler, "grow"),
            (world.hypervisor.guests, "shut_down"),
            (world.scheduler, "exchange"),
            (other.hypervisor.guests, "take_disks"),
        ):
            watched(owner, name)
        await ask(world, server, "big")
        await world.settled()
        assert tasks == ["resize_prep", "resize_migrating", "resize_migrated", "resize_finish"]
        await world.api.act(ActOnServer(token=world.member, server_id=server.id, act=ConfirmResize()))
        await world.settled()

    in_world(tmp_path, play)
