"""What dnsmasq is told about a network: its files and its command line. Pure; `dhcp.py` writes and runs them.

Section C of BOOT_FLOW: `host` reserves an address for each MAC, `addn_hosts` names the addresses, `opts` holds the
options of each subnet, `leases` is dnsmasq's own record. dnsmasq answers from these files only (`static` ranges).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from actors.network.ipam import BY_MAC, SLAAC, STATEFUL, version_of
from actors.network.messages import DhcpHost, DhcpNetworkInfo
from actors.records import Subnet

METADATA_ADDRESS = "169.254.169.254"
LEASE_S = 86_400  # Neutron's default
LEASE6_S = 600  # shorter: a guest that is made anew is a new client to DHCPv6, and while nobody looks out
# (`dhcp6_watch.py`) it waits until its address is free
ANNOUNCED_EVERY_S = 600  # a guest that starts asks, and is answered at once
LEASE_LIMIT = 1 << 24  # leases of one network; Neutron's limit
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # RFC 1123


@dataclass(frozen=True, slots=True)
class DhcpFiles:
    """The content of the files that a change of ports rewrites; a SIGHUP makes dnsmasq read them again."""

    host: str
    addn_hosts: str
    opts: str


@dataclass(frozen=True, slots=True)
class DhcpPaths:
    """Where one network's files are."""

    folder: Path

    @property
    def host(self) -> Path:
        return self.folder / "host"

    @property
    def addn_hosts(self) -> Path:
        return self.folder / "addn_hosts"

    @property
    def opts(self) -> Path:
        return self.folder / "opts"

    @property
    def leases(self) -> Path:
        return self.folder / "leases"

    @property
    def pid(self) -> Path:
        return self.folder / "pid"

    @property
    def log(self) -> Path:
        return self.folder / "dnsmasq.log"


def files(info: DhcpNetworkInfo) -> DhcpFiles:
    entries = list(reservations(info))
    return DhcpFiles(
        host="".join(_reserved(mac, f"{name}.{info.dns_domain}", address) for mac, name, address in entries if mac),
        addn_hosts="".join(f"{address} {name}.{info.dns_domain} {name}\n" for _, name, address in entries),
        opts="".join(f"{line}\n" for subnet in served(info) for line in _options(subnet, _own_address(info, subnet))),
    )


def reservations(info: DhcpNetworkInfo) -> Iterator[tuple[str, str, str]]:
    """(MAC, host name, address) for each address of each port on a subnet with DHCP.

    Without a MAC: dnsmasq knows the name, but the guest makes its address itself, or has it from elsewhere.
    """
    subnets = {subnet.id: subnet for subnet in served(info)}
    for host in info.hosts:
        for fixed in host.fixed_ips:
            if subnet := subnets.get(fixed.subnet_id):
                mac = host.mac_address if _leases(subnet) else ""
                yield mac, _name(host, fixed.ip_address), fixed.ip_address


def served(info: DhcpNetworkInfo) -> list[Subnet]:
    """The subnets that dnsmasq answers for, in a steady order."""
    return sorted((subnet for subnet in info.subnets if _is_served(subnet)), key=lambda subnet: subnet.id)


def _is_served(subnet: Subnet) -> bool:
    """A subnet of IPv6 without modes tells guests nothing: they are set up by hand, or by their config drive."""
    if not subnet.enable_dhcp:
        return False
    return version_of(subnet.cidr) == 4 or bool(subnet.ipv6_ra_mode or subnet.ipv6_address_mode)


def _leases(subnet: Subnet) -> bool:
    """Whether guests have their addresses from dnsmasq."""
    return version_of(subnet.cidr) == 4 or subnet.ipv6_address_mode == STATEFUL


def addresses(info: DhcpNetworkInfo) -> list[str]:
    """The DHCP server's own addresses, with prefix lengths."""
    if info.port is None:
        return []
    lengths = {subnet.id: ipaddress.ip_network(subnet.cidr).prefixlen for subnet in served(info)}
    own = [f"{ip.ip_address}/{lengths[ip.subnet_id]}" for ip in info.port.fixed_ips if ip.subnet_id in lengths]
    return [*own, f"{METADATA_ADDRESS}/32"]


def command(info: DhcpNetworkInfo, paths: DhcpPaths, interface: str) -> list[str]:
    """dnsmasq with Neutron's arguments. What changes with subnets stands here and needs a new process."""
    return [
        "dnsmasq",
        "--conf-file=/dev/null",
        "--no-hosts",
        "--no-resolv",
        "--bind-interfaces",
        "--except-interface=lo",
        f"--interface={interface}",
        f"--pid-file={paths.pid}",
        f"--dhcp-hostsfile={paths.host}",
        f"--addn-hosts={paths.addn_hosts}",
        f"--dhcp-optsfile={paths.opts}",
        f"--dhcp-leasefile={paths.leases}",
        f"--dhcp-lease-max={LEASE_LIMIT}",
        "--dhcp-authoritative",  # a guest that kept its lease over a restart of ours gets it again at once
        *[f"--dhcp-range=set:{_tag(subnet)},{_range(subnet)}" for subnet in served(info) if _range(subnet)],
        *_announcements(info, interface),
        f"--dhcp-option-force=option:mtu,{info.network.mtu}",
        f"--domain={info.dns_domain}",
        # Its folder may be readable by root alone; what it opens to guests is DHCP and names, nothing else.
        "--user=root",
        "--group=root",
        f"--log-facility={paths.log}",
        "--quiet-dhcp",  # a guest may ask as often as it likes: of each question there would be two lines
        "--quiet-dhcp6",
        "--quiet-ra",
    ]


