"""Files of definitions, read before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.cli.metadefs import drafts_of
from actors.errors import CallerError


def test_files_and_folders_of_them_in_their_order(tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / f"{name}.json").write_text(json.dumps({"namespace": name, "tags": [{"name": "t"}]}))
    (folder / "README").write_text("no definition")
    single = tmp_path / "single.json"
    single.write_text(json.dumps({"namespace": "c"}))
    assert [draft.namespace for draft in drafts_of([single, folder])] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "can't be read"),
        (b'{"namespace": "\xff"}', "can't be read"),
        (b"[]", "must be an object"),
        (b'{"namespace": "n", "nonsense": 1}', "nonsense"),
        (b'{"namespace": "n", "properties": {"p": {"type": "string"}}}', "properties.p.title"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(CallerError) as error:
        list(drafts_of([file]))
    assert str(file) in str(error.value) and said in str(error.value)
