"""Options over HTTP: they are shown as Keystone shows them, and kept to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from actors.identity.throttle import FREE_FAILURES
from tests.api.rest.identity.test_rows import V3, made
from tests.api.rest.identity.test_tokens import by_password, play_as_admin
from tests.world import World


async def logged_in(http: httpx.AsyncClient, user: dict[str, Any], password: str = "pw") -> int:
    return (await http.post(f"{V3}/auth/tokens", json=by_password(password, user["name"]))).status_code


async def changed(http: httpx.AsyncClient, user: dict[str, Any], **options: Any) -> httpx.Response:
    return await http.patch(f"{V3}/users/{user['id']}", json={"user": {"options": options}})


def test_options_of_users_are_kept_and_shown(tmp_path: Path) -> None:
    """Those of the command line, and the ones that gophercloud sends with each user that it makes."""

    async def story(world: World, http: httpx.AsyncClient) -> None:
        sent = {"ignore_password_expiry": True, "multi_factor_auth_enabled": False, "multi_factor_auth_rules": []}
        bob = await made(http, "user", options=sent)
        assert bob["options"] == sent
        assert (await changed(http, bob, ignore_password_expiry=None, lock_password=True)).status_code == 200
        shown = (await http.get(f"{V3}/users/{bob['id']}")).json()["user"]["options"]
        assert shown == {"multi_factor_auth_enabled": False, "multi_factor_auth_rules": [], "lock_password": True}
        for wrong in ({"multi_factor_auth_rules": [["password", "totp"]]}, {"colour": True}, {"lock_password": "yes"}):
            assert (await changed(http, bob, **wrong)).status_code == 400, wrong
        assert (await http.get(f"{V3}/users/{bob['id']}")).json()["user"]["options"] == shown

    play_as_admin(tmp_path, story)


def test_a_locked_password_is_an_administrators_to_change(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        bob = await made(http, "user", options={"lock_password": True})
        own = {"user": {"original_password": "pw", "password": "new"}}
        assert (await http.post(f"{V3}/users/{bob['id']}/password", json=own)).status_code == 400
        assert await logged_in(http, bob) == 201
        assert (await http.patch(f"{V3}/users/{bob['id']}", json={"user": {"password": "new"}})).status_code == 200
        assert (await logged_in(http, bob), await logged_in(http, bob, "new")) == (401, 201)
        await changed(http, bob, lock_password=False)
        own = {"user": {"original_password": "new", "password": "own"}}
        assert (await http.post(f"{V3}/users/{bob['id']}/password", json=own)).status_code == 204

    play_as_admin(tmp_path, story)


def test_a_rule_that_asks_for_another_method_lets_nobody_in(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        bob = await made(http, "user")
        await changed(http, bob, multi_factor_auth_rules=[["application_credential"]])
        assert (await logged_in(http, bob), await logged_in(http, bob, "wrong")) == (401, 401)
        await changed(http, bob, multi_factor_auth_enabled=False)
        assert await logged_in(http, bob) == 201
        await changed(http, bob, multi_factor_auth_enabled=True, multi_factor_auth_rules=[["password"]])
        assert await logged_in(http, bob) == 201

    play_as_admin(tmp_path, story)


def test_failed_logins_slow_down_all_but_those_who_are_not_counted(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        bob = await made(http, "user", options={"ignore_lockout_failure_attempts": True})
        eve = await made(http, "user", name="eve")
        for user in (bob, eve):
            for _ in range(FREE_FAILURES + 1):
                assert await logged_in(http, user, "wrong") == 401
        assert (await logged_in(http, bob), await logged_in(http, eve)) == (201, 429)

    play_as_admin(tmp_path, story)


def test_what_is_immutable_stays(tmp_path: Path) -> None:
    async def story(world: World, http: httpx.AsyncClient) -> None:
        for kind in ("project", "role"):
            row = await made(http, kind, options={"immutable": True})
            one = f"{V3}/{kind}s/{row['id']}"
            assert row["options"] == {"immutable": True}
            assert (await http.delete(one)).status_code == 403
            assert (await http.patch(one, json={kind: {"description": "other"}})).status_code == 403
            assert (await http.get(one)).json()[kind] == row
            freed = await http.patch(one, json={kind: {"options": {"immutable": None}}})
            assert freed.json()[kind]["options"] == {}
            assert (await http.delete(one)).status_code == 204

    play_as_admin(tmp_path, story)
