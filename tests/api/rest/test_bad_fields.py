"""What no service's create may take in a field: too long a name, a number beyond 64 bits, text that is no UTF-8,
and fields that it does not know. Every route that makes something has its line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from actors.api.rest.app import SERVICES
from tests.api.rest.tenants import NEWEST, SSH, furnished
from tests.world import World, in_world

LONG = "x" * 256
BIG = (2**63, 2**64, 10**30, -(2**63) - 1)
SERVER = {"name": "x", "flavorRef": "tiny", "imageRef": "{public_image_id}", "networks": "none"}


@dataclass(frozen=True, slots=True)
class Making:
    """A route that makes something: a good body of it; fields that hold names and numbers; what becomes of others."""

    noun: str  # '' = the body has none around it
    body: dict[str, Any]
    names: tuple[str, ...] = ("name",)
    numbers: tuple[str, ...] = ()
    open: bool = False  # fields that it does not know are ignored, as Keystone does, or are the owner's own
    top_open: bool = False  # the same for what stands beside the noun
    version: str = ""  # in which it is there; '' = the newest


OLD = "compute 2.35"
KEYSTONE = {"open": True, "top_open": True}
MAKINGS: dict[str, Making] = {
    "/compute/v2.1/servers": Making(
        "server",
        SERVER,
        ("name", "description", "key_name", "availability_zone", "accessIPv4"),
        ("min_count", "max_count", "networks"),
    ),
    "/compute/v2.1/flavors": Making(
        "flavor",
        {"name": "f", "ram": 1, "vcpus": 1, "disk": 1},
        ("name",),  # a flavor's id may be a number
        ("ram", "vcpus", "disk", "swap", "OS-FLV-EXT-DATA:ephemeral"),
    ),
    "/compute/v2.1/os-keypairs": Making("keypair", {"name": "k", "public_key": SSH}),
    "/compute/v2.1/os-server-groups": Making("server_group", {"name": "g", "policy": "affinity"}),
    "/compute/v2.1/os-security-groups": Making(
        "security_group", {"name": "s", "description": "d"}, ("name", "description"), version=OLD
    ),
    "/compute/v2.1/os-security-group-rules": Making(
        "security_group_rule",
        {"parent_group_id": "{group_id}", "ip_protocol": "tcp", "from_port": 1, "to_port": 9},
        ("ip_protocol", "cidr", "group_id"),
        ("from_port", "to_port"),
        version=OLD,
    ),
    "/compute/v2.1/os-floating-ips": Making("", {"pool": "outside"}, ("pool",), version=OLD),
    "/compute/v2.1/os-volumes": Making(
        "volume",
        {"size": 1},
        ("display_name", "display_description", "volume_type", "availability_zone"),
        ("size",),
        version=OLD,
    ),
    "/compute/v2.1/os-snapshots": Making(
        "snapshot", {"volume_id": "{free_volume_id}"}, ("display_name", "display_description"), version=OLD
    ),
    "/compute/v2.1/os-aggregates": Making("aggregate", {"name": "a"}, ("name", "availability_zone")),
    "/image/v2/images": Making("", {"name": "i"}, ("name", "owner"), ("min_disk", "min_ram"), open=True),
    "/image/v2/metadefs/namespaces": Making("", {"namespace": "n"}, ("namespace", "display_name", "owner")),
    "/network/v2.0/networks": Making("network", {"name": "n"}, ("name", "description"), ("mtu",)),
    "/network/v2.0/subnets": Making(
        "subnet", {"network_id": "{network_id}", "cidr": "10.99.0.0/24"}, ("name", "description"), ("ip_version",)
    ),
    "/network/v2.0/subnetpools": Making(
        "subnetpool",
        {"name": "p", "prefixes": ["10.98.0.0/16"]},
        ("name", "description"),
        ("default_prefixlen", "min_prefixlen", "max_prefixlen"),
    ),
    "/network/v2.0/ports": Making("port", {"network_id": "{network_id}"}, ("name", "description", "device_id")),
    "/network/v2.0/routers": Making("router", {"name": "r"}, ("name", "description")),
    "/network/v2.0/floatingips": Making(
        "floatingip",
        {"floating_network_id": "{external_network_id}"},
        ("description", "floating_ip_address", "port_id"),
    ),
    "/network/v2.0/security-groups": Making("security_group", {"name": "s"}, ("name", "description")),
    "/network/v2.0/security-group-rules": Making(
        "security_group_rule",
        {"security_group_id": "{group_id}", "direction": "ingress", "protocol": "tcp"},
        ("description",),
        ("port_range_min", "port_range_max"),
    ),
    "/volume/v3/volumes": Making(
        "volume", {"size": 1}, ("name", "description", "volume_type", "availability_zone"), ("size",)
    ),
    "/volume/v3/snapshots": Making("snapshot", {"volume_id": "{free_volume_id}"}, ("name", "description")),
    "/volume/v3/types": Making("volume_type", {"name": "t"}, ("name", "description")),
    "/volume/v3/qos-specs": Making("qos_specs", {"name": "q"}, open=True),
    "/volume/v3/os-volume-transfer": Making("transfer", {"volume_id": "{free_volume_id}"}),
    "/volume/v3/volume-transfers": Making("transfer", {"volume_id": "{free_volume_id}"}),
    "/volume/v3/attachments": Making(
        "attachment", {"volume_uuid": "{free_volume_id}", "instance_uuid": "{server_id}"}, ("mode",)
    ),
    "/placement/resource_providers": Making("", {"name": "p"}, ("name", "uuid", "parent_provider_uuid")),
    "/placement/resource_classes": Making("", {"name": "CUSTOM_P"}),
    "/identity/v3/domains": Making("domain", {"name": "d"}, **KEYSTONE),
    "/identity/v3/projects": Making("project", {"name": "p"}, **KEYSTONE),
    "/identity/v3/users": Making("user", {"name": "u"}, **KEYSTONE),
    "/identity/v3/groups": Making("group", {"name": "g"}, **KEYSTONE),
    "/identity/v3/roles": Making("role", {"name": "r"}, **KEYSTONE),
    "/identity/v3/regions": Making("region", {"id": "r"}, ("id",), **KEYSTONE),
    "/identity/v3/services": Making("service", {"type": "t"}, ("type", "name"), **KEYSTONE),
    "/identity/v3/credentials": Making(
        "credential",
        {"user_id": "{identity_user_id}", "type": "t", "blob": "b"},
        ("type", "user_id", "project_id"),
        **KEYSTONE,
    ),
    "/identity/v3/endpoints": Making(
        "endpoint",
        {"service_id": "{service_id}", "interface": "public", "url": "http://x"},
        ("region_id",),
        **KEYSTONE,
    ),
}
NOT_MAKING = (  # POSTs that make no named thing of their own: they are in test_bad_input.py and the fuzzer's
    "/action", "/actions/", "/metadata", "/os-extra_specs", "/extra_specs", "/os-interface", "/os-volume_attachments",
    "/remote-consoles", "/os-server-external-events", "/auth/", "/password", "/import", "/members", "/images/{",
    "/accept", "/encryption", "/application_credentials", "/OS-EC2", "/os-aggregates/{", "/placement/", "/namespaces/{",
    "/OS-TRUST/",
)  # fmt: skip


def filled(value: Any, things: dict[str, str]) -> Any:
    text = json.dumps(value)
    for name, thing in things.items():
        text = text.replace(f"{{{name}}}", thing)
    return json.loads(text)


def wrapped(making: Making, body: dict[str, Any]) -> dict[str, Any]:
    return {making.noun: body} if making.noun else body


def bad_bodies(making: Making, good: dict[str, Any]) -> dict[str, bytes]:
    """Each wrong in one way, and nothing else."""
    bad: dict[str, Any] = {}
    for name in making.names:
        bad[f"{name} of 256 characters"] = wrapped(making, good | {name: LONG})
        bad[f"{name} is a number"] = wrapped(making, good | {name: 7})
    for name in making.numbers:
        bad |= {f"{name} is {number}": wrapped(making, good | {name: number}) for number in BIG}
        bad[f"{name} is no number"] = wrapped(making, good | {name: "many"})
    if not making.open:
        bad["an unknown field"] = wrapped(making, good | {"no_such_field": 1})
    if making.noun and not making.top_open:
        bad["an unknown field beside it"] = wrapped(making, good) | {"no_such_field": 1}
    if making.noun:
        bad["a list"] = {making.noun: [1]}
        bad["nothing of it"] = {"no_such_noun": good}
    encoded = {what: json.dumps(body).encode() for what, body in bad.items()}
    first = making.names[0]
    encoded["no UTF-8"] = json.dumps(wrapped(making, good | {first: "?!?"})).encode().replace(b"?!?", b"\xff\xfe")
    encoded["a lone surrogate"] = json.dumps(wrapped(making, good | {first: "\ud800"})).encode()
    return encoded


@pytest.mark.parametrize("path", MAKINGS)
def test_a_field_that_is_wrong_is_refused_and_nothing_is_made(tmp_path: Path, path: str) -> None:
    making = MAKINGS[path]

    async def play(world: World) -> None:
        things = await furnished(world)
        good = filled(making.body, things)
        version = {"OpenStack_API_Version": making.version} if making.version else NEWEST
        async with world.http(world.admin, Content_Type="application/json", **version) as http:
            before = await everything(http, path)
            wrong = []
            for what, content in bad_bodies(making, good).items():
                answer = await http.post(path, content=content)
                if answer.status_code not in (400, 404, 413) or not isinstance(answer.json(), dict):
                    wrong.append(f"{what}: {answer.status_code} {answer.text[:200]}")
            assert wrong == []
            assert await everything(http, path) == before
            made = await http.post(path, json=wrapped(making, good))
            assert made.is_success, made.text  # or the bodies above were wrong in more than one way

    in_world(tmp_path, play)


async def everything(http: httpx.AsyncClient, path: str) -> Any:
    return (await http.get(path)).json()


def test_every_route_that_makes_something_has_its_line(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        posts = [
            f"/{prefix}{path}"
            for prefix, application in SERVICES.items()
            for app in [application(world.rooms)]
            if isinstance(app, FastAPI)
            for path, verbs in app.openapi()["paths"].items()
            if "post" in verbs
        ]
        assert [path for path in posts if path not in MAKINGS and not any(one in path for one in NOT_MAKING)] == []
        assert MAKINGS.keys() <= set(posts)

    in_world(tmp_path, play)
