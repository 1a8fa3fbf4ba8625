"""Messages end by their age and their number."""

from __future__ import annotations

from actors.records import Change, Drop, Volume, VolumeMessage
from actors.volume.user_messages import KEPT_S, LIMIT, NO_BACKEND, is_kept, noted

MINE = Volume(id="v", name="", project_id="p", size_gib=1, status="error")


def applied(known: dict[str, VolumeMessage], changes: list[Change]) -> None:
    for change in changes:
        if isinstance(change, Drop):
            del known[change.id]
        else:
            assert isinstance(change, VolumeMessage)
            known[change.id] = change


def test_a_project_keeps_its_newest_messages() -> None:
    known: dict[str, VolumeMessage] = {}
    theirs = Volume(id="w", name="", project_id="q", size_gib=1, status="error")
    applied(known, noted(known, theirs, NO_BACKEND, "req", 0.0))
    for at in range(LIMIT + 5):
        applied(known, noted(known, MINE, NO_BACKEND, "req", float(at)))
    assert sorted(row.created_at for row in known.values() if row.project_id == "p") == list(range(5, LIMIT + 5))
    assert len(known) == LIMIT + 1


def test_an_old_message_goes_with_the_next() -> None:
    known: dict[str, VolumeMessage] = {}
    applied(known, noted(known, MINE, NO_BACKEND, "req", 1.0))
    [old] = known.values()
    assert is_kept(old, KEPT_S) and not is_kept(old, 1.0 + KEPT_S)
    applied(known, noted(known, MINE, NO_BACKEND, "req", 2.0 + KEPT_S))
    assert old.id not in known and len(known) == 1
