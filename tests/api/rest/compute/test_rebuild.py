"""POST /servers/{id}/action with `rebuild`: what each microversion may say, and what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.world import World, in_world

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUTU1wXnpyTBz0B3WVMmDcbLdpCvJXLGkjwnPIVYkVB me"


async def answered(world: World, version: str, said: dict[str, Any], by: str = "") -> Any:
    """Of a server that has a description and a key; the answer to its rebuild."""
    [server] = await world.boot(world.request(description="first", public_key=KEY, user_data="YQ=="))
    async with world.http(by or world.member, OpenStack_API_Version=f"compute {version}") as http:
        body = {"rebuild": {"imageRef": server.image_id} | said}
        answer = await http.post(f"/compute/v2.1/servers/{server.id}/action", json=body)
        await world.settled()
        shown = (await http.get(f"/compute/v2.1/servers/{server.id}")).json()["server"]
    return server, answer, shown


def test_the_answer_shows_the_server_as_it_is_made_anew(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        said = {"name": "again", "metadata": {"a": "b"}, "adminPass": "secret", "OS-DCF:diskConfig": "AUTO"}
        server, answer, shown = await answered(world, "2.1", said)
        assert (answer.status_code, answer.headers["Location"][-36:]) == (202, server.id)
        body = answer.json()["server"]
        assert (body["status"], body["name"], body["adminPass"]) == ("REBUILD", "again", "secret")
        assert (body["metadata"], body["OS-DCF:diskConfig"]) == ({"a": "b"}, "AUTO")
        assert {"key_name", "user_data", "security_groups"}.isdisjoint(body)
        [[address]] = body["addresses"].values()
        assert address.keys() == {"version", "addr"}
        assert (shown["status"], shown["name"], shown["image"]["id"]) == ("ACTIVE", "again", server.image_id)

    in_world(tmp_path, play)


def test_what_is_said_to_be_null_is_taken_away(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        said = {"description": None, "user_data": None, "key_name": None}
        _, answer, shown = await answered(world, "2.57", said)
        body = answer.json()["server"]
        assert (body["key_name"], body["user_data"], body["description"]) == (None, None, None)
        assert shown["description"] is None
        _, answer, _ = await answered(world, "2.75", {}, world.admin)
        whole = answer.json()["server"]
        assert whole["user_data"] == "YQ==" and whole["OS-EXT-SRV-ATTR:hostname"]
        assert "OS-EXT-SRV-ATTR:user_data" not in whole
        _, answer, _ = await answered(world, "2.57", {})
        assert (answer.json()["server"]["user_data"], answer.json()["server"]["description"]) == ("YQ==", "first")

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("version", "field", "value"),
    [
        ("2.18", "description", "x"),
        ("2.53", "key_name", None),
        ("2.56", "user_data", None),
        ("2.57", "personality", []),
        ("2.62", "trusted_image_certificates", None),
        ("2.89", "hostname", "host"),
        ("2.93", "hostname", "host.example"),
        ("2.1", "flavorRef", "1"),
    ],
)
def test_a_field_that_the_version_has_not_is_refused(tmp_path: Path, version: str, field: str, value: Any) -> None:
    async def play(world: World) -> None:
        _, answer, shown = await answered(world, version, {field: value})
        assert answer.status_code == 400
        assert field in answer.json()["badRequest"]["message"]
        assert shown["status"] == "ACTIVE"

    in_world(tmp_path, play)
