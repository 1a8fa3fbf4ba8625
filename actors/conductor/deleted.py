"""Servers that are deleted, as lists still show them: to administrators, and to whoever asks what has changed.

Owned by the conductor's service, which adds each one when it is gone, and at its start those that are on disk.
Invariant: at most `KEPT`, the newest; rows on disk stay, until an administrator has them pruned (`pruning.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from actors.conductor.boots import Boot, view
from actors.messages import ServerView

KEPT = 2_000  # deleted servers that lists can show, at 2 to 3 KiB each


class Deleted:
    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._boots: dict[str, Boot] = {}  # oldest first; without their stories

    def load(self, boots: Iterable[Boot]) -> None:
        for boot in sorted(boots, key=lambda boot: boot.instance.deleted_at):
            self.add(boot)

    def add(self, boot: Boot) -> None:
        self._boots[boot.id] = Boot(boot.instance, template=boot.template)
        if len(self._boots) > self._kept:
            del self._boots[next(iter(self._boots))]

    def forget(self, instance_ids: Iterable[str]) -> None:
        for instance_id in instance_ids:
            self._boots.pop(instance_id, None)

    def get(self, instance_id: str) -> Boot | None:
        return self._boots.get(instance_id)

    def of(self, project_id: str) -> list[ServerView]:
        """Without what they gave back; '' = of all projects."""
        return [
            msgspec.structs.replace(view(boot), addresses=(), volumes=())
            for boot in self._boots.values()
            if not project_id or boot.instance.project_id == project_id
        ]
