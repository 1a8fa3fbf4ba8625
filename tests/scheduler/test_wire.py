"""What few requests ask, on the way from the rooms' messages to placement."""

from __future__ import annotations

from typing import Any

from actors.messages import PlaceRequest
from actors.records import Flavor
from actors.scheduler.wire import request_of
from placement import Aggregate, Fleet
from placement.host import pairs
from placement.numa.cells import HostCell
from placement.pci import PciPool
from tests.placement.fleets import fleet_of, host


def asked(specs: dict[str, str] | None = None, **more: Any) -> PlaceRequest:
    flavor = Flavor(id="f", name="m1", vcpus=2, ram_mib=512, disk_gib=1, extra_specs=specs or {})
    return PlaceRequest(instance_id="i", attempt=0, project_id="p", flavor=flavor, root_gib=1, **more)


def aggregated(**metadata: str) -> Fleet:
    return fleet_of(host("a", aggregates=(Aggregate("x", pairs(metadata)),)))


def test_plain_requests_have_no_demands() -> None:
    for fleet in (Fleet(), aggregated(ssd="true")):
        assert request_of(asked({"hw:cpu_sockets": "1"}), fleet).shape.demands is None
        assert request_of(asked(image_properties={"os_distro": "debian"}), fleet).shape.demands is None


def test_traits_and_hints_about_hosts() -> None:
    request = request_of(
        asked({"trait:HW_CPU_X86_AVX2": "required"}, hints={"query": ('["and"]',), "x": ("y",)}), Fleet()
    )
    assert request.shape.asks.required_traits == {"HW_CPU_X86_AVX2"}
    assert request.shape.asks.hints == (("query", '["and"]'),)


def test_projects_flavors_and_images_count_where_aggregates_are_reserved_for_some() -> None:
    fleet = aggregated(filter_tenant_id="p", instance_type="m1", os_distro="debian")
    shape = request_of(asked(image_properties={"os_distro": "debian", "mine": "x"}), fleet).shape
    assert (shape.asks.tenant, shape.asks.flavor_name) == ("p", "m1")
    assert shape.image_properties == (("os_distro", "debian"),)


def test_cells_and_devices_are_asked_of_fleets_that_tell_of_some() -> None:
    specs = {"hw:numa_nodes": "1", "pci_passthrough:alias": "gpu:1"}
    assert request_of(asked(specs), Fleet()).shape.demands is None
    told = fleet_of(host("a", numa=(HostCell(0, 1024),), pci_pools=(PciPool((("alias", "gpu"),), None, 1),)))
    demands = request_of(asked(specs), told).shape.asks
    assert demands.numa is not None and demands.pci[0].count == 1
    told.remove("a")
    assert request_of(asked(specs), told).shape.demands is None


def test_a_node_may_be_forced_too() -> None:
    request = request_of(asked(availability_zone="nova:a:node-1"), Fleet())
    assert (request.forced_host, request.forced_nodes) == ("a", {"node-1"})
