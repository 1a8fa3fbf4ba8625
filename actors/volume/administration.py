"""The administration of volumes and snapshots: created, shown, deleted on a user's word.

`service.py` builds the volume room on it. Owns what that module says; keeps to its invariants.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from actors.clock import Clock
from actors.errors import CallerError, CallerFault, HostError, HostFault, conflict, value_of
from actors.faces import TokenVerifier
from actors.messages import AuthContext, ImageLocation
from actors.records import Volume, VolumeSnapshot, drop
from actors.volume import rules
from actors.volume.backend import BackendError, VolumeBackend
from actors.volume.making import Making, causes_of
from actors.volume.messages import CreateSnapshot, CreateVolume, ListVolumes, SnapshotRequest, VolumeRequest
from actors.volume.plan import Located
from actors.volume.rows import VolumeRows

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Owned = TypeVar("Owned", Volume, VolumeSnapshot)


class VolumeAdministration:
    def __init__(
        self, rows: VolumeRows, making: Making, backend: VolumeBackend, verifier: TokenVerifier, clock: Clock
    ) -> None:
        self._rows = rows
        self._making = making
        self._backend = backend
        self._verifier = verifier
        self._clock = clock
        self._deciding = asyncio.Lock()
        self._settling: dict[str, asyncio.Task[None]] = {}  # creations, by volume id, until their rows say the end

    # ------------------------------------------------------------ volumes

    async def create(self, requests: list[CreateVolume]) -> list[Volume | CallerFault]:
        """Answers at once with volumes that are `creating`; `wait` tells when they are available."""
        located = await self._making.locate((item.token, item.image_id) for item in requests if item.image_id)
        async with self._deciding:
            drafts: ChainMap[str, Volume] = ChainMap({}, self._rows.volumes)
            replies: list[Volume | CallerFault] = []
            fresh: list[tuple[Volume, str]] = []
            for request in requests:
                reply = answer(lambda asked: self._new_volume(asked, drafts, located), request)
                replies.append(reply)
                if isinstance(reply, Volume) and reply.id not in drafts:
                    drafts[reply.id] = reply
                    fresh.append((reply, request.token))
            await self._rows.commit([volume for volume, _ in fresh])
            for volume, token in fresh:
                self._begin(volume, token, located)
        return replies

    def _new_volume(self, request: CreateVolume, drafts: Mapping[str, Volume], located: Located) -> Volume:
        who = self._who(request.token)
        origin: ImageLocation | VolumeSnapshot | None = None
        if request.image_id:
            origin = value_of(located[request.token, request.image_id])
        elif request.snapshot_id:
            origin = rules.usable_snapshot(self._rows.snapshots, request.snapshot_id, who)
        return rules.new_volume(request, who, drafts, origin, self._clock.now())

    def _begin(self, volume: Volume, token: str, located: Located) -> None:
        making = self._making.begin(volume, token, located, self._rows.snapshots)
        task = asyncio.create_task(self._settle(volume.id, making))
        self._settling[volume.id] = task
        task.add_done_callback(lambda _: self._settling.pop(volume.id))

    async def _settle(self, volume_id: str, making: asyncio.Task[None]) -> None:
        causes = await causes_of({volume_id: making})
        async with self._deciding:
            status = "error" if causes else "available"
            await self._rows.commit([msgspec.structs.replace(self._rows.volumes[volume_id], status=status)])

    async def wait(self, requests: list[VolumeRequest], wait_s: float) -> list[Volume | CallerFault]:
        """The volumes when none of them is being created any more, or after `wait_s`."""
        tasks = [self._settling[item.volume_id] for item in requests if item.volume_id in self._settling]
        if tasks:
            await asyncio.wait(tasks, timeout=wait_s)
        return await self.show(requests)

    async def show(self, requests: list[VolumeRequest]) -> list[Volume | CallerFault]:
        return [answer(self._owned, request) for request in requests]

    async def list_volumes(self, requests: list[ListVolumes]) -> list[list[Volume] | CallerFault]:
        """A caller's own, oldest first; an administrator's are all."""
        return [answer(lambda asked: _seen(self._rows.volumes, self._who(asked.token)), item) for item in requests]

    async def delete(self, requests: list[VolumeRequest]) -> list[CallerFault | None]:
        async with self._deciding:
            replies = [answer(self._deletable, request) for request in requests]
            going = {reply.id: reply for reply in replies if isinstance(reply, Volume)}
            await self._rows.commit([msgspec.structs.replace(volume, status="deleting") for volume in going.values()])
            await self._end_deletions()
        return [reply if isinstance(reply, CallerFault) else None for reply in replies]

    def _deletable(self, request: VolumeRequest) -> Volume:
        return rules.deletable(self._owned(request), self._rows.has_snapshots(request.volume_id))

    async def _end_deletions(self) -> None:
        """Data first, then the rows: what is cut off here is taken up at the next start."""
        volumes = [volume for volume in self._rows.volumes.values() if volume.status == "deleting"]
        snapshots = [snapshot for snapshot in self._rows.snapshots.values() if snapshot.status == "deleting"]
        try:
            for snapshot in snapshots:
                await self._backend.delete_snapshot(snapshot.volume_id, snapshot.id)
            for volume in volumes:
                await self._backend.delete(volume.id)
        except BackendError as error:
            raise HostError(HostFault("delete_volume", "", str(error))) from error
        await self._rows.commit([*map(drop, snapshots), *map(drop, volumes)])

    # ------------------------------------------------------------ snapshots

    async def create_snapshot(self, requests: list[CreateSnapshot]) -> list[VolumeSnapshot | CallerFault]:
        async with self._deciding:
            drafts: ChainMap[str, VolumeSnapshot] = ChainMap({}, self._rows.snapshots)
            replies: list[VolumeSnapshot | CallerFault] = []
            for request in requests:
                reply = answer(lambda asked: self._new_snapshot(asked, drafts), request)
                replies.append(reply)
                if isinstance(reply, VolumeSnapshot):
                    drafts[reply.id] = reply
            fresh = [row for row in drafts.maps[0].values() if row.id not in self._rows.snapshots]
            await self._rows.commit(fresh)
            await self._rows.commit([await self._take(snapshot) for snapshot in fresh])
        return [self._rows.snapshots[reply.id] if isinstance(reply, VolumeSnapshot) else reply for reply in replies]

    def _new_snapshot(self, request: CreateSnapshot, drafts: Mapping[str, VolumeSnapshot]) -> VolumeSnapshot:
        return rules.new_snapshot(request, self._who(request.token), self._rows.volumes, drafts, self._clock.now())

    async def _take(self, snapshot: VolumeSnapshot) -> VolumeSnapshot:
        try:
            await self._backend.snapshot(snapshot.volume_id, snapshot.id)
        except BackendError:
            return msgspec.structs.replace(snapshot, status="error")
        return msgspec.structs.replace(snapshot, status="available")

    async def list_snapshots(self, requests: list[ListVolumes]) -> list[list[VolumeSnapshot] | CallerFault]:
        return [answer(lambda asked: _seen(self._rows.snapshots, self._who(asked.token)), item) for item in requests]

    async def delete_snapshot(self, requests: list[SnapshotRequest]) -> list[CallerFault | None]:
        async with self._deciding:
            replies = [answer(self._deletable_snapshot, request) for request in requests]
            going = {reply.id: reply for reply in replies if isinstance(reply, VolumeSnapshot)}
            await self._rows.commit([msgspec.structs.replace(row, status="deleting") for row in going.values()])
            await self._end_deletions()
        return [reply if isinstance(reply, CallerFault) else None for reply in replies]

    def _deletable_snapshot(self, request: SnapshotRequest) -> VolumeSnapshot:
        snapshot = rules.owned_snapshot(self._rows.snapshots, request.snapshot_id, self._who(request.token))
        if any(row.snapshot_id == snapshot.id and row.status == "creating" for row in self._rows.volumes.values()):
            raise CallerError(conflict("snapshot_id", f"a volume is being made of snapshot {snapshot.id}"))
        return snapshot

    # ------------------------------------------------------------ callers

    def _who(self, token: str) -> AuthContext:
        return self._verifier.verify(token, self._clock.now())

    def _owned(self, request: VolumeRequest) -> Volume:
        return rules.owned_volume(self._rows.volumes, request.volume_id, self._who(request.token))


def _seen(rows: Mapping[str, Owned], who: AuthContext) -> list[Owned]:
    return sorted((row for row in rows.values() if rules.is_owner(row, who)), key=lambda row: (row.created_at, row.id))


def answer(decide: Callable[[Asked], Answered], request: Asked) -> Answered | CallerFault:
    """One item's answer, or its fault in the place of it."""
    try:
        return decide(request)
    except CallerError as error:
        return error.fault
