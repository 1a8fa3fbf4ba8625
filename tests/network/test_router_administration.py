"""Routers and floating IPs as users have them, and what the agents hear of them."""

from __future__ import annotations

import asyncio

import pytest

from actors.errors import value_of
from actors.messages import AllocateRequest, FloatingIps
from actors.network.messages import CreatePort, FixedIpRequest, PortQuery, UpdateNetwork, UpdatePort, UpdateSubnet
from actors.network.naming import FLOATING_OWNER, GATEWAY_OWNER, INTERFACE_OWNER
from actors.network.router_messages import CreateRouter, ExternalGateway
from actors.records import FloatingIp
from tests.network.cloud import ADMIN, ALICE, BOB, DOMAIN, boot, fault_of, gone, live_rows, on_disk, remembered, run
from tests.network.routing_cloud import RoutedCloud, named


def test_a_router_runs_on_a_node_that_hears_all_of_it() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network, interface = await cloud.routed()
        host = cloud.kept_router(router).host
        assert host == "h1" and interface.network_id == network.id
        told = cloud.agents[host].routers[router.id]
        assert [end.addresses for end in told.interfaces] == [("10.0.0.1/24",)] and told.enable_snat
        assert told.gateway and told.gateway.addresses == ("172.24.4.2/24",) and told.next_hop == "172.24.4.1"
        owners = {port.device_owner: port for port in cloud.ports() if port.device_id == router.id}
        assert {*owners} == {INTERFACE_OWNER, GATEWAY_OWNER} and {port.host for port in owners.values()} == {host}
        assert owners[GATEWAY_OWNER].project_id == "" and owners[INTERFACE_OWNER].project_id == "project-a"
        assert await cloud.room.peers([network.id]) == [("172.31.0.1",)]
        assert await cloud.room.routers_on(host) == [told] and await cloud.room.routers_on("h2") == []
        assert value_of(await cloud.remove(router, subnet_id=interface.subnet_ids[0])) == interface
        assert not cloud.agents[host].routers[router.id].interfaces
        assert await cloud.room.delete_routers([named(router)]) == [None]
        assert not cloud.agents[host].routers and not any(port.device_id == router.id for port in cloud.ports())
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_the_clouds_own_ports_are_nobodys() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, _, _ = await cloud.routed()
        (port,) = [port for port in cloud.ports() if port.device_owner == GATEWAY_OWNER]
        assert (port.device_id, port.project_id) == (router.id, "")
        assert await cloud.room.list_ports(PortQuery(token=DOMAIN)) == []
        (refused,) = await cloud.room.update_ports([UpdatePort(token=DOMAIN, id=port.id, admin_state_up=False)])
        assert fault_of(refused).status == 404 and cloud.port(port.id) == port

    run(scenario())


def test_routers_spread_and_need_a_device_of_their_external_network() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin(flat=True, nodes=())
        router, _, _ = await cloud.routed()
        assert cloud.kept_router(router).host == ""
        await cloud.room.agent_started("h3")
        assert cloud.kept_router(router).host == ""  # it has no device for it
        await cloud.room.agent_started("h2", "172.31.0.2", ("public",))
        assert cloud.kept_router(router).host == "h2"
        assert [info.router_id for info in await cloud.room.routers_on("h2")] == [router.id]
        await cloud.room.agent_started("h1", "172.31.0.1", ("public",))
        second, third = await cloud.router(), await cloud.router(gateway=False)
        assert cloud.kept_router(second).host == "h1" and cloud.kept_router(third).host == ""
        await cloud.room.agent_started("h2", "172.31.0.2")
        assert cloud.kept_router(router).host == "h1"  # its device went away

    run(scenario())