def _announcements(info: DhcpNetworkInfo, interface: str) -> list[str]:
    """Of prefixes, to guests (RFC 4861). Routers here forward IPv4 alone, so dnsmasq says that it is none."""
    if not any(subnet.ipv6_ra_mode for subnet in served(info)):
        return []
    return ["--enable-ra", f"--ra-param={interface},{ANNOUNCED_EVERY_S},0"]


def stale_leases(leases: str, info: DhcpNetworkInfo) -> set[str]:
    """The lines of dnsmasq's record whose (MAC, address) is reserved no longer: they would block the address."""
    reserved = {_of_lease(mac, address) for mac, _, address in reservations(info) if mac}
    return {line for line in leases.splitlines() if (lease := _lease(line)) and lease not in reserved}


def without(leases: str, lines: Iterable[str]) -> str:
    dropped = set(lines)
    return "".join(f"{line}\n" for line in leases.splitlines() if line not in dropped)


def _lease(line: str) -> tuple[str, str] | None:
    """`expiry mac address name client-id`, see dnsmasq(8); other lines (the server's DUID) are no leases."""
    words = line.split()
    return _of_lease(words[1], words[2]) if len(words) == 5 else None


def _of_lease(mac: str, address: str) -> tuple[str, str]:
    """In IPv6 a lease has a number of the client's in the place of the MAC."""
    return ("" if version_of(address) == 6 else mac, address)


def _reserved(mac: str, name: str, address: str) -> str:
    if version_of(address) == 4:
        return f"{mac},{name},{address}\n"
    return f"{mac},tag:dhcpv6,{name},[{address}]\n"


def _options(subnet: Subnet, server: str) -> Iterator[str]:
    return _options4(subnet, server) if version_of(subnet.cidr) == 4 else _options6(subnet, server)


def _options6(subnet: Subnet, server: str) -> Iterator[str]:
    servers = subnet.dns_servers or ((server,) if server else ())
    if servers:
        yield f"tag:{_tag(subnet)},option6:dns-server,{','.join(f'[{one}]' for one in servers)}"


def _options4(subnet: Subnet, server: str) -> Iterator[str]:
    """Option 121 makes clients ignore the router option (RFC 3442), so the default route stands in both."""
    tag = f"tag:{_tag(subnet)}"
    if subnet.dns_servers or server:
        yield f"{tag},option:dns-server,{','.join(subnet.dns_servers or (server,))}"
    routes = [*subnet.host_routes]
    if server:
        routes.append((f"{METADATA_ADDRESS}/32", server))
    if subnet.gateway_ip:
        routes.append(("0.0.0.0/0", subnet.gateway_ip))
    if routes:
        written = ",".join(f"{destination},{hop}" for destination, hop in routes)
        yield f"{tag},option:classless-static-route,{written}"
        yield f"{tag},249,{written}"  # the same under the number that Windows knows
    yield f"{tag},option:router,{subnet.gateway_ip}" if subnet.gateway_ip else f"{tag},option:router"


def _own_address(info: DhcpNetworkInfo, subnet: Subnet) -> str:
    fixed_ips = info.port.fixed_ips if info.port else ()
    return next((fixed.ip_address for fixed in fixed_ips if fixed.subnet_id == subnet.id), "")


def _name(host: DhcpHost, address: str) -> str:
    if HOST_NAME.fullmatch(host.dns_name):
        return host.dns_name
    return f"host-{address.replace('.', '-').replace(':', '-').strip('-')}"


def _tag(subnet: Subnet) -> str:
    return f"subnet-{subnet.id}"


def _range(subnet: Subnet) -> str:
    """'' where dnsmasq has nothing to say of it: another announces the prefix, and guests make their addresses."""
    network = ipaddress.ip_network(subnet.cidr)
    if network.version == 4:
        return f"{network.network_address},static,{network.netmask},{LEASE_S}s"
    mode = subnet.ipv6_address_mode or subnet.ipv6_ra_mode
    if mode in BY_MAC and subnet.ipv6_ra_mode:
        kind = "ra-only" if mode == SLAAC else "ra-stateless"
    elif mode == SLAAC:
        return ""
    else:
        kind = "static"
    lasting_s = LEASE6_S if _leases(subnet) else LEASE_S
    return f"{network.network_address},{kind},{network.prefixlen},{lasting_s}s"
