"""Rules of the edge: their defaults, and a file that overrides them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from oslo_config.cfg import ConfigOpts
from oslo_policy.policy import Enforcer, Rules
from starlette.requests import Request

from actors.api.rest.app import SERVICES
from actors.api.rest.context import route_path
from actors.api.rest.policy import LOOK_S, UNREADABLE, Policy, Question
from actors.api.rest.rules import DEFAULTS, TABLES
from actors.api.rest.rules.table import names_of
from actors.errors import CallerError
from actors.messages import AuthContext
from tests.world import World, in_world, token

SERVER = "/v2.1/servers/{server_id}"
CREATE, DELETE = "POST /v2.1/servers", f"DELETE {SERVER}"
SERVER_BODY = {"name": "x", "flavorRef": "tiny", "imageRef": "{image}"}
JSON = {"Content-Type": "application/json"}


class HandClock:
    at = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def caller(*roles: str, user: str = "ann", **scope: Any) -> AuthContext:
    fields: dict[str, Any] = {"project_id": "p", "project_name": "p"} | scope
    return AuthContext(user_id=user, user_name=user, roles=roles, expires_at=0.0, token_id="t", **fields)


SYSTEM = {"project_id": "", "system": True}
DOMAIN = {"project_id": "", "domain_id": "d"}


def allows(policy: Policy, route: str, who: AuthContext, service: str = "compute", **said: Any) -> bool:
    verb, path = route.split()
    try:
        policy.require(Question(service, verb, path, **said), who)
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
    verbs = {"GET": reads, "HEAD": reads, "PUT": writes, "DELETE": writes}
    for verb, expected in verbs.items():
        assert allows(policy, f"{verb} {SERVER}", caller(*roles)) == expected, verb
    assert allows(policy, CREATE, caller(*roles)) == writes


def test_a_service_without_rules_is_closed(tmp_path: Path) -> None:
    assert not allows(Policy(tmp_path / "policy.yaml", HandClock()), "GET /", caller("admin"), service="object-store")


@pytest.mark.parametrize(
    ("service", "route", "role", "project", "domain", "system"),
    [
        ("compute", "GET /v2.1/os-hypervisors", "member", False, False, False),
        ("compute", "GET /v2.1/os-hypervisors", "admin", True, False, False),
        ("compute", "GET /v2.1/servers", "reader", True, False, False),
        ("network", "GET /v2.0/ports", "reader", True, False, False),
        ("placement", "GET /traits", "member", False, False, False),
        ("placement", "GET /traits", "admin", True, False, False),
        ("volume", "GET /v3/os-services", "admin", True, True, True),
        ("identity", "GET /v3/roles", "member", False, False, False),
        ("identity", "GET /v3/roles", "reader", False, False, True),
        ("identity", "GET /v3/services", "reader", False, False, True),
        ("identity", "GET /v3/endpoints/{row_id}", "reader", False, False, True),
        ("identity", "GET /v3/regions", "reader", True, True, True),
        ("identity", "POST /v3/services", "reader", False, False, False),
        ("identity", "POST /v3/services", "admin", True, True, True),
    ],
)
def test_defaults_are_openstacks_by_role_and_scope(
    tmp_path: Path, service: str, route: str, role: str, project: bool, domain: bool, system: bool
) -> None:
    policy = Policy(tmp_path / "policy.yaml", HandClock())
    for scope, expected in (({}, project), (DOMAIN, domain), (SYSTEM, system)):
        assert allows(policy, route, caller(role, **scope), service) == expected, scope


def test_a_file_overrides_and_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file, clock = tmp_path / "policy.yaml", HandClock()
    file.write_text(
        '"os_compute_api:servers:delete": "role:admin or user_id:eve"\n"create_port": "rule:context_is_admin"\n'
    )
    policy = Policy(file, clock)
    assert not allows(policy, DELETE, caller("member")) and allows(policy, DELETE, caller("admin"))
    assert allows(policy, DELETE, caller("member", user="eve"))
    assert allows(policy, CREATE, caller("member"))
    assert not allows(policy, "POST /v2.0/ports", caller("member"), "network")
    file.write_text("{}")
    os.utime(file, (1.0, 1.0))
    assert not allows(policy, DELETE, caller("member"))
    clock.at += LOOK_S
    assert allows(policy, DELETE, caller("member"))
    file.unlink()
    clock.at += LOOK_S
    assert allows(policy, DELETE, caller("member"))


@pytest.mark.parametrize("text", ["{ broken", "- a list", '"os_compute_api:servers:create": 7', "\x00"])
def test_a_file_that_is_no_rules_any_more_changes_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    file, clock = tmp_path / "policy.yaml", HandClock()
    file.write_text('"os_compute_api:servers:create": "role:admin"')
    policy = Policy(file, clock)
    file.write_text(text)
    for _ in range(3):
        clock.at += LOOK_S
        os.utime(file, (clock.at, clock.at))
        assert not allows(policy, CREATE, caller("member")) and allows(policy, CREATE, caller("admin"))
    assert caplog.text.count("the rules before stay in force") == 1
    file.write_text('"os_compute_api:servers:create": "role:member"')
    clock.at += LOOK_S
    assert allows(policy, CREATE, caller("member"))
    with pytest.raises(UNREADABLE):
        file.write_text(text)
        Policy(file, clock)


def test_rules_that_decide_nothing_here_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "policy.yaml").write_text('"os_compute_api:servers:craete": "!"\n"create_network:shared": "!"\n')
    Policy(tmp_path / "policy.yaml", HandClock())
    assert "craete" in caplog.text and "create_network:shared" not in caplog.text


OUTSIDE = {"external_gateway_info": {"network_id": "{outside}", "enable_snat": False}}
FLOATING = {"floating_network_id": "{outside}"}
OVERRIDES = {  # rule → a request that it decides: service, verb and path, body
    "os_compute_api:servers:create": ("compute", "POST /v2.1/servers", {"server": SERVER_BODY}),
    "os_compute_api:servers:create:attach_network": (
        "compute", "POST /v2.1/servers", {"server": SERVER_BODY | {"networks": [{"uuid": "{network}"}]}},
    ),
    "os_compute_api:servers:index": ("compute", "GET /v2.1/servers", None),
    "os_compute_api:servers:index:get_all_tenants": ("compute", "GET /v2.1/servers?all_tenants=1", None),
    "os_compute_api:servers:show": ("compute", "GET /v2.1/servers/{server}", None),
    "os_compute_api:servers:stop": ("compute", "POST /v2.1/servers/{server}/action", {"os-stop": None}),
    "os_compute_api:os-keypairs:create": ("compute", "POST /v2.1/os-keypairs", {"keypair": {"name": "k"}}),
    "os_compute_api:os-hypervisors:list": ("compute", "GET /v2.1/os-hypervisors", None),
    "os_compute_api:os-aggregates:create": ("compute", "POST /v2.1/os-aggregates", {"aggregate": {"name": "a"}}),
    "identity:create_user": ("identity", "POST /v3/users", {"user": {"name": "u"}}),
    "identity:list_projects": ("identity", "GET /v3/projects", None),
    "create_port": ("network", "POST /v2.0/ports", {"port": {"network_id": "{network}"}}),
    "create_port:fixed_ips": (
        "network", "POST /v2.0/ports", {"port": {"network_id": "{network}", "fixed_ips": [{"ip_address": "10.7.9.9"}]}},
    ),
    "create_router": ("network", "POST /v2.0/routers", {"router": {"name": "r"}}),
    "create_network:router:external": ("network", "POST /v2.0/networks", {"network": {"router:external": True}}),
    "create_router:external_gateway_info": ("network", "POST /v2.0/routers", {"router": OUTSIDE}),
    "create_router:external_gateway_info:enable_snat": ("network", "POST /v2.0/routers", {"router": OUTSIDE}),
    "create_floatingip": ("network", "POST /v2.0/floatingips", {"floatingip": FLOATING}),
    "create_floatingip:floating_ip_address": (
        "network", "POST /v2.0/floatingips", {"floatingip": FLOATING | {"floating_ip_address": "203.0.113.77"}},
    ),
    "get_floatingip": ("network", "GET /v2.0/floatingips", None),
    "update_networks_tags": ("network", "PUT /v2.0/networks/{network}/tags/x", None),
    "volume:create": ("volume", "POST /v3/volumes", {"volume": {"size": 1}}),
    "volume:get_volume_metadata": ("volume", "GET /v3/volumes/{volume}/metadata", None),
    "volume:extend": ("volume", "POST /v3/volumes/{volume}/action", {"os-extend": {"new_size": 2}}),
    "add_image": ("image", "POST /v2/images", {"name": "i"}),
    "placement:resource_providers:list": ("placement", "GET /resource_providers", None),
    "placement:resource_providers:create": ("placement", "POST /resource_providers", {"name": "p"}),
}  # fmt: skip


async def outside(world: World) -> str:
    """An external network."""
    async with world.http(world.admin) as http:
        asked = {"network": {"name": "outside", "router:external": True}}
        network = (await http.post("/network/v2.0/networks", json=asked)).json()["network"]
        subnet = {"network_id": network["id"], "cidr": "203.0.113.0/24", "ip_version": 4}
        assert (await http.post("/network/v2.0/subnets", json={"subnet": subnet})).status_code == 201
    return str(network["id"])


def test_a_policy_file_with_openstacks_names_decides_what_they_name(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.identity.start()
        [server] = await world.boot(world.request())
        names = {
            "{image}": world.image.id,
            "{server}": server.id,
            "{network}": world.net.id,
            "{volume}": await world.volume(),
            "{outside}": await outside(world),
        }
        who, file = token("demo", ("admin", "member")), tmp_path / "policy.yaml"
        for rule, (service, route, body) in OVERRIDES.items():
            verb, path = route.split()
            sent = json.dumps(body) if body is not None else ""
            for name, value in names.items():
                path, sent = path.replace(name, value), sent.replace(name, value)
            for text in (f'"{rule}": "!"\n', "{}\n"):
                file.write_text(text)
                world.__dict__.pop("edge", None)  # a new one, with the new file
                async with world.http(who) as http:
                    answer = await http.request(verb, f"/{service}{path}", content=sent, headers=JSON)
                if rule in text:
                    assert (answer.status_code, f"Policy doesn't allow {rule} " in answer.text) == (403, True), (
                        answer.text
                    )
                else:
                    assert answer.is_success, (rule, answer.text)

    in_world(tmp_path, play)


GIVEN = {  # rule → what it says in the file, a request by a member, and the status without the file
    "os_compute_api:os-hypervisors:list": ("role:member", "GET /compute/v2.1/os-hypervisors", None, 403),
    "os_compute_api:os-flavor-manage:create": (
        "role:member", "POST /compute/v2.1/flavors", {"flavor": {"name": "f", "ram": 1, "vcpus": 1, "disk": 1}}, 403,
    ),
    "os_compute_api:os-aggregates:index": ("user_id:ann", "GET /compute/v2.1/os-aggregates", None, 403),
    "identity:list_services": ("", "GET /identity/v3/services", None, 403),
    "identity:create_region": ("role:member", "POST /identity/v3/regions", {"region": {"id": "far"}}, 403),
    "volume_extension:services:index": ("role:member", "GET /volume/v3/os-services", None, 403),
    "placement:traits:list": ("role:member", "GET /placement/traits", None, 403),
    "placement:traits:update": ("role:member", "PUT /placement/traits/CUSTOM_X", None, 403),
    "context_is_admin": ("role:admin or role:member", "GET /compute/v2.1/os-services", None, 403),
}  # fmt: skip


def test_a_file_gives_members_what_belongs_to_no_project(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.identity.start()
        file = tmp_path / "policy.yaml"
        for rule, (says, route, body, status) in GIVEN.items():
            verb, path = route.split()
            headers = {"OpenStack-API-Version": "placement 1.39"}
            for text, expected in (("{}\n", status), (f'"{rule}": "{says}"\n', None)):
                file.write_text(text)
                world.__dict__.pop("edge", None)
                async with world.http(world.member) as http:
                    answer = await http.request(verb, path, json=body, headers=headers)
                    assert answer.status_code == expected or (expected is None and answer.is_success), (
                        rule,
                        answer.text,
                    )
                async with world.http(token("demo", ("guest",), "gus")) as http:
                    refused = (await http.request(verb, path, json=body, headers=headers)).status_code
                    assert refused == (200 if says == "" and expected is None else 403), rule

    in_world(tmp_path, play)


def test_a_role_of_the_operators_own_may_do_what_a_member_may_in_its_project(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.identity.start()
        [theirs] = await world.boot(world.request())
        names = ("servers:create", "servers:show", "servers:delete", "servers:index", "servers:stop")
        (tmp_path / "policy.yaml").write_text("".join(f'"os_compute_api:{one}": "role:operator"\n' for one in names))
        body = {"name": "x", "flavorRef": "tiny", "imageRef": world.image.id}
        async with world.http(token("ours", ("operator",), "olga")) as http:
            made = await http.post("/compute/v2.1/servers", json={"server": body})
            assert made.status_code == 202, made.text
            await world.settled()
            mine = (await http.get(made.headers["Location"])).json()["server"]
            assert mine["status"] == "ACTIVE"
            listed = (await http.get("/compute/v2.1/servers")).json()["servers"]
            assert [one["id"] for one in listed] == [mine["id"]]
            for verb, path, sent in (
                ("GET", "", None),
                ("DELETE", "", None),
                ("POST", "/action", {"os-stop": None}),
                ("POST", "/action", {"os-resetState": {"state": "error"}}),
            ):
                other = await http.request(verb, f"/compute/v2.1/servers/{theirs.id}{path}", json=sent)
                assert other.status_code == 404, (verb, path, other.text)
            assert (await http.post("/network/v2.0/networks", json={"network": {"name": "n"}})).status_code == 403
            assert (await http.delete(f"/compute/v2.1/servers/{mine['id']}")).status_code == 204

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("rule", "says", "route", "body"),
    [
        ("os_compute_api:os-admin-actions:reset_state", "role:member", "POST /compute/v2.1/servers/{server}/action",
         {"os-resetState": {"state": "error"}}),
        ("os_compute_api:os-server-diagnostics", "role:member", "GET /compute/v2.1/servers/{server}/diagnostics", None),
        ("os_compute_api:os-quota-sets:update", "role:member and project_id:%(project_id)s",
         "PUT /compute/v2.1/os-quota-sets/demo", {"quota_set": {"instances": 1}}),
        ("volume_extension:volume_admin_actions:reset_status", "role:member", "POST /volume/v3/volumes/{volume}/action",
         {"os-reset_status": {"status": "error"}}),
        ("os_compute_api:os-hypervisors:list", "project_id:%(project_id)s", "GET /compute/v2.1/os-hypervisors", None),
    ],
)  # fmt: skip
def test_no_rule_gives_what_another_project_owns(tmp_path: Path, rule: str, says: str, route: str, body: Any) -> None:
    async def play(world: World) -> None:
        await world.identity.start()
        [server] = await world.boot(world.request())
        (tmp_path / "policy.yaml").write_text(f'"{rule}": "{says}"\n')
        verb, path = route.replace("{server}", server.id).replace("{volume}", await world.volume()).split()
        async with world.http(token("other", ("member",), "eve")) as http:
            assert (await http.request(verb, path, json=body)).status_code in (403, 404)

    in_world(tmp_path, play)


def test_glances_own_rules_about_owners_and_members(tmp_path: Path) -> None:
    """They look at `owner` and `member_id`: given by the file, they pass, and the room decides whose it is."""
    rules = {
        "add_image": "role:member and project_id:%(project_id)s and project_id:%(owner)s",
        "get_image": "role:member and (project_id:%(project_id)s or project_id:%(member_id)s)",
        "modify_member": "role:member and project_id:%(member_id)s",
    }

    async def play(world: World) -> None:
        (tmp_path / "policy.yaml").write_text("".join(f'"{name}": "{says}"\n' for name, says in rules.items()))
        await world.identity.start()
        async with world.http(world.member) as http, world.http(token("other")) as other:
            made = await http.post("/image/v2/images", json={"name": "i", "visibility": "shared"})
            assert made.status_code == 201, made.text
            image = f"/image/v2/images/{made.json()['id']}"
            assert (await other.post("/image/v2/images", json={"name": "i", "owner": "demo"})).status_code == 403
            assert [(await one.get(image)).status_code for one in (http, other)] == [200, 404]
            assert (await other.put(f"{image}/members/other", json={"status": "accepted"})).status_code == 404
            assert (await http.post(f"{image}/members", json={"member": "other"})).status_code == 200
            assert (await other.put(f"{image}/members/other", json={"status": "accepted"})).status_code == 200
            assert (await other.get(image)).status_code == 200

    in_world(tmp_path, play)


SPACES = "/image/v2/metadefs/namespaces"


def test_a_file_lets_members_define_metadata_of_their_own_project(tmp_path: Path) -> None:
    """Glance's rules: of what a new namespace brings along they decide too; of another project's they give nothing."""
    file = tmp_path / "policy.yaml"
    readers = "role:reader and (project_id:%(project_id)s or 'public':%(visibility)s)"

    async def play(world: World) -> None:
        await world.identity.start()
        async with world.http(world.admin) as http:
            for name, visibility in (("public", "public"), ("private", "private")):
                made = await http.post(SPACES, json={"namespace": name, "visibility": visibility})
                assert made.status_code == 201, made.text
        file.write_text('"add_metadef_namespace": "role:member"\n')
        world.__dict__.pop("edge", None)
        async with world.http(world.member) as http:
            with_object = await http.post(SPACES, json={"namespace": "mine", "objects": [{"name": "o"}]})
            assert with_object.status_code == 403 and "add_metadef_object" in with_object.text
            assert (await http.post(SPACES, json={"namespace": "mine", "objects": []})).status_code == 201
            assert (await http.post(f"{SPACES}/mine/objects", json={"name": "o"})).status_code == 403
        file.write_text(f'"metadef_admin": "role:member"\n"get_metadef_namespace": "{readers}"\n')
        world.__dict__.pop("edge", None)
        async with world.http(token("demo", ("member", "reader"))) as http:
            assert (await http.post(f"{SPACES}/mine/objects", json={"name": "o"})).status_code == 201
            assert (await http.get(f"{SPACES}/mine")).json()["owner"] == "demo"
            for name, status in (("public", 403), ("private", 404)):
                assert (await http.get(f"{SPACES}/{name}")).status_code == (200 if name == "public" else 404)
                assert (await http.put(f"{SPACES}/{name}", json={"namespace": "stolen"})).status_code == status
                assert (await http.post(f"{SPACES}/{name}/tags/mine")).status_code == status
                assert (await http.delete(f"{SPACES}/{name}")).status_code == status
            published = await http.put(f"{SPACES}/mine", json={"namespace": "mine", "visibility": "public"})
            assert published.status_code == 403, published.text
            assert (await http.delete(f"{SPACES}/mine")).status_code == 204

    in_world(tmp_path, play)


def test_neutrons_own_rules_about_who_holds_a_row(tmp_path: Path) -> None:
    """`network_owner`, `sg_owner` and `shared` are about the network or group that is named, alone or in bulk."""
    rules = {
        "create_subnet": "role:member and rule:network_owner",
        "create_port": "role:member and rule:network_owner or rule:shared",
        "create_port:mac_address": "rule:network_owner",
        "update_port:fixed_ips": "rule:network_owner",
        "create_security_group_rule": "role:member and rule:sg_owner",
        "get_security_group_rule": "role:member and rule:sg_owner",
    }

    async def play(world: World) -> None:
        (tmp_path / "policy.yaml").write_text("".join(f'"{name}": "{says}"\n' for name, says in rules.items()))
        async with world.http(world.member) as http, world.http(token("other")) as other:

            async def made(noun: str, status: int = 201, by: Any = http, **fields: Any) -> Any:
                path = f"/network/v2.0/{noun.replace('_', '-')}s"
                answer = await by.post(path, json={noun: fields})
                assert answer.status_code == status, answer.text
                return answer.json().get(noun)

            own, shared = (await made("network"))["id"], world.net.id
            await made("subnet", network_id=own, cidr="10.3.0.0/24")
            await made("subnet", 403, network_id=shared, cidr="10.3.0.0/24")
            await made("subnet", 404, other, network_id=own, cidr="10.4.0.0/24")
            await made("port", network_id=own, mac_address="fa:16:3e:00:00:01")
            await made("port", 403, network_id=shared, mac_address="fa:16:3e:00:00:02")
            there = await made("port", network_id=shared)
            moved = {"port": {"fixed_ips": [{"ip_address": "10.7.9.9"}]}}
            assert (await http.put(f"/network/v2.0/ports/{there['id']}", json=moved)).status_code == 403
            both = {"ports": [{"network_id": own}, {"network_id": shared}]}
            assert (await http.post("/network/v2.0/ports", json=both)).status_code == 403  # not all are shared
            both["ports"][1]["network_id"] = own
            assert (await http.post("/network/v2.0/ports", json=both)).status_code == 201
            group = (await made("security_group", name="g"))["id"]
            rule = await made("security_group_rule", security_group_id=group, direction="ingress")
            await made("security_group_rule", 404, other, security_group_id=group, direction="egress")
            rows = "/network/v2.0/security-group-rules"
            assert [(await one.get(f"{rows}/{rule['id']}")).status_code for one in (http, other)] == [200, 404]
            listed = [(await one.get(rows)).json()["security_group_rules"] for one in (http, other)]
            assert [rule["id"] in {row["id"] for row in found} for found in listed] == [True, False]

    in_world(tmp_path, play)


def test_a_project_may_be_given_its_own_quota(tmp_path: Path) -> None:
    """Where the path says whose it is, a rule about owners means that one."""

    async def play(world: World) -> None:
        rule = '"os_compute_api:os-quota-sets:update": "role:member and project_id:%(project_id)s"\n'
        (tmp_path / "policy.yaml").write_text(rule)
        await world.identity.start()
        async with world.http(world.member) as http:
            sent = {"quota_set": {"instances": 3}}
            assert (await http.put("/compute/v2.1/os-quota-sets/demo", json=sent)).status_code == 200
            assert (await http.put("/compute/v2.1/os-quota-sets/other", json=sent)).status_code == 403

    in_world(tmp_path, play)


def test_a_server_that_is_anothers_is_not_there_whatever_policy_says(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        (tmp_path / "policy.yaml").write_text('"os_compute_api:servers:stop": "!"\n')
        [server] = await world.boot(world.request())
        for who, status in ((world.member, 403), (token("other"), 404)):
            async with world.http(who) as http:
                asked = f"/compute/v2.1/servers/{server.id}/action"
                assert (await http.post(asked, json={"os-stop": None})).status_code == status
                assert (await http.post(asked, json={"os-resetState": {"state": "error"}})).status_code == status

    in_world(tmp_path, play)


OPEN = {"POST /v3/auth/tokens", "POST /v3/users/{user_id}/password"}  # for whoever knows the password


def test_every_route_has_its_rule_and_no_rule_is_left_over(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        for service, table in TABLES.items():
            app = SERVICES[service](world.rooms)
            assert isinstance(app, FastAPI)
            served = {f"{verb.upper()} {path}" for path, verbs in app.openapi()["paths"].items() for verb in verbs}
            assert served - table.routes.keys() - OPEN == set(), service
            assert table.routes.keys() - served == set(), service
            assert table.attributes.keys() - served == set(), service
            assert table.passed_on.keys() - served == set(), service
            assert {rule for rules in table.passed_on.values() for rule in rules} - DEFAULTS.keys() == set(), service
            assert set(table.special) - {name for rule in table.routes.values() for name in names_of(rule)} == set()

    in_world(tmp_path, play)


def test_every_default_says_something(tmp_path: Path) -> None:
    enforcer = Enforcer(ConfigOpts(), rules=Rules.from_dict(DEFAULTS), use_conf=False)
    assert enforcer.check_rules()  # no name that is nowhere, no circle
    policy = Policy(tmp_path / "policy.yaml", HandClock())
    for table in TABLES.values():
        for rule in table.defaults:
            policy.require_rule(rule, caller("admin", "member", "reader"))  # an administrator may do everything


def test_a_route_that_is_not_fastapis_own_is_named_too() -> None:
    scope = {
        "type": "http",
        "path": "/compute/v2.1/servers/x1",
        "root_path": "/compute",
        "path_params": {"server": "x1"},
    }
    assert route_path(Request(scope)) == "/v2.1/servers/{server}"
