"""Who asks by DHCPv6, which leases are in its way, and what gives them back."""

from __future__ import annotations

import pytest

from actors.network.dhcp6 import Client, Lease, client_of, in_the_way, release, server_of

MAC, DUID = "fa:16:3e:01:02:03", bytes.fromhex("0004000102")
FRAME = bytes(6) + bytes.fromhex(MAC.replace(":", "")) + b"\x86\xdd" + bytes(40) + bytes(8)
CLIENT_ID = bytes((0, 1, 0, 5)) + DUID
ASSOCIATION = bytes((0, 3, 0, 12, 0, 0, 0, 7)) + bytes(8)
RECORD = (
    "1700000000 fa:16:3e:01:02:03 10.5.0.9 web *\n"
    "duid 00:01:00:01:aa\n"
    "1700000000 7 fd00:5::1 web 00:04:00:01:02\n"
    "1700000000 9 fd00:5::2 web 00:04:00:01:02\n"
    "1700000000 7 fd00:5::3 other 00:04:99\n"
)


@pytest.mark.parametrize(("kind", "asks"), [(1, True), (3, True), (8, False), (11, False)])
def test_who_asks(kind: int, asks: bool) -> None:
    found = client_of(FRAME + bytes((kind, 1, 2, 3)) + CLIENT_ID + ASSOCIATION)
    assert found == (Client(MAC, DUID, frozenset([7])) if asks else None)


@pytest.mark.parametrize(
    "message", [b"", b"\x01", bytes((1, 1, 2, 3)), bytes((1, 1, 2, 3)) + CLIENT_ID[:6], bytes((1, 1, 2, 3)) + CLIENT_ID]
)
def test_what_is_no_question_is_nobody_s(message: bytes) -> None:
    assert client_of(FRAME + message) is None


def test_what_is_in_the_way_of_a_guest_is_of_its_own_addresses_and_of_another_client() -> None:
    own = {"fd00:5::1", "fd00:5::2", "10.5.0.9"}
    assert in_the_way(RECORD, Client(MAC, DUID, frozenset([7, 9])), own) == []
    assert in_the_way(RECORD, Client(MAC, DUID, frozenset([7])), own) == [Lease("fd00:5::2", DUID, 9)]
    anew = Client(MAC, b"\x00\x04\x77", frozenset([7]))
    assert in_the_way(RECORD, anew, own) == [Lease("fd00:5::1", DUID, 7), Lease("fd00:5::2", DUID, 9)]


def test_a_lease_is_given_back_in_its_holder_s_name() -> None:
    message = release(server_of(RECORD), Lease("fd00:5::1", DUID, 7))
    assert message.hex() == (
        "08000001" "0002000500010001aa" "00010005" + DUID.hex() + "000800020000"
        "00030028" "00000007" "0000000000000000" "00050018" "fd000005000000000000000000000001" "0000000000000000"
    )  # fmt: skip
    assert server_of("") == b""
