"""Hashes of passwords."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError

from actors.identity.passwords import COST, Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize("password", ["x", "pässwörd\u2603", "\ud800", "a" * 1024])
def test_only_the_same_password_matches(password: str) -> None:
    async def run() -> None:
        passwords = Passwords(CHEAP)
        hashed = await passwords.hash(password)
        assert hashed.startswith("$argon2id$") and hashed != await passwords.hash(password)
        assert await passwords.matches(hashed, password)
        assert not await passwords.matches(hashed, password + "x")

    asyncio.run(run())


def test_nobody_has_no_password_and_a_damaged_hash_is_a_bug() -> None:
    async def run() -> None:
        passwords = Passwords(CHEAP)
        assert not await passwords.matches("", "x")
        with pytest.raises(InvalidHashError):
            await passwords.matches("damaged", "x")

    asyncio.run(run())


def test_the_cost_is_not_below_what_is_advised_today() -> None:
    """OWASP's least for Argon2id with 19 MiB is two passes."""
    assert COST.memory_cost >= 19_456 and COST.time_cost >= 2
