"""Passwords: hashed with Argon2id (RFC 9106), in threads, so that identity's loop goes on.

Called by identity alone. Invariant: to check a password costs the same whether or not there is such a user.
"""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

THREADS = 2  # passwords hashed at a time
PASSWORD_LIMIT = 1_024  # characters
COST = PasswordHasher(time_cost=3, memory_cost=19_456, parallelism=1)  # KiB; about 27 ms of CPU, 19 MiB while it runs


class Passwords:
    def __init__(self, cost: PasswordHasher = COST) -> None:
        self._cost = cost
        self._threads = ThreadPoolExecutor(THREADS, "password")
        self._decoy = cost.hash(secrets.token_bytes(16))

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._cost.hash, _bytes(password))

    async def matches(self, password_hash: str, password: str) -> bool:
        """With '' for the hash of a user who isn't there: False, as late as for one who is."""
        loop = asyncio.get_running_loop()
        known = await loop.run_in_executor(self._threads, self._verify, password_hash or self._decoy, _bytes(password))
        return known and bool(password_hash)

    def _verify(self, password_hash: str, password: bytes) -> bool:
        try:
            return self._cost.verify(password_hash, password)
        except VerifyMismatchError:
            return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
