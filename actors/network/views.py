"""What the rows look like to those who ask: VIFs to compute, details, firewalls and DHCP contents to agents. Pure."""

from __future__ import annotations

from actors.cluster.names import node_of
from actors.errors import CallerFault, not_found
from actors.messages import PortDetails, SubnetInfo, Vif
from actors.network.groups import RuleResolver
from actors.network.messages import AgentView, DhcpHost, DhcpNetworkInfo, DhcpQuery, PortFirewall
from actors.network.naming import COMPUTE_OWNER, DEFAULT_GROUP, DHCP_OWNER, bridge_device, tap_device
from actors.network.router_views import floating_of
from actors.network.rows import Rows
from actors.records import Network, NetworkAgent, Port, Subnet


def vif(rows: Rows, network: Network, port: Port, tag: str) -> Vif:
    return Vif(
        port_id=port.id,
        network_id=network.id,
        network_name=network.name,
        mac_address=port.mac_address,
        mtu=network.mtu,
        fixed_ips=port.fixed_ips,
        subnets=tuple(_subnet_info(rows.subnets[ip.subnet_id]) for ip in port.fixed_ips),
        vnic_type=port.vnic_type,
        device=tap_device(port.id),
        bridge=bridge_device(network.id),
        profile=port.profile,
        active=port.status == "ACTIVE",
        tag=tag,
        made_here=bool(port.made_for),
        security_groups=group_names(rows, port),
        floating_ips=floating_of(rows, port.id),
    )


def group_names(rows: Rows, port: Port) -> tuple[str, ...]:
    """Of the port's security groups; a default group that is made with the port may have no row yet."""
    known = (rows.groups.get(group_id) for group_id in port.security_groups)
    return tuple(group.name if group else DEFAULT_GROUP for group in known)


def _subnet_info(subnet: Subnet) -> SubnetInfo:
    return SubnetInfo(
        id=subnet.id,
        cidr=subnet.cidr,
        gateway_ip=subnet.gateway_ip,
        dns_servers=subnet.dns_servers,
        host_routes=subnet.host_routes,
        enable_dhcp=subnet.enable_dhcp,
        ipv6_address_mode=subnet.ipv6_address_mode,
    )


def port_details(rows: Rows, device: str) -> PortDetails | CallerFault:
    port = rows.ports.get(rows.taps.get(device, ""))
    if port is None:
        return not_found("device", f"no port's device is called {device!r}")
    return details_of(device, port, rows.networks[port.network_id])


def details_of(device: str, port: Port, network: Network) -> PortDetails:
    """What an agent needs to wire the port."""
    return PortDetails(
        device=device,
        port_id=port.id,
        network_id=network.id,
        network_type=network.network_type,
        segmentation_id=network.segmentation_id,
        physical_network=network.physical_network,
        mac_address=port.mac_address,
        mtu=network.mtu,
        fixed_ips=port.fixed_ips,
        device_owner=port.device_owner,
        device_id=port.device_id,
        allowed_address_pairs=port.allowed_address_pairs,
        port_security_enabled=port.port_security_enabled,
        admin_state_up=port.admin_state_up and network.admin_state_up,
        security_groups=port.security_groups,
        profile=port.profile,
    )


def to_come(rows: Rows, info: DhcpNetworkInfo, node: str) -> tuple[PortDetails, ...]:
    """Of the ports that are told, those on this node that are not up."""
    own = (info.port.id,) if info.port is not None else ()
    ports = [rows.ports[port_id] for port_id in (*own, *(host.port_id for host in info.hosts))]
    return tuple(
        details_of(tap_device(port.id), port, info.network)
        for port in ports
        if port.host and node_of(port.host) == node and port.status != "ACTIVE"
    )


def port_firewall(rows: Rows, resolver: RuleResolver, port_id: str) -> PortFirewall | CallerFault:
    port = rows.ports.get(port_id)
    if port is None:
        return not_found("port_id", f"Port {port_id} could not be found.")
    up = port.admin_state_up and rows.networks[port.network_id].admin_state_up  # else nothing passes
    return PortFirewall(
        port_id=port.id,
        device=tap_device(port.id),
        bridge=bridge_device(port.network_id),
        network_id=port.network_id,
        mac_address=port.mac_address,
        ip_addresses=tuple(ip.ip_address for ip in port.fixed_ips) if up else (),
        allowed_address_pairs=port.allowed_address_pairs if up else (),
        port_security_enabled=port.port_security_enabled or not up,
        rules=resolver.rules_of(port.security_groups) if port.port_security_enabled and up else (),
    )


