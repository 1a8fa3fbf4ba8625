"""Good requests of every route, wrong in one place: each part of a body, and each parameter of a list, in its turn is
something that nobody means. Whoever sends it is told so, or is served; nothing breaks."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from actors.api.rest.app import SERVICES
from tests.api.rest.isolation_table import MATRIX, REFERENCES
from tests.api.rest.placement.made import FPGA, holding
from tests.api.rest.tenants import NEWEST, Things, furnished
from tests.api.rest.tenants import filled as path_of
from tests.api.rest.test_bad_fields import MAKINGS, filled, wrapped
from tests.api.rest.test_fuzz import with_cards
from tests.world import EDGE_URL, World, in_world

SERVED = ("identity", "compute", "image", "network", "volume", "placement")
ODD = (None, -1, 2**63, "", "\ud800", [{"": None}])
ODD_NAME = {"\ud800": "y"}
PARAMETERS = ("limit", "marker", "name", "sort_key", "sort_keys", "sort_dir", "sort", "start", "end", "changes-since")
ODD_TEXTS = ("", "-1", "9" * 30, "\0", "é:é", "in:", "0001-01-01T00:00:00+23:59")
NOT_DONE = 501
PROVIDER = "/placement/resource_providers/{provider_id}"
OF_CARDS: dict[str, Any] = {
    f"PUT {PROVIDER}/inventories": {
        "resource_provider_generation": 1,
        "inventories": {FPGA: {"total": 4, "allocation_ratio": 1.0}},
    },
    f"PUT {PROVIDER}/inventories/{FPGA}": {"resource_provider_generation": 1, "total": 3},
    f"POST {PROVIDER}/inventories": {"resource_class": "VCPU", "total": 1},
    f"PUT {PROVIDER}/traits": {"resource_provider_generation": 1, "traits": ["HW_CPU_X86_AVX"]},
    f"PUT {PROVIDER}/aggregates": {"resource_provider_generation": 1, "aggregates": ["{consumer_id}"]},
    "PUT /placement/allocations/{consumer_id}": holding(1, **{"{provider_id}": 1}),
    "POST /placement/allocations": {"{consumer_id}": holding(1, **{"{provider_id}": 1})},
    "POST /placement/reshaper": {
        "inventories": {"{provider_id}": {"resource_provider_generation": 1, "inventories": {FPGA: {"total": 4}}}},
        "allocations": {"{consumer_id}": holding(1, **{"{provider_id}": 1})},
    },
}
BODIES: dict[str, Any] = {
    **{line.partition(" # ")[0]: body for line, (_, body) in (MATRIX | REFERENCES).items()},
    **{f"POST {path}": wrapped(making, making.body) for path, making in MAKINGS.items()},
    **OF_CARDS,
}


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(body, dict | list):
        for key in body if isinstance(body, dict) else range(len(body)):
            yield from places(body[key], (*at, key))


def part(body: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        body = body[key]
    return body


def changed(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    body = copy.deepcopy(body)
    part(body, at[:-1])[at[-1]] = value
    return body


def oddities(body: Any) -> Iterator[Any]:
    for at in places(body):
        yield from (changed(body, at, value) for value in ODD)
        if isinstance(there := part(body, at), dict):
            yield changed(body, at, there | ODD_NAME)


def sending(world: World) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(world.edge, raise_app_exceptions=False)  # a bug is seen as a client sees it
    headers = {"X-Auth-Token": world.admin, **{name.replace("_", "-"): value for name, value in NEWEST.items()}}
    return httpx.AsyncClient(transport=transport, base_url=EDGE_URL, headers=headers)


def broke(answer: httpx.Response) -> bool:
    return answer.status_code >= 500 and answer.status_code != NOT_DONE


async def things_of(world: World) -> Things:
    return await furnished(world) | await with_cards(world)


@pytest.mark.parametrize("service", SERVED)
def test_no_part_of_a_body_breaks_a_route(tmp_path: Path, service: str) -> None:
    async def play(world: World) -> None:
        things, wrong, sent = await things_of(world), [], 0
        async with sending(world) as http:
            for line, good in BODIES.items():
                verb, path = line.split()
                if not path.startswith(f"/{service}/") or good is None or isinstance(good, bytes):
                    continue
                patches = verb == "PATCH" and service == "image"
                kind = "application/openstack-images-v2.1-json-patch" if patches else "application/json"
                for body in oddities(filled(good, things)):
                    content = json.dumps(body)
                    answer = await http.request(
                        verb, path_of(path, things), content=content, headers={"Content-Type": kind}
                    )
                    sent += 1
                    if broke(answer):
                        wrong.append(f"{answer.status_code} {line} {content[:200]}")
        assert wrong == []
        assert sent > 100

    in_world(tmp_path, play)


@pytest.mark.parametrize("service", SERVED)
def test_no_parameter_breaks_a_list(tmp_path: Path, service: str) -> None:
    async def play(world: World) -> None:
        things, wrong = await things_of(world), []
        app = SERVICES[service](world.rooms)
        assert isinstance(app, FastAPI)
        lists = [
            path
            for path, verbs in app.openapi()["paths"].items()
            if "get" in verbs and "{" not in path.replace("{project_id}", "")
        ]
        assert len(lists) > 3
        async with sending(world) as http:
            for path in lists:
                for name in PARAMETERS:
                    for text in ODD_TEXTS:
                        answer = await http.get(f"/{service}{path_of(path, things)}", params={name: text})
                        if broke(answer):
                            wrong.append(f"{answer.status_code} {path} {name}={text!r}")
        assert wrong == []

    in_world(tmp_path, play)
