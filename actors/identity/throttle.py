"""How long a user must wait after failed logins. Pure: the time is an argument.

Called by identity. The first few mistakes are free; each further one doubles the wait, up to a limit, so that
guessing is hopeless and a locked-out owner is let in again soon. Attempts while waiting are refused unseen and change
nothing. Names that nobody has are treated alike. Invariant: at most `TABLE_LIMIT` names are remembered.
"""

from __future__ import annotations

from typing import NamedTuple

FREE_FAILURES = 5  # wrong passwords without a wait
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
TABLE_LIMIT = 10_000  # names whose failures are remembered; the longest unseen is forgotten first


class _Failures(NamedTuple):
    mistakes: int
    until: float  # no attempt before this time


class Throttle:
    def __init__(self, table_limit: int = TABLE_LIMIT) -> None:
        self._table_limit = table_limit
        self._failures: dict[str, _Failures] = {}

    def wait_s(self, name: str, now: float) -> float:
        """Seconds until `name` may try again; 0 when at once."""
        known = self._failures.get(name)
        return max(0.0, known.until - now) if known else 0.0

    def failed(self, name: str, now: float) -> None:
        known = self._failures.pop(name, None)
        count = known.mistakes + 1 if known else 1
        if len(self._failures) >= self._table_limit:
            del self._failures[next(iter(self._failures))]
        self._failures[name] = _Failures(count, now + _wait_s(count))

    def succeeded(self, name: str) -> None:
        self._failures.pop(name, None)


def _wait_s(count: int) -> float:
    beyond = count - FREE_FAILURES
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(beyond - 1, 30)) if beyond > 0 else 0.0
