"""What changes of volumes and snapshots that are there: names, metadata, flags, sizes, types, statuses, quotas.

`service.py` builds the volume room on it. Each method takes a list and answers a list; asked twice is done once.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from actors.errors import CallerError, CallerFault, bad_request
from actors.records import Drop, Volume, VolumeQuota, VolumeSnapshot, VolumeType, drop
from actors.volume import capabilities, kinds, quotas, rules, states
from actors.volume.backend import BackendError
from actors.volume.desk import Asked, VolumeDesk, answer, answer_soon
from actors.volume.messages import (
    ChangeMetadata,
    CreateVolumeType,
    ExtendVolume,
    MoveVolume,
    QuotaRequest,
    ReportSnapshot,
    ResetVolume,
    RevertVolume,
    UpdateSnapshot,
    UpdateVolume,
    UpdateVolumeType,
    VolumeTypeRequest,
)
from actors.volume.states import Event, after


class VolumeChanges(VolumeDesk):
    # ------------------------------------------------------------ volumes

    async def update(self, requests: list[UpdateVolume]) -> list[Volume | CallerFault]:
        return await self._change(requests, self._updated)

    def _updated(self, request: UpdateVolume) -> Volume:
        volume = self._volume(request.volume_id, request.token)
        said = (
            *("name", "description", "user_metadata", "image_metadata", "bootable", "readonly"),
            "delete_on_termination",
        )
        new = {field: getattr(request, field) for field in said if getattr(request, field) is not None}
        if request.volume_type is not None:
            after(volume.status, Event.RETYPE)
            kind = kinds.chosen(self._rows.types, request.volume_type, self._who(request.token))
            if not capabilities.are_enough(kind.extra_specs):
                text = f"the back end of volumes is not what the type {kind.name!r} asks for"
                raise CallerError(bad_request("volume_type", text))
            if kind.id != self._rows.type_of(volume):
                snapshots = [one for one in self._rows.snapshots_of(volume.id) if one.project_id == volume.project_id]
                self._allowance().take_type(volume, snapshots, kind.id)
            new["volume_type"] = kind.id
        if request.readonly is not None:
            if volume.id in self._rows.attachments or volume.status != "available":
                text = f"volume {volume.id} must be available to be made readonly or not, and is {volume.status}"
                raise CallerError(bad_request("volume_id", text))
            new["readonly_told"] = True
        if request.delete_on_termination is not None and volume.id not in self._rows.attachments:
            raise CallerError(bad_request("volume_id", f"volume {volume.id} is {volume.status}, and not a server's"))
        rules.check_metadata(request.image_metadata or {}, "metadata")
        return rules.described(msgspec.structs.replace(volume, **new))

    async def change_metadata(self, requests: list[ChangeMetadata]) -> list[Volume | CallerFault]:
        """Of volumes."""
        return await self._change(requests, self._with_metadata)

    def _with_metadata(self, request: ChangeMetadata) -> Volume:
        volume = self._volume(request.id, request.token)
        if request.of_image:
            items = rules.changed_metadata(volume.image_metadata, request)
            return msgspec.structs.replace(volume, image_metadata=items)
        return msgspec.structs.replace(volume, user_metadata=rules.changed_metadata(volume.user_metadata, request))

    async def move(self, requests: list[MoveVolume]) -> list[Volume | CallerFault]:
        return await self._change(requests, self._moved)

    def _moved(self, request: MoveVolume) -> Volume:
        volume = self._volume(request.volume_id, request.token)
        holder = self._rows.attachments.get(volume.id)
        if holder is not None and holder.of_server:
            raise CallerError(
                CallerFault(409, f"volume {volume.id} belongs to server {holder.instance_id}", "volume_id")
            )
        status = after(volume.status, Event(request.event))
        if holder is not None and status == "available":  # whoever reserved it has gone on, and reaches it
            status = "in-use"
        return msgspec.structs.replace(volume, status=status)

    async def reset(self, requests: list[ResetVolume]) -> list[Volume | CallerFault]:
        """Of volumes. An administrator's right."""
        async with self._deciding:
            replies: list[Volume | CallerFault] = []
            for request in requests:
                reply = answer(self._reset_volume, request)
                if isinstance(reply, Volume):
                    holder = self._rows.attachments.get(reply.id)
                    if request.detach and holder is not None:
                        await self._rows.commit([drop(holder)])
                    reply = await self._write(reply)
                replies.append(reply)
        return replies

    def _reset_volume(self, request: ResetVolume) -> Volume:
        self._administrator(request.token)
        volume = self._volume(request.id, request.token)
        if request.status and request.status not in states.STATUSES:
            raise CallerError(bad_request("status", f"one of {', '.join(sorted(states.STATUSES))}"))
        holder = self._rows.attachments.get(volume.id)
        if request.detach and holder is not None and holder.of_server:
            raise CallerError(
                bad_request("attach_status", f"server {holder.instance_id} uses the volume: detach it there")
            )
        return msgspec.structs.replace(volume, status=request.status or volume.status)

    async def extend(self, requests: list[ExtendVolume]) -> list[Volume | CallerFault]:
        """Volumes that nobody uses become larger. One that could not says so by its status."""
        return [await answer_soon(self._extend, request) for request in requests]

    async def _extend(self, request: ExtendVolume) -> Volume:
        async with self._deciding:
            volume = self._volume(request.volume_id, request.token)
            status = after(volume.status, Event.EXTEND)
            if request.size_gib <= volume.size_gib:
                raise CallerError(bad_request("new_size", f"{request.size_gib} GiB: it has {volume.size_gib} already"))
            rules.fitting_size(request.size_gib, volume.size_gib, "new_size")
            self._allowance().take_growth(volume, request.size_gib)
            await self._write(msgspec.structs.replace(volume, status=status))
            try:
                await self._backend.resize(volume.id, request.size_gib)
            except BackendError:
                return await self._ended(msgspec.structs.replace(volume, status=after(status, Event.NOT_EXTENDED)))
            ready = msgspec.structs.replace(volume, status=after(status, Event.EXTENDED), size_gib=request.size_gib)
            return await self._ended(ready)

    async def _ended(self, volume: Volume) -> Volume:
        stamped = self._stamped(volume)
        await self._end_with([stamped])
        return stamped

    async def revert(self, requests: list[RevertVolume]) -> list[Volume | CallerFault]:
        """Volumes that nobody uses are again what their newest snapshots are."""
        return [await answer_soon(self._revert, request) for request in requests]

    async def _revert(self, request: RevertVolume) -> Volume:
        async with self._deciding:
            volume = self._volume(request.volume_id, request.token)
            who = self._who(request.token)
            snapshot = rules.newest_snapshot(self._rows.snapshots, volume, request.snapshot_id, who)
            status = after(volume.status, Event.REVERT)
            await self._write(msgspec.structs.replace(volume, status=status))
            try:
                await self._backend.revert(volume.id, snapshot.id)
            except BackendError:
                return await self._ended(msgspec.structs.replace(volume, status=after(status, Event.NOT_REVERTED)))
            return await self._ended(msgspec.structs.replace(volume, status=after(status, Event.REVERTED)))

    # ------------------------------------------------------------ snapshots

    async def update_snapshot(self, requests: list[UpdateSnapshot]) -> list[VolumeSnapshot | CallerFault]:
        return await self._change(requests, self._updated_snapshot)

    def _updated_snapshot(self, request: UpdateSnapshot) -> VolumeSnapshot:
        snapshot = self._snapshot(request.snapshot_id, request.token)
        said = ("name", "description", "user_metadata")
        new = {field: getattr(request, field) for field in said if getattr(request, field) is not None}
        return rules.described(msgspec.structs.replace(snapshot, **new))

    async def change_snapshot_metadata(self, requests: list[ChangeMetadata]) -> list[VolumeSnapshot | CallerFault]:
        return await self._change(requests, self._snapshot_with_metadata)

    def _snapshot_with_metadata(self, request: ChangeMetadata) -> VolumeSnapshot:
        snapshot = self._snapshot(request.id, request.token)
        return msgspec.structs.replace(snapshot, user_metadata=rules.changed_metadata(snapshot.user_metadata, request))

    async def report_snapshot(self, requests: list[ReportSnapshot]) -> list[VolumeSnapshot | CallerFault]:
        return await self._change(requests, self._reported_snapshot)

    def _reported_snapshot(self, request: ReportSnapshot) -> VolumeSnapshot:
        snapshot = self._snapshot(request.snapshot_id, request.token)
        if request.status not in states.SNAPSHOT_REPORTS.get(snapshot.status, ()):
            text = f"Provided snapshot status {request.status[:40]} not allowed for one that is {snapshot.status}."
            raise CallerError(bad_request("status", text))
        return msgspec.structs.replace(snapshot, status=request.status, progress=request.progress or snapshot.progress)

    async def reset_snapshot(self, requests: list[ResetVolume]) -> list[VolumeSnapshot | CallerFault]:
        """An administrator's right."""
        return await self._change(requests, self._reset_snapshot)

    def _reset_snapshot(self, request: ResetVolume) -> VolumeSnapshot:
        self._administrator(request.token)
        snapshot = self._snapshot(request.id, request.token)
        if request.status not in states.SNAPSHOT_STATUSES:
            raise CallerError(bad_request("status", f"one of {', '.join(sorted(states.SNAPSHOT_STATUSES))}"))
        return msgspec.structs.replace(snapshot, status=request.status)

    # ------------------------------------------------------------ types

    async def create_type(self, requests: list[CreateVolumeType]) -> list[VolumeType | CallerFault]:
        return await self._write_types(
            requests, lambda asked: kinds.new_type(self._rows.types, asked, self._who(asked.token), self._clock.now())
        )

    async def update_type(self, requests: list[UpdateVolumeType]) -> list[VolumeType | CallerFault]:
        return await self._write_types(
            requests, lambda asked: kinds.updated(self._rows.types, asked, self._who(asked.token), self._clock.now())
        )

    async def _write_types(
        self, requests: list[Asked], decide: Callable[[Asked], VolumeType]
    ) -> list[VolumeType | CallerFault]:
        async with self._deciding:
            replies: list[VolumeType | CallerFault] = []
            for request in requests:
                reply = answer(decide, request)
                if isinstance(reply, VolumeType):
                    await self._rows.commit([reply])
                replies.append(reply)
        return replies

    async def delete_type(self, requests: list[VolumeTypeRequest]) -> list[CallerFault | None]:
        async with self._deciding:
            replies = [answer(self._deletable_type, request) for request in requests]
            await self._rows.commit([drop(reply) for reply in replies if isinstance(reply, VolumeType)])
        return [reply if isinstance(reply, CallerFault) else None for reply in replies]

    def _deletable_type(self, request: VolumeTypeRequest) -> VolumeType:
        kind = kinds.administered(self._rows.types, request.type_id, self._who(request.token))
        return kinds.deletable(kind, self._rows.volumes.values())

    # ------------------------------------------------------------ quotas

    async def change_quota(self, requests: list[QuotaRequest]) -> list[CallerFault | None]:
        """An administrator's right."""
        async with self._deciding:
            replies: list[CallerFault | None] = []
            for request in requests:
                reply = answer(self._changed_quota, request)
                if not isinstance(reply, CallerFault):
                    await self._rows.commit([reply])
                replies.append(reply if isinstance(reply, CallerFault) else None)
        return replies

    def _changed_quota(self, request: QuotaRequest) -> VolumeQuota | Drop:
        self._administrator(request.token)
        quota = self._rows.quotas.get(request.project_id, VolumeQuota(id=request.project_id, limits={}))
        return drop(quota) if request.reset else quotas.changed(quota, request.limits, self._rows.types)
