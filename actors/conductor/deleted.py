"""Servers that are deleted, as lists still show them: to administrators, and to whoever asks what has changed.

Owned by the conductor's service, which adds each one when it is gone, and at its start those that are on disk.
Invariant: at most `KEPT`, the newest; rows on disk stay.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.conductor.boots import Boot, view
from actors.messages import ServerView
from actors.records import Instance

KEPT = 2_000  # deleted servers that lists can show, at 2 KiB each


class Deleted:
    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._rows: dict[str, Instance] = {}  # oldest first

    def load(self, rows: Iterable[Instance]) -> None:
        for row in sorted(rows, key=lambda row: row.deleted_at):
            self.add(row)

    def add(self, row: Instance) -> None:
        self._rows[row.id] = row
        if len(self._rows) > self._kept:
            del self._rows[next(iter(self._rows))]

    def of(self, project_id: str) -> list[ServerView]:
        """Without what they gave back; '' = of all projects."""
        return [
            msgspec.structs.replace(view(Boot(row)), addresses=(), volumes=())
            for row in self._rows.values()
            if not project_id or row.project_id == project_id
        ]
