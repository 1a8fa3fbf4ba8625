"""Fields of one's own: what can be kept is, and the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest

from actors.errors import CallerFault
from actors.identity.directory import DEFAULT_DOMAIN
from actors.identity.draft import Draft
from actors.identity.extras import DEPTH_LIMIT, NAMES_LIMIT, TEXT_LIMIT, extra_fault
from actors.identity.kinds import KINDS
from actors.records import Domain, Project


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", ["text", 1, -(2**63), 1.5, True, [1, {"a": ["b"]}], {}, nested(DEPTH_LIMIT)])
def test_json_is_kept(value: Any) -> None:
    assert extra_fault({"own": value}) is None


@pytest.mark.parametrize(
    "extra",
    [
        {"own": 2**63},
        {"own": float("inf")},
        {"own": "\0"},
        {"own": "\ud800"},
        {"\ud800": 1},
        {"own": {"\ud800": 1}},
        {"": 1},
        {"n" * 256: 1},
        {"own": "x" * TEXT_LIMIT},
        {"own": [0] * TEXT_LIMIT},
        {"own": nested(DEPTH_LIMIT + 1)},
        {f"n{number}": 1 for number in range(NAMES_LIMIT + 1)},
    ],
)
def test_what_can_not_be_kept_is_refused(extra: dict[str, Any]) -> None:
    fault = extra_fault(extra)
    assert isinstance(fault, CallerFault) and fault.status == 400


def test_a_change_names_some_and_null_takes_one_away() -> None:
    draft = Draft([Domain(id=DEFAULT_DOMAIN, name="Default")], 0.0, 1.0)
    draft.create(KINDS["project"], "p", {"name": "p", "extra": {"a": 1, "b": 2, "none": None}})
    row = draft.update(KINDS["project"], "p", {"extra": {"b": None, "c": {"d": None}}})
    assert isinstance(row, Project) and row.extra == {"a": 1, "c": {"d": None}}
    fault = draft.update(KINDS["project"], "p", {"extra": {"a": "\0"}})
    assert isinstance(fault, CallerFault) and draft.get(Project, "p") == row
