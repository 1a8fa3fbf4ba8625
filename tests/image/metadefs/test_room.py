"""The image room asked about definitions: by its messages, across a restart, and while its ledger is away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.errors import value_of
from actors.image.metadefs.messages import (
    AddTags,
    Associate,
    AssociationDraft,
    ChangeMetadef,
    CreateMetadef,
    Edit,
    ListMetadefs,
    MetadefRequest,
    NamespaceDraft,
)
from actors.image.service import ImageRoom
from actors.ledger import MemoryLedger
from actors.records import Change, Kind
from tests.image.test_service import House, play, status_of


def new(name: str, token: str = "root", **more: Any) -> CreateMetadef:
    return CreateMetadef(token=token, draft=NamespaceDraft(namespace=name, **more))


def of(name: str, token: str = "root") -> MetadefRequest:
    return MetadefRequest(token=token, namespace=name)


def edit(name: str, how: Edit, token: str = "root") -> ChangeMetadef:
    return ChangeMetadef(token=token, namespace=name, edit=how)


async def names(room: ImageRoom, token: str = "root") -> list[str]:
    [rows] = await room.list_metadefs([ListMetadefs(token=token)])
    return sorted(row.namespace for row in value_of(rows))


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        flavors = (AssociationDraft(name="OS::Nova::Flavor", prefix="hw:"),)
        schema = {"cores": {"title": "C", "type": "integer", "default": "2"}}
        asked = new("n", owner="p-ann", associations=flavors, properties=schema)
        [made, again, taken] = await room.create_metadefs([asked, asked, new("n")])
        assert value_of(made) == value_of(again) and status_of(taken) == 409
        assert house.ledger.commits == 1
        volumes = Associate(draft=AssociationDraft(name="OS::Cinder::Volume"))
        changes = [edit("n", AddTags(names=("a",))), edit("n", volumes), edit("n", AddTags(names=("a",)))]
        [_, changed, twice] = await room.change_metadefs(changes)
        assert status_of(twice) == 409
        async with house.room() as restarted:
            assert (await restarted.show_metadefs([of("n", "ann")])) == [changed]
            [types] = await restarted.metadef_resource_types(["bob"])
            assert [one.id for one in value_of(types)] == ["OS::Nova::Flavor", "OS::Cinder::Volume"]
            assert await restarted.delete_metadefs([of("n")]) == [None]
            assert status_of((await restarted.delete_metadefs([of("n")]))[0]) == 404
            [types] = await restarted.metadef_resource_types(["bob"])
            assert len(value_of(types)) == 2
        assert house.ledger.rows["MetadefNamespace"] == {}

    play(tmp_path, story)


def test_a_stranger_learns_nothing_by_any_message(tmp_path: Path) -> None:
    async def story(house: House, room: ImageRoom) -> None:
        await room.create_metadefs([new("n", owner="p-ann"), new("open", visibility="public")])
        tag = AddTags(names=("mine",))
        assert status_of((await room.show_metadefs([of("n", "bob")]))[0]) == 404
        assert [status_of(one) for one in await room.change_metadefs([edit("n", tag, "bob")])] == [404]
        assert status_of((await room.delete_metadefs([of("n", "bob")]))[0]) == 404
        assert [status_of(one) for one in await room.change_metadefs([edit("open", tag, "bob")])] == [403]
        assert status_of((await room.delete_metadefs([of("open", "bob")]))[0]) == 403
        assert status_of((await room.create_metadefs([new("mine", "bob")]))[0]) == 403
        assert (await names(room, "bob"), await names(room, "ann")) == (["open"], ["n", "open"])
        assert status_of((await room.list_metadefs([ListMetadefs(token="nobody")]))[0]) == 401
        assert status_of((await room.metadef_resource_types(["nobody"]))[0]) == 401

    play(tmp_path, story)


class Away(MemoryLedger):
    """A ledger that can't be reached for a while."""

    is_away = False

    async def load(self, kind: type[Kind]) -> list[Kind]:
        if self.is_away:
            raise ConnectionError("away")
        return await super().load(kind)


def test_a_ledger_that_is_away_is_asked_again(tmp_path: Path) -> None:
    async def story(house: House, _: ImageRoom) -> None:
        ledger = house.ledger = Away()
        async with house.room() as room:
            await room.create_metadefs([new("n")])
        async with house.room() as restarted:
            ledger.is_away = True
            with pytest.raises(ConnectionError):
                await names(restarted)
            ledger.is_away = False
            assert await names(restarted) == ["n"]

    play(tmp_path, story)


class Mute(MemoryLedger):
    """Writes, and its answer is lost once."""

    is_mute = False

    async def commit(self, changes: list[Change]) -> None:
        await super().commit(changes)
        if self.is_mute:
            self.is_mute = False
            raise ConnectionError("the answer is lost")


def test_what_was_written_though_nobody_heard_of_it_is_known(tmp_path: Path) -> None:
    async def story(house: House, _: ImageRoom) -> None:
        ledger = house.ledger = Mute()
        async with house.room() as room:
            await room.create_metadefs([new("first")])
            ledger.is_mute = True
            with pytest.raises(ConnectionError):
                await room.create_metadefs([new("n")])
            assert status_of((await room.create_metadefs([new("n")]))[0]) == 409
            assert await names(room) == ["first", "n"]

    play(tmp_path, story)


def test_a_room_that_nobody_asks_loads_nothing_of_it() -> None:
    code = "import sys, actors.image.service; print([m for m in sys.modules if m.startswith('actors.image.metadefs.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['actors.image.metadefs.door']"
