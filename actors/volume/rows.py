"""The volume room's rows in memory: volumes, snapshots, attachments, types, quotas, and how much each project has.

Owned by the volume room. Invariant: memory is what the ledger has committed, never ahead of it.
"""

from __future__ import annotations

from asyncio import gather
from collections import defaultdict
from collections.abc import Mapping, Sequence

from actors.doubts import Doubts
from actors.records import (
    Change,
    Drop,
    Ledger,
    QosSpecs,
    Record,
    Volume,
    VolumeAttachment,
    VolumeMessage,
    VolumeQuota,
    VolumeService,
    VolumeSnapshot,
    VolumeTransfer,
    VolumeType,
)
from actors.volume.kinds import DEFAULT_TYPE
from actors.volume.quotas import Usage
from actors.volume.states import HELD

KINDS = (
    Volume,
    VolumeSnapshot,
    VolumeType,
    QosSpecs,
    VolumeTransfer,
    VolumeService,
    VolumeMessage,
    VolumeQuota,
)  # and attachments, which change with their volumes
LOAD_TRIES = 20  # readings between which an attachment changed: only a former room's last words can do so


class VolumeRows:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._doubts = Doubts(ledger, self._row)
        self.volumes: dict[str, Volume] = {}
        self.snapshots: dict[str, VolumeSnapshot] = {}
        self.attachments: dict[str, VolumeAttachment] = {}  # by volume id: a volume has one at most
        self.types: dict[str, VolumeType] = {DEFAULT_TYPE.id: DEFAULT_TYPE}
        self.services: dict[str, VolumeService] = {}
        self.messages: dict[str, VolumeMessage] = {}
        self.qos: dict[str, QosSpecs] = {}
        self.transfers: dict[str, VolumeTransfer] = {}
        self.quotas: dict[str, VolumeQuota] = {}
        self.usages: defaultdict[str, Usage] = defaultdict(Usage)  # by project

    async def load(self) -> list[VolumeAttachment]:
        """As of one moment: what a former room was writing when it died may land while this one reads. It writes
        nothing. The attachments of volumes that are gone, which nobody can hold anything by."""
        held = await self._ledger.load(VolumeAttachment)
        for _ in range(LOAD_TRIES):
            kinds: list[Sequence[Record]] = await gather(*(self._ledger.load(kind) for kind in KINDS))
            rows = [row for rows_of_kind in kinds for row in rows_of_kind]
            before, held = held, await self._ledger.load(VolumeAttachment)
            if _by_id(before) == _by_id(held):
                break
        for row in rows:
            self._apply(row)
        lost = [row for row in held if row.volume_id not in self.volumes]
        for row in held:
            if row not in lost:
                self._apply(row)
        return lost

    async def commit(self, changes: Sequence[Change]) -> None:
        if changes:
            await self._doubts.commit(changes)
        for change in changes:
            self._apply(change)

    def _row(self, kind: str, row_id: str) -> Record | None:
        if kind == VolumeAttachment.__name__:
            row = self.attachments.get(row_id.partition(":")[0])
            return row if row is not None and row.id == row_id else None
        tables: dict[str, Mapping[str, Record]] = {
            Volume.__name__: self.volumes,
            VolumeSnapshot.__name__: self.snapshots,
            VolumeType.__name__: self.types,
            VolumeService.__name__: self.services,
            VolumeMessage.__name__: self.messages,
            QosSpecs.__name__: self.qos,
            VolumeTransfer.__name__: self.transfers,
            VolumeQuota.__name__: self.quotas,
        }
        return tables[kind].get(row_id)

    def attached(self) -> list[str]:
        """Ids of the volumes that some guest uses; one that is shelved has no host, and uses none. Of those that an
        API's user holds the ones whose holder said from where: it uses them from then on, until it lets go."""
        status = {row.volume_id: self.volumes[row.volume_id].status for row in self.attachments.values()}
        return [
            row.volume_id
            for row in self.attachments.values()
            if (row.of_server and row.host and status[row.volume_id] == "in-use")
            or (row.connector and not row.of_server and status[row.volume_id] in HELD)
        ]

    def is_servers(self, volume_id: str) -> bool:
        """Whether a boot or a server has it."""
        holder = self.attachments.get(volume_id)
        return holder is not None and holder.of_server

    def offers_of(self, volume_id: str) -> list[VolumeTransfer]:
        return [transfer for transfer in self.transfers.values() if transfer.volume_id == volume_id]

    def snapshots_of(self, volume_id: str) -> list[VolumeSnapshot]:
        return [snapshot for snapshot in self.snapshots.values() if snapshot.volume_id == volume_id]

    def type_of(self, row: Volume | VolumeSnapshot) -> str:
        """The id of a volume's type; a snapshot is of its volume's."""
        volume = row if isinstance(row, Volume) else self.volumes.get(row.volume_id)
        return (volume and volume.volume_type) or DEFAULT_TYPE.id

    def world(self) -> dict[str, list[str]]:
        return {
            "volumes": sorted(f"{row.id} {row.name} {row.size_gib} GiB {row.status}" for row in self.volumes.values()),
            "snapshots": sorted(f"{row.id} {row.volume_id} {row.status}" for row in self.snapshots.values()),
            "attachments": sorted(f"{row.id} {row.host}" for row in self.attachments.values()),
        }

    def _apply(self, change: Change) -> None:
        match change:
            case Volume():
                self._put_volume(change)
            case VolumeSnapshot():
                self._count(self.snapshots.get(change.id), -1)
                self.snapshots[change.id] = change
                self._count(change, 1)
            case VolumeAttachment():
                self.attachments[change.volume_id] = change
            case VolumeType():
                self.types[change.id] = change
            case VolumeService():
                self.services[change.id] = change
            case VolumeMessage():
                self.messages[change.id] = change
            case QosSpecs():
                self.qos[change.id] = change
            case VolumeTransfer():
                self.transfers[change.id] = change
            case VolumeQuota():
                self.quotas[change.id] = change
            case Drop():
                self._drop(change)

    def _drop(self, change: Drop) -> None:
        match change.kind:
            case Volume.__name__:
                self._count(self.volumes.pop(change.id, None), -1)
            case VolumeSnapshot.__name__:
                self._count(self.snapshots.pop(change.id, None), -1)
            case VolumeAttachment.__name__:
                self.attachments.pop(change.id.partition(":")[0], None)
            case VolumeType.__name__:
                self.types.pop(change.id, None)
            case VolumeService.__name__:
                self.services.pop(change.id, None)
            case VolumeMessage.__name__:
                self.messages.pop(change.id, None)
            case QosSpecs.__name__:
                self.qos.pop(change.id, None)
            case VolumeTransfer.__name__:
                self.transfers.pop(change.id, None)
            case VolumeQuota.__name__:
                self.quotas.pop(change.id, None)

    def _put_volume(self, row: Volume) -> None:
        known = self.volumes.get(row.id)
        is_other_type = known is not None and known.volume_type != row.volume_type
        of_its_type = self.snapshots_of(row.id) if is_other_type else []
        self._count(known, -1)
        for snapshot in of_its_type:
            self._count(snapshot, -1)
        self.volumes[row.id] = row
        self._count(row, 1)
        for snapshot in of_its_type:
            self._count(snapshot, 1)

    def _count(self, row: Volume | VolumeSnapshot | None, times: int) -> None:
        if row is not None:
            self.usages[row.project_id].count(row, self.type_of(row), times)


def _by_id(attachments: Sequence[VolumeAttachment]) -> dict[str, VolumeAttachment]:
    return {row.id: row for row in attachments}
