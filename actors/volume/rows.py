"""The volume room's rows in memory: volumes, snapshots, attachments.

Owned by the volume room. Invariant: memory is what the ledger has committed, never ahead of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.records import Change, Drop, Ledger, Volume, VolumeAttachment, VolumeSnapshot


class VolumeRows:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.volumes: dict[str, Volume] = {}
        self.snapshots: dict[str, VolumeSnapshot] = {}
        self.attachments: dict[str, VolumeAttachment] = {}  # by volume id: a volume has one at most

    async def load(self) -> None:
        self.volumes = {row.id: row for row in await self._ledger.load(Volume)}
        self.snapshots = {row.id: row for row in await self._ledger.load(VolumeSnapshot)}
        self.attachments = {row.volume_id: row for row in await self._ledger.load(VolumeAttachment)}

    async def commit(self, changes: Sequence[Change]) -> None:
        if changes:
            await self._ledger.commit(list(changes))
        for change in changes:
            self._apply(change)

    def attached(self) -> list[str]:
        """Ids of the volumes that some guest uses."""
        return [volume_id for volume_id in self.attachments if self.volumes[volume_id].status == "in-use"]

    def has_snapshots(self, volume_id: str) -> bool:
        return any(snapshot.volume_id == volume_id for snapshot in self.snapshots.values())

    def world(self) -> dict[str, list[str]]:
        return {
            "volumes": sorted(f"{row.id} {row.name} {row.size_gib} GiB {row.status}" for row in self.volumes.values()),
            "snapshots": sorted(f"{row.id} {row.volume_id} {row.status}" for row in self.snapshots.values()),
            "attachments": sorted(f"{row.id} {row.host}" for row in self.attachments.values()),
        }

    def _apply(self, change: Change) -> None:
        match change:
            case Volume():
                self.volumes[change.id] = change
            case VolumeSnapshot():
                self.snapshots[change.id] = change
            case VolumeAttachment():
                self.attachments[change.volume_id] = change
            case Drop(kind=kind, id=row_id) if kind == Volume.__name__:
                self.volumes.pop(row_id, None)
            case Drop(kind=kind, id=row_id) if kind == VolumeSnapshot.__name__:
                self.snapshots.pop(row_id, None)
            case Drop(kind=kind, id=row_id) if kind == VolumeAttachment.__name__:
                self.attachments.pop(row_id.partition(":")[0], None)
