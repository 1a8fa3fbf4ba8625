"""Idempotency keys: which servers a request was answered with, so that the same request, repeated, makes no others.

Owned by the conductor's door. A key stands for as long as any of its servers does, and afterwards like one of Nova's
reservations or EC2's client tokens: whoever repeats the request is answered with the servers that are deleted, and gets
no new ones. Invariant: of keys whose servers are all gone, at most `kept` are known, those that went last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

KEPT = 40_000  # more go in no 30 s, after which no call is repeated by itself (`reach.LIMIT_S`); at 0.4 KiB each

Key = tuple[str, str]  # project, idempotency key
Accepted = tuple[str, str, str]  # project, idempotency key ('' = none), instance id


class Keys:
    def __init__(self, there: Collection[str], kept: int = KEPT) -> None:
        """`there`: ids of the instances that are not deleted, as they are at any time."""
        self._there = there
        self._kept = kept
        self._ids: dict[Key, list[str]] = {}
        self._gone: dict[Key, None] = {}  # those of which no server is left, in the order in which they went

    def __len__(self) -> int:
        return len(self._ids)

    def load(self, living: Iterable[Accepted], deleted: Iterable[Accepted]) -> None:
        """What earlier conductors accepted; of what is deleted, the last `kept`, in the order in which they went."""
        deleted = list(deleted)
        for project_id, key, instance_id in (*living, *deleted):
            if key:
                self._ids.setdefault((project_id, key), []).append(instance_id)
        for project_id, key, _ in deleted:
            self.gone(project_id, key)

    def find(self, project_id: str, key: str) -> list[str]:
        """Ids of the servers; [] where the key is new."""
        return list(self._ids.get((project_id, key), ())) if key else []

    def take(self, project_id: str, key: str, instance_ids: Iterable[str]) -> None:
        if key:
            self._ids[project_id, key] = list(instance_ids)

    def drop(self, project_id: str, key: str) -> None:
        """Nothing came of it: the same request may be made anew."""
        self._ids.pop((project_id, key), None)

    def gone(self, project_id: str, key: str) -> None:
        """A server of this key is not `there` any more."""
        ids = self._ids.get((project_id, key))
        if ids is None or any(one in self._there for one in ids):
            return
        self._gone.pop((project_id, key), None)
        self._gone[project_id, key] = None
        if len(self._gone) > self._kept:
            oldest = next(iter(self._gone))
            del self._gone[oldest], self._ids[oldest]
