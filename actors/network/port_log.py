"""Which ports of a network changed in what DHCP writes, in order: so that agents ask for what is new only. Pure.

Kept in the network room's `Rows`. A network of ten thousand ports changes by a few at a time; its agent would
otherwise fetch all of them for each batch of boots. Invariant: `since(version)` is complete or None.
"""

from __future__ import annotations

LIMIT = 20_000  # changes remembered for one network; who is further behind asks for everything


class PortLog:
    def __init__(self) -> None:
        self._forgotten = 0
        self._port_ids: list[str] = []

    @property
    def version(self) -> int:
        return self._forgotten + len(self._port_ids)

    def add(self, port_id: str) -> None:
        self._port_ids.append(port_id)
        if len(self._port_ids) > LIMIT:
            self._forgotten += LIMIT // 2
            del self._port_ids[: LIMIT // 2]

    def since(self, version: int) -> list[str] | None:
        """The ports that changed after it, each once; None if nobody remembers."""
        if not self._forgotten <= version <= self.version:
            return None
        return list(dict.fromkeys(self._port_ids[version - self._forgotten :]))
