"""Ports that a cloud takes where nobody said which."""

from __future__ import annotations

import socket
from random import Random

from actors.cluster.ports import QUIET, free_ports, is_free

HOST = "127.0.0.1"


def test_they_differ_and_are_free_and_of_the_quiet_ones() -> None:
    found = free_ports(HOST, 20, Random(1))
    assert len(set(found)) == 20
    assert all(port in QUIET and is_free(HOST, port) for port in found)


def test_one_that_is_taken_is_passed_over_on_whatever_address_it_is() -> None:
    [first] = free_ports(HOST, 1, Random(2))
    with socket.socket() as other:
        other.bind(("127.0.0.2", first))
        other.listen()
        assert free_ports(HOST, 1, Random(2)) != [first]
    assert free_ports(HOST, 1, Random(2)) == [first]
