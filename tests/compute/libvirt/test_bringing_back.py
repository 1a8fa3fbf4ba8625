"""A real guest that an operator undefined by hand while its resize waits: what it is brought back as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from actors.acts import ActOrder, AnyAct, ConfirmResize, DetachVolume, RevertResize
from actors.cluster.config import NodeConfig
from actors.compute.bringing_back import NO_COPIES, bring_back
from actors.compute.hosts import Hosts
from actors.compute.libvirt import domains
from actors.compute.libvirt.driver import LibvirtHypervisor
from actors.compute.libvirt.guest_xml import claim_of
from actors.errors import HostError
from actors.messages import Resized
from actors.states import Power
from tests.compute.guests import INSTANCE
from tests.compute.libvirt.test_driver import FLAVOR, do, play, prepared
from tests.compute.libvirt.test_resize import BIG, COPIES, OWN, definition, files, of, resize, shape, sizes

pytestmark = pytest.mark.real
TINY_SHAPE, BIG_SHAPE = ("1", "65536"), ("2", "131072")


@dataclass
class Node:
    """What of a compute room is asked."""

    hypervisor: LibvirtHypervisor
    hosts: Hosts = field(default_factory=Hosts)
    volume: Any = None  # it has no volumes
    epoch: int = 1


def order_to(act: AnyAct) -> ActOrder:
    """As the conductor gives it while a resize to the big flavor waits."""
    build, reverts = prepared(), isinstance(act, RevertResize)
    resized = Resized(edition=1, other=BIG if reverts else FLAVOR)
    now, before = (build.order.claim, None) if reverts else (of(BIG).order.claim, build.order.claim)
    return ActOrder(
        id="act-9",
        instance_id=INSTANCE,
        attempt=0,
        host=build.order.host,
        spec=replace(build.order.spec, flavor=FLAVOR if reverts else BIG, resized=resized),
        vifs=build.vifs,
        act=act,
        claim=now,
        claim_before=before,
    )


async def taken_away(driver: LibvirtHypervisor) -> Any:
    """It was resized, and undefined by hand."""
    await do(driver, prepared())
    await resize(driver, of(BIG))
    await driver._connection.call(domains.destroy, INSTANCE)
    await driver._connection.call(domains.undefine, INSTANCE)
    assert await driver.guests.power(INSTANCE) is None
    node = Node(driver)
    node.hosts.update(await driver.reports())
    assert node.hosts.claim(of(BIG).order.claim) is None
    return node


@pytest.mark.parametrize(
    "act", [RevertResize(), DetachVolume(volume_id="v", device_name="vdx")], ids=["revert", "else"]
)
def test_it_can_be_reverted_to_the_disks_that_it_had(node: NodeConfig, act: AnyAct) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        guests, folder = driver.guests, node.instances / INSTANCE
        await bring_back(await taken_away(driver), order_to(act))
        assert (await guests.power(INSTANCE), shape(await definition(driver))) == (Power.SHUTDOWN, BIG_SHAPE)
        assert (await files(driver), sizes(folder)[:2]) == (OWN | COPIES, [2048, 2048])
        mark = await guests.resized(INSTANCE)
        assert mark is not None and mark.flavor_id == BIG.id
        await guests.unresize(INSTANCE, mark)
        assert (shape(await definition(driver)), await files(driver)) == (TINY_SHAPE, OWN)
        assert sizes(folder) == [1024, 1024, 16]
        assert await guests.is_of(INSTANCE, FLAVOR)
        claim = claim_of(await definition(driver), prepared().order.host)
        assert claim is not None and claim.vcpus == prepared().order.claim.vcpus

    play(node, scene)


def test_confirmed_it_stays_what_it_is(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        await bring_back(await taken_away(driver), order_to(ConfirmResize()))
        await driver.guests.confirm_resize(INSTANCE, None)
        assert (shape(await definition(driver)), await files(driver)) == (BIG_SHAPE, OWN)

    play(node, scene)


def test_without_the_copies_of_its_disks_a_revert_says_so_and_changes_nothing(node: NodeConfig) -> None:
    async def scene(driver: LibvirtHypervisor) -> None:
        folder, there = node.instances / INSTANCE, await taken_away(driver)
        for copy in COPIES:
            (folder / copy).unlink()
        with pytest.raises(HostError, match=NO_COPIES):
            await bring_back(there, order_to(RevertResize()))
        assert (await driver.guests.power(INSTANCE), await files(driver)) == (None, OWN)
        await bring_back(there, order_to(DetachVolume(volume_id="v", device_name="vdx")))
        assert (shape(await definition(driver)), await driver.guests.resized(INSTANCE)) == (BIG_SHAPE, None)

    play(node, scene)
