"""A tenant can never see, guess, change, attach, delete or infer another's resources: the matrix, played.

Each line of the table is asked twice, for what the owner has and for what nobody has: both answers must be the line's,
and say the same. Routes come from the applications themselves: one that has no line fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from actors.api.rest.app import SERVICES
from tests.api.rest.isolation_table import LISTS, MATRIX, OF_NO_TENANT, REFERENCES, SEEN_BY_NOBODY, TOLD_APART
from tests.api.rest.tenants import COMPUTE, NOBODYS, Things, filled, furnished, owner, reader, stranger
from tests.world import World, in_world

OCTETS = "application/octet-stream"
PATCHES = "application/openstack-images-v2.1-json-patch"
WRITES = ("POST", "PUT", "PATCH", "DELETE")
OPEN = (
    "key",
    "tag",
    "network",
    "token",
    "project_id",
    "user_id",
    "member",
    "own_volume_id",
    "own_server_id",
    "public_image_id",
    "public_namespace",
    "shared_network_id",
    "external_network_id",
    "shared_subnet_id",
)


async def asked(http: httpx.AsyncClient, request: str, body: Any, things: Things) -> httpx.Response:
    """The answer to a line's request, with these things in its path and body."""
    verb, path = request.partition(" # ")[0].split()
    headers = {"X-Subject-Token": things["token"]} if "X-Subject-Token" in request else {}
    if "# 2." in request:  # as it was before it ended
        headers["OpenStack-API-Version"] = f"compute {request.partition('# ')[2]}"
    content = body if isinstance(body, bytes) else None
    if content is None and body is not None:
        content = filled(json.dumps(body), things).encode()
    if content is not None:
        kind = OCTETS if isinstance(body, bytes) else PATCHES if verb == "PATCH" and "image" in path else ""
        headers["Content-Type"] = kind or "application/json"
    return await http.request(verb, filled(path, things), content=content, headers=headers)


def nothing_of(things: Things) -> Things:
    """The same names for what nobody has; what both may see stays."""
    return {name: value if name in OPEN else _other(value) for name, value in things.items()}


def _other(value: str) -> str:
    """An id of the same form."""
    return NOBODYS.replace("-", "") if re.fullmatch("[0-9a-f]{32}", value) else NOBODYS


def said(answer: httpx.Response, things: Things) -> str:
    """What it says, whichever ids were asked for."""
    text = re.sub(r"req-[0-9a-f-]{36}", "", answer.text)
    for value in sorted((*things.values(), NOBODYS), key=len, reverse=True):
        text = text.replace(value, "?")
    return text


@dataclass
class Played:
    """All answers, by the line that was asked."""

    things: Things
    changed: bool = False
    stranger: dict[str, httpx.Response] = field(default_factory=dict)
    nobodys: dict[str, httpx.Response] = field(default_factory=dict)
    reader: dict[str, httpx.Response] = field(default_factory=dict)
    owner: dict[str, httpx.Response] = field(default_factory=dict)


def kept_by_image(world: World) -> dict[str, Any]:
    """The image room's rows, which the state of a world leaves out."""
    return {kind: dict(rows) for kind, rows in world.ledger.rows.items() if kind.startswith(("Image", "Metadef"))}


async def play_the_table(world: World) -> Played:
    things = await furnished(world)
    played, before = Played(things), (await world.state(), kept_by_image(world))
    async with stranger(world) as http:
        for request, (_, body) in (MATRIX | REFERENCES).items():
            played.stranger[request] = await asked(http, request, body, things)
            played.nobodys[request] = await asked(http, request, body, nothing_of(things))
        for request in LISTS:
            played.stranger[request] = await asked(http, request, None, things)
    async with reader(world) as http:
        for request, (_, body) in MATRIX.items():
            if request.startswith(WRITES) and "/demo/" not in request:
                played.reader[request] = await asked(http, request, body, things)
    played.changed = (await world.state(), kept_by_image(world)) != before
    async with owner(world) as http:
        for request in (*LISTS, *(line for line, (status, _) in MATRIX.items() if status == 404)):
            if request.startswith("GET"):
                played.owner[request] = await asked(http, request, None, things)
    return played


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    plays: list[Played] = []

    async def play(world: World) -> None:
        plays.append(await play_the_table(world))

    in_world(tmp_path_factory.mktemp("matrix"), play)
    return plays[0]


def unlike(answers: dict[str, httpx.Response], lines: dict[str, Any]) -> list[str]:
    """The answers that are not the line's own."""
    return [
        f"{line}: {answers[line].status_code}, not {status}: {answers[line].text[:160]}"
        for line, (status, _) in lines.items()
        if answers[line].status_code != status
    ]


