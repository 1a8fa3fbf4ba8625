"""Attachments that an API's user makes for hosts of its own, beside those that servers have.

`service.py` builds the volume room on it. Rows of servers are written by `attach` and `detach` there, and nobody ends
them here: their guests would lose their disks. Invariant: a volume has one attachment at most, and is exported for it
only once its holder said from where.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.errors import CallerError, CallerFault, HostError, HostFault, bad_request, conflict, not_found
from actors.records import Change, Volume, VolumeAttachment, drop
from actors.volume import rules
from actors.volume.backend import BackendError
from actors.volume.desk import VolumeDesk, answer_soon
from actors.volume.messages import AttachmentRequest, AttachmentView, CreateAttachment, DetachVolume, new_id, shown_id
from actors.volume.states import TABLE, Event, after

CONNECTOR_LIMIT_BYTES = 65_535
MODES = ("rw", "ro")
STEP = "volume_attachment"  # that a host's fault is named for


class VolumeHolding(VolumeDesk):
    async def create_attachment(self, requests: list[CreateAttachment]) -> list[AttachmentView | CallerFault]:
        """With a connector the volume is exported; `attached` makes it in use at once."""
        async with self._deciding:
            return [await answer_soon(self._hold, request) for request in requests]

    async def update_attachment(self, requests: list[AttachmentRequest]) -> list[AttachmentView | CallerFault]:
        async with self._deciding:
            return [await answer_soon(self._connect, request) for request in requests]

    async def complete_attachment(self, requests: list[AttachmentRequest]) -> list[CallerFault | None]:
        async with self._deciding:
            return [await answer_soon(self._complete_one, request) for request in requests]

    async def delete_attachment(self, requests: list[AttachmentRequest]) -> list[CallerFault | None]:
        async with self._deciding:
            return [await answer_soon(self._let_go, request) for request in requests]

    async def detach_volume(self, requests: list[DetachVolume]) -> list[CallerFault | None]:
        async with self._deciding:
            return [await answer_soon(self._detach_one, request) for request in requests]

    # ------------------------------------------------------------ hold, connect, complete

    async def _hold(self, request: CreateAttachment) -> AttachmentView:
        volume = self._volume(request.volume_id, request.token)
        _check(request.instance_id, request.connector, request.mode)
        known = self._rows.attachments.get(volume.id)
        if known is not None:
            raise CallerError(bad_request("volume_id", f"volume {volume.id} is {volume.status}: somebody holds it"))
        if volume.readonly and request.mode == "rw":
            request = msgspec.structs.replace(request, mode="ro")
        at_once = request.attached and not request.connector
        status = after(volume.status, Event.ATTACH if at_once else Event.HOLD)
        row = VolumeAttachment(
            id=f"{volume.id}:{request.instance_id or new_id()}",
            volume_id=volume.id,
            instance_id=request.instance_id,
            host=str(request.connector.get("host", "")),
            device=request.device,
            of_server=False,
            attach_status="attached" if at_once else "reserved",
            mode=request.mode,
            attached_at=self._clock.now() if at_once else 0.0,
        )
        await self._record(volume, status, row)
        if not request.connector:
            return self._view(row)
        return await self._connect(
            AttachmentRequest(
                token=request.token,
                attachment_id=shown_id(row),
                connector=request.connector,
                attached=request.attached,
            )
        )

    async def _connect(self, request: AttachmentRequest) -> AttachmentView:
        row, volume = self._held(request)
        _check(row.instance_id, request.connector, row.mode)
        if not request.connector:
            raise CallerError(bad_request("connector", "is needed: what the volume is to be reached from"))
        status = after(volume.status, Event.CONNECT)
        if request.attached:
            status = after(status, Event.ATTACH)
        connected = msgspec.structs.replace(
            row,
            connector=request.connector,
            host=str(request.connector.get("host", "")),
            attach_status="attached" if request.attached else "attaching",
            attached_at=self._clock.now() if request.attached else 0.0,
        )
        await self._record(volume, status, connected)
        try:
            causes = await self._backend.export([volume.id])
        except BackendError as error:
            causes = {volume.id: str(error)}
        if causes:
            raise HostError(HostFault(STEP, connected.host, causes[volume.id]))
        return self._view(connected)

    async def _complete_one(self, request: AttachmentRequest) -> None:
        row, volume = self._held(request)
        if row.attach_status == "attached":
            return
        status = after(volume.status, Event.ATTACH)
        done = msgspec.structs.replace(row, attach_status="attached", attached_at=self._clock.now())
        await self._record(volume, status, done)

    # ------------------------------------------------------------ the end

    async def _let_go(self, request: AttachmentRequest) -> None:
        row, volume = self._held(request)
        await self._end(row, volume)

    async def _detach_one(self, request: DetachVolume) -> None:
        if request.force:
            self._administrator(request.token)
        volume = self._volume(request.volume_id, request.token)
        row = self._rows.attachments.get(volume.id)
        if row is None and not request.attachment_id:
            await self._free(volume)
            return
        if row is None or (request.attachment_id and shown_id(row) != request.attachment_id):
            raise CallerError(bad_request("volume_id", f"volume {volume.id} has no such attachment"))
        await self._end(_own(row), volume, request.force)

    async def _free(self, volume: Volume) -> None:
        """Nobody holds it: whatever it was on its way to, it is available again, and one that is stays so."""
        if (volume.status, Event.DETACH) in TABLE:
            await self._write(msgspec.structs.replace(volume, status=after(volume.status, Event.DETACH)))

    async def _end(self, row: VolumeAttachment, volume: Volume, force: bool = False) -> None:
        if force:
            await self._making.stop([volume.id])
            status = "error" if volume.status == "downloading" else "available"  # an image is written there by half
        else:
            status = after(volume.status, Event.DETACH)
        try:
            await self._backend.unexport([volume.id])
        except BackendError as error:
            raise HostError(HostFault(STEP, row.host, str(error))) from error
        freed = self._stamped(msgspec.structs.replace(volume, status=status))
        await self._rows.commit([drop(row), freed])

    # ------------------------------------------------------------ rows

    def _held(self, request: AttachmentRequest) -> tuple[VolumeAttachment, Volume]:
        """The attachment, if it is one of this API's, with its volume."""
        row = self._attachment(request)
        return _own(row), self._rows.volumes[row.volume_id]

    def _attachment(self, request: AttachmentRequest) -> VolumeAttachment:
        who = self._who(request.token)
        for row in self._rows.attachments.values():
            if shown_id(row) == request.attachment_id and rules.is_owner(self._rows.volumes[row.volume_id], who):
                return row
        raise CallerError(not_found("attachment_id", f"there is no attachment {request.attachment_id!r}"))

    async def _record(self, volume: Volume, status: str, row: VolumeAttachment) -> None:
        changes: list[Change] = [self._stamped(msgspec.structs.replace(volume, status=status)), row]
        await self._rows.commit(changes)

    def _view(self, row: VolumeAttachment) -> AttachmentView:
        volume = self._rows.volumes[row.volume_id]
        return AttachmentView(
            id=shown_id(row), row=row, project_id=volume.project_id, connection=self._connection_info(row)
        )

    def _connection_info(self, row: VolumeAttachment) -> dict[str, Any]:
        """How the holder reaches the data: an NBD export; of a server's own volume nothing is told."""
        if row.of_server or row.attach_status == "reserved" or not row.connector:
            return {}
        address = self._backend.address
        return {
            "driver_volume_type": "nbd",
            "volume_id": row.volume_id,
            "attachment_id": shown_id(row),
            "access_mode": row.mode,
            "export": row.volume_id,
            "unix_socket": address.unix_socket,
            "host": address.host,
            "port": address.port,
        }


def _own(row: VolumeAttachment) -> VolumeAttachment:
    if row.of_server:
        raise CallerError(conflict("attachment_id", f"server {row.instance_id} uses the volume: detach it there"))
    return row


def _check(instance_id: str, connector: dict[str, Any], mode: str) -> None:
    if instance_id:
        rules.check_id(instance_id, "instance_uuid")
    if mode not in MODES:
        raise CallerError(bad_request("mode", f"one of {', '.join(MODES)}"))
    if len(msgspec.json.encode(connector)) > CONNECTOR_LIMIT_BYTES:
        raise CallerError(bad_request("connector", f"at most {CONNECTOR_LIMIT_BYTES} bytes of JSON"))
