"""The guest's reading of JSON, by its own shell and awk."""

import json
import subprocess
from pathlib import Path

import pytest

import actors.guest
from tests.guest.machine import require

SCRIPT = Path(actors.guest.__file__).parent / "metadata.sh"


def flatten(document: str) -> list[str]:
    require("busybox")
    done = subprocess.run(
        ["busybox", "sh", SCRIPT, "flatten"], input=document, capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout.splitlines()


def test_values_have_their_whole_path() -> None:
    document = {"hostname": "vm", "meta": {"hostname": "trap"}, "keys": [{"name": "k"}], "empty": {}, "none": []}
    assert flatten(json.dumps(document)) == ["hostname=vm", "meta\thostname=trap", "keys\t0\tname=k"]


@pytest.mark.parametrize("value", ['a "quoted" word', "back\\slash", "\\n is not a line feed", "{[,:]}", "a=b", "/"])
def test_strings_are_unescaped(value: str) -> None:
    assert flatten(json.dumps({"x": value, "y": "after"})) == [f"x={value}", "y=after"]


def test_every_value_stays_one_line() -> None:
    assert flatten(json.dumps({"key": "ssh-ed25519 AAAA me\n"})) == ["key=ssh-ed25519 AAAA me "]


def test_numbers_and_words_and_white_space() -> None:
    document = json.dumps({"index": 0, "none": None, "yes": True, "part": -1.5}, indent=2)
    assert flatten(document) == ["index=0", "none=null", "yes=true", "part=-1.5"]


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        flatten('{"a": "b')
