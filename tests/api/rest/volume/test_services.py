"""The host of volumes is disabled and enabled, over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.errors import CallerError
from actors.volume.rules import BACKEND_HOST
from tests.api.rest.volume.test_volumes import act, make, show
from tests.world import World, in_world

PATH = "/volume/v3/os-services"
THIS = {"host": BACKEND_HOST, "binary": "cinder-volume"}


def test_a_disabled_host_takes_no_new_volumes_and_keeps_those_it_has(tmp_path: Path) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member) as http, world.http(world.admin) as root:
            before = (await make(world, http))["id"]
            said = (await root.put(f"{PATH}/disable-log-reason", json=THIS | {"disabled_reason": "discs"})).json()
            assert said == {
                **THIS,
                "service": "cinder-volume",
                "disabled": True,
                "status": "disabled",
                "disabled_reason": "discs",
            }
            await world.volumes.start()  # from what is on disk
            [service] = (await root.get(PATH)).json()["services"]
            assert (service["status"], service["disabled_reason"], service["state"]) == ("disabled", "discs", "up")
            [host] = (await root.get("/volume/v3/os-hosts")).json()["hosts"]
            assert host["service-state"] == "disabled"
            refused = (await make(world, http))["id"]
            assert (await show(http, refused))["status"] == "error"
            with pytest.raises(CallerError, match="takes new ones"):
                await world.boot(world.request(block_devices=(world.root_volume(),)))
            assert (await act(http, before, "os-extend", {"new_size": 2})).status_code == 202
            assert (await show(http, before))["size"] == 2
            enabled = (await root.put(f"{PATH}/enable", json=THIS)).json()
            assert (enabled["status"], enabled["disabled_reason"]) == ("enabled", None)
            assert (await show(http, (await make(world, http))["id"]))["status"] == "available"
            [server] = await world.boot(world.request(block_devices=(world.root_volume(),)))
            assert server.status == "ACTIVE"
            plain = (await root.put(f"{PATH}/disable", json=THIS)).json()
            assert "disabled_reason" not in plain and plain["disabled"] is True

    in_world(tmp_path, play)


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("enable", THIS | {"host": "nowhere"}, 404),
        ("disable", THIS | {"binary": "cinder-backup"}, 404),
        ("disable-log-reason", THIS | {"disabled_reason": None}, 400),
        ("disable-log-reason", THIS | {"disabled_reason": "x" * 256}, 400),
        ("freeze", {"host": BACKEND_HOST}, 400),
        ("thaw", {"host": "nowhere"}, 400),
        ("explode", THIS, 404),
        ("disable", {}, 400),
    ],
)
def test_what_cannot_be_done_to_a_service_changes_nothing(
    tmp_path: Path, what: str, body: dict[str, Any], status: int
) -> None:
    async def play(world: World) -> None:
        async with world.http(world.admin) as root, world.http(world.member) as http:
            assert (await root.put(f"{PATH}/{what}", json=body)).status_code == status
            assert (await http.put(f"{PATH}/disable", json=THIS)).status_code == 403
            [service] = (await root.get(PATH)).json()["services"]
            assert service["status"] == "enabled"

    in_world(tmp_path, play)
