"""SimpleCIDRAffinityFilter: hosts near an address, by the hints `build_near_host_ip` and `cidr` ("/24" by default)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from placement.errors import BadRequest
from placement.fleet import Fleet
from placement.request import Shape

NEAR, SIZE = "build_near_host_ip", "cidr"
DEFAULT_SIZE = "/24"


class SimpleCIDRAffinityFilter:
    name = "SimpleCIDRAffinityFilter"

    def asks(self, shape: Shape) -> bool:
        return bool(shape.asks.hint(NEAR))

    def judges(self, shape: Shape) -> Callable[[Fleet, int], bool]:
        near = shape.asks.hint(NEAR) + (shape.asks.hint(SIZE) or DEFAULT_SIZE)
        try:
            network = ipaddress.ip_network(near, strict=False)
        except ValueError:
            raise BadRequest(NEAR, f"{near!r} is no network") from None
        return lambda fleet, row: _address(fleet, row) in network

    def wants(self, fleet: Fleet, shape: Shape, row: int) -> str:
        return f"{fleet.state(row).host_ip or 'its address'} is not near {shape.asks.hint(NEAR)}"


def _address(fleet: Fleet, row: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    text = fleet.state(row).host_ip
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise BadRequest(NEAR, f"host {fleet.state(row).name} has no address that could be near one") from None
