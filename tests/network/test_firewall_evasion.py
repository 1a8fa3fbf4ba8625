"""Frames that a guest makes by hand to get past its filter: tagged ones, and messages cut in two."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from actors.network.ipam import address_by_mac
from actors.network.netns_thread import NetnsThread
from tests.network.probes import ip, ping, real
from tests.network.test_firewall import ALL_IN6, ALL_OUT, ALL_OUT6, Wire, both, neighbours, six, wire6

MAC = {number: bytes.fromhex(f"fa163e00000{number}") for number in (1, 2, 3)}
EVERYBODY, EVERYBODY_MAC = "ff02::1", bytes.fromhex("333300000001")
IPV4, IPV6, TAGGED = 0x0800, 0x86DD, 0x8100
UDP, ICMP6, FRAGMENT, OPTIONS = 17, 58, 44, 60
HEARD_S = 0.5
PORT = 5555


def frame(to: bytes, kind: int, packet: bytes, *, tagged: bool = False) -> bytes:
    return to + MAC[1] + (struct.pack("!HH", TAGGED, 0) if tagged else b"") + struct.pack("!H", kind) + packet


def checksum(*parts: bytes) -> int:
    data = b"".join(parts)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4_udp(data: bytes) -> bytes:
    ends = socket.inet_aton("10.9.0.1") + socket.inet_aton("10.9.0.2")
    head = struct.pack("!BBHHHBB", 0x45, 0, 28 + len(data), 1, 0, 64, UDP)
    total = checksum(head, b"\0\0", ends)
    return head + struct.pack("!H", total) + ends + struct.pack("!HHHH", 4444, PORT, 8 + len(data), 0) + data


def ipv6(source: str, to: str, kind: int, payload: bytes) -> bytes:
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, to)
    return struct.pack("!IHBB", 0x60000000, len(payload), kind, 255) + ends + payload


def icmp6(source: str, to: str, message: bytes) -> bytes:
    ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, to)
    total = checksum(ends, struct.pack("!IHBB", len(message), 0, 0, ICMP6), message)
    return message[:2] + struct.pack("!H", total) + message[4:]


def in_two(source: str, to: str, to_mac: bytes, message: bytes) -> list[bytes]:
    """The first fragment says no more than that options follow; what the packet is stands in the second."""
    options = [struct.pack("!BBBB", following, 0, 1, 4) + bytes(4) for following in (OPTIONS, ICMP6)]
    parts = [(1, options[0]), (8, options[1] + message)]
    heads = [struct.pack("!BBHI", OPTIONS, 0, place, 7) for place, _ in parts]
    packets = [ipv6(source, to, FRAGMENT, head + part) for head, (_, part) in zip(heads, parts, strict=True)]
    return [frame(to_mac, IPV6, packet) for packet in packets]


def send(net: Wire, *frames: bytes) -> None:
    """From the first guest."""

    def go() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind(("eth0", 0))
            for one in frames:
                raw.send(one)

    there = NetnsThread(net.guests[1])
    there.call(go)
    there.close()


def hears(net: Wire, number: int, act: Callable[[], None]) -> bool:
    """Whether something comes to the guest's UDP port when that is done."""
    there = NetnsThread(net.guests[number])
    server = there.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    there.close()
    with server:
        server.bind(("", PORT))
        server.settimeout(HEARD_S)
        act()
        try:
            return bool(server.recv(100))
        except TimeoutError:
            return False


@real
def test_a_tagged_frame_passes_no_filter() -> None:
    """Receivers take what is tagged with VLAN 0 for untagged; the host's filter of IP packets does not look into it."""
    with wire6() as net:

        def tagged() -> None:
            send(net, frame(MAC[2], IPV4, ipv4_udp(b"hello"), tagged=True))

        assert hears(net, 2, tagged)  # as long as nothing is filtered
        net.apply(both(1, ALL_OUT, ALL_OUT6), both(2, ALL_OUT, ALL_OUT6))
        assert not hears(net, 2, tagged)


@real
def test_what_is_cut_in_two_is_judged_when_it_is_whole() -> None:
    own = address_by_mac("fe80::/64", "fa:16:3e:00:00:01")
    router = icmp6(own, EVERYBODY, struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0))
    override, its_mac = 0x20000000, bytes((2, 1)) + MAC[1]
    third = socket.inet_pton(socket.AF_INET6, six(3))
    neighbour = icmp6(six(1), six(2), struct.pack("!BBHI", 136, 0, 0, override) + third + its_mac)
    with wire6() as net:

        def attack() -> tuple[bool, bool]:
            """Is .1 the router of .2 now, and does .2 take it for .3?"""
            assert ping(net.guests[2], six(3))
            send(net, *in_two(own, EVERYBODY, EVERYBODY_MAC, router), *in_two(six(1), six(2), MAC[2], neighbour))
            ping(net.guests[2], six(1))  # and so what was sent before has arrived, if it ever does
            routes = ip("-6", "route", "show", "default", netns=net.guests[2])
            return bool(routes), ":01 " in neighbours(net.guests[2]).get(six(3), "")

        net.apply(*[both(number, ALL_IN6, ALL_OUT6) for number in (1, 2)])
        assert attack() == (False, False)