def test_routers_move_when_their_node_leaves() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin(nodes=("h1", "h2"))
        router, network, _ = await cloud.routed()
        await cloud.room.allocate([boot("i1", network, host="h1")])
        for _ in range(2):
            await cloud.room.forget_hosts(["h1"])
            assert cloud.kept_router(router).host == "h2"
            assert {port.host for port in cloud.ports() if port.device_id == router.id} == {"h2"}
            rows = await live_rows(cloud).ready()
            assert rows.networks[network.id].dhcp_host == "h2"  # the router's port is one that DHCP can follow
        assert router.id in cloud.agents["h2"].routers
        heard = [info for info in cloud.agents["h2"].routers_heard if info.router_id == router.id]
        assert len(heard) >= 2  # a room that died may have told nobody
        await cloud.room.forget_hosts(["h2"])
        assert cloud.kept_router(router).host == ""
        assert {port.host for port in cloud.ports() if port.device_id == router.id} == {""}
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_nobody_hears_of_what_changes_nothing_for_them() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network, _ = await cloud.routed()
        (reply,) = await cloud.room.allocate([boot("i1", network)])
        floating = value_of(await cloud.floating(port_id=value_of(reply)[0].port_id))
        agent = cloud.agents["h1"]
        agent.routers_heard.clear()
        cloud.shown.clear()
        assert value_of(await cloud.update(router, name="ours", description="all of it")).name == "ours"
        assert value_of(await cloud.lead(floating, description="mine")).description == "mine"
        value_of((await cloud.room.update_networks([UpdateNetwork(token=ALICE, id=network.id, name="n")]))[0])
        assert agent.routers_heard == [] and cloud.shown == []
        value_of(await cloud.update(router, admin_state_up=False))
        value_of(await cloud.lead(floating, port_id=""))
        assert len(agent.routers_heard) == 2 and len(cloud.shown) == 1

    run(scenario())


def test_routers_go_to_nodes_that_hear() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin(nodes=("h1", "h2"))
        cloud.agents["h1"].broken = True
        first, second = await cloud.router(), await cloud.router()
        assert cloud.kept_router(first).host == "h1"  # nobody knew
        third = await cloud.router()
        assert [cloud.kept_router(router).host for router in (second, third)] == ["h2", "h2"]
        cloud.agents["h2"].broken = True
        value_of(await cloud.update(second, admin_state_up=False))
        assert cloud.kept_router(second).host == "h2"  # it stays
        assert cloud.kept_router(await cloud.router()).host == "h1"  # none hears, and h1 has fewer

    run(scenario())


def test_what_an_agent_did_not_hear_of_a_router_is_told_again() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin(nodes=("h1",))
        router, _, _ = await cloud.routed()
        cloud.agents["h1"].broken = True
        value_of(await cloud.update(router, admin_state_up=False))
        assert cloud.agents["h1"].routers[router.id].admin_state_up
        cloud.agents["h1"].broken = False
        cloud.agents["h1"].told.clear()
        await cloud.network("alice", "10.9.0.0/24")  # nobody's
        other = await cloud.router()
        await asyncio.wait_for(cloud.agents["h1"].told.wait(), 5)
        assert not cloud.agents["h1"].routers[router.id].admin_state_up and other.id in cloud.agents["h1"].routers

    run(scenario())


@pytest.mark.parametrize("after", [False, True])
def test_after_a_commit_that_failed_agents_hear_what_is_on_disk(after: bool) -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin(nodes=("h1",))
        router, _, _ = await cloud.routed()
        cloud.ledger.fail_before, cloud.ledger.fail_after = int(not after), int(after)
        with pytest.raises(OSError):
            await cloud.update(router, admin_state_up=False)
        cloud.agents["h1"].told.clear()
        assert await remembered(cloud) == on_disk(cloud)  # loads it
        await asyncio.wait_for(cloud.agents["h1"].told.wait(), 5)
        assert cloud.agents["h1"].routers[router.id].admin_state_up == (not after)

    run(scenario())


def test_a_restarted_room_tells_every_router_again() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin(nodes=("h1",))
        router, _, _ = await cloud.routed()
        cloud.agents["h1"].routers.clear()
        cloud.agents["h1"].told.clear()
        await cloud.restarted().start()
        await asyncio.wait_for(cloud.agents["h1"].told.wait(), 5)
        assert router.id in cloud.agents["h1"].routers

    run(scenario())


