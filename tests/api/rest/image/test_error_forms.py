"""A refusal of the image service as JSON to who asks for that, and else as a page, as Glance has it."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.world import World, in_world


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("*/*", "text/html; charset=utf-8"),
        ("text/html, application/json;q=0.5", "application/json"),
    ],
)
def test_the_form_is_what_is_accepted(tmp_path: Path, accept: str, kind: str) -> None:
    async def play(world: World) -> None:
        async with world.http(world.member, Accept=accept) as http:
            image_id = uuid4()
            answer = await http.get(f"/image/v2/images/{image_id}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, kind)
        text = f"{image_id}'<br /><br />"
        if kind.startswith("text"):
            assert "<h1>404 Not Found</h1>" in answer.text and text in answer.text
        else:
            assert answer.json()["code"] == "404 Not Found" and text in answer.json()["message"]

    in_world(tmp_path, play)
