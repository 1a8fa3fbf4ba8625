"""Messages about volumes, as their projects see them and take them away.

`service.py` builds the volume room on it; they are written with what they are about (`VolumeDesk._noted`).
"""

from __future__ import annotations

from actors.errors import CallerError, CallerFault, not_found
from actors.records import VolumeMessage, drop
from actors.volume import query
from actors.volume.desk import VolumeDesk, answer, answer_soon
from actors.volume.messages import ListRows, MessagePage, MessageRequest
from actors.volume.user_messages import is_kept


class VolumeMessages(VolumeDesk):
    async def show_message(self, requests: list[MessageRequest]) -> list[VolumeMessage | CallerFault]:
        """Of one's own project; an administrator's are all."""
        return [answer(self._message, request) for request in requests]

    async def page_messages(self, requests: list[ListRows]) -> list[MessagePage | CallerFault]:
        return [answer(self._message_page, request) for request in requests]

    async def delete_message(self, requests: list[MessageRequest]) -> list[CallerFault | None]:
        async with self._deciding:
            return [await answer_soon(self._delete_message, request) for request in requests]

    async def _delete_message(self, request: MessageRequest) -> None:
        await self._rows.commit([drop(self._message(request))])

    def _message(self, request: MessageRequest) -> VolumeMessage:
        row, who = self._rows.messages.get(request.message_id), self._who(request.token)
        if row is None or not is_kept(row, self._clock.now()) or not query.is_own(row.project_id, who):
            raise CallerError(not_found("message_id", f"Message {request.message_id} could not be found."))
        return row

    def _message_page(self, request: ListRows) -> MessagePage:
        now = self._clock.now()
        kept = [row for row in self._rows.messages.values() if is_kept(row, now)]
        rows = query.listed(kept, request.query, self._who(request.token))
        shown, more = query.page(rows, lambda row: row.id, request.query)
        return MessagePage(rows=shown, total=len(rows), more=more)