def test_a_floating_ip_from_its_making_to_its_end() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network, _ = await cloud.routed()
        agent = cloud.agents[cloud.kept_router(router).host]
        floating = value_of(await cloud.floating())
        assert (floating.address, floating.port_id, floating.router_id) == ("172.24.4.3", "", "")
        [held] = [port for port in cloud.ports() if port.device_owner == FLOATING_OWNER]
        assert held.device_id == floating.id and held.host == "" and held.project_id == ""
        port = await cloud.made_port(network)
        led = value_of(await cloud.lead(floating, port_id=port.id))
        assert (led.port_id, led.fixed_ip, led.router_id) == (port.id, port.fixed_ips[0].ip_address, router.id)
        assert agent.routers[router.id].floating_ips == (("172.24.4.3", led.fixed_ip),)
        assert value_of(await cloud.lead(floating, description="mine")).port_id == port.id
        assert value_of(await cloud.lead(floating, port_id="")).router_id == ""
        assert agent.routers[router.id].floating_ips == ()
        again = value_of(await cloud.floating(port_id=port.id, fixed_ip=led.fixed_ip))
        assert agent.routers[router.id].floating_ips == ((again.address, led.fixed_ip),)
        assert await cloud.room.delete_ports([named(port)]) == [None]
        assert cloud.kept_floating(again).port_id == "" and agent.routers[router.id].floating_ips == ()
        assert await cloud.room.delete_floating_ips([named(floating), named(again)]) == [None, None]
        assert not any(port.device_owner == FLOATING_OWNER for port in cloud.ports())
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_an_external_network_goes_with_the_floating_ips_that_lead_nowhere() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network, _ = await cloud.routed()
        port = await cloud.made_port(network)
        idle, busy = value_of(await cloud.floating()), value_of(await cloud.floating(port_id=port.id))
        (refused,) = await cloud.room.delete_networks([named(cloud.outside, ADMIN)])
        assert fault_of(refused).kind == "NetworkInUse" and cloud.kept_floating(idle) == idle
        value_of(await cloud.lead(busy, port_id=""))
        value_of(await cloud.update(router, gateway=ExternalGateway(network_id="")))
        assert await cloud.room.delete_networks([named(cloud.outside, ADMIN)]) == [None]
        assert not on_disk(cloud)["FloatingIp"] and {one.id for one in cloud.ports() if not one.host} == {port.id}
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_what_leads_to_a_server_is_told_and_ends_with_it() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        heard = cloud.shown
        router, network, _ = await cloud.routed()
        (reply,) = await cloud.room.allocate([boot("i1", network)])
        (vif,) = value_of(reply)
        floating: FloatingIp = value_of(await cloud.floating(port_id=vif.port_id))
        pairs = ((floating.address, vif.fixed_ips[0].ip_address),)
        assert heard[-1][0] == [FloatingIps(instance_id="i1", port_id=vif.port_id, floating_ips=pairs)]
        (again,) = await cloud.room.allocate([boot("i1", network)])
        assert value_of(again)[0].floating_ips == pairs
        heard.clear()
        cloud.was_shown.clear()
        await cloud.restarted().start()
        await asyncio.wait_for(cloud.was_shown.wait(), 5)
        assert heard == [([FloatingIps(instance_id="i1", port_id=vif.port_id, floating_ips=pairs)], True)]
        value_of(await cloud.lead(floating, port_id=""))
        assert heard[-1] == ([FloatingIps(instance_id="i1", port_id=vif.port_id, floating_ips=())], False)
        value_of(await cloud.lead(floating, port_id=vif.port_id))
        heard.clear()
        for _ in range(2):
            await cloud.room.deallocate([gone("i1"), gone("i1")])
            assert cloud.kept_floating(floating).port_id == "" and heard == []  # nobody shows it any more
        agent = cloud.agents[cloud.kept_router(router).host]
        assert agent.routers[router.id].floating_ips == ()
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_other_addresses_of_a_port_and_other_gateways_of_subnets() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network, interface = await cloud.routed()
        port = await cloud.made_port(network)
        floating = value_of(await cloud.floating(port_id=port.id))
        agent = cloud.agents[cloud.kept_router(router).host]
        other = (FixedIpRequest(ip_address="10.0.0.77"),)
        value_of((await cloud.room.update_ports([UpdatePort(token=ALICE, id=port.id, fixed_ips=other)]))[0])
        assert cloud.kept_floating(floating).port_id == "" and agent.routers[router.id].floating_ips == ()
        value_of((await cloud.room.update_networks([UpdateNetwork(token=ALICE, id=network.id, mtu=1400)]))[0])
        assert agent.routers[router.id].interfaces[0].mtu == 1400
        outside = await cloud.subnet_of(cloud.outside)
        moved = UpdateSubnet(
            token=ADMIN, id=outside.id, gateway_ip="172.24.4.254", pools=(("172.24.4.2", "172.24.4.9"),)
        )
        value_of((await cloud.room.update_subnets([moved]))[0])
        assert agent.routers[router.id].next_hop == "172.24.4.254"
        taken = UpdateSubnet(token=ALICE, id=interface.subnet_ids[0], gateway_ip="10.0.0.254")
        assert fault_of((await cloud.room.update_subnets([taken]))[0]).kind == "GatewayIpInUse"

    run(scenario())


