"""Which key signs, and when one is new or has had its day."""

from __future__ import annotations

from actors.identity.keys import ROTATE_S, SETTLE_S, is_due, outlived, signing
from actors.records import SigningKey

LIFETIME_S = 100.0


def key(created_at: float) -> SigningKey:
    return SigningKey(id=str(created_at), private_pem="", public_pem="", created_at=created_at)


OLD, NEW = key(0.0), key(1_000.0)


def test_a_new_key_signs_when_every_room_has_heard_of_it() -> None:
    assert signing([OLD, NEW], 1_000.0) == signing([OLD, NEW], 1_000.0 + SETTLE_S - 0.1) == OLD
    assert signing([OLD, NEW], 1_000.0 + SETTLE_S) == NEW
    assert signing([NEW], 1_000.0) == NEW  # the first of a cloud has nobody to wait for


def test_an_old_key_is_trusted_as_long_as_its_tokens_live() -> None:
    last_token_ends = 1_000.0 + SETTLE_S + LIFETIME_S
    assert outlived([OLD, NEW], last_token_ends - 0.1, LIFETIME_S) == []
    assert outlived([OLD, NEW], last_token_ends, LIFETIME_S) == [OLD]
    assert outlived([NEW], 1e9, LIFETIME_S) == []


def test_a_key_signs_for_its_time() -> None:
    assert not is_due([OLD], ROTATE_S - 1) and is_due([OLD], ROTATE_S) and not is_due([OLD, NEW], ROTATE_S)
