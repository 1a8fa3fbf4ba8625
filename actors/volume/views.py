"""What the volume room shows of its rows: volumes with their holder and type, pages of lists, quotas with their use.

`service.py` builds the volume room on it. Changes nothing.
"""

from __future__ import annotations

from actors.errors import CallerFault
from actors.records import Volume, VolumeAttachment, VolumeSnapshot, VolumeType
from actors.volume import kinds, query, rules
from actors.volume.desk import answer
from actors.volume.holding import VolumeHolding
from actors.volume.messages import (
    AttachmentPage,
    AttachmentRequest,
    AttachmentView,
    ListRows,
    QuotaRequest,
    QuotaView,
    SnapshotPage,
    SnapshotRequest,
    VolumePage,
    VolumeRequest,
    VolumeTypeRequest,
    VolumeView,
    shown_id,
)
from actors.volume.quotas import NONE, shown


class VolumeViews(VolumeHolding):
    async def view(self, requests: list[VolumeRequest]) -> list[VolumeView | CallerFault]:
        return [answer(lambda asked: self._seen(self._volume(asked.volume_id, asked.token)), item) for item in requests]

    async def list_views(self, requests: list[ListRows]) -> list[VolumePage | CallerFault]:
        return [answer(self._volume_page, request) for request in requests]

    def _volume_page(self, request: ListRows) -> VolumePage:
        rows = query.listed(self._rows.volumes.values(), request.query, self._who(request.token))
        shown, more = query.page(rows, lambda row: row.id, request.query)
        return VolumePage(views=[self._seen(row) for row in shown], total=len(rows), more=more)

    def _seen(self, volume: Volume) -> VolumeView:
        kind = self._rows.types.get(volume.volume_type, kinds.DEFAULT_TYPE)
        return VolumeView(volume=volume, type=kind, attachment=self._rows.attachments.get(volume.id))

    # ------------------------------------------------------------ snapshots

    async def show_snapshot(self, requests: list[SnapshotRequest]) -> list[VolumeSnapshot | CallerFault]:
        return [answer(lambda asked: self._snapshot(asked.snapshot_id, asked.token), item) for item in requests]

    async def page_snapshots(self, requests: list[ListRows]) -> list[SnapshotPage | CallerFault]:
        return [answer(self._snapshot_page, request) for request in requests]

    def _snapshot_page(self, request: ListRows) -> SnapshotPage:
        rows = query.listed(self._rows.snapshots.values(), request.query, self._who(request.token))
        shown, more = query.page(rows, lambda row: row.id, request.query)
        return SnapshotPage(rows=shown, total=len(rows), more=more)

    # ------------------------------------------------------------ attachments

    async def show_attachment(self, requests: list[AttachmentRequest]) -> list[AttachmentView | CallerFault]:
        return [answer(lambda asked: self._view(self._attachment(asked)), item) for item in requests]

    async def page_attachments(self, requests: list[ListRows]) -> list[AttachmentPage | CallerFault]:
        return [answer(self._attachment_page, request) for request in requests]

    def _attachment_page(self, request: ListRows) -> AttachmentPage:
        who = self._who(request.token)
        rows = [
            row
            for row in sorted(self._rows.attachments.values(), key=lambda row: (row.attached_at, row.id), reverse=True)
            if query.is_shown(self._rows.volumes[row.volume_id].project_id, request.query, who)
            and all(_attachment_field(row, name) in wanted for name, wanted in request.query.texts.items())
        ]
        shown, more = query.page(rows, shown_id, request.query)
        return AttachmentPage(views=[self._view(row) for row in shown], total=len(rows), more=more)

    # ------------------------------------------------------------ types, quotas

    async def show_type(self, requests: list[VolumeTypeRequest]) -> list[VolumeType | CallerFault]:
        """Of the id 'default' the type that a volume has of which nothing else is said."""
        return [answer(self._type, request) for request in requests]

    def _type(self, request: VolumeTypeRequest) -> VolumeType:
        who = self._who(request.token)
        type_id = kinds.DEFAULT_TYPE.id if request.type_id == "default" else request.type_id
        return kinds.seen(self._rows.types, type_id, who)

    async def list_types(self, token: str) -> list[VolumeType] | CallerFault:
        """Those that the caller may use, newest first."""
        return answer(self._types, token)

    def _types(self, token: str) -> list[VolumeType]:
        who = self._who(token)
        usable = [kind for kind in self._rows.types.values() if kinds.is_usable(kind, who)]
        return sorted(usable, key=lambda kind: (-kind.created_at, kind.id))

    async def show_quota(self, requests: list[QuotaRequest]) -> list[QuotaView | CallerFault]:
        """A project's own, or as an administrator anybody's."""
        return [answer(self._quota, request) for request in requests]

    def _quota(self, request: QuotaRequest) -> QuotaView:
        who = self._who(request.token)
        if not rules.is_of(request.project_id, who):
            self._administrator(request.token)
        allowance = self._allowance()
        usage, quota = self._rows.usages.get(request.project_id), self._rows.quotas.get(request.project_id)
        types = self._rows.types
        return QuotaView(
            project_id=request.project_id,
            limits=shown(allowance.limits(request.project_id), types, NONE),
            own=dict(quota.limits) if quota else {},
            defaults=shown(self._default_limits(), types, NONE),
            used=shown(usage or {}, types, 0),
        )


def _attachment_field(row: VolumeAttachment, name: str) -> str:
    fields = {
        "volume_id": row.volume_id,
        "instance_id": row.instance_id,
        "status": row.attach_status,
        "attach_status": row.attach_status,
        "id": shown_id(row),
    }
    return fields.get(name, "")
