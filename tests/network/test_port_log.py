"""Which ports changed since a version."""

from __future__ import annotations

from actors.network.port_log import LIMIT, PortLog


def test_what_changed_since_is_told_once_and_in_order() -> None:
    log = PortLog()
    log.add("a")
    version = log.version
    for port_id in ("b", "c", "b"):
        log.add(port_id)
    assert log.since(version) == ["b", "c"]
    assert log.since(log.version) == []
    assert log.since(0) == ["a", "b", "c"]


def test_a_version_that_is_forgotten_or_not_ours_has_no_answer() -> None:
    log = PortLog()
    for number in range(LIMIT + 1):
        log.add(str(number))
    assert log.since(0) is None
    assert log.since(log.version + 1) is None
    assert log.since(log.version - 1) == [str(LIMIT)]
