"""IP addresses of subnets: which are in use, which is next. Pure: no I/O, no clock, no randomness.

Called by `rows.py`, which keeps one `AddressBook` a subnet true to the ports, and by `plan.py`, which takes addresses.
Invariant: an address is taken at most once until it is released. Every operation is O(1), amortised, however many
addresses are in use: each pool is walked once, then the addresses that were given back are used, the oldest first, so
that an address rests as long as possible before another guest (and dnsmasq's lease file) sees it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

Address = IPv4Address | IPv6Address
Cidr = IPv4Network | IPv6Network
Pool = tuple[str, str]  # first and last address, inclusive
SLAAC, STATELESS, STATEFUL = "slaac", "dhcpv6-stateless", "dhcpv6-stateful"
IPV6_MODES = (STATEFUL, STATELESS, SLAAC)
BY_MAC = frozenset((SLAAC, STATELESS))  # modes in which a guest makes its address itself, of the prefix and its MAC
IPV6_MIN_MTU = 1280  # RFC 8200; a device with less speaks no IPv6
EUI_64_LENGTH = 64  # bits of the prefix of such an address


class AddressBook:
    """The addresses of one subnet, as integers inside and text outside."""

    def __init__(self, pools: Iterable[Pool], before: AddressBook | None = None) -> None:
        """`before` is the book of the same subnet with other pools: what is in use there stays in use."""
        pools = tuple(pools)
        self._pools = _spans(pools)
        self._family = AF_INET6 if pools and ":" in pools[0][0] else AF_INET
        self._used: set[int] = set(before._used) if before else set()
        self._freed: OrderedDict[int, None] = OrderedDict()  # in a pool and behind the cursor, the oldest first
        self._pool = 0
        self._cursor = self._pools[0][0] if self._pools else 0

    def __len__(self) -> int:
        return len(self._used)

    def __contains__(self, address: str) -> bool:
        return _number(address) in self._used

    def has_pools(self, pools: Iterable[Pool]) -> bool:
        return self._pools == _spans(pools)

    def take_next(self) -> str | None:
        """The next free address of the pools, now taken; None when all are in use."""
        number = self._walk()
        if number is None and self._freed:
            number, _ = self._freed.popitem(last=False)
        if number is None:
            return None
        self._used.add(number)
        return inet_ntop(self._family, number.to_bytes(4 if self._family == AF_INET else 16))

    def take(self, address: str) -> bool:
        """Take this very address, in a pool or not; False if it is in use."""
        number = _number(address)
        if number in self._used:
            return False
        self._used.add(number)
        self._freed.pop(number, None)
        return True

    def release(self, address: str) -> None:
        """Give an address back; one that is not in use changes nothing."""
        number = _number(address)
        if number not in self._used:
            return
        self._used.remove(number)
        if self._was_walked_over(number):
            self._freed[number] = None

    def _walk(self) -> int | None:
        """The first free address at or after the cursor, which moves behind it."""
        while self._pool < len(self._pools):
            last = self._pools[self._pool][1]
            while self._cursor <= last:
                number = self._cursor
                self._cursor += 1
                if number not in self._used:
                    return number
            self._pool += 1
            if self._pool < len(self._pools):
                self._cursor = self._pools[self._pool][0]
        return None

    def _was_walked_over(self, number: int) -> bool:
        for index, (first, last) in enumerate(self._pools):
            if first <= number <= last:
                return index < self._pool or (index == self._pool and number < self._cursor)
        return False


def _spans(pools: Iterable[Pool]) -> list[tuple[int, int]]:
    return sorted((_number(first), _number(last)) for first, last in pools)


def _number(address: str) -> int:
    """Ten times as fast as `IPv4Address`, and as strict. Raises ValueError."""
    try:
        return int.from_bytes(inet_pton(AF_INET6 if ":" in address else AF_INET, address))
    except OSError:
        raise ValueError(f"{address!r} is not an IP address") from None


def parsed(text: str) -> Address:
    """An address without a zone, which means something on one machine only. Raises ValueError."""
    if "%" in text:
        raise ValueError(f"{text!r} has a zone")
    return ip_address(text)


def normal(address: str) -> str:
    """Its usual spelling; of what is no address, the same."""
    try:
        return str(parsed(address))
    except ValueError:
        return address


def parsed_cidr(text: str, strict: bool = True) -> Cidr:
    """The same of a network; not `strict`: host bits are cut off. Raises ValueError."""
    if "%" in text:
        raise ValueError(f"{text!r} has a zone")
    return ip_network(text, strict)


def version_of(text: str) -> int:
    """Of an address or a cidr that is known to be one."""
    return 6 if ":" in text else 4


def address_by_mac(cidr: str, mac: str) -> str:
    """The address that a guest makes itself in a /64 (RFC 4291, appendix A: EUI-64)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes((octets[0] ^ 0x02, *octets[1:3], 0xFF, 0xFE, *octets[3:]))
    return str(IPv6Address(int(IPv6Network(cidr).network_address) | int.from_bytes(interface)))


def default_gateway(cidr: str) -> str:
    """The first address, as Neutron chooses it."""
    return str(ip_network(cidr).network_address + 1)


def default_pools(cidr: str, gateway_ip: str) -> tuple[Pool, ...]:
    """The whole subnet but its network address, its gateway and, in IPv4, its broadcast address."""
    network = ip_network(cidr)
    kind = type(network.network_address)
    first, last = int(network.network_address) + 1, int(network.broadcast_address) - (network.version == 4)
    spans = [(first, last)]
    if gateway_ip and first <= (gateway := int(ip_address(gateway_ip))) <= last:
        spans = [(first, gateway - 1), (gateway + 1, last)]
    return tuple((str(kind(low)), str(kind(high))) for low, high in spans if low <= high)


def usable(cidr: str, gateway_ip: str, address: str) -> str:
    """Why a port cannot have this address in this subnet, or ''."""
    network = ip_network(cidr)
    try:
        wanted = parsed(address)
    except ValueError:
        return f"{address!r} is not an IPv{network.version} address"
    if wanted.version != network.version:
        return f"{address!r} is not an IPv{network.version} address"
    if wanted not in network:
        return f"{address} is not in the subnet {cidr}"
    if wanted == network.network_address:
        return f"{address} is the network address of {cidr}"
    if wanted == network.broadcast_address and network.version == 4:
        return f"{address} is the broadcast address of {cidr}"
    if gateway_ip and wanted == ip_address(gateway_ip):
        return f"{address} is the gateway of {cidr}"
    return ""
