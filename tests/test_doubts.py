"""After a commit of which nobody knows what it wrote, the next one makes the ledger what memory is."""

from __future__ import annotations

import asyncio

import pytest

from actors.doubts import Doubts
from actors.records import Image, Record, drop
from tests.image.doors import Falters


def image(row_id: str, name: str) -> Image:
    return Image(id=row_id, name=name, project_id="p", status="queued", visibility="private", disk_format="raw")


@pytest.mark.parametrize("written", [False, True])
def test_the_next_commit_says_what_is_so(written: bool) -> None:
    async def run() -> None:
        ledger = Falters()
        one, two, more = image("1", "one"), image("2", "two"), image("3", "more")
        memory: dict[str, Record] = {"1": one, "2": two}
        await ledger.commit([one, two])
        doubts = Doubts(ledger, lambda _, row_id: memory.get(row_id))
        ledger.away, ledger.written = 1, written
        with pytest.raises(ConnectionError):
            await doubts.commit([image("1", "renamed"), drop(two), more])
        await doubts.commit([image("4", "next")])
        assert ledger.rows["Image"] == {**memory, "4": image("4", "next")}
        assert ledger.commits == (3 if written else 2)

    asyncio.run(run())
