"""The statuses of a volume: what the table allows, and that what it lacks changes nothing."""

from __future__ import annotations

import itertools

import pytest

from actors.errors import CallerError
from actors.volume.states import HELD, STATUSES, TABLE, Event, after


def test_every_word_of_the_table_is_a_status() -> None:
    assert {status for status, _ in TABLE} | set(TABLE.values()) <= STATUSES


def test_what_is_not_in_the_table_is_refused() -> None:
    for status, event in itertools.product(sorted(STATUSES), Event):
        if (status, event) not in TABLE:
            with pytest.raises(CallerError) as refused:
                after(status, event)
            assert refused.value.fault.status == 400


def test_what_somebody_holds_is_not_deleted_or_resized_and_can_be_detached() -> None:
    for status in HELD:
        assert (status, Event.DETACH) in TABLE
        assert not {(status, event) for event in (Event.DELETE, Event.EXTEND, Event.UPLOAD, Event.HOLD)} & set(TABLE)
