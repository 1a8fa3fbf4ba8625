from __future__ import annotations

from msgspec.structs import replace

from actors.network.messages import RouterInfo, RouterPort
from actors.network.routing import Device, Route, devices, is_served, routes, served, world

ROUTER = "77777777-0000-4000-8000-000000000000"
INSIDE = RouterPort(
    port_id="11111111-aaaa", network_id="n", mac_address="fa:16:3e:00:00:01", mtu=1450, addresses=("10.5.0.1/24",)
)
OUTSIDE = RouterPort(
    port_id="22222222-bbbb", network_id="x", mac_address="fa:16:3e:00:00:02", mtu=1500, addresses=("203.0.113.2/24",)
)
INFO = RouterInfo(
    router_id=ROUTER,
    host="h1",
    interfaces=(INSIDE,),
    gateway=OUTSIDE,
    next_hop="203.0.113.1",
    floating_ips=(("203.0.113.51", "10.5.0.11"),),
)


def test_each_port_is_a_device_and_floating_ips_are_on_the_gateways() -> None:
    assert devices(INFO) == [
        Device("qr-11111111-aa", "tap11111111-aa", "fa:16:3e:00:00:01", 1450, ("10.5.0.1/24",)),
        Device("qg-22222222-bb", "tap22222222-bb", "fa:16:3e:00:00:02", 1500, ("203.0.113.2/24", "203.0.113.51/32")),
    ]
    assert [device.name for device in devices(replace(INFO, gateway=None))] == ["qr-11111111-aa"]


def test_the_gateways_subnet_leads_on_unless_a_route_says_where() -> None:
    assert routes(INFO) == {"0.0.0.0/0": Route("203.0.113.1", "qg-22222222-bb")}
    assert routes(replace(INFO, gateway=None)) == routes(replace(INFO, next_hop="")) == {}
    asked = replace(INFO, routes=(("0.0.0.0/0", "10.5.0.9"), ("192.0.2.0/24", "10.5.0.8")))
    assert routes(replace(INFO, gateway=None, routes=(("192.0.2.7", "10.5.0.8"),))) == {
        "192.0.2.7/32": Route("10.5.0.8")
    }
    assert routes(asked) == {"0.0.0.0/0": Route("10.5.0.9"), "192.0.2.0/24": Route("10.5.0.8")}


def test_a_router_is_served_on_its_node() -> None:
    assert is_served(INFO, "h1")
    assert not is_served(INFO, "h2")
    assert not is_served(replace(INFO, host=""), "h1")
    assert served(INFO) == INFO


def test_of_a_router_that_is_down_there_are_devices_alone() -> None:
    down = served(replace(INFO, admin_state_up=False))
    assert [device.tap for device in devices(down)] == [device.tap for device in devices(INFO)]
    assert not any(device.addresses for device in devices(down))
    assert not routes(down) and not down.floating_ips


def test_the_world_is_lines_that_begin_with_the_router() -> None:
    assert world([INFO]) == {
        "routers": [ROUTER],
        "router_addresses": [
            f"{ROUTER} qg-22222222-bb 203.0.113.2/24",
            f"{ROUTER} qg-22222222-bb 203.0.113.51/32",
            f"{ROUTER} qr-11111111-aa 10.5.0.1/24",
        ],
        "floating_ips": [f"{ROUTER} 203.0.113.51 10.5.0.11"],
    }
    assert not any(world([]).values())
