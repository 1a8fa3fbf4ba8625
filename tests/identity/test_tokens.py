"""Tokens: who signed them, what they say, and everything that must not pass."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from actors.errors import CallerError
from actors.identity.tokens import TOKEN_LIMIT, Revocations, TokenSigner, Verifier, new_signing_key
from actors.messages import AuthContext

NOW = 1_000_000.25
KEY = new_signing_key(NOW)
SIGNER = TokenSigner(KEY.id, KEY.private_pem)
CONTEXT = AuthContext(
    user_id="u1",
    user_name="Ålice",
    project_id="p1",
    project_name="demo",
    roles=("member", "reader"),
    expires_at=1_003_600.0,
    token_id="t1",
    issued_at=NOW,
)


def verifier() -> Verifier:
    return Verifier({KEY.id: KEY.public_pem})


def refusal(checker: Verifier, token: Any, now: float = NOW, allow_expired_s: float = 0.0) -> str:
    with pytest.raises(CallerError) as caught:
        checker.verify(token, now, allow_expired_s)
    assert caught.value.fault.status == 401
    return caught.value.fault.message


def test_a_token_says_what_was_signed() -> None:
    checker = verifier()
    token = SIGNER.sign(CONTEXT, NOW, 3600)
    assert checker.verify(token, NOW) == CONTEXT
    assert checker.verify(token, NOW + 3599) == CONTEXT  # from memory


def test_claims_are_those_of_keystone() -> None:
    claims = jwt.decode(SIGNER.sign(CONTEXT, NOW, 3600), options={"verify_signature": False})
    assert claims["sub"] == "u1" and claims["exp"] == 1_003_600 and claims["iat"] == NOW
    assert claims["openstack_project_id"] == "p1" and claims["openstack_methods"] == ["password"]


def test_no_changed_byte_passes_even_after_the_right_one_was_seen() -> None:
    checker = verifier()
    token = SIGNER.sign(CONTEXT, NOW, 3600)
    checker.verify(token, NOW)
    for index, was in enumerate(token):
        for other in (
            "ABQg.=\x00" if index < len(token) - 1 else "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_=."
        ):
            if other != was:
                refusal(checker, token[:index] + other + token[index + 1 :])
    for longer in (token + "=", token + "A", token + " ", " " + token, token + "\n", token[:-1]):
        refusal(checker, longer)


@pytest.mark.parametrize(
    "garbage", ["", ".", "..", "a.b.c", "Bearer x", "é" * 10, "\ud800", "x" * (TOKEN_LIMIT + 1), "e30.e30.e30"]
)
def test_garbage_is_refused(garbage: str) -> None:
    refusal(verifier(), garbage)


def test_the_token_of_another_cloud_is_refused_even_under_our_key_id() -> None:
    other = new_signing_key(NOW)
    refusal(verifier(), TokenSigner(other.id, other.private_pem).sign(CONTEXT, NOW, 3600))
    refusal(verifier(), TokenSigner(KEY.id, other.private_pem).sign(CONTEXT, NOW, 3600))


def test_other_algorithms_are_refused() -> None:
    claims = jwt.decode(SIGNER.sign(CONTEXT, NOW, 3600), options={"verify_signature": False})
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": KEY.id}).encode()).rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    refusal(verifier(), f"{header}.{body}.")
    refusal(verifier(), jwt.encode(claims, "s" * 32, "HS256", headers={"kid": KEY.id}))


def test_a_token_of_ours_that_lacks_claims_is_refused() -> None:
    refusal(verifier(), jwt.encode({"sub": "u1"}, KEY.private_pem, "ES256", headers={"kid": KEY.id}))
    refusal(verifier(), jwt.encode({"sub": "u1"}, KEY.private_pem, "ES256"))


def test_expiry_is_looked_at_every_time_and_can_be_stretched() -> None:
    checker = verifier()
    token = SIGNER.sign(CONTEXT, NOW, 10)
    checker.verify(token, NOW + 9)
    assert "expired" in refusal(checker, token, NOW + 10)
    assert checker.verify(token, NOW + 10, allow_expired_s=60).user_id == "u1"
    assert "expired" in refusal(checker, token, NOW + 70, allow_expired_s=60)
    assert "expired" in refusal(verifier(), token, NOW + 10)


def test_revoked_tokens_are_refused_from_memory_too() -> None:
    checker = verifier()
    token = SIGNER.sign(CONTEXT, NOW, 3600)
    checker.verify(token, NOW)
    checker.revoke(["t1"])
    checker.revoke(["t1"])
    assert "revoked" in refusal(checker, token)
    checker.replace_revocations([])
    assert checker.verify(token, NOW) == CONTEXT


@pytest.mark.parametrize(("scope", "scope_id"), [("user", "u1"), ("project", "p1")])
def test_all_tokens_of_a_user_or_project_up_to_a_time(scope: str, scope_id: str) -> None:
    checker = verifier()
    checker.revoke([Revocations.all_of(scope, scope_id, NOW), Revocations.all_of(scope, "another", NOW + 9)])
    assert "revoked" in refusal(checker, SIGNER.sign(CONTEXT, NOW, 3600))
    assert checker.verify(SIGNER.sign(CONTEXT, NOW + 0.01, 3600), NOW + 1).user_id == "u1"


def test_replaced_keys_are_trusted_no_longer() -> None:
    checker = verifier()
    token = SIGNER.sign(CONTEXT, NOW, 3600)
    checker.verify(token, NOW)
    newer = new_signing_key(NOW)
    checker.replace_keys({newer.id: newer.public_pem})
    refusal(checker, token)
    assert checker.verify(TokenSigner(newer.id, newer.private_pem).sign(CONTEXT, NOW, 9), NOW).user_id == "u1"
    with pytest.raises(ValueError, match="at most"):
        checker.replace_keys(dict.fromkeys(map(str, range(17)), KEY.public_pem))


def test_memory_is_bounded_and_forgetting_costs_only_time() -> None:
    checker = Verifier({KEY.id: KEY.public_pem}, cache_limit=2)
    tokens = [SIGNER.sign(CONTEXT, NOW + i, 3600) for i in range(4)]
    for token in tokens * 2:
        assert checker.verify(token, NOW + 5).user_id == "u1"
    assert len(checker._cache) == 2
