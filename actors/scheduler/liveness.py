"""Which hosts are heard: pure, told the time with every call.

Used by the scheduler's `service.py`. Hosts stand in the order in which they were last heard, so that asking for the
silent ones looks at those alone, however many hosts there are.
"""

from __future__ import annotations

from collections import OrderedDict


class Liveness:
    def __init__(self, down_after_s: float) -> None:
        self._down_after_s = down_after_s
        self._heard: OrderedDict[str, float] = OrderedDict()  # longest ago first; silent hosts are not here

    def heard(self, host: str, now: float) -> None:
        self._heard[host] = now
        self._heard.move_to_end(host)

    def forget(self, host: str) -> None:
        self._heard.pop(host, None)

    def hears(self, host: str) -> bool:
        return host in self._heard

    def gone_silent(self, now: float) -> list[str]:
        """The hosts that were not heard for longer than allowed; each is told once, until it is heard again."""
        silent = []
        for host, at in self._heard.items():
            if now - at <= self._down_after_s:
                break
            silent.append(host)
        for host in silent:
            del self._heard[host]
        return silent