def dhcp_network(rows: Rows, query: DhcpQuery, era: str, dns_domain: str) -> DhcpNetworkInfo | CallerFault:
    """What of it has changed since the query's version; all of it where that is of another `era` or too old."""
    network = rows.networks.get(query.network_id)
    if network is None:
        return not_found("network_id", f"Network {query.network_id} could not be found.")
    ports = rows.ports_of.get(network.id, {})
    log = rows.port_logs[network.id]
    asked_era, _, number = query.version.rpartition("/")
    changed = log.since(int(number)) if asked_era == era else None
    told = ports.values() if changed is None else [ports[port_id] for port_id in changed if port_id in ports]
    return DhcpNetworkInfo(
        network_id=network.id,
        network=network,
        subnets=tuple(rows.subnets_of.get(network.id, {}).values()),
        hosts=tuple(_dhcp_host(port) for port in told if port.device_owner != DHCP_OWNER),
        port=rows.dhcp_port(network.id),
        dns_domain=dns_domain,
        version=f"{era}/{log.version}",
        since="" if changed is None else query.version,
        gone=tuple(port_id for port_id in changed or () if port_id not in ports),
    )


def _dhcp_host(port: Port) -> DhcpHost:
    return DhcpHost(
        port_id=port.id,
        mac_address=port.mac_address,
        fixed_ips=port.fixed_ips,
        dns_name=port.dns_name,
        device_id=port.device_id if port.device_owner.startswith(COMPUTE_OWNER) else "",  # others may claim anything
    )


def agent_view(rows: Rows, agent: NetworkAgent, alive: bool) -> AgentView:
    return AgentView(
        host=agent.id,
        alive=alive,
        started_at=agent.started_at,
        underlay_ip=agent.underlay_ip,
        routers=len(rows.routing.on.get(agent.id, ())),
        networks=sum(network.dhcp_host == agent.id for network in rows.networks.values()),
        ports=sum(nodes.get(agent.id, 0) for nodes in rows.nodes_of.values()),
    )


def peers(rows: Rows, network_id: str) -> tuple[str, ...]:
    """VXLAN endpoints of the hosts that have the network."""
    network = rows.networks.get(network_id)
    if network is None:
        return ()
    nodes = dict.fromkeys([*rows.nodes_of.get(network_id, {}), network.dhcp_host])
    agents = [rows.agents[node] for node in nodes if node in rows.agents]
    return tuple(dict.fromkeys(agent.underlay_ip for agent in agents if agent.underlay_ip))


def up(rows: Rows) -> list[str]:
    """Ids of the ports that are, sorted."""
    return sorted(port.id for port in rows.ports.values() if port.status == "ACTIVE")


def world(rows: Rows) -> dict[str, list[str]]:
    """Every network, subnet, port, router and floating IP as a line, sorted: for audits and the law tests. What is on
    disk of them."""
    return {
        "networks": sorted(
            f"{n.id} {n.name} {n.network_type}:{n.segmentation_id} {n.physical_network} dhcp={n.dhcp_host}"
            for n in rows.networks.values()
        ),
        "subnets": sorted(f"{s.id} {s.network_id} {s.cidr} gateway={s.gateway_ip}" for s in rows.subnets.values()),
        "routers": sorted(
            f"{r.id} {r.name} external={r.external_network_id} host={r.host}" for r in rows.routers.values()
        ),
        "floating ips": sorted(
            f"{f.id} {f.address} port={f.port_id} {f.fixed_ip} router={f.router_id}" for f in rows.floating_ips.values()
        ),
        "ports": sorted(
            f"{p.id} {p.network_id} {p.mac_address} {','.join(ip.ip_address for ip in p.fixed_ips)} "
            f"owner={p.device_owner} device={p.device_id} host={p.host} dns={p.dns_name}"
            for p in rows.ports.values()
        ),
    }
