"""The way from the exports that are to those that should be."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from actors.volume.exports import NODE_NAME_LIMIT, corrections, node_name, volumes_of

ids = st.sets(st.integers(0, 30).map(lambda number: str(uuid.UUID(int=number << 64))))


@given(wanted=ids, exported=ids, noded=ids)
def test_after_the_corrections_all_is_as_wanted(wanted: set[str], exported: set[str], noded: set[str]) -> None:
    exports, nodes = {node_name(v) for v in exported}, {node_name(v) for v in exported | noded} | {"#block123"}
    todo = corrections(wanted, exports, nodes)
    exports = exports - set(todo.remove_exports) | {node_name(v) for v in todo.add_exports}
    nodes = nodes - set(todo.remove_nodes) | {node_name(v) for v in todo.add_nodes}
    assert exports == {node_name(v) for v in wanted}
    assert nodes == exports | {"#block123"}
    assert corrections(wanted, exports, nodes) == corrections([], [], [])


def test_names_fit_and_differ() -> None:
    names = {node_name(str(uuid.UUID(int=number << 8))) for number in range(1000)}
    assert len(names) == 1000 and all(len(name) <= NODE_NAME_LIMIT for name in names)


def test_exports_are_known_by_their_volumes() -> None:
    volume_id = "ad0f7af4-1f0b-49e0-be5a-5d29519af512"
    assert volumes_of({node_name(volume_id), "another"}, {volume_id}) == [volume_id, "another"]
