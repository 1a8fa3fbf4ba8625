"""What no service may take: bodies that are none, too much of them, and tokens that nobody here has given."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from actors.api.rest.bodies import BODY_LIMIT_BYTES
from actors.clock import SystemClock
from actors.identity.tokens import TokenSigner, new_signing_key
from actors.messages import AuthContext
from tests.world import KEY, World, in_world

POSTS = {  # a route of each service that takes a body
    "compute": "/compute/v2.1/servers",
    "image": "/image/v2/images",
    "network": "/network/v2.0/networks",
    "volume": "/volume/v3/volumes",
    "identity": "/identity/v3/projects",
}
BODIES = {
    "no JSON": (400, b'{"server": '),
    "no UTF-8": (400, b'{"server": {"name": "\xff\xfe"}}'),
    "no object": (400, b'["server"]'),
    "a number beyond 64 bits": (400, b'{"server": 1' + b"0" * 30 + b"}"),
    "too deep": (400, b"[" * 100_000 + b"]" * 100_000),
    "too much": (413, b" " * (BODY_LIMIT_BYTES + 1)),
    "nothing": (400, b""),
}
LIVED_S = 60.0


def of_another_time(key_pem: str, key_id: str, age_s: float) -> str:
    now = SystemClock().now() - age_s
    context = AuthContext(
        user_id="ann", user_name="ann", project_id="demo", project_name="demo", roles=("member",),
        expires_at=now + LIVED_S, token_id="t",
    )  # fmt: skip
    return TokenSigner(key_id, key_pem).sign(context, now, LIVED_S)


@pytest.mark.parametrize("service", POSTS)
def test_a_bad_body_is_refused_and_changes_nothing(tmp_path: Path, service: str) -> None:
    async def play(world: World) -> None:
        before = await world.state()
        async with world.http(world.admin, Content_Type="application/json") as http:
            for what, (status, content) in BODIES.items():
                answer = await http.post(POSTS[service], content=content)
                assert (answer.status_code, type(answer.json())) == (status, dict), (what, answer.text)
                assert "Traceback" not in answer.text
        assert await world.state() == before

    in_world(tmp_path, play)


def test_a_token_that_is_not_this_clouds_or_not_whole_or_not_valid_any_more_is_none(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        foreign = new_signing_key(0.0)
        middle = len(world.member) // 2
        changed = "A" if world.member[middle] != "A" else "B"
        tokens = {
            "of another cloud": of_another_time(foreign.private_pem, foreign.id, 0.0),
            "of another cloud, with our key's name": of_another_time(foreign.private_pem, KEY.id, 0.0),
            "expired": of_another_time(KEY.private_pem, KEY.id, 2 * LIVED_S),
            "one changed byte": world.member[:middle] + changed + world.member[middle + 1 :],
            "cut": world.member[:-10],
            "no token": "gAAAAA",
        }
        for what, sent in tokens.items():
            async with world.http(sent) as http:
                for path in POSTS.values():
                    _is_refused(await http.get(path), f"{what}: {path}")

    in_world(tmp_path, play)


def _is_refused(answer: httpx.Response, what: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401), what
    assert answer.headers["WWW-Authenticate"].startswith("Keystone uri=")
