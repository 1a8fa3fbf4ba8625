"""What one boot's interfaces become: checks in Nova's order, then the ports as they will be (BOOT_FLOW B1). Pure.

Called by `NetworkRoom.allocate`, which stages the plan's changes, and by `validate`, which cancels them. A refusal is
raised as a `CallerError` whose field names the request's; then nothing stays reserved. Addresses and MACs that a plan
holds are taken from the rows' books at once, so no two plans have the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from actors.errors import CallerError, CallerFault, bad_request, conflict
from actors.messages import AllocateRequest, AuthContext, NetworkRequest
from actors.network import access, groups, quotas
from actors.network.define import check_host_name
from actors.network.ipam import BY_MAC, address_by_mac, parsed, usable, version_of
from actors.network.mac import new_mac
from actors.network.naming import COMPUTE_OWNER, boot_port_id, default_group_id, tap_device
from actors.network.rows import Rows
from actors.records import Change, FixedIp, Network, Port, Subnet


@dataclass(slots=True)
class Reservation:
    """Addresses and MACs taken before their ports are rows."""

    rows: Rows
    addresses: list[FixedIp] = field(default_factory=list)
    macs: list[str] = field(default_factory=list)

    def fixed(
        self,
        network_id: str,
        address: str,
        where: str,
        subnet_id: str = "",
        mac: str = "",
        gateway_too: bool = False,
    ) -> FixedIp:
        """This very address; 400 if no subnet of the network can have it, 409 if it is in use.

        `gateway_too`: even if it is the subnet's gateway, as that of a port that a router is to have.

        Where guests make their addresses themselves, it must be the one that this `mac` gives."""
        reasons = []
        for subnet in self.rows.subnets_of.get(network_id, {}).values():
            if subnet_id not in ("", subnet.id):
                continue
            if reason := usable(subnet.cidr, "" if gateway_too else subnet.gateway_ip, address):
                reasons.append(reason)
                continue
            address = str(parsed(address))  # IPv6 has many spellings
            if is_by_mac(subnet) and not (mac and address == address_by_mac(subnet.cidr, mac)):
                text = (
                    f"IPv6 address {address} can not be directly assigned to a port on subnet {subnet.id} since the "
                    "subnet is configured for automatic addresses"
                )
                raise CallerError(bad_request(where, text, "AllocationOnAutoAddressSubnet"))
            if self.rows.books[subnet.id].take(address):
                return self._keep(FixedIp(subnet.id, address))
            text = f"Fixed IP address {address} is already in use on the network."
            raise CallerError(conflict(where, text, "IpAddressAlreadyAllocated"))
        text = f"Fixed IP {address!r} cannot be used: {'; '.join(reasons)}."
        raise CallerError(bad_request(where, text, "InvalidIpForNetwork"))

    def next_free(self, network_id: str, where: str, subnet_ids: Iterable[str]) -> FixedIp:
        """The next free address of the first of these subnets that has one."""
        for candidate in subnet_ids:
            if address := self.rows.books[candidate].take_next():
                return self._keep(FixedIp(candidate, address))
        text = f"No more IP addresses available on network {network_id}."
        raise CallerError(conflict(where, text, "IpAddressGenerationFailure"))

    def one_of_each(self, network_id: str, where: str) -> list[FixedIp]:
        """As Neutron chooses: an address of each IP version, but for subnets where guests make theirs themselves."""
        subnets = self.rows.subnets_of[network_id]
        if len(subnets) == 1:  # as for most boots
            [(subnet_id, subnet)] = subnets.items()
            return [] if is_by_mac(subnet) else [self.next_free(network_id, where, (subnet_id,))]
        chosen: dict[int, list[str]] = {4: [], 6: []}
        for subnet in subnets.values():
            if not is_by_mac(subnet):
                chosen[version_of(subnet.cidr)].append(subnet.id)
        return [self.next_free(network_id, where, ids) for ids in chosen.values() if ids]

    def by_mac(
        self, network_id: str, mac: str, held: Iterable[FixedIp], where: str, subnet_id: str = ""
    ) -> list[FixedIp]:
        """The addresses that a guest with this MAC makes itself, in each subnet of that kind but those held."""
        has = {ip.subnet_id for ip in held}
        subnets = (one for one in self.rows.subnets_of[network_id].values() if subnet_id in ("", one.id))
        wanted = [one for one in subnets if is_by_mac(one) and one.id not in has]
        return [self.fixed(network_id, address_by_mac(one.cidr, mac), where, one.id, mac) for one in wanted]

    def mac(self, port_id: str, random: random.Random) -> str:
        mac = new_mac(self.rows.macs, random)
        self.rows.macs[mac] = port_id
        self.macs.append(mac)
        return mac

    def cancel(self) -> None:
        """Only before the ports are rows: give all back."""
        for ip in self.addresses:
            self.rows.books[ip.subnet_id].release(ip.ip_address)
        for mac in self.macs:
            self.rows.macs.pop(mac, None)

    def _keep(self, ip: FixedIp) -> FixedIp:
        self.addresses.append(ip)
        return ip


def is_by_mac(subnet: Subnet) -> bool:
    """Whether guests make their addresses there themselves, of its prefix and their MACs."""
    return subnet.ipv6_address_mode in BY_MAC


class Interface(Struct, frozen=True, gc=False):
    """One interface of the instance; `port` as it will be."""

    network: Network
    port: Port
    tag: str


class Plan(Struct, frozen=True, gc=False):
    interfaces: list[Interface]
    changes: list[Change]
    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans boots for one batch: what is the same for all of its requests."""

    rows: Rows
    now: float
    random: random.Random
    limits: Mapping[str, int]  # of projects for which no other are set

    def is_its_own(self, request: AllocateRequest) -> bool:
        """Whether it asks for nothing but ports that are this instance's: to have them on a host needs nobody's leave,
        also where the token that once asked has ended."""
        return request.again and not request.auto and all(want.port_id for want in self._wanted(request))

    def plan(self, request: AllocateRequest, context: AuthContext) -> Plan:
        access.check_writer(context)
        access.check_project(context, request.project_id)
        check_host_name(request.hostname, "hostname")
        wanted = self._wanted(request)
        own_ports = self._requested_ports(request, wanted, context)
        networks = self._requested_networks(request, wanted, context, own_ports)
        group_ids = self._groups(request, networks, own_ports)
        self._check_quota(request, [index for index in range(len(wanted)) if index not in own_ports])
        reservation = Reservation(self.rows)
        try:
            ports = [
                own_ports.get(index) or self._made_port(request, index, networks[index], want, reservation)
                for index, want in enumerate(wanted)
            ]
        except CallerError:
            reservation.cancel()
            raise
        interfaces = [
            Interface(network, self._bound(port, request, network, group_ids), want.tag)
            for network, port, want in zip(networks, ports, wanted, strict=True)
        ]
        return Plan(interfaces, self._changes(request, interfaces), reservation)

    # ------------------------------------------------------------ checks, in order

    def _wanted(self, request: AllocateRequest) -> tuple[NetworkRequest, ...]:
        """The interfaces asked for; `auto` becomes the one network that the project can use. One that has run before
        comes up without the ports that were deleted since, or given to somebody else, as in Nova."""
        if not request.auto:
            return tuple(want for want in request.networks if not request.again or self._is_there(request, want))
        if made := self.rows.ports.get(_port_id(request, 0)):
            return (NetworkRequest(network_id=made.network_id),)  # a repeat stays with its first choice
        available = [
            network.id
            for network in self.rows.networks.values()
            if (network.shared or network.project_id == request.project_id)
            and (network.shared or not network.external)
            and network.admin_state_up
            and self.rows.subnets_of.get(network.id)
        ]
        if not available:
            text = f"Unable to automatically allocate a network for project {request.project_id}: it has none to use."
            raise CallerError(bad_request("networks", text))
        if len(available) > 1:
            text = "Multiple possible networks found, use a Network ID to be more specific."
            raise CallerError(conflict("networks", text, "NetworkAmbiguous"))
        return (NetworkRequest(network_id=available[0]),)

    def _is_there(self, request: AllocateRequest, want: NetworkRequest) -> bool:
        port = self.rows.ports.get(want.port_id)
        return not want.port_id or (port is not None and port.device_id == request.instance_id)

    def _requested_ports(
        self, request: AllocateRequest, wanted: tuple[NetworkRequest, ...], context: AuthContext
    ) -> dict[int, Port]:
        ports: dict[int, Port] = {}
        for index, want in enumerate(wanted):
            if not want.port_id:
                continue
            where = f"networks[{index}].port_id"
            port = self.rows.ports.get(want.port_id)
            if port is None or not access.owns(context, port):
                raise CallerError(bad_request(where, f"Port id {want.port_id} could not be found.", "PortNotFound"))
            if port in ports.values():
                raise CallerError(bad_request(where, f"Port {port.id} is requested twice."))
            self._check_own_port(port, request, want, index)
            ports[index] = port
        return ports

    def _check_own_port(self, port: Port, request: AllocateRequest, want: NetworkRequest, index: int) -> None:
        where = f"networks[{index}].port_id"
        if port.device_id not in ("", request.instance_id):
            raise CallerError(conflict(where, f"Port {port.id} is still in use."))
        if request.again and port.device_id:
            return  # its owner, or the server's, may have changed it since
        if not port.fixed_ips:
            raise CallerError(bad_request(where, f"Port {port.id} requires a FixedIP in order to be used."))
        if want.fixed_ip:
            text = f"Specified Fixed IP {want.fixed_ip!r} cannot be used with port {port.id}: it has its own."
            raise CallerError(bad_request(f"networks[{index}].fixed_ip", text))
        if want.network_id and want.network_id != port.network_id:
            text = f"Port {port.id} is not on network {want.network_id}."
            raise CallerError(bad_request(f"networks[{index}].network_id", text))
        if port.dns_name and request.hostname and port.dns_name != request.hostname:
            text = (
                f"Port {port.id} has the dns_name {port.dns_name!r}, which is not the host name {request.hostname!r}."
            )
            raise CallerError(bad_request(where, text))

    def _requested_networks(
        self,
        request: AllocateRequest,
        wanted: tuple[NetworkRequest, ...],
        context: AuthContext,
        own_ports: dict[int, Port],
    ) -> list[Network]:
        networks = []
        for index, want in enumerate(wanted):
            if port := own_ports.get(index):
                networks.append(self.rows.networks[port.network_id])
                continue
            where = f"networks[{index}].network_id"
            network = self.rows.networks.get(want.network_id)
            if network is None or not access.sees_network(context, network):
                raise CallerError(
                    bad_request(where, f"Network {want.network_id!r} could not be found.", "NetworkNotFound")
                )
            if not access.uses_network(context, network):
                text = f"It is not allowed to create an interface on external network {network.id}"
                raise CallerError(CallerFault(403, text, where, "ExternalNetworkAttachForbidden"))
            if not self.rows.subnets_of.get(network.id):
                text = f"Network {network.id} requires a subnet in order to boot instances on."
                raise CallerError(bad_request(where, text))
            made = self.rows.ports.get(_port_id(request, index))
            if made and made.network_id != network.id:
                raise CallerError(conflict(where, f"This instance's interface {index} is on another network already."))
            networks.append(network)
        return networks

    def _groups(self, request: AllocateRequest, networks: list[Network], own_ports: dict[int, Port]) -> tuple[str, ...]:
        """Ids of the groups for the ports that are made here; () = the default one."""
        names = groups.only_named(request.security_groups)
        if not names or (request.again and len(own_ports) == len(networks)):  # a group may be gone, or renamed, since
            return ()
        ids = groups.resolve(self.rows, request.project_id, names, "security_groups")
        for index, network in enumerate(networks):
            if index not in own_ports and not network.port_security_enabled:
                text = f"Network {network.id} requires port_security_enabled in order to apply security groups."
                raise CallerError(bad_request("security_groups", text))
        return ids

    def _check_quota(self, request: AllocateRequest, made: list[int]) -> None:
        held = self.rows.port_counts.get(request.project_id, 0)
        new = sum(_port_id(request, index) not in self.rows.ports for index in made)
        most = quotas.limit(self.rows, request.project_id, "port", self.limits)
        if new and 0 <= most < held + new:
            text = f"Quota of {most} ports exceeded: {held} in use, {new} more asked for."
            raise CallerError(CallerFault(403, text, "networks", "OverQuota"))

    # ------------------------------------------------------------ ports

    def _made_port(
        self, request: AllocateRequest, index: int, network: Network, want: NetworkRequest, reservation: Reservation
    ) -> Port:
        port_id = _port_id(request, index)
        if port := self.rows.ports.get(port_id):
            return port
        if tap_device(port_id) in self.rows.taps:
            text = f"Another port's device is called {tap_device(port_id)} already; boot again under another id."
            raise CallerError(conflict(f"networks[{index}]", text))
        where = f"networks[{index}].network_id"
        mac = reservation.mac(port_id, self.random)
        if want.fixed_ip:
            ips = [reservation.fixed(network.id, want.fixed_ip, f"networks[{index}].fixed_ip")]
        else:
            ips = reservation.one_of_each(network.id, where)
        if len(ips) < len(self.rows.subnets_of[network.id]):  # most networks have one subnet
            ips += reservation.by_mac(network.id, mac, ips, where)
        return Port(
            id=port_id,
            network_id=network.id,
            project_id=request.project_id,
            mac_address=mac,
            fixed_ips=tuple(ips),
            port_security_enabled=network.port_security_enabled,
            made_for=request.instance_id,
            created_at=self.now,
        )

    def _bound(self, port: Port, request: AllocateRequest, network: Network, group_ids: tuple[str, ...]) -> Port:
        """The port updated for this instance on this host; a port that moves to another host starts DOWN there.

        One that is the instance's already has the groups that it was given since.
        """
        security_groups = port.security_groups
        made_here = port.made_for == request.instance_id
        if made_here and network.port_security_enabled and port.device_id != request.instance_id:
            security_groups = group_ids or (default_group_id(request.project_id),)
        return replace(
            port,
            device_id=request.instance_id,
            device_owner=f"{COMPUTE_OWNER}{request.availability_zone}",
            host=request.host,
            status=port.status if port.host == request.host else "DOWN",
            security_groups=security_groups,
            dns_name=request.hostname,
        )

    def _changes(self, request: AllocateRequest, interfaces: list[Interface]) -> list[Change]:
        """Rows that differ from what is; a repeated request has none."""
        changes: list[Change] = []
        ports = [interface.port for interface in interfaces]
        if any(default_group_id(request.project_id) in port.security_groups for port in ports):
            changes += groups.default_group(self.rows, request.project_id)
        return changes + [port for port in ports if self.rows.ports.get(port.id) != port]


def _port_id(request: AllocateRequest, index: int) -> str:
    return boot_port_id(request.instance_id, request.first_place + index)
