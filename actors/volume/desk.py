"""What all parts of the volume room work with: its rows, its lock, its backend, and who asks.

`administration.py`, `changes.py`, `holding.py` and `views.py` are built on it; `service.py` puts them together.
Invariant: rows are decided and committed under `_deciding`, one batch at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from actors.clock import Clock
from actors.doubts import surely
from actors.errors import CallerError, CallerFault, forbidden
from actors.faces import TokenVerifier
from actors.messages import AuthContext
from actors.records import Change, Volume, VolumeService, VolumeSnapshot
from actors.volume import rules, user_messages
from actors.volume.backend import VolumeBackend
from actors.volume.making import Making
from actors.volume.quotas import EVERYBODY, Allowance, limits_of
from actors.volume.rows import VolumeRows

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Row = TypeVar("Row", Volume, VolumeSnapshot)


class VolumeDesk:
    def __init__(
        self,
        rows: VolumeRows,
        making: Making,
        verifier: TokenVerifier,
        clock: Clock,
        quotas: Mapping[str, int],
    ) -> None:
        self._rows = rows
        self._making = making
        self._backend: VolumeBackend = making.backend
        self._verifier = verifier
        self._clock = clock
        self._quotas = quotas  # of the configuration
        self._deciding = asyncio.Lock()

    def _who(self, token: str) -> AuthContext:
        return self._verifier.verify(token, self._clock.now())

    def _administrator(self, token: str) -> AuthContext:
        who = self._who(token)
        if not who.is_admin:
            raise CallerError(forbidden("only an administrator may do that"))
        return who

    def _volume(self, volume_id: str, token: str) -> Volume:
        return rules.owned_volume(self._rows.volumes, volume_id, self._who(token))

    def _snapshot(self, snapshot_id: str, token: str) -> VolumeSnapshot:
        return rules.owned_snapshot(self._rows.snapshots, snapshot_id, self._who(token))

    def _allowance(self) -> Allowance:
        return Allowance(
            self._default_limits(), self._rows.quotas, self._rows.usages, self._rows.types, self._rows.type_of
        )

    def _default_limits(self) -> dict[str, int]:
        """What a project may have of each, where nothing else is said of it."""
        return limits_of(EVERYBODY, self._quotas, self._rows.quotas)

    def _service(self) -> VolumeService:
        """What is said of the one host of volumes."""
        return self._rows.services.get(rules.BACKEND_HOST, VolumeService(id=rules.BACKEND_HOST))

    def _noted(self, volume: Volume, event: str, request_id: str) -> list[Change]:
        """A message to the volume's project about what went wrong; the end of those that are too old or too many."""
        return user_messages.noted(self._rows.messages, volume, event, request_id, self._clock.now())

    def _stamped(self, row: Row) -> Row:
        return msgspec.structs.replace(row, updated_at=self._clock.now())

    async def _change(self, requests: list[Asked], decide: Callable[[Asked], Row]) -> list[Row | CallerFault]:
        """One request after the other: each sees what the ones before it left. A row that stays is not written."""
        async with self._deciding:
            replies: list[Row | CallerFault] = []
            for request in requests:
                reply = answer(decide, request)
                if not isinstance(reply, CallerFault):
                    reply = await self._write(reply)
                replies.append(reply)
        return replies

    async def _write(self, row: Row) -> Row:
        known = self._rows.volumes.get(row.id) if isinstance(row, Volume) else self._rows.snapshots.get(row.id)
        if row == known:
            return row
        stamped = self._stamped(row)
        await self._rows.commit([stamped])
        return stamped

    async def _end_with(self, changes: Sequence[Change]) -> None:
        """Of what was begun: `doubts.surely`."""
        await surely(lambda: self._rows.commit(changes))


def answer(decide: Callable[[Asked], Answered], request: Asked) -> Answered | CallerFault:
    """One item's answer, or its fault in the place of it."""
    try:
        return decide(request)
    except CallerError as error:
        return error.fault


async def answer_soon(act: Callable[[Asked], Awaitable[Answered]], request: Asked) -> Answered | CallerFault:
    """The same for what takes time."""
    try:
        return await act(request)
    except CallerError as error:
        return error.fault
