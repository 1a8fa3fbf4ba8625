"""Rules of the edge: their defaults, and a file that overrides them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from starlette.requests import Request

from actors.api.rest.context import route_path
from actors.api.rest.policy import LOOK_S, Policy
from actors.errors import CallerError
from actors.messages import AuthContext
from tests.world import World, in_world, token

SERVERS = "/v2.1/servers"


class HandClock:
    at = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def caller(*roles: str, user: str = "ann") -> AuthContext:
    return AuthContext(
        user_id=user, user_name=user, project_id="p", project_name="p", roles=roles, expires_at=0.0, token_id="t"
    )


def allows(policy: Policy, verb: str, who: AuthContext, path: str = SERVERS, service: str = "compute") -> bool:
    try:
        policy.require(service, verb, path, who)
    except CallerError as refused:
        assert refused.fault.status == 403
        return False
    return True


@pytest.mark.parametrize(
    ("roles", "reads", "writes"),
    [
        (("admin",), True, True),
        (("member",), True, True),
        (("reader",), True, False),
        (("service",), True, True),
        (("guest",), False, False),
        ((), False, False),
    ],
)
def test_readers_read_and_members_write(tmp_path: Path, roles: tuple[str, ...], reads: bool, writes: bool) -> None:
    policy = Policy(tmp_path / "policy.yaml", HandClock())
    for verb, expected in {"GET": reads, "HEAD": reads, "POST": writes, "PUT": writes, "DELETE": writes}.items():
        assert allows(policy, verb, caller(*roles)) == expected, verb


def test_a_service_without_rules_is_closed(tmp_path: Path) -> None:
    assert not allows(Policy(tmp_path / "policy.yaml", HandClock()), "GET", caller("admin"), service="object-store")


def test_a_file_overrides_and_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file, clock = tmp_path / "policy.yaml", HandClock()
    file.write_text(f'"compute:delete:{SERVERS}/{{id}}": "role:admin or user_id:eve"\n"network:write": "rule:admin"\n')
    policy = Policy(file, clock)
    one = f"{SERVERS}/{{id}}"
    assert not allows(policy, "DELETE", caller("member"), one) and allows(policy, "DELETE", caller("admin"), one)
    assert allows(policy, "DELETE", caller("member", user="eve"), one)
    assert allows(policy, "POST", caller("member")) and not allows(policy, "POST", caller("member"), "/x", "network")
    file.write_text("{}")
    os.utime(file, (1.0, 1.0))
    assert not allows(policy, "DELETE", caller("member"), one)
    clock.at += LOOK_S
    assert allows(policy, "DELETE", caller("member"), one)
    file.unlink()
    clock.at += LOOK_S
    assert allows(policy, "DELETE", caller("member"), one)


def test_every_request_is_decided_by_its_route(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.identity.start()
        async with world.http(token(roles=("reader",))) as http:
            read = await http.get("/identity/v3/roles")
            (tmp_path / "policy.yaml").write_text('"identity:get:/v3/roles/{row_id}": "rule:admin"\n')
        assert read.status_code == 200
        del world.__dict__["edge"]  # a new one, with the new file
        async with world.http(token(roles=("reader",))) as http:
            listed = await http.get("/identity/v3/roles")
            refused = await http.get("/identity/v3/roles/x")
        assert (listed.status_code, refused.status_code) == (200, 403)

    in_world(tmp_path, play)


def test_a_rule_has_the_whole_path_also_where_a_router_has_a_prefix(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        rules = ("compute:get:/v2.1/flavors/{flavor_id}", "network:get:/v2.0/{noun}/{row_id}/tags")
        (tmp_path / "policy.yaml").write_text("".join(f'"{rule}": "rule:admin"\n' for rule in rules))
        async with world.http(world.member) as http:
            paths = ("/compute/v2.1/flavors/tiny", f"/network/v2.0/networks/{world.net.id}/tags")
            assert [(await http.get(path)).status_code for path in paths] == [403, 403]
            assert (await http.get("/compute/v2.1/flavors")).status_code == 200

    in_world(tmp_path, play)


def test_a_route_that_is_not_fastapis_own_is_named_too() -> None:
    scope = {
        "type": "http",
        "path": "/compute/v2.1/servers/x1",
        "root_path": "/compute",
        "path_params": {"server": "x1"},
    }
    assert route_path(Request(scope)) == "/v2.1/servers/{server}"