def test_what_is_in_use_stays() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network, interface = await cloud.routed()
        port = await cloud.made_port(network)
        value_of(await cloud.floating(port_id=port.id))
        before = on_disk(cloud)
        room, subnet_id = cloud.room, interface.subnet_ids[0]
        [end, gateway, held] = [
            next(port for port in cloud.ports() if port.device_owner == owner)
            for owner in (INTERFACE_OWNER, GATEWAY_OWNER, FLOATING_OWNER)
        ]
        elsewhere = await cloud.network(ADMIN, "192.0.2.0/24", external=True)
        refused = {
            "RouterInUse": (await room.delete_routers([named(router)]))[0],
            "RouterInterfaceInUseByFloatingIP": await cloud.remove(router, subnet_id=subnet_id),
            "RouterExternalGatewayInUseByFloatingIp": await cloud.update(
                router, gateway=ExternalGateway(network_id="")
            ),
            "NetworkInUse": (await room.delete_networks([named(network)]))[0],
            "SubnetInUse": (await room.delete_subnets([named(await cloud.subnet_of(network))]))[0],
            "ExternalNetworkInUse": (
                await room.update_networks([UpdateNetwork(token=ADMIN, id=cloud.outside.id, external=False)])
            )[0],
        }
        for kind, reply in refused.items():
            assert (fault_of(reply).status, fault_of(reply).kind) == (409, kind)
        for one in (end, gateway, held):
            (reply,) = await room.delete_ports([named(one, ADMIN)])
            assert (fault_of(reply).status, fault_of(reply).kind) == (409, "ServicePortInUse")
            taken = UpdatePort(token=ADMIN, id=one.id, device_owner="", device_id="")
            assert fault_of((await room.update_ports([taken]))[0]).status == 409
        moved = await cloud.update(router, gateway=ExternalGateway(network_id=elsewhere.id))
        assert fault_of(moved).kind == "RouterExternalGatewayInUseByFloatingIp"
        after = on_disk(cloud)
        for kind in ("Router", "FloatingIp", "Port"):
            assert after[kind] == before[kind]
        assert await remembered(cloud) == after

    run(scenario())


