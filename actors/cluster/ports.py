"""Ports for what a cloud listens on, where nobody said which: free now, and likely to stay so.

Called by `up`, which writes them down: whatever dies is started again on its port. So they are none of those that the
kernel gives to outgoing connections (`ip_local_port_range`, from 32768 on where nobody changed it), one of which could
have it just then; nor of those that Ray gives to its workers (10002 to 19999).
"""

from __future__ import annotations

import socket
from random import Random

QUIET = range(20_000, 32_768)
ANY = ""  # address: some of what is started listens on all of them


def free_ports(host: str, count: int, random: Random | None = None) -> list[int]:
    """All different; at random, so that two clouds that start side by side hardly try the same. Raises RuntimeError
    where there are not so many."""
    found: list[int] = []
    for port in (random or Random()).sample(QUIET, len(QUIET)):
        if is_free(host, port) and is_free(ANY, port):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"{host} has no free port from {QUIET.start} to {QUIET.stop - 1}")


def is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError:
            return False
    return True
