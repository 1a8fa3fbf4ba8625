"""What a list of changes comes to."""

from __future__ import annotations

import pytest

from actors.conductor.rows import net_effect
from actors.records import Drop, Project, Role, drop

P1, P1B, P2 = Project(id="1", name="a"), Project(id="1", name="b"), Project(id="2", name="c")
R1 = Role(id="1", name="admin")


def test_the_last_change_of_a_row_wins() -> None:
    project = net_effect([P1, P2, P1B])["Project"]
    assert project.rows == [P1B, P2] and not project.drops


def test_a_row_is_either_written_or_dropped() -> None:
    made_then_dropped = net_effect([P1, drop(P1)])["Project"]
    assert not made_then_dropped.rows and made_then_dropped.drops == ["1"]
    dropped_then_made = net_effect([drop(P1), P1])["Project"]
    assert len(dropped_then_made.rows) == 1 and not dropped_then_made.drops


def test_tables_do_not_meet() -> None:
    assert set(net_effect([P1, R1, drop(R1)])) == {"Project", "Role"}
    assert net_effect([]) == {}


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(KeyError, match="no table for Nothing"):
        net_effect([Drop("Nothing", "1")])
