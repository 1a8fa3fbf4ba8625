"""Fleets and requests that tests build in one line."""

from __future__ import annotations

from typing import Any

from placement import Fleet, Group, HostState, Request, Shape, Stock, resources_of

GUESTS = (("x86_64", "qemu", "hvm"), ("x86_64", "kvm", "hvm"))


def host(name: str, vcpus: int = 8, ram_mib: int = 16_384, disk_gib: int = 100, **facts: Any) -> HostState:
    ratio = facts.pop("cpu_ratio", 1.0)
    stocks = (Stock("VCPU", vcpus, allocation_ratio=ratio), Stock("MEMORY_MB", ram_mib), Stock("DISK_GB", disk_gib))
    facts.setdefault("supported_instances", GUESTS)
    return HostState(name, facts.pop("stocks", stocks), **facts)


def fleet_of(*hosts: HostState) -> Fleet:
    fleet = Fleet()
    for each in hosts:
        fleet.upsert(each)
    return fleet


def shape(vcpus: int = 1, ram_mib: int = 1_024, disk_gib: int = 10, **asked: Any) -> Shape:
    for key in ("image_properties", "extra_specs"):
        if key in asked:
            asked[key] = tuple(sorted(asked[key].items()))
    return Shape(resources_of(vcpus, ram_mib, disk_gib), **asked)


def request(instance_id: str = "i-1", of: Shape | None = None, **asked: Any) -> Request:
    return Request(instance_id, of or shape(), **asked)


def group(policy: str, **rules: Any) -> Group:
    return Group("g-1", policy, **rules)
