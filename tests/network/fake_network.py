"""The network service as agents see it, in memory: ports are put in by hand, and what agents report is kept."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from actors.errors import CallerFault, not_found
from actors.ids import id_within
from actors.messages import AllocateRequest, DeallocateRequest, PortDetails, Vif
from actors.network.messages import (
    DhcpHost,
    DhcpNetworkInfo,
    DhcpQuery,
    FirewallRule,
    PortFirewall,
    RouterInfo,
    RouterPort,
)
from actors.network.naming import GATEWAY_OWNER, INTERFACE_OWNER, bridge_device, dhcp_port_id, tap_device
from actors.network.views import details_of
from actors.records import FixedIp, Network, Port, Subnet

ALL_PASS = tuple(
    FirewallRule(direction=way, ethertype="IPv4", protocol="", port_min=-1, port_max=-1, remote_prefixes=())
    for way in ("ingress", "egress")
)


class FakeNetwork:
    """Meets `NetworkFace`. `away` = every call fails as if the service did not answer."""

    def __init__(self) -> None:
        self.networks: dict[str, Network] = {}
        self.subnets: dict[str, Subnet] = {}
        self.ports: dict[str, Port] = {}
        self.rules: dict[str, tuple[FirewallRule, ...]] = {}  # by port; ALL_PASS where none are set
        self.endpoints: dict[str, str] = {}
        self.routers: dict[str, RouterInfo] = {}
        self.calls: list[str] = []
        self.away = False

    # ------------------------------------------------------------ what a test puts in

    def add_network(self, network_id: str, cidr: str, vni: int, dhcp_host: str, dhcp_ip: str = "") -> Network:
        network = Network(
            id=network_id,
            name=network_id,
            project_id="p",
            network_type="vxlan",
            segmentation_id=vni,
            dhcp_host=dhcp_host,
        )
        subnet = Subnet(id=f"s-{network_id}", name="", network_id=network_id, project_id="p", cidr=cidr)
        self.networks[network_id], self.subnets[subnet.id] = network, subnet
        if dhcp_ip:
            self.add_port(dhcp_port_id(network_id), network_id, dhcp_ip, dhcp_host, "network:dhcp")
        return network

    def add_port(
        self, port_id: str, network_id: str, address: str, host: str, owner: str = "compute:nova", device: str = ""
    ) -> Port:
        last = int(address.rpartition(".")[2])
        self.ports[port_id] = Port(
            id=port_id,
            network_id=network_id,
            project_id="p",
            mac_address=f"fa:16:3e:00:{'dd' if owner.startswith('network') else '00'}:{last:02x}",
            fixed_ips=(FixedIp(f"s-{network_id}", address),),
            device_owner=owner,
            device_id=device,
            host=host,
        )
        return self.ports[port_id]

    def add_router(
        self, router_id: str, host: str, ends: dict[str, str], gateway: tuple[str, str] | None = None
    ) -> None:
        """`ends`: its addresses in networks by their ids; `gateway`: the external network and its address there. The
        first address of that network is the next hop."""
        interfaces = tuple(self._end(router_id, host, *end, INTERFACE_OWNER) for end in ends.items())
        outside = self._end(router_id, host, *gateway, GATEWAY_OWNER) if gateway else None
        next_hop = f"{gateway[1].rpartition('.')[0]}.1" if gateway else ""
        self.routers[router_id] = RouterInfo(
            router_id=router_id, host=host, interfaces=interfaces, gateway=outside, next_hop=next_hop
        )
        return self.routers[router_id]

    def _end(self, router_id: str, host: str, network_id: str, address: str, owner: str) -> RouterPort:
        port = self.add_port(
            id_within(UUID(int=0), router_id + network_id), network_id, address, host, owner, router_id
        )
        mtu = self.networks[network_id].mtu
        return RouterPort(
            port_id=port.id,
            network_id=network_id,
            mac_address=port.mac_address,
            mtu=mtu,
            addresses=(f"{address}/24",),
        )

    # ------------------------------------------------------------ NetworkFace

    async def port_details(self, devices: list[str]) -> list[PortDetails | CallerFault]:
        self._called("port_details")
        ports = {tap_device(port.id): port for port in self.ports.values()}
        return [
            details_of(device, ports[device], self.networks[ports[device].network_id])
            if device in ports
            else not_found("device", device)
            for device in devices
        ]

    async def ports_up(self, port_ids: list[str], node: str = "") -> None:
        self._called(f"up {' '.join(sorted(port_ids))}")

    async def ports_down(self, port_ids: list[str], node: str = "") -> None:
        self._called(f"down {' '.join(sorted(port_ids))}")

    async def agent_started(
        self, host: str, underlay_ip: str = "", physical_networks: tuple[str, ...] = ()
    ) -> list[str]:
        self._called(f"started {host}")
        self.endpoints[host] = underlay_ip
        return [network.id for network in self.networks.values() if network.dhcp_host == host]

    async def routers_on(self, host: str) -> list[RouterInfo]:
        self._called("routers_on")
        return [router for router in self.routers.values() if router.host == host]

    async def peers(self, network_ids: list[str]) -> list[tuple[str, ...]]:
        self._called("peers")
        return [tuple(sorted(self._peers(network_id))) for network_id in network_ids]

    def _peers(self, network_id: str) -> Iterable[str]:
        hosts = {port.host for port in self.ports.values() if port.network_id == network_id}
        return {self.endpoints[host] for host in hosts if host in self.endpoints}

    async def dhcp_networks(self, network_ids: list[str]) -> list[DhcpNetworkInfo | CallerFault]:
        self._called("dhcp_networks")
        return [
            self.info(network_id) if network_id in self.networks else not_found("network_id", network_id)
            for network_id in network_ids
        ]

    async def dhcp_changes(self, queries: list[DhcpQuery]) -> list[DhcpNetworkInfo | CallerFault]:
        """Remembers nothing, so it always tells everything."""
        return await self.dhcp_networks([query.network_id for query in queries])

    def info(self, network_id: str) -> DhcpNetworkInfo:
        ports = [port for port in self.ports.values() if port.network_id == network_id]
        return DhcpNetworkInfo(
            network_id=network_id,
            network=self.networks[network_id],
            subnets=tuple(subnet for subnet in self.subnets.values() if subnet.network_id == network_id),
            hosts=tuple(_dhcp_host(port) for port in ports if port.device_owner != "network:dhcp"),
            port=next((port for port in ports if port.device_owner == "network:dhcp"), None),
            dns_domain="openstacklocal",
            version="e/0",
        )

    async def firewall_rules(self, port_ids: list[str]) -> list[PortFirewall | CallerFault]:
        self._called("firewall_rules")
        return [
            self._firewall(self.ports[port_id]) if port_id in self.ports else not_found("port_id", port_id)
            for port_id in port_ids
        ]

    def _firewall(self, port: Port) -> PortFirewall:
        up = port.admin_state_up  # else nothing passes
        return PortFirewall(
            port_id=port.id,
            device=tap_device(port.id),
            bridge=bridge_device(port.network_id),
            network_id=port.network_id,
            mac_address=port.mac_address,
            ip_addresses=tuple(fixed.ip_address for fixed in port.fixed_ips) if up else (),
            allowed_address_pairs=port.allowed_address_pairs if up else (),
            port_security_enabled=port.port_security_enabled or not up,
            rules=self.rules.get(port.id, ALL_PASS) if up else (),
        )

    async def validate(self, requests: list[AllocateRequest]) -> list[CallerFault | None]:
        raise AssertionError("agents do not allocate")

    async def allocate(self, requests: list[AllocateRequest]) -> list[tuple[Vif, ...] | CallerFault]:
        raise AssertionError("agents do not allocate")

    async def deallocate(self, requests: list[DeallocateRequest]) -> None:
        raise AssertionError("agents do not allocate")

    def _called(self, what: str) -> None:
        if self.away:
            raise ConnectionError("the network service does not answer")
        self.calls.append(what)


def _dhcp_host(port: Port) -> DhcpHost:
    return DhcpHost(
        port_id=port.id,
        mac_address=port.mac_address,
        fixed_ips=port.fixed_ips,
        dns_name=port.dns_name,
        device_id=port.device_id,
    )
