"""Whom Neutron's and Cinder's rules keep out, Nova's proxies keep out as well: they ask with their caller's token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.rest.compute.test_proxies import GROUPS, RULES, V, grouped, ruled
from tests.api.rest.compute.test_servers import client
from tests.world import World, in_world, token

GROUP = {"security_group": {"name": "new", "description": ""}}
FAMILIES: dict[str, tuple[tuple[str, str, Any], ...]] = {  # what narrows it → the request
    "security groups": (
        ("get_security_group", f"GET {GROUPS}", None),
        ("get_security_group", f"GET {GROUPS}/{{group}}", None),
        ("create_security_group", f"POST {GROUPS}", GROUP),
        ("get_security_group", f"PUT {GROUPS}/{{group}}", GROUP),
        ("update_security_group", f"PUT {GROUPS}/{{group}}", GROUP),
        ("get_security_group", f"POST {RULES}", ruled("{group}")),
        ("create_security_group_rule", f"POST {RULES}", ruled("{group}", to_port=23)),
        ("get_security_group_rule", f"DELETE {RULES}/{{spare}}", None),
        ("delete_security_group_rule", f"DELETE {RULES}/{{rule}}", None),
        ("delete_security_group", f"DELETE {GROUPS}/{{group}}", None),
    ),
    "networks": tuple(
        ("get_network", f"GET {V}/{noun}{one}", None)
        for noun in ("os-networks", "os-tenant-networks")
        for one in ("", "/{network}")
    ),
    "floating IPs": (
        ("get_floatingip", f"GET {V}/os-floating-ips", None),
        ("get_network", f"GET {V}/os-floating-ip-pools", None),
    ),
    "volumes": (
        ("volume:get_all", f"GET {V}/os-volumes", None),
        ("volume:get_all", f"GET {V}/os-volumes/detail", None),
        ("volume:create", f"POST {V}/os-volumes", {"volume": {"size": 1}}),
        ("volume:get_snapshot", f"POST {V}/os-volumes", {"volume": {"size": 1, "snapshot_id": "{snapshot}"}}),
        ("volume:get", f"GET {V}/os-volumes/{{volume}}", None),
        ("volume:delete", f"DELETE {V}/os-volumes/{{unwanted}}", None),
    ),
    "snapshots": (
        ("volume:get_all_snapshots", f"GET {V}/os-snapshots", None),
        ("volume:get_all_snapshots", f"GET {V}/os-snapshots/detail", None),
        ("volume:create_snapshot", f"POST {V}/os-snapshots", {"snapshot": {"volume_id": "{volume}"}}),
        ("volume:get_snapshot", f"GET {V}/os-snapshots/{{snapshot}}", None),
        ("volume:delete_snapshot", f"DELETE {V}/os-snapshots/{{snapshot}}", None),
    ),
    "images": (
        ("get_images", f"GET {V}/images", None),
        ("get_image", f"GET {V}/images/{{image}}", None),
        ("get_image", f"GET {V}/images/{{image}}/metadata", None),
    ),
}


def ruling(world: World, text: str) -> None:
    """From now on the edge goes by this file."""
    (world.folder / "policy.yaml").write_text(text)
    world.__dict__.pop("edge", None)


async def named(world: World) -> dict[str, str]:
    """One of each, of the member's project."""
    async with client(world) as http:
        group = (await grouped(http))["id"]
        rules = [
            (await http.post(RULES, json=ruled(group, from_port=port, to_port=port))).json()["security_group_rule"][
                "id"
            ]
            for port in (80, 81)
        ]
        volume, unwanted = await world.volume(), await world.volume()
        sent = {"snapshot": {"volume_id": volume}}
        snapshot = (await http.post(f"{V}/os-snapshots", json=sent)).json()["snapshot"]["id"]
    return {
        "{group}": group,
        "{rule}": rules[0],
        "{spare}": rules[1],
        "{network}": world.net.id,
        "{volume}": volume,
        "{unwanted}": unwanted,
        "{snapshot}": snapshot,
        "{image}": world.image.id,
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rules_of_the_service_behind_count(tmp_path: Path, family: str) -> None:
    async def play(world: World) -> None:
        names = await named(world)
        for rule, route, sent in FAMILIES[family]:
            text = json.dumps(sent)
            for name, value in names.items():
                route, text = route.replace(name, value), text.replace(name, value)
            verb, path = route.split()
            body = json.loads(text)
            ruling(world, f'"{rule}": "!"\n')
            async with client(world) as http:
                refused = await http.request(verb, path, json=body)
                assert refused.status_code == 403, (rule, route, refused.text)
                assert f"Policy doesn't allow {rule} " in refused.text
            ruling(world, f'"{rule}": "role:member"\n')
            async with client(world) as http:
                assert (answer := await http.request(verb, path, json=body)).is_success, (rule, route, answer.text)

    in_world(tmp_path, play)


def test_rules_about_whose_group_it_is(tmp_path: Path) -> None:
    """Neutron's `sg_owner` looks at the group that holds the rule, by whichever name the body has for it."""

    async def play(world: World) -> None:
        owner = "role:member and rule:sg_owner"
        ruling(world, f'"create_security_group_rule": "{owner}"\n"delete_security_group_rule": "{owner}"\n')
        async with client(world) as http, client(world, token=token("other")) as stranger:
            group = (await grouped(http))["id"]
            made = await http.post(RULES, json=ruled(group))
            assert made.status_code == 200, made.text
            one = f"{RULES}/{made.json()['security_group_rule']['id']}"
            assert (await stranger.post(RULES, json=ruled(group))).status_code == 404
            assert (await stranger.delete(one)).status_code == 404
            assert (await http.delete(one)).status_code == 202

    in_world(tmp_path, play)


def test_a_role_of_the_operators_own_needs_both_rules(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        await world.identity.start()
        olga = token("ours", ("operator",), "olga")
        nova, cinder = '"os_compute_api:os-volumes:create": "role:operator"\n', '"volume:create": "role:operator"\n'
        for text, status in ((nova, 403), (cinder, 403), (nova + cinder, 200)):
            ruling(world, text)
            async with client(world, token=olga) as http:
                made = await http.post(f"{V}/os-volumes", json={"volume": {"size": 1}})
                assert made.status_code == status, made.text

    in_world(tmp_path, play)
