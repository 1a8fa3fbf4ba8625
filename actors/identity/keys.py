"""The keys that sign tokens, and when each does what. Pure: the time is an argument.

A new key is trusted everywhere before it signs (`SETTLE_S`), and an old one stays trusted for as long as a token that
it signed may live. Invariant: there is always one that signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from actors.records import SigningKey

ROTATE_S = 30 * 24 * 3600.0  # a key signs for so long
SETTLE_S = 5.0  # between a key's birth and its first signature: every room has heard of it


def signing(keys: Sequence[SigningKey], now: float) -> SigningKey:
    """The newest that has settled, or else the oldest. `keys` are in order of age, the oldest first."""
    settled = [key for key in keys if key.created_at <= now - SETTLE_S]
    return settled[-1] if settled else keys[0]


def is_due(keys: Sequence[SigningKey], now: float) -> bool:
    return now - keys[-1].created_at >= ROTATE_S


def outlived(keys: Sequence[SigningKey], now: float, token_lifetime_s: float) -> list[SigningKey]:
    """Those whose last token has expired."""
    return [key for key, newer in pairwise(keys) if newer.created_at + SETTLE_S + token_lifetime_s <= now]