def test_interfaces_that_are_refused() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network, interface = await cloud.routed()
        same, closed, six = await cloud.network(), await cloud.network(cidr=""), await cloud.network(cidr="fd00::/64")
        await cloud.subnet(closed, cidr="10.7.0.0/24", gateway_ip="")
        taken = await cloud.made_port(network)
        served = await cloud.made_port(same, device_id="a server of my own")
        for status, kind, asked in (
            (400, "BadRequest", {}),
            (400, "BadRequest", {"subnet_id": "x", "port_id": "y"}),
            (404, "SubnetNotFound", {"subnet_id": "x"}),
            (404, "PortNotFound", {"port_id": "x"}),
            (400, "BadRequest", {"subnet_id": interface.subnet_ids[0]}),  # it is there already
            (400, "BadRequest", {"port_id": taken.id}),
            (400, "BadRequest", {"subnet_id": (await cloud.subnet_of(same)).id}),  # the same addresses
            (409, "PortInUse", {"port_id": served.id}),
            (409, "PortInUse", {"port_id": interface.port_id}),
            (400, "BadRequest", {"subnet_id": (await cloud.subnet_of(closed)).id}),  # no gateway's address
            (400, "BadRequest", {"subnet_id": (await cloud.subnet_of(six)).id}),
            (404, "SubnetNotFound", {"subnet_id": (await cloud.subnet_of(cloud.outside)).id}),
        ):
            fault = fault_of(await cloud.add(router, **asked))
            assert (fault.status, fault.kind) == (status, kind), (asked, fault)
        for status, kind, asked in (
            (400, "BadRequest", {}),
            (404, "RouterInterfaceNotFound", {"port_id": taken.id}),
            (404, "RouterInterfaceNotFoundForSubnet", {"subnet_id": (await cloud.subnet_of(same)).id}),
            (404, "SubnetNotFound", {"subnet_id": "x"}),
            (400, "SubnetMismatchForPort", {"subnet_id": "x", "port_id": interface.port_id}),
        ):
            fault = fault_of(await cloud.remove(router, **asked))
            assert (fault.status, fault.kind) == (status, kind), (asked, fault)
        shared = await cloud.network(ADMIN, "10.8.0.0/24", shared=True)
        fault = fault_of(await cloud.add(router, subnet_id=(await cloud.subnet_of(shared)).id))
        assert fault.status == 400 and "not owned" in fault.message
        mine = await cloud.made_port(shared)
        assert value_of(await cloud.add(router, port_id=mine.id)).port_id == mine.id
        kept = cloud.port(mine.id)
        assert kept.device_owner == INTERFACE_OWNER and not kept.port_security_enabled and not kept.security_groups
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_a_port_made_with_the_gateways_address_becomes_an_interface() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network = await cloud.router(), await cloud.network()
        port = await cloud.made_port(network, fixed_ips=(FixedIpRequest(ip_address="10.0.0.1"),))
        value_of(await cloud.add(router, port_id=port.id))
        assert [end.addresses for end in cloud.agents["h1"].routers[router.id].interfaces] == [("10.0.0.1/24",)]
        value_of(await cloud.remove(router, port_id=port.id))
        subnet_id = (await cloud.subnet_of(network)).id
        value_of(await cloud.add(router, subnet_id=subnet_id))  # the address is free again
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_routes() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, _, interface = await cloud.routed()
        far = (("10.5.0.0/16", "10.0.0.9"),)
        assert value_of(await cloud.update(router, routes=far)).routes == far
        assert cloud.agents["h1"].routers[router.id].routes == far
        fault = fault_of(await cloud.remove(router, subnet_id=interface.subnet_ids[0]))
        assert (fault.status, fault.kind) == (409, "RouterInterfaceInUseByRoute")
        more = (("10.6.0.0/16", "172.24.4.1"),)
        assert value_of(await cloud.update(router, add_routes=more)).routes == far + more
        fault = fault_of(await cloud.update(router, gateway=ExternalGateway(network_id="")))
        assert (fault.status, fault.kind) == (409, "RouterInterfaceInUseByRoute")
        assert value_of(await cloud.update(router, remove_routes=far, gateway=None)).routes == more
        for kind, routes in (
            ("InvalidRoutes", (("10.5.0.0/16", "10.1.0.9"),)),
            ("InvalidRoutes", (("10.5.0.0/16", "10.0.0.1"),)),
            ("InvalidRoutes", (("fd00::/64", "10.0.0.1"),)),
            ("InvalidRoutes", (("10.5.0.0/16", "10.0.0.0"),)),
            ("InvalidRoutes", (("10.5.0.0/16", "10.0.0.255"),)),
            ("InvalidRoutes", (("10.5.0.0/16", "10.0.0.8"), ("10.5.0.0/16", "10.0.0.9"))),
            ("HTTPBadRequest", (("10.5.0.1/16", "10.0.0.9"),)),
            ("HTTPBadRequest", (*far, *far)),
            ("RoutesExhausted", tuple((f"10.{number}.0.0/16", "10.0.0.9") for number in range(1, 32))),
        ):
            fault = fault_of(await cloud.update(router, routes=routes))
            assert (fault.status, fault.kind) == (400, kind)
        await cloud.subnet(cloud.outside, ADMIN, cidr="198.51.100.0/24", gateway_ip="198.51.100.1", enable_dhcp=False)
        moved = ExternalGateway(network_id=cloud.outside.id, fixed_ips=(FixedIpRequest(ip_address="198.51.100.7"),))
        fault = fault_of(await cloud.update(router, ADMIN, gateway=moved))  # a route leads through where it is
        assert (fault.status, fault.kind) == (409, "RouterInterfaceInUseByRoute")
        assert await remembered(cloud) == on_disk(cloud)
        value_of(await cloud.update(router, ADMIN, gateway=moved, routes=()))
        assert value_of(await cloud.update(router, routes=(), gateway=ExternalGateway(network_id=""))).routes == ()

    run(scenario())


