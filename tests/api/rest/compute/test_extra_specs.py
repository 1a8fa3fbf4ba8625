"""What a flavor's extra specs may say, and from which microversion on."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.api.rest.compute.extra_specs import specs_fault
from tests.api.rest.compute.test_servers import client, refused
from tests.world import World, in_world

V = "/compute/v2.1"
GOOD = {
    "hw:cpu_policy": ("dedicated", "shared", "mixed"),
    "hw:cpu_realtime_mask": ("^0", "^0-1,2", "2-3"),
    "hw:mem_page_size": ("large", "any", "2048", "1GiB", "2MB"),
    "hw:numa_cpus.1": ("0-3,^2",),
    "hw:numa_mem.10": ("512",),
    "hw:pmu": ("true", "False", "1", "no"),
    "hw:serial_port_count": ("0",),
    "hw:watchdog_action": ("reset",),
    "hw_rng:allowed": ("True",),
    "quota:disk_read_iops_sec": ("0", "1000"),
    "quota:vif_outbound_peak": ("8",),
    "quota:memory_shares_level": ("high",),
    "resources:VCPU": ("2",),
    "resources_NET1:CUSTOM_BAND_WIDTH": ("7",),
    "trait:HW_CPU_X86_AVX2": ("required", "forbidden"),
    "trait1:CUSTOM_GOLD": ("forbidden",),
    "pci_passthrough:alias": ("gpu:1", "gpu:1, nic:2"),
    "aggregate_instance_extra_specs:ssd": ("true",),
    "os:secure_boot": ("required",),
    "group_policy": ("isolate",),
    "hide_hypervisor_id": ("true",),
    "mine": ("anything",),
    "mine:own": ("anything",),
}
BAD = {
    "hw:cpu_policy": ("", "pinned"),
    "hw:cpu_realtime_mask": ("a", "1-"),
    "hw:mem_page_size": ("huge",),
    "hw:numa_cpus.x": ("0",),
    "hw:numa_nodes": ("0", "-1", "two", "1.5"),
    "hw:pmu": ("maybe", ""),
    "hw:cpu_polcy": ("dedicated",),
    "hw:": ("x",),
    "hw_rng:rate_bytes": ("-1",),
    "hw_video:colours": ("16",),
    "quota:disk_read_iops": ("5",),
    "resources:VCPUS": ("1",),
    "resources:VCPU": ("many",),
    "trait:HW_CPU_X86_AVX9": ("required",),
    "trait:CUSTOM_GOLD": ("preferred",),
    "pci_passthrough:alias": ("gpu", "gpu:1,"),
    "os:secure_boot": ("yes",),
    "group_policy": ("spread",),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_what_may_be_said(name: str, value: str) -> None:
    assert specs_fault({name: value}) is None


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_what_may_not(name: str, value: str) -> None:
    fault = specs_fault({"mine": "x", name: value})
    assert fault is not None and fault.status == 400 and fault.message.startswith("Validation failed; ")


def test_older_microversions_take_anything(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        path, wrong = f"{V}/flavors/tiny/os-extra_specs", {"hw:cpu_polcy": "dedicated"}
        async with client(world, "2.86", world.admin) as admin:
            refused(await admin.post(path, json={"extra_specs": wrong}), 400, "badRequest")
            refused(await admin.put(f"{path}/hw:cpu_polcy", json=wrong), 400, "badRequest")
            assert (await admin.get(path)).json() == {"extra_specs": {}}
            right = {"hw:cpu_policy": "dedicated"}
            assert (await admin.post(path, json={"extra_specs": right})).json() == {"extra_specs": right}
        async with client(world, "2.85", world.admin) as admin:
            assert (await admin.post(path, json={"extra_specs": wrong})).json() == {"extra_specs": wrong}

    in_world(tmp_path, play)
