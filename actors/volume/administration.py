"""The administration of volumes and snapshots: created, shown, deleted on a user's word.

`service.py` builds the volume room on it. Owns what that module says; keeps to its invariants.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from actors.clock import Clock
from actors.errors import CallerError, CallerFault, HostError, HostFault, conflict, forbidden, value_of
from actors.faces import TokenVerifier
from actors.messages import AuthContext
from actors.records import Volume, VolumeSnapshot, drop
from actors.volume import capabilities, kinds, rules
from actors.volume.backend import BackendError, moment_of
from actors.volume.desk import Row, VolumeDesk, answer
from actors.volume.making import Making, causes_of
from actors.volume.messages import (
    CreateSnapshot,
    CreateVolume,
    DeleteVolume,
    ListVolumes,
    SnapshotRequest,
    VolumeRequest,
)
from actors.volume.plan import Located
from actors.volume.quotas import Allowance
from actors.volume.rows import VolumeRows
from actors.volume.states import Event, after
from actors.volume.user_messages import NO_BACKEND, NOT_MADE


class VolumeAdministration(VolumeDesk):
    def __init__(
        self, rows: VolumeRows, making: Making, verifier: TokenVerifier, clock: Clock, quotas: Mapping[str, int]
    ) -> None:
        super().__init__(rows, making, verifier, clock, quotas)
        self._settling: dict[str, asyncio.Task[None]] = {}  # creations, by volume id, until their rows say the end

    # ------------------------------------------------------------ volumes

    async def create(self, requests: list[CreateVolume]) -> list[Volume | CallerFault]:
        """Answers at once with volumes that are `creating`; `wait` tells when they are available."""
        located = await self._making.locate((item.token, item.image_id) for item in requests if item.image_id)
        async with self._deciding:
            drafts: ChainMap[str, Volume] = ChainMap({}, self._rows.volumes)
            allowance = self._allowance()
            replies: list[Volume | CallerFault] = []
            fresh: list[tuple[Volume, CreateVolume]] = []
            for request in requests:
                reply = answer(lambda asked: self._new_volume(asked, drafts, located, allowance), request)
                replies.append(reply)
                if isinstance(reply, Volume) and reply.id not in drafts:
                    drafts[reply.id] = reply
                    fresh.append((reply, request))
            await self._rows.commit([volume for volume, _ in fresh])
            for volume, request in fresh:
                if self._is_possible(volume):
                    self._begin(volume, request, located)
                else:
                    await self._fail(volume, NO_BACKEND, request.request_id)
        return replies

    def _is_possible(self, volume: Volume) -> bool:
        """Whether the one back end takes new volumes, and is what this one's type asks for."""
        if self._service().disabled:
            return False
        kind = self._rows.types.get(volume.volume_type)
        return kind is None or capabilities.are_enough(kind.extra_specs)

    async def _fail(self, volume: Volume, event: str, request_id: str) -> None:
        broken = self._stamped(msgspec.structs.replace(volume, status=after(volume.status, Event.BROKEN)))
        await self._end_with([broken, *self._noted(volume, event, request_id)])

    def _new_volume(
        self, request: CreateVolume, drafts: Mapping[str, Volume], located: Located, allowance: Allowance
    ) -> Volume:
        who = self._who(request.token)
        volume = rules.new_volume(request, who, drafts, self._origin(request, who, located), self._clock.now())
        if volume.id in drafts:
            return volume
        wanted = request.volume_type or self._kind_of_source(request)
        volume = msgspec.structs.replace(volume, volume_type=kinds.chosen(self._rows.types, wanted, who).id)
        allowance.take(who.project_id, [volume])
        return volume

    def _kind_of_source(self, request: CreateVolume) -> str:
        """A copy is of the type of what it is a copy of."""
        snapshot = self._rows.snapshots.get(request.snapshot_id)
        source = self._rows.volumes.get(snapshot.volume_id if snapshot else request.source_volume_id)
        return source.volume_type if source else ""

    def _origin(self, request: CreateVolume, who: AuthContext, located: Located) -> rules.Origin:
        if request.image_id:
            return rules.Origin(image=value_of(located[request.token, request.image_id]))
        if request.snapshot_id:
            snapshot = rules.usable_snapshot(self._rows.snapshots, request.snapshot_id, who)
            return rules.Origin(snapshot=snapshot, parent=self._rows.volumes.get(snapshot.volume_id))
        if request.source_volume_id:
            source = rules.copyable(self._rows.volumes, request.source_volume_id, who)
            return rules.Origin(source=source, parent=source)
        return rules.Origin()

    def _begin(self, volume: Volume, request: CreateVolume, located: Located) -> None:
        making = self._making.begin(volume, request.token, located, self._rows.snapshots)
        task = asyncio.create_task(self._settle(volume.id, making, request.request_id))
        self._settling[volume.id] = task
        task.add_done_callback(lambda _: self._settling.pop(volume.id, None))

    async def _settle(self, volume_id: str, making: asyncio.Task[None], request_id: str) -> None:
        causes = await causes_of({volume_id: making})
        async with self._deciding:
            volume = self._rows.volumes.get(volume_id)
            if volume is not None and volume.status == "creating":  # an administrator may have said otherwise
                if causes:
                    await self._fail(volume, NOT_MADE, request_id)
                else:
                    made = msgspec.structs.replace(volume, status=after(volume.status, Event.MADE))
                    await self._end_with([self._stamped(made)])

    async def wait(self, requests: list[VolumeRequest], wait_s: float) -> list[Volume | CallerFault]:
        """The volumes when none of them is being created any more, or after `wait_s`."""
        tasks = [self._settling[item.volume_id] for item in requests if item.volume_id in self._settling]
        if tasks:
            await asyncio.wait(tasks, timeout=wait_s)
        return await self.show(requests)

    async def show(self, requests: list[VolumeRequest]) -> list[Volume | CallerFault]:
        return [answer(lambda asked: self._volume(asked.volume_id, asked.token), item) for item in requests]

    async def list_volumes(self, requests: list[ListVolumes]) -> list[list[Volume] | CallerFault]:
        """A caller's own, oldest first; an administrator's are all."""
        return [answer(lambda asked: _seen(self._rows.volumes, self._who(asked.token)), item) for item in requests]

    async def delete(self, requests: list[VolumeRequest]) -> list[CallerFault | None]:
        return await self.remove([DeleteVolume(token=item.token, volume_id=item.volume_id) for item in requests])

    async def remove(self, requests: list[DeleteVolume]) -> list[CallerFault | None]:
        async with self._deciding:
            replies = [answer(self._deletable, request) for request in requests]
            going = [row for reply in replies if not isinstance(reply, CallerFault) for row in reply]
            await self._rows.commit([msgspec.structs.replace(row, status="deleting") for row in going])
            _raise_own(await self._end_deletions(), [row.id for row in going])
        return [reply if isinstance(reply, CallerFault) else None for reply in replies]

    def _deletable(self, request: DeleteVolume) -> list[Volume | VolumeSnapshot]:
        """The volume, after the snapshots that go with it."""
        if request.force and not self._who(request.token).is_admin:
            raise CallerError(forbidden("only an administrator may delete a volume whatever its status is"))
        volume = self._volume(request.volume_id, request.token)
        is_held = volume.id in self._rows.attachments
        snapshots = self._rows.snapshots_of(volume.id)
        cascade = request.cascade and all(rules.is_owner(row, self._who(request.token)) for row in snapshots)
        rules.deletable(volume, is_held, bool(snapshots) and not cascade, request.force)
        for copy in self._rows.volumes.values():
            if copy.status == "creating" and self._is_origin(copy, volume):
                raise CallerError(conflict("volume_id", f"volume {copy.id} is being made of volume {volume.id}"))
        return [*snapshots, volume]

    def _is_origin(self, copy: Volume, volume: Volume) -> bool:
        snapshot = self._rows.snapshots.get(copy.snapshot_id)
        return volume.id == (snapshot.volume_id if snapshot else copy.source_volume_id)

    async def _end_copies(self) -> None:
        """Of copies of volumes that ended with a former room the snapshots go that they were made from."""
        for volume in list(self._rows.volumes.values()):
            if volume.source_volume_id in self._rows.volumes and volume.status in ("creating", "deleting"):
                with suppress(BackendError):  # it takes some room then, and nobody sees it
                    await self._backend.delete_snapshot(volume.source_volume_id, moment_of(volume.id))

    async def _end_deletions(self) -> dict[str, str]:
        """Data first, then the rows: what is cut off here, or can't be done now, is taken up by the next deletion and
        at the next start. The causes of what can't be done, by id. One that is held stays, whoever said that of it."""
        going = (volume for volume in self._rows.volumes.values() if volume.status == "deleting")
        volumes = [volume for volume in going if volume.id not in self._rows.attachments]
        snapshots = [snapshot for snapshot in self._rows.snapshots.values() if snapshot.status == "deleting"]
        await self._making.stop(volume.id for volume in volumes)
        causes: dict[str, str] = {}
        for snapshot in snapshots:
            try:
                await self._backend.delete_snapshot(snapshot.volume_id, snapshot.id)
            except BackendError as error:
                causes[snapshot.id] = causes[snapshot.volume_id] = str(error)
        for volume in volumes:
            if volume.id not in causes:
                try:
                    await self._backend.delete(volume.id)
                except BackendError as error:
                    causes[volume.id] = str(error)
        gone = [volume for volume in volumes if volume.id not in causes]
        offers = [offer for volume in gone for offer in self._rows.offers_of(volume.id)]
        cut = [snapshot for snapshot in snapshots if snapshot.id not in causes]
        await self._rows.commit([*map(drop, cut), *map(drop, offers), *map(drop, gone)])
        return causes

    # ------------------------------------------------------------ snapshots

    async def create_snapshot(self, requests: list[CreateSnapshot]) -> list[VolumeSnapshot | CallerFault]:
        async with self._deciding:
            drafts: ChainMap[str, VolumeSnapshot] = ChainMap({}, self._rows.snapshots)
            allowance = self._allowance()
            replies: list[VolumeSnapshot | CallerFault] = []
            for request in requests:
                reply = answer(lambda asked: self._new_snapshot(asked, drafts, allowance), request)
                replies.append(reply)
                if isinstance(reply, VolumeSnapshot):
                    drafts[reply.id] = reply
            fresh = [row for row in drafts.maps[0].values() if row.id not in self._rows.snapshots]
            await self._rows.commit(fresh)
            await self._end_with([await self._take(snapshot) for snapshot in fresh])
        return [self._rows.snapshots[reply.id] if isinstance(reply, VolumeSnapshot) else reply for reply in replies]

    def _new_snapshot(
        self, request: CreateSnapshot, drafts: Mapping[str, VolumeSnapshot], allowance: Allowance
    ) -> VolumeSnapshot:
        who, volumes = self._who(request.token), self._rows.volumes
        snapshot = rules.new_snapshot(request, who, volumes, drafts, self._clock.now())
        if snapshot.id not in drafts:
            allowance.take(snapshot.project_id, [snapshot])
        return snapshot

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
            _raise_own(await self._end_deletions(), list(going))
        return [reply if isinstance(reply, CallerFault) else None for reply in replies]

    def _deletable_snapshot(self, request: SnapshotRequest) -> VolumeSnapshot:
        snapshot = self._snapshot(request.snapshot_id, request.token)
        if any(row.snapshot_id == snapshot.id and row.status == "creating" for row in self._rows.volumes.values()):
            raise CallerError(conflict("snapshot_id", f"a volume is being made of snapshot {snapshot.id}"))
        volume = self._rows.volumes.get(snapshot.volume_id)
        if volume is not None and volume.status == "downloading":  # its file is written to, and locked
            raise CallerError(conflict("snapshot_id", f"an image is being written to volume {volume.id}"))
        return snapshot


def _raise_own(causes: Mapping[str, str], ids: Sequence[str]) -> None:
    """What of another's can't be deleted now is nobody else's fault."""
    if found := [causes[one] for one in ids if one in causes]:
        raise HostError(HostFault("delete_volume", "", found[0]))


def _seen(rows: Mapping[str, Row], who: AuthContext) -> list[Row]:
    return sorted((row for row in rows.values() if rules.is_owner(row, who)), key=lambda row: (row.created_at, row.id))
