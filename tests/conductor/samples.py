"""Hypothesis strategies for records of every kind, from the types of their fields."""

from __future__ import annotations

import types
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from actors.records import RECORD_TYPES, Change, Drop, Project, Record, Role

# PostgreSQL has no NUL in texts; the rooms refuse control characters at their doors.
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
WHOLE = st.integers(-(2**63), 2**63 - 1)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: WHOLE,
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=100),
    Any: st.recursive(
        st.none() | st.booleans() | WHOLE | TEXTS, lambda inner: st.lists(inner, max_size=2), max_leaves=3
    ),
}


def of_type(wanted: Any) -> st.SearchStrategy[Any]:
    if wanted in PLAIN:
        return PLAIN[wanted]
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(of_type, arguments))
    if origin is dict:
        return st.dictionaries(of_type(arguments[0]), of_type(arguments[1]), max_size=3)
    if origin is types.UnionType:
        return st.one_of(*map(of_type, arguments))
    if wanted is type(None):
        return st.none()
    return st.builds(wanted, **{field.name: of_type(field.type) for field in msgspec.structs.fields(wanted)})


ONE_OF_EACH: st.SearchStrategy[tuple[Record, ...]] = st.tuples(*map(of_type, RECORD_TYPES))

_IDS = st.sampled_from("abc")
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(Project, id=_IDS, name=TEXTS),
    st.builds(Role, id=_IDS, name=TEXTS),
    st.builds(Drop, st.sampled_from(["Project", "Role"]), _IDS),
)
