"""Whatever may be sent by each service's own OpenAPI document is answered as that document says: never with a 5xx.

Requests come from schemathesis, without randomness; half of them name what is there. They are sent in process, as an
administrator, who gets furthest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from requests import Request
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from actors.api.rest.app import SERVICES
from actors.api.rest.shapes import BODIES, QUERIES
from tests.api.rest.placement.made import FPGA, asked, holding, placement, stocked
from tests.api.rest.tenants import NEWEST, Things, furnished
from tests.world import EDGE_URL, World, in_world

EXAMPLES = 4  # of each operation
NOT_DONE = 501
schemathesis.serializer.alias("application/openstack-images-v2.1-json-patch", "application/json")
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
QUIET = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ROWS = {
    "projects": "identity_project_id", "users": "identity_user_id", "groups": "identity_group_id", "roles": "role_id",
    "regions": "region_id", "services": "service_id", "endpoints": "endpoint_id", "domains": "domain_id",
    "networks": "network_id", "subnets": "subnet_id", "ports": "port_id", "volumes": "volume_id",
}  # fmt: skip


async def with_cards(world: World) -> Things:
    """A resource provider that is no host, and something that is held of it."""
    consumer = "5" * 8 + "-1111-4222-8333-" + "6" * 12
    async with placement(world) as http:
        made = await stocked(http)
        await asked(http, "PUT", f"/allocations/{consumer}", holding(**{made: 1}), 204)
    return {"provider_id": made, "consumer_id": consumer, "resource_class": FPGA}


def operations(world: World, service: str) -> Iterator[Any]:
    app = SERVICES[service](world.rooms)
    assert isinstance(app, FastAPI)
    for result in schemathesis.openapi.from_dict(app.openapi()).get_all_operations():
        yield result.ok()


def real(case: Any, things: Things) -> dict[str, Any]:
    """The path's parameters, by what is there as far as it is known."""
    noun = next((part for part in case.path.split("/") if part in ROWS), "")
    known = things | {"row_id": things.get(ROWS.get(noun, ""), "x")}
    return {name: known.get(name, value) for name, value in (case.path_parameters or {}).items()}


def sent(case: Any, service: str) -> httpx.Request:
    """The case as a request to the service under its prefix."""
    asked = Request(**case.as_transport_kwargs(base_url=f"{EDGE_URL}/{service}")).prepare()
    headers = {name: value for name, value in asked.headers.items() if name.lower() != "content-length"}
    return httpx.Request(asked.method or "", asked.url or "", headers=headers, content=asked.body)


@pytest.mark.parametrize("service", ["identity", "compute", "image", "network", "volume", "placement"])
def test_every_answer_is_in_the_document(tmp_path: Path, service: str) -> None:
    async def play(world: World) -> None:
        things = await furnished(world) | await with_cards(world)
        loop = asyncio.get_running_loop()
        said = {"X-Auth-Token": world.admin, "Accept": "application/json"} | {
            name.replace("_", "-"): value for name, value in NEWEST.items()
        }
        transport = httpx.ASGITransport(world.edge, raise_app_exceptions=False)  # a bug is seen as a client sees it
        async with httpx.AsyncClient(transport=transport) as http:

            def answer(case: Any) -> httpx.Response:
                request = sent(case, service)
                request.headers.update(said)
                return asyncio.run_coroutine_threadsafe(http.send(request), loop).result()

            def fuzz() -> list[str]:
                return [fault for one in operations(world, service) for fault in faults(one, things, answer)]

            assert await asyncio.to_thread(fuzz) == []

    in_world(tmp_path, play)


def faults(operation: Any, things: Things, answer: Callable[[Any], httpx.Response]) -> list[str]:
    """What is wrong with the answers to an operation's examples. What is there changes meanwhile: nothing is shrunk."""
    found: list[str] = []
    turns = cycle((True, False))

    @QUIET
    @given(case=operation.as_strategy())
    def examine(case: Any) -> None:
        if next(turns):
            case.path_parameters = real(case, things)
        response = answer(case)
        if response.status_code >= 500 and response.status_code != NOT_DONE:
            found.append(f"{response.status_code} {case.as_curl_command()}")
        try:
            case.validate_response(schemathesis.Response.from_httpx(response, verify=False), checks=CHECKS)
        except FailureGroup as failed:
            found.append(f"{response.status_code} {failed.exceptions[0]} {case.as_curl_command()}")

    examine()
    return found


def test_every_shape_is_of_a_route(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        for service, application in SERVICES.items():
            app = application(world.rooms)
            if isinstance(app, FastAPI):
                served = {f"{verb.upper()} {path}" for path, verbs in app.openapi()["paths"].items() for verb in verbs}
                shaped = BODIES.get(app.title, {}).keys() | QUERIES.get(app.title, {}).keys()
                assert shaped - served == set(), service
        titles = {app.title for each in SERVICES.values() if isinstance(app := each(world.rooms), FastAPI)}
        assert BODIES.keys() | QUERIES.keys() <= titles

    in_world(tmp_path, play)