def test_gateways() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        inside = await cloud.network()
        router = await cloud.router(gateway=False)
        for status, kind, token, more in (
            (404, "NetworkNotFound", ALICE, {"network_id": "x"}),
            (400, "BadRequest", ALICE, {"network_id": inside.id}),
            (403, "", ALICE, {"network_id": cloud.outside.id, "enable_snat": False}),
            (403, "", ALICE, {"network_id": cloud.outside.id, "fixed_ips": (FixedIpRequest(ip_address="172.24.4.9"),)}),
            (400, "InvalidIpForNetwork", ADMIN,
             {"network_id": cloud.outside.id, "fixed_ips": (FixedIpRequest(ip_address="172.24.4.1"),)}),
        ):  # fmt: skip
            fault = fault_of(await cloud.update(router, token, gateway=ExternalGateway(**more)))
            assert (fault.status, fault.kind) == (status, kind), fault
        wanted = (FixedIpRequest(ip_address="172.24.4.9"),)
        out = ExternalGateway(network_id=cloud.outside.id, enable_snat=False, fixed_ips=wanted)
        assert not value_of(await cloud.update(router, ADMIN, gateway=out)).enable_snat
        told = cloud.agents["h1"].routers[router.id]
        assert told.gateway and told.gateway.addresses == ("172.24.4.9/24",) and not told.enable_snat
        same = ExternalGateway(network_id=cloud.outside.id)
        assert not value_of(await cloud.update(router, gateway=same)).enable_snat  # what is not said stays
        port_id = told.gateway.port_id
        value_of(await cloud.update(router, gateway=ExternalGateway(network_id=cloud.outside.id, fixed_ips=())))
        assert [ip.ip_address for ip in cloud.port(port_id).fixed_ips] == ["172.24.4.9"]
        moved = ExternalGateway(network_id=cloud.outside.id, fixed_ips=(FixedIpRequest(ip_address="172.24.4.10"),))
        value_of(await cloud.update(router, ADMIN, gateway=moved))
        assert [ip.ip_address for ip in cloud.port(port_id).fixed_ips] == ["172.24.4.10"]
        assert value_of(await cloud.update(router, gateway=ExternalGateway(network_id=""))).external_network_id == ""
        assert port_id not in on_disk(cloud)["Port"] and cloud.kept_router(router).host == ""
        assert router.id not in cloud.agents["h1"].routers
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_floating_ips_that_are_refused() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        router, network, _ = await cloud.routed()
        port, apart = await cloud.made_port(network), await cloud.made_port(await cloud.network(cidr="10.3.0.0/24"))
        bobs = await cloud.made_port(await cloud.network(BOB, "10.4.0.0/24"), BOB)
        floating = value_of(await cloud.floating(port_id=port.id))
        for status, kind, token, more in (
            (409, "FloatingIPPortAlreadyAssociated", ALICE, {"port_id": port.id}),
            (404, "ExternalGatewayForFloatingIPNotFound", ALICE, {"port_id": apart.id}),
            (404, "PortNotFound", ALICE, {"port_id": bobs.id}),
            (400, "BadRequest", ALICE, {"fixed_ip": "10.0.0.2"}),
            (400, "BadRequest", ALICE, {"port_id": port.id, "fixed_ip": "10.0.0.99"}),
            (400, "BadRequest", ALICE, {"subnet_id": "x"}),
            (403, "", ALICE, {"address": "172.24.4.99"}),
            (409, "IpAddressAlreadyAllocated", ADMIN, {"address": floating.address}),
            (400, "InvalidIpForNetwork", ADMIN, {"address": "10.0.0.1"}),
        ):
            before = on_disk(cloud)
            fault = fault_of(await cloud.floating(token, **more))
            assert (fault.status, fault.kind) == (status, kind), fault
            assert on_disk(cloud) == before
        assert value_of(await cloud.floating(ADMIN, address="172.24.4.99")).address == "172.24.4.99"
        assert value_of(await cloud.lead(floating, port_id=port.id)).port_id == port.id  # where it leads already
        assert fault_of(await cloud.lead(floating, BOB, port_id=bobs.id)).kind == "FloatingIPNotFound"
        assert fault_of((await cloud.room.show_routers([named(router, BOB)]))[0]).kind == "RouterNotFound"
        assert await cloud.room.list_routers(BOB) == [] == await cloud.room.list_floating_ips(BOB)

    run(scenario())