def test_a_stranger_gets_exactly_what_openstack_says(played: Played) -> None:
    assert unlike(played.stranger, MATRIX) == []


def test_a_stranger_names_nothing_of_another_in_a_body(played: Played) -> None:
    assert unlike(played.stranger, REFERENCES) == []


def test_nothing_has_changed(played: Played) -> None:
    assert not played.changed


def test_what_is_not_yours_and_what_is_not_there_are_the_same(played: Played) -> None:
    nothing = nothing_of(played.things)
    wrong = [
        f"{line}: {theirs.status_code} {theirs.text[:160]} and {nobodys.status_code} {nobodys.text[:160]}"
        for line, nobodys in played.nobodys.items()
        for theirs in [played.stranger[line]]
        if line not in TOLD_APART
        if theirs.status_code != nobodys.status_code or said(theirs, played.things) != said(nobodys, nothing)
    ]
    assert wrong == []


def test_lists_filters_names_and_counts_say_nothing_of_another_project(played: Played) -> None:
    assert unlike(played.stranger, LISTS) == []
    known = (*OPEN, "role_id", "service_id", "endpoint_id", "region_id")
    hidden = ["secret-", "10.66.0.", *(value for name, value in played.things.items() if name not in known)]
    wrong = []
    for line, (_, finds) in LISTS.items():
        theirs, ours = _without_links(played.stranger[line].text), _without_links(played.owner[line].text)
        told = [value for value in hidden if value in theirs]
        if told or (finds and not any(value in ours for value in hidden)):
            wrong.append(f"{line}: {told}, and the owner: {ours[:160]}")
    assert wrong == []


def _without_links(text: str) -> str:
    """They repeat the words of the request."""
    return re.sub(r'"(href|self|next|first|schema)":"[^"]*"', "", text)


def test_a_reader_of_the_project_changes_nothing(played: Played) -> None:
    wrong = [f"{line}: {answer.status_code}" for line, answer in played.reader.items() if answer.status_code != 403]
    assert [line for line in wrong if "/password" not in line] == []  # whoever knows it may change it


def test_the_owner_sees_what_the_stranger_does_not(played: Played) -> None:
    """A matrix of refusals is worth nothing where the owner is refused too."""
    wrong = [f"{line}: {answer.status_code}" for line, answer in played.owner.items() if answer.is_client_error]
    assert [line for line in wrong if line.partition(":")[0] not in SEEN_BY_NOBODY] == []


def routes(world: World) -> Iterator[tuple[str, str]]:
    """Every verb and path that the applications serve."""
    for prefix, application in SERVICES.items():
        app = application(world.rooms)
        if isinstance(app, FastAPI):
            for path, verbs in app.openapi()["paths"].items():
                yield from ((verb.upper(), f"/{prefix}{path}") for verb in verbs)


def covers(line: str, verb: str, path: str) -> bool:
    asked_verb, asked_path = line.partition(" # ")[0].split()
    ours, route = asked_path.partition("?")[0].split("/"), path.split("/")
    return asked_verb == verb and len(ours) == len(route) and all(map(_fits, ours, route))


def _fits(ours: str, part: str) -> bool:
    return (
        ours == part
        or part in ("{noun}", "{name}", "{alias}", "{key}", "{host}", "{network}", "{project_id}")
        or (ours.startswith("{") and part.startswith("{"))
    )


def test_a_strangers_volume_that_names_a_server_is_no_part_of_it(tmp_path: Path) -> None:
    """Block storage takes any server's id for a volume of one's own, as Cinder does; compute must not believe it."""

    async def play(world: World) -> None:
        things = await furnished(world)
        server = f"{COMPUTE}/servers/{things['server_id']}"
        async with owner(world) as ours, stranger(world) as http:
            before = (await ours.get(server)).json(), (await ours.get(f"{server}/os-volume_attachments")).json()
            named = {"volume_uuid": things["own_volume_id"], "instance_uuid": things["server_id"]}
            assert (await http.post("/volume/v3/attachments", json={"attachment": named})).status_code == 200
            after = (await ours.get(server)).json(), (await ours.get(f"{server}/os-volume_attachments")).json()
            assert after == before
            assert things["own_volume_id"] not in (await ours.get("/volume/v3/attachments")).text

    in_world(tmp_path, play)


def test_every_route_has_its_line(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        lines = [*MATRIX, *LISTS, *REFERENCES, *OF_NO_TENANT]
        served = list(routes(world))
        assert [f"{verb} {path}" for verb, path in served if not any(covers(line, verb, path) for line in lines)] == []
        stale = [line for line in lines if not any(covers(line, verb, path) for verb, path in served)]
        assert [line for line in stale if "/v3/demo/" not in line] == []

    in_world(tmp_path, play)
