"""GET /os-migrations and /servers/{id}/migrations: what is listed, by which filters, in which versions; `migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.acts import ConfirmResize
from actors.messages import ServerView
from tests.acts.test_acts import act
from tests.acts.test_resize import flavor, resize
from tests.api.rest.compute.test_rescue import ask as act_on
from tests.api.rest.compute.test_rescue import shown
from tests.world import NODE_NAME, World, in_world, token

V = "/compute/v2.1"
OTHER = "node-2"
PLAIN = {
    "id", "instance_uuid", "status", "source_compute", "source_node", "dest_compute", "dest_node", "dest_host",
    "old_instance_type_id", "new_instance_type_id", "created_at", "updated_at",
}  # fmt: skip


async def ask(world: World, path: str, version: str = "2.96", by: str = "") -> Any:
    async with world.http(by or world.admin, OpenStack_API_Version=f"compute {version}") as http:
        return await http.get(f"{V}{path}")


async def ids(world: World, query: str, version: str = "2.96") -> list[int]:
    answer = await ask(world, f"/os-migrations?{query}", version)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["migrations"]]


async def two(world: World) -> list[ServerView]:
    """One was resized and confirmed, the other waits for it."""
    await flavor(world, "big", 2, 256, 3)
    first, second = await world.boot(world.request("first"), world.request("second"))
    await resize(world, first, "big")
    await act(world, first, ConfirmResize())
    await resize(world, second, "big")
    return [first, second]


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("2.1", set()),
        ("2.23", {"migration_type"}),
        ("2.59", {"migration_type", "uuid"}),
        ("2.80", {"migration_type", "uuid", "user_id", "project_id"}),
    ],
)
def test_each_version_has_its_fields(tmp_path: Path, version: str, more: set[str]) -> None:
    async def play(world: World) -> None:
        first, second = await two(world)
        newest, oldest = (await ask(world, "/os-migrations", version)).json()["migrations"]
        assert (newest.keys(), oldest.keys()) == (PLAIN | more, PLAIN | more)
        assert (newest["id"], newest["instance_uuid"], newest["status"]) == (2, second.id, "finished")
        assert (oldest["id"], oldest["instance_uuid"], oldest["status"]) == (1, first.id, "confirmed")
        assert oldest["source_compute"] == oldest["dest_compute"] == first.host
        assert oldest["old_instance_type_id"] != oldest["new_instance_type_id"]

    in_world(tmp_path, play)


def test_filters_and_pages(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        first, second = await two(world)
        newest, oldest = (await ask(world, "/os-migrations")).json()["migrations"]
        for query, expected in {
            "status=confirmed": [1],
            f"instance_uuid={second.id}": [2],
            f"host={first.host}": [2, 1],
            f"source_compute={first.host}&status=finished": [2],
            "host=nowhere": [],
            "migration_type=resize": [2, 1],
            "migration_type=evacuation": [],
            "user_id=ann": [2, 1],
            "project_id=other": [],
            f"changes-since={newest['updated_at']}": [2],
            f"changes-before={oldest['updated_at']}": [1],
            "limit=1": [2],
            f"marker={newest['uuid']}": [1],
            "limit=0": [],
        }.items():
            assert await ids(world, query) == expected, query
        page = (await ask(world, "/os-migrations?limit=1")).json()
        [link] = page["migrations_links"]
        assert link["rel"] == "next" and f"marker={newest['uuid']}" in link["href"] and "limit=1" in link["href"]
        assert await ids(world, "limit=1&changes-since=x&strange=1", "2.58") == [2, 1]  # counts for nothing there

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("strange=1", "2.59"),
        ("changes-before=2026-01-01T00:00:00", "2.65"),
        ("user_id=ann", "2.79"),
        ("changes-since=soon", "2.59"),
        ("changes-since=2026-01-02T00:00:00Z&changes-before=2026-01-01T00:00:00Z", "2.66"),
        ("marker=7a9b1fd0-0000-0000-0000-000000000000", "2.59"),
        ("limit=-1", "2.59"),
    ],
)
def test_what_a_version_does_not_know_is_refused(tmp_path: Path, query: str, version: str) -> None:
    async def play(world: World) -> None:
        assert (await ask(world, f"/os-migrations?{query}", version)).status_code == 400

    in_world(tmp_path, play)


def test_of_one_server_there_are_no_live_migrations(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        first, _ = await two(world)
        assert (await ask(world, f"/servers/{first.id}/migrations")).json() == {"migrations": []}
        for number, text in (
            ("1", f"Migration 1 for server {first.id} is not live-migration."),
            ("2", f"In-progress live migration 2 is not found for server {first.id}."),
        ):
            answer = await ask(world, f"/servers/{first.id}/migrations/{number}")
            assert answer.json() == {"itemNotFound": {"code": 404, "message": text}}
        assert (await ask(world, f"/servers/{first.id}/migrations/1", "2.22")).status_code == 404
        assert (await ask(world, "/os-migrations", by=world.member)).status_code == 403

    in_world(tmp_path, play)


# ---------------------------------------------------------------- the action


@pytest.mark.parametrize(
    ("version", "said", "code"),
    [
        ("2.1", None, 202),
        ("2.55", {"host": "node-1", "anything": 1}, 202),  # what is said counts for nothing
        ("2.56", None, 202),
        ("2.56", {}, 202),
        ("2.56", {"host": OTHER}, 202),
        ("2.96", {"host": NODE_NAME}, 400),
        ("2.96", {"host": "nowhere"}, 400),
        ("2.96", {"host": None}, 400),
        ("2.96", {"host": ""}, 400),
        ("2.96", {"host": OTHER, "force": True}, 400),
        ("2.96", [], 400),
        ("2.96", "now", 400),
    ],
)
def test_what_may_be_said_of_a_migration(tmp_path: Path, version: str, said: Any, code: int) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await world.join(OTHER)
        answer = await act_on(world, server, {"migrate": said}, version, world.admin)
        assert (answer.status_code, answer.content == b"") == (code, code == 202)
        view = await shown(world, server)
        assert view["status"] == ("VERIFY_RESIZE" if code == 202 else "ACTIVE")
        if code == 202:
            assert (await act_on(world, server, {"confirmResize": None})).status_code == 204
            [one] = (await ask(world, "/os-migrations")).json()["migrations"]
            seen = (one["migration_type"], one["status"], one["source_compute"], one["dest_compute"], one["user_id"])
            assert seen == ("migration", "confirmed", NODE_NAME, OTHER, "root")

    in_world(tmp_path, play)


def test_refusals_have_nova_s_words(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await act_on(world, server, {"pause": None})
        answer = await act_on(world, server, {"migrate": None}, by=world.admin)
        text = f"Cannot 'migrate' instance {server.id} while it is in vm_state paused"
        assert answer.json() == {"conflictingRequest": {"code": 409, "message": text}}
        assert (await act_on(world, server, {"migrate": None})).status_code == 403
        await act_on(world, server, {"unpause": None})
        for host, text in (
            (NODE_NAME, "Cannot migrate to the host where the server exists."),
            ("nowhere", "Compute host nowhere could not be found."),
        ):
            answer = await act_on(world, server, {"migrate": {"host": host}}, by=world.admin)
            assert answer.json() == {"badRequest": {"code": 400, "message": text}}

    in_world(tmp_path, play)


def test_whom_the_operator_lets_migrate(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        [server] = await world.boot(world.request())
        await world.join(OTHER)
        rules = {"migrate": "role:member", "migrate:host": "role:admin"}
        lines = [f'"os_compute_api:os-migrate-server:{name}": "{rule}"' for name, rule in rules.items()]
        (tmp_path / "policy.yaml").write_text("\n".join(lines))
        found = await act_on(world, server, {"migrate": None}, by=token("other"))
        assert found.status_code == 404, found.text
        assert (await act_on(world, server, {"migrate": {"host": OTHER}})).status_code == 403
        assert (await act_on(world, server, {"migrate": None})).status_code == 202
        assert (await shown(world, server))["status"] == "VERIFY_RESIZE"

    in_world(tmp_path, play)