def test_an_external_network_is_seen_and_not_used_by_others() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        assert [network.id for network in await cloud.room.list_networks(BOB)] == [cloud.outside.id]
        assert await cloud.room.list_subnets(BOB) == []

        def asks(token: str) -> AllocateRequest:
            return boot("i1", cloud.outside, token=token)

        (refused,) = await cloud.room.validate([asks(BOB)])
        assert (fault_of(refused).status, fault_of(refused).kind) == (403, "ExternalNetworkAttachForbidden")
        assert await cloud.room.validate([asks(ADMIN)]) == [None]
        (refused_port,) = await cloud.room.create_ports([CreatePort(token=BOB, network_id=cloud.outside.id)])
        assert fault_of(refused_port).status == 403
        mine = UpdateNetwork(token=ALICE, id=(await cloud.network()).id, external=True)
        assert fault_of((await cloud.room.update_networks([mine]))[0]).status == 403

    run(scenario())


def test_anothers_router_does_a_floating_ip_only_at_the_gateways_address() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        shared = await cloud.network(ADMIN, shared=True)
        port, bobs = await cloud.made_port(shared), await cloud.router(token=BOB)
        end = await cloud.made_port(shared, BOB)
        value_of(await cloud.add(bobs, BOB, port_id=end.id))
        fault = fault_of(await cloud.floating(port_id=port.id))
        assert (fault.status, fault.kind) == (404, "ExternalGatewayForFloatingIPNotFound")
        mine = await cloud.router()
        value_of(await cloud.add(mine, port_id=(await cloud.made_port(shared)).id))
        floating = value_of(await cloud.floating(port_id=port.id))
        assert floating.router_id == mine.id
        value_of(await cloud.remove(bobs, BOB, port_id=end.id))
        providers = await cloud.router(token=ADMIN)
        value_of(await cloud.add(providers, ADMIN, subnet_id=(await cloud.subnet_of(shared)).id))
        value_of(await cloud.lead(floating, port_id=""))
        assert value_of(await cloud.lead(floating, port_id=port.id)).router_id == providers.id

    run(scenario())


def test_an_interface_moves_from_the_gateways_address_and_back() -> None:
    async def scenario() -> None:
        cloud = await RoutedCloud().begin()
        _, _, interface = await cloud.routed()
        for address in ("10.0.0.77", "10.0.0.1"):
            moved = UpdatePort(token=ALICE, id=interface.port_id, fixed_ips=(FixedIpRequest(ip_address=address),))
            [ip] = value_of((await cloud.room.update_ports([moved]))[0]).fixed_ips
            assert ip.ip_address == address
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_an_interface_by_subnet_counts_as_a_port_of_its_project() -> None:
    async def scenario() -> None:
        cloud = RoutedCloud()
        cloud.room._limits = cloud.room._limits | {"port": 1}
        await cloud.begin()
        router, _, _ = await cloud.routed()
        subnet = await cloud.subnet_of(await cloud.network(cidr="10.9.0.0/24"))
        fault = fault_of(await cloud.add(router, subnet_id=subnet.id))
        assert (fault.status, fault.kind) == (409, "OverQuota")
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())


def test_limits() -> None:
    async def scenario() -> None:
        cloud = RoutedCloud()
        cloud.room._limits = cloud.room._limits | {"router": 1, "floatingip": 1}
        await cloud.begin()
        await cloud.router()
        value_of(await cloud.floating())
        (router,) = await cloud.room.create_routers([CreateRouter(token=ALICE)])
        for reply in (router, await cloud.floating()):
            assert (fault_of(reply).status, fault_of(reply).kind) == (409, "OverQuota")
        assert await remembered(cloud) == on_disk(cloud)

    run(scenario())
