"""Moves of servers, as records: resizes, cold migrations and evacuations, with what became of them [Nova: migrations].

Owned by the conductor. Invariants: a record is written in the very commit that writes what its server is by then
(`Writing`), so that none disagrees with its server after a crash; of a server's moves the newest alone is ever open; at
most `KEPT` that are over are in memory, the newest; older ones stay on disk until they are pruned, and what is open is
in memory however old it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal
from uuid import NAMESPACE_OID, uuid5

import msgspec

from actors.conductor.boots import Boot
from actors.messages import KeptPlace
from actors.records import Flavor, InstanceAction, Move

KEPT = 5_000  # of all servers, at 0.5 KiB each

Kind = Literal["resize", "migration", "evacuation"]
RESIZE: Kind = "resize"
MIGRATION: Kind = "migration"
EVACUATION: Kind = "evacuation"

ACCEPTED, MIGRATING, POST_MIGRATING, FINISHED = "accepted", "migrating", "post-migrating", "finished"
CONFIRMING, REVERTING = "confirming", "reverting"
CONFIRMED, REVERTED, DONE, ERROR, FAILED = "confirmed", "reverted", "done", "error", "failed"
OPEN = (ACCEPTED, MIGRATING, POST_MIGRATING, FINISHED, CONFIRMING, REVERTING)
OVER = frozenset((CONFIRMED, REVERTED, DONE, ERROR, FAILED))


class Moves:
    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._moves: dict[str, Move] = {}  # by id, oldest first
        self._open: dict[str, str] = {}  # by instance: the id of the one that is not over
        self._unwritten: dict[str, dict[str, Move]] = defaultdict(dict)  # by instance, by id
        self._last = 0

    def load(self, rows: Iterable[Move]) -> None:
        """The newest, and those that are open, however old; a row may come twice."""
        for row in sorted({row.id: row for row in rows}.values(), key=lambda row: row.number):
            self._put(row)

    def newest(self) -> list[Move]:
        """Newest first."""
        return list(self._moves.values())[::-1]

    def find(self, move_id: str) -> Move | None:
        return self._moves.get(move_id)

    def last_of(self, instance_id: str) -> Move | None:
        return next((move for move in self.newest() if move.instance_id == instance_id), None)

    def open_of(self, instance_id: str) -> Move | None:
        """The one that is not over."""
        return self._moves[self._open[instance_id]] if instance_id in self._open else None

    # ------------------------------------------------------------ what becomes of them

    def begin(self, boot: Boot, action: InstanceAction, kind: Kind, to: Flavor | None = None) -> None:
        """From the host where it is. `action`: which this is. `to`: its new flavor."""
        move_id, now = move_of(action.id), action.started_at
        if move_id in self._moves:
            return
        self.end(boot.id, ERROR, now)  # one of which the end was never told
        row = boot.instance
        move = Move(
            id=move_id,
            number=self._last + 1,
            instance_id=boot.id,
            project_id=row.project_id,
            user_id=action.user_id,
            kind=kind,
            status=ACCEPTED if kind == EVACUATION else MIGRATING,
            source_host=row.host,
            source_node=row.node,
            old_flavor=row.flavor.id,
            new_flavor=(to or row.flavor).id,
            created_at=now,
            updated_at=now,
        )
        self._change(move)

    def turn(self, instance_id: str, status: str, now: float) -> None:
        """Of the one that is open."""
        known = self.open_of(instance_id)
        if known is not None and known.status != status:
            self._change(msgspec.structs.replace(known, status=status, updated_at=now))

    def goes_to(self, instance_id: str, place: KeptPlace, status: str, now: float) -> None:
        known = self.open_of(instance_id)
        if known is not None:
            there = msgspec.structs.replace(known, target_host=place.host, target_node=place.node)
            self._change(msgspec.structs.replace(there, status=status, updated_at=now))

    def reaches(self, boot: Boot, status: str, now: float) -> None:
        """The same, of one that is on the host where it goes."""
        row = boot.instance
        self.goes_to(boot.id, KeptPlace(host=row.host, node=row.node, claim_id=""), status, now)

    def end(self, instance_id: str, otherwise: str, now: float) -> None:
        """Its server is deleted, or is what an administrator says: what was finished is confirmed by that."""
        known = self.open_of(instance_id)
        if known is not None:
            settled = known.status in (FINISHED, CONFIRMING)
            self.turn(instance_id, CONFIRMED if settled else otherwise, now)

    def drop(self, action: InstanceAction) -> None:
        """It could not be recorded."""
        move = self._moves.pop(move_of(action.id), None)
        if move is not None:
            self._unwritten.get(move.instance_id, {}).pop(move.id, None)
            if self._open.get(move.instance_id) == move.id:
                del self._open[move.instance_id]

    # ------------------------------------------------------------ writing

    def due(self, boots: Iterable[Boot]) -> list[Move]:
        """What has to be written with these servers."""
        if not self._unwritten:
            return []
        return [move for boot in boots for move in self._unwritten.get(boot.id, {}).values()]

    def written(self, moves: list[Move]) -> None:
        for move in moves:
            unwritten = self._unwritten.get(move.instance_id, {})
            if unwritten.get(move.id) is move:
                del unwritten[move.id]
            if not unwritten:
                self._unwritten.pop(move.instance_id, None)

    def forget(self, instance_ids: Iterable[str]) -> None:
        """Their rows were pruned."""
        gone = set(instance_ids)
        self._moves = {move.id: move for move in self._moves.values() if move.instance_id not in gone}

    def _change(self, move: Move) -> None:
        self._put(move)
        self._unwritten[move.instance_id][move.id] = move

    def _put(self, move: Move) -> None:
        self._moves[move.id] = move
        self._last = max(self._last, move.number)
        if move.status not in OVER:
            self._open[move.instance_id] = move.id
        elif self._open.get(move.instance_id) == move.id:
            del self._open[move.instance_id]
        if len(self._moves) > self._kept:
            oldest = next((one.id for one in self._moves.values() if one.status in OVER), "")
            self._moves.pop(oldest, None)


def move_of(action_id: str) -> str:
    """The id of the move that an instance action is."""
    return str(uuid5(NAMESPACE_OID, f"move {action_id}"))
