"""Decisions from files: a sample of real Nova's, where it is at hand, and records written by hand.

NOVARAY_PLACEMENT_SAMPLE names a folder with `cases.jsonl.gz` and `compare.py`; without it, one of that name in a data
folder beside this checkout is taken.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from placement.decide import decide

BESIDE = sorted(Path(__file__).resolve().parents[3].glob("*/data/placement-sample"))
FOLDER = Path(os.environ.get("NOVARAY_PLACEMENT_SAMPLE") or next(iter(BESIDE), ""))
HAS_SAMPLE = bool(FOLDER.parts) and (FOLDER / "cases.jsonl.gz").is_file() and (FOLDER / "compare.py").is_file()


def comparison() -> Any:
    spec = importlib.util.spec_from_file_location("sample_compare", FOLDER / "compare.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not HAS_SAMPLE, reason="NOVARAY_PLACEMENT_SAMPLE names no folder with a sample of Nova's decisions")
def test_every_decision_of_the_sample_agrees() -> None:
    judge = comparison().judge
    with gzip.open(FOLDER / "cases.jsonl.gz", "rt") as lines:
        cases = [json.loads(line) for line in lines]
    wrong = {case["case"]: bad for case in cases if (bad := judge(case, decide(case)))}
    assert cases
    assert wrong == {}


def host(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "enabled": True, "heartbeat_age_s": 5, "zone": "nova",
        "vcpus_total": 8, "vcpus_reserved": 0, "vcpus_used": 0, "cpu_allocation_ratio": None,
        "ram_total_mib": 8192, "ram_reserved_mib": 512, "ram_used_mib": 0, "ram_allocation_ratio": 0.0,
        "disk_total_gib": 100, "disk_reserved_gib": 0, "disk_used_gib": 0, "disk_allocation_ratio": 1.0,
        "aggregates": [], "traits": [], "supported_instances": [["x86_64", "kvm", "hvm"]],
        "num_instances": 0, "num_io_ops": 0, "failed_builds": 0, **more,
    }  # fmt: skip


def record(*hosts: dict[str, Any], filters: tuple[str, ...] = (), weighers: tuple[str, ...] = (), **more: Any) -> dict:
    flavor = {"name": "m1", "vcpus": 1, "ram_mib": 512, "disk_gib": 1, "ephemeral_gib": 0, "swap_mib": 0}
    request = {
        "flavor": {**flavor, "extra_specs": more.pop("extra_specs", {})},
        "image": more.pop("image", {"id": "img", "properties": {}}),
        "operation": more.pop("operation", "create"), "instance_uuid": "i-1", "project": "p",
        "hints": more.pop("hints", {}), "zone": more.pop("zone", None), **more.pop("request", {}),
    }  # fmt: skip
    return {
        "case": "c", "config": more.pop("config", {}), "enabled_filters": list(filters), "hosts": list(hosts),
        "enabled_weighers": list(weighers), "prefilter_applied": more.pop("prefilter_applied", False),
        "request": request,
    }  # fmt: skip


def test_the_answer_has_all_parts() -> None:
    answer = decide(record(host("a"), host("b", num_io_ops=4), filters=("ComputeFilter",), weighers=("IoOpsWeigher",)))
    assert answer == {
        "case": "c",
        "per_filter": {"ComputeFilter": ["a", "b"]},
        "passed": ["a", "b"],
        "weighted": {"IoOpsWeigher": {"a": -0.0, "b": -1.0}},
        "total": {"a": 0.0, "b": -1.0},
        "best": ["a", "b"],
    }


def test_a_single_host_is_not_weighed_and_equals_keep_their_order() -> None:
    assert decide(record(host("a"), weighers=("RAMWeigher",)))["total"] == {"a": 0.0}
    equal = decide(record(host("b"), host("a"), weighers=("RAMWeigher",)))
    assert equal["total"] == {"b": 1.0, "a": 1.0}
    assert equal["best"] == ["b", "a"]


HEARTBEATS = [(60, True), (61, False), (-60, True), (-61, False)]


@pytest.mark.parametrize(("age", "up"), HEARTBEATS)
def test_a_host_is_up_as_long_as_its_heartbeat_is_near(age: int, up: bool) -> None:
    answer = decide(record(host("a", heartbeat_age_s=age), filters=("ComputeFilter",)))
    assert answer["passed"] == (["a"] if up else [])


def test_a_filter_that_chokes_refuses_the_request_only_if_a_host_gets_so_far() -> None:
    filters = ("ComputeFilter", "ComputeCapabilitiesFilter")
    specs = {"capabilities:host": ">= 5"}
    refused = decide(record(host("a"), filters=filters, extra_specs=specs))
    assert refused["error"] and "capabilities:host" in refused["refused"]
    assert "ComputeCapabilitiesFilter" not in refused["per_filter"]
    spared = decide(record(host("a", enabled=False), filters=filters, extra_specs=specs))
    assert spared["passed"] == [] and "error" not in spared


def test_a_weigher_that_chokes_leaves_the_hosts_that_passed() -> None:
    config = {"metrics_weight_setting": ["cpu.frequency=1", "no number"]}
    answer = decide(record(host("a"), host("b"), weighers=("MetricsWeigher",), config=config))
    assert answer["passed"] == ["a", "b"]
    assert "cpu.frequency" in answer["refused"] and "total" not in answer


FORCED: list[tuple[dict[str, Any], list[str]]] = [
    ({"force_hosts": ["A"]}, ["a"]),
    ({"force_nodes": ["bm-0"]}, ["b"]),
    ({"force_nodes": ["BM-0"]}, []),
    ({"force_hosts": ["a"], "force_nodes": ["bm-0"]}, []),
    ({"ignore_hosts": ["C"]}, []),
    ({"destination_host": "a"}, []),
    ({"destination_host": "c"}, ["c"]),
    ({"force_hosts": ["a"], "operation": "rebuild"}, ["a"]),
    ({}, ["c"]),
]


@pytest.mark.parametrize(("asked", "passed"), FORCED)
def test_hosts_that_a_request_names(asked: dict[str, Any], passed: list[str]) -> None:
    hosts = (host("a", enabled=False), host("b", node="bm-0", enabled=False), host("c"))
    assert decide(record(*hosts, filters=("ComputeFilter",), request=asked))["passed"] == passed


def test_a_rebuild_is_asked_only_what_its_image_asks() -> None:
    filters = ("ComputeFilter", "IoOpsFilter", "ImagePropertiesFilter")
    image = {"id": "img", "properties": {"hw_architecture": "aarch64"}}
    answer = decide(record(host("a", num_io_ops=9), filters=filters, image=image, operation="rebuild"))
    assert answer["per_filter"] == {"ComputeFilter": ["a"], "IoOpsFilter": ["a"], "ImagePropertiesFilter": []}


def test_what_placement_knows_is_apart_from_what_compute_reports() -> None:
    cpus = {"total": 4, "reserved": 0, "used": 4, "min_unit": 1, "max_unit": 4, "step_size": 1, "allocation_ratio": 1.0}
    plenty = {**cpus, "total": 10_000, "max_unit": 10_000}
    inventory = {"VCPU": cpus, "MEMORY_MB": plenty, "DISK_GB": plenty}
    hosts = (host("a", inventory=inventory), host("b"), host("off", enabled=False))
    answer = decide(record(*hosts, weighers=("CPUWeigher",), prefilter_applied=True))
    assert answer["prefilter"] == ["b"]
    assert decide(record(*hosts, weighers=("CPUWeigher",)))["weighted"]["CPUWeigher"]["a"] == 1.0


TENANT = {"name": "t", "metadata": {"filter_tenant_id": "p"}}


def test_projects_that_are_limited_to_their_aggregates() -> None:
    config = {"limit_tenants_to_placement_aggregate": True, "placement_aggregate_required_for_tenants": True}
    hosts = (host("a", aggregates=[TENANT]), host("b"))
    assert decide(record(*hosts, prefilter_applied=True, config=config))["passed"] == ["a"]
    assert decide(record(host("b"), prefilter_applied=True, config=config))["error"]
    assert decide(record(host("b"), prefilter_applied=True))["passed"] == ["b"]


def test_zones_that_no_aggregate_carries_restrict_nothing() -> None:
    zone = {"name": "z", "metadata": {"availability_zone": "z1"}}
    hosts = (host("a", aggregates=[zone]), host("b"))
    assert decide(record(*hosts, prefilter_applied=True, zone="z1"))["passed"] == ["a"]
    assert decide(record(*hosts, prefilter_applied=True, zone="typo"))["passed"] == ["a", "b"]


UNKNOWN = [{"filters": ("NoFilter",)}, {"weighers": ("NoWeigher",)}]


@pytest.mark.parametrize("names", UNKNOWN)
def test_names_that_nova_has_not_are_refused(names: dict[str, Any]) -> None:
    assert decide(record(host("a"), **names))["error"]


def test_the_program_answers_line_by_line() -> None:
    lines = "\n".join(json.dumps(record(host(name), filters=("AllHostsFilter",))) for name in ("a", "b"))
    done = subprocess.run(
        [sys.executable, "-m", "placement", "decide"], input=lines + "\n\n", capture_output=True, text=True, check=True
    )
    assert [json.loads(line)["passed"] for line in io.StringIO(done.stdout)] == [["a"], ["b"]]
