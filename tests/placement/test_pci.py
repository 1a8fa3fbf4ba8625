"""PCI devices: aliases, which pools serve a request, and nearness to the guest's cells."""

from __future__ import annotations

from typing import Any

import pytest

from placement import BadRequest
from placement.pci import Nearness, PciPool, PciRequest, assigned, requests_of, without
from placement.settings import Alias


def pool(count: int, node: int | None = None, kind: str = "type-PCI", product: str = "1eb8", **tags: str) -> PciPool:
    properties = {"vendor_id": "10de", "product_id": product, "dev_type": kind, **tags}
    return PciPool(tuple(sorted(properties.items())), node, count)


def want(count: int = 1, policy: str = "legacy", **spec: str) -> PciRequest:
    spec = {"vendor_id": "10DE", "product_id": "1eb8", **spec}
    return PciRequest((tuple(sorted(spec.items())),), count, policy)


SERVED: list[tuple[str, list[PciPool], list[PciRequest], bool]] = [
    ("ids without case", [pool(1)], [want()], True),
    ("none free", [pool(0)], [want()], False),
    ("from two pools", [pool(1), pool(1, 0)], [want(2)], True),
    ("another product", [pool(1, product="20b5")], [want()], False),
    ("two requests, one device", [pool(1)], [want(), want()], False),
    ("physical functions are not given away", [pool(1, kind="type-PF")], [want()], False),
    ("but to who asks", [pool(1, kind="type-PF")], [want(dev_type="type-PF")], True),
    ("nor vDPA devices", [pool(1, kind="vdpa")], [want()], False),
    ("nor those of a remote host", [pool(1, remote_managed="True")], [want()], False),
    ("a tag must be there", [pool(1)], [want(live_migratable="false")], False),
    ("and be equal", [pool(1, live_migratable="false")], [want(live_migratable="false")], True),
    ("no pools", [], [want()], False),
]


@pytest.mark.parametrize(("pools", "wanted", "served"), [each[1:] for each in SERVED], ids=[e[0] for e in SERVED])
def test_requests_are_served(pools: list[PciPool], wanted: list[PciRequest], served: bool) -> None:
    assert (assigned(tuple(pools), wanted) is not None) == served


def test_pools_with_fewer_tags_are_used_first_and_given_back_by_not_counting() -> None:
    pools = (pool(2, physical_network="net"), pool(1))
    assert assigned(pools, [want(2)]) == ((0, 1), (1, 1))
    assert [each.count for each in without(pools, ((0, 1), (1, 1)))] == [1, 0]


SOCKETS = ((0, 0), (1, 0), (2, 1))
NEAR: list[tuple[str, str, int | None, tuple[tuple[int, int | None], ...], bool]] = [
    ("required, here", "required", 0, SOCKETS, True),
    ("required, unknown", "required", None, SOCKETS, False),
    ("legacy, unknown", "legacy", None, SOCKETS, True),
    ("legacy, elsewhere", "legacy", 1, SOCKETS, False),
    ("preferred, elsewhere", "preferred", 2, SOCKETS, True),
    ("socket, same", "socket", 1, SOCKETS, True),
    ("socket, other", "socket", 2, SOCKETS, False),
    ("socket, device unknown", "socket", None, SOCKETS, False),
    ("socket, sockets unknown", "socket", 1, ((0, None), (1, 0)), False),
    ("socket, sockets unknown but here", "socket", 0, ((0, None), (1, 0)), True),
]


@pytest.mark.parametrize(("policy", "node", "sockets", "served"), [each[1:] for each in NEAR], ids=[e[0] for e in NEAR])
def test_devices_are_as_near_as_their_policy_asks(policy: str, node: int | None, sockets: Any, served: bool) -> None:
    near = Nearness((0,), sockets)
    assert (assigned((pool(1, node),), [want(policy=policy)], near) is not None) == served


GPU = Alias("gpu", (("product_id", "1eb8"), ("vendor_id", "10de")))
OTHER = Alias("gpu", (("product_id", "20b5"), ("vendor_id", "10de")))


def test_aliases() -> None:
    found = requests_of({"pci_passthrough:alias": "gpu:2"}, (GPU, OTHER), "required")
    assert found == (PciRequest((GPU.spec, OTHER.spec), 2, "required"),)
    assert requests_of({}, (GPU,)) == ()


WRONG = [("fpga:1", (GPU,)), ("gpu", (GPU,)), ("gpu:many", (GPU,)), ("gpu:1", (GPU, Alias("gpu", (), "required")))]


@pytest.mark.parametrize(("text", "aliases"), WRONG)
def test_aliases_that_cannot_be_answered(text: str, aliases: tuple[Alias, ...]) -> None:
    with pytest.raises(BadRequest):
        requests_of({"pci_passthrough:alias": text}, aliases)
