"""ComputeFilter: the host's compute service is heard and enabled."""

from __future__ import annotations

from placement.request import Shape


class ComputeFilter:
    name = "ComputeFilter"
    facet = "status"

    def asks(self, shape: Shape) -> bool:
        return True

    def admits(self, fact: tuple[bool, bool, str], shape: Shape) -> bool:
        up, enabled, _ = fact
        return up and enabled

    def wants(self, fact: tuple[bool, bool, str], shape: Shape) -> str:
        up, _, reason = fact
        if not up:
            return "it is down"
        return f"it is disabled ({reason})" if reason else "it is disabled"
