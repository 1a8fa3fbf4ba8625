"""Quotas are exact: what is admitted, what is counted, and what a refusal says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from actors.conductor.quotas import DEFAULT, LIMITS, Quotas
from actors.errors import CallerFault
from actors.messages import BootSpec
from actors.records import ComputeQuota, Flavor
from tests.world import World, in_world

FLAVOR = Flavor(id="f", name="f", vcpus=2, ram_mib=512, disk_gib=0)


def spec(count: int = 1, **fields: object) -> BootSpec:
    ids = tuple(f"i{n}" for n in range(count))
    known = {"name": "vm", "hostname": "vm", "project_id": "p", "user_id": "u", "token": "", "flavor": FLAVOR}
    return BootSpec(instance_ids=ids, **(known | fields))  # type: ignore[arg-type]


def limited(**limits: int) -> Quotas:
    quotas = Quotas()
    quotas.set_limits([ComputeQuota(id="p", limits=limits)])
    return quotas


def test_what_nobody_set_is_the_clouds() -> None:
    quotas = limited(cores=4)
    assert quotas.limits("p") == LIMITS | {"cores": 4}
    quotas.set_limits([ComputeQuota(id=DEFAULT, limits={"ram": 1, "cores": 9})])
    assert quotas.limits("p") == LIMITS | {"cores": 4, "ram": 1}
    quotas.forget("p")
    assert quotas.limits("p")["cores"] == 9


def test_a_request_is_admitted_whole_or_cut_or_refused() -> None:
    quotas = limited(cores=5)
    assert quotas.admit(spec(2)) == 2
    assert quotas.admit(spec(3, fewest=1)) == 2
    refused = quotas.admit(spec(3))
    assert refused == CallerFault(403, "Quota exceeded for cores: Requested 6, but already used 0 of 5 cores")
    quotas.take("p", FLAVOR, 2)
    refused = quotas.admit(spec(1, fewest=1))
    assert isinstance(refused, CallerFault) and "already used 4 of 5" in refused.message


def test_every_quota_that_is_exceeded_is_named() -> None:
    refused = limited(instances=0, ram=100).admit(spec(1))
    assert isinstance(refused, CallerFault)
    assert refused.message == (
        "Quota exceeded for instances, ram: Requested 1, 512, but already used 0, 0 of 0, 100 instances, ram"
    )


def test_metadata_and_members_of_a_group_are_limited() -> None:
    many = {str(n): "x" for n in range(LIMITS["metadata_items"] + 1)}
    refused = Quotas().admit(spec(metadata=many))
    assert isinstance(refused, CallerFault) and refused.status == 403
    quotas = limited(server_group_members=1)
    grouped = spec(hints={"group": ("g",)})
    assert quotas.admit(grouped) == 1
    quotas.take("p", FLAVOR, 1, "g")
    assert isinstance(quotas.admit(grouped), CallerFault)
    assert quotas.admit(spec()) == 1


def test_fifty_of_two_hundred_at_a_time_and_all_comes_back(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.api.set_quota(world.admin, "demo", {"instances": 50}, force=False)
        replies = await asyncio.gather(*(world.api.boot([world.request(f"vm-{n}")]) for n in range(200)))
        flat = [reply for [reply] in replies]
        refused = [reply for reply in flat if isinstance(reply, CallerFault)]
        ids = [reply[0] for reply in flat if not isinstance(reply, CallerFault)]
        assert (len(ids), len(refused)) == (50, 150)
        assert {fault.status for fault in refused} == {403}
        assert all("Quota exceeded for instances" in fault.message for fault in refused)
        await world.settled()
        assert (await world.api.quota(world.member)).used == {"instances": 50, "cores": 50, "ram": 50 * 128}
        await world.delete(*await world.api.list_servers(world.member))
        assert (await world.api.quota(world.member)).used == {"instances": 0, "cores": 0, "ram": 0}

    in_world(tmp_path, play)


def test_a_boot_that_fails_counts_until_it_is_deleted_and_a_restart_counts_the_same(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [failed] = await world.boot(world.request(hints={"different_host": ("x",)}, availability_zone="nowhere"))
        assert failed.status == "ERROR"
        used = (await world.api.quota(world.member)).used
        assert used["instances"] == 1
        await world.conductor.set_quota("demo", {"instances": 1})
        await world.conductor.start()
        again = await world.api.quota(world.member)
        assert (again.used, again.limits["instances"]) == (used, 1)
        await world.delete(failed)
        assert (await world.api.quota(world.member)).used["instances"] == 0

    in_world(tmp_path, play)


def test_a_machine_that_needs_more_is_charged_for_the_difference() -> None:
    quotas = limited(cores=3, ram=600)
    quotas.take("p", FLAVOR, 1)
    wide, deep = msgspec.structs.replace(FLAVOR, vcpus=4), msgspec.structs.replace(FLAVOR, vcpus=1, ram_mib=1024)
    text = "Quota exceeded for {}: Requested {}, but already used {} of {} {}"
    assert quotas.fault_of_more("p", FLAVOR, wide) == CallerFault(403, text.format("cores", 2, 2, 3, "cores"))
    assert quotas.fault_of_more("p", FLAVOR, deep) == CallerFault(403, text.format("ram", 512, 512, 600, "ram"))
    quotas.set_limits([ComputeQuota(id="p", limits={"cores": 1, "ram": 1_024})])
    assert quotas.fault_of_more("p", FLAVOR, deep) is None  # fewer cores than it has, though too many still
    quotas.change("p", FLAVOR, deep)
    use = quotas.used("p")
    assert (use.instances, use.cores, use.ram) == (1, 1, 1024)
