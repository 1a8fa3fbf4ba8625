"""The part of the image room that keeps definitions of metadata.

Owns the rows `MetadefNamespace` and `MetadefResourceType`. Made when somebody first asks for a definition, and loads
them then. Invariant: memory is what the ledger has committed, never ahead of it; namespaces have different names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from actors.clock import Clock
from actors.errors import CallerError, CallerFault
from actors.faces import TokenVerifier
from actors.image.metadefs import rules
from actors.image.metadefs.listing import listed
from actors.image.metadefs.messages import ChangeMetadef, CreateMetadef, ListMetadefs, MetadefRequest
from actors.messages import AuthContext
from actors.records import Change, Drop, Ledger, MetadefNamespace, MetadefResourceType, drop

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Metadefs:
    def __init__(self, ledger: Ledger, verifier: TokenVerifier, clock: Clock) -> None:
        self._ledger = ledger
        self._verifier = verifier
        self._clock = clock
        self._writing = asyncio.Lock()
        self._is_loaded = False
        self._namespaces: dict[str, MetadefNamespace] = {}
        self._types: dict[str, MetadefResourceType] = {}

    async def ready(self) -> Metadefs:
        """Itself, with its rows; where they can't be had, the next who asks tries again."""
        if not self._is_loaded:
            async with self._writing:
                await self._load()
        return self

    async def _load(self) -> None:
        """To be called by who writes, before it decides."""
        if self._is_loaded:
            return
        namespaces = await self._ledger.load(MetadefNamespace)
        types = await self._ledger.load(MetadefResourceType)
        self._namespaces = {row.id: row for row in namespaces}
        self._types = {row.id: row for row in types}
        self._is_loaded = True

    # ------------------------------------------------------------ reading

    def among(self, requests: list[ListMetadefs]) -> list[list[MetadefNamespace] | CallerFault]:
        return [
            _answer(lambda asked: listed(self._namespaces, asked.query, self._who(asked.token)), request)
            for request in requests
        ]

    def show(self, requests: list[MetadefRequest]) -> list[MetadefNamespace | CallerFault]:
        return [
            _answer(lambda asked: rules.seen(self._namespaces, asked.namespace, self._who(asked.token)), request)
            for request in requests
        ]

    def resource_types(self, tokens: list[str]) -> list[list[MetadefResourceType] | CallerFault]:
        return [_answer(self._types_for, token) for token in tokens]

    def _types_for(self, token: str) -> list[MetadefResourceType]:
        self._who(token)
        return sorted(self._types.values(), key=lambda row: row.created_at)

    # ------------------------------------------------------------ writing, one request after the other

    async def create(self, requests: list[CreateMetadef]) -> list[MetadefNamespace | CallerFault]:
        return await self._write(requests, self._created)

    async def change(self, requests: list[ChangeMetadef]) -> list[MetadefNamespace | CallerFault]:
        return await self._write(requests, self._changed)

    async def delete(self, requests: list[MetadefRequest]) -> list[CallerFault | None]:
        async with self._writing:
            replies: list[CallerFault | None] = []
            for request in requests:
                await self._load()
                reply = _answer(self._deletable, request)
                if isinstance(reply, MetadefNamespace):
                    await self._commit([drop(reply)])
                replies.append(reply if isinstance(reply, CallerFault) else None)
        return replies

    def _created(self, request: CreateMetadef) -> MetadefNamespace:
        who, now = self._who(request.token), self._clock.now()
        return rules.new_namespace(self._namespaces, request, who, now)

    def _changed(self, request: ChangeMetadef) -> MetadefNamespace:
        who = self._who(request.token)
        row = rules.owned(self._namespaces, request.namespace, who)
        return rules.changed(self._namespaces, row, request.edit, who, self._clock.now())

    def _deletable(self, request: MetadefRequest) -> MetadefNamespace:
        return rules.deletable(rules.owned(self._namespaces, request.namespace, self._who(request.token)))

    async def _write(
        self, requests: list[Asked], decide: Callable[[Asked], MetadefNamespace]
    ) -> list[MetadefNamespace | CallerFault]:
        async with self._writing:
            replies: list[MetadefNamespace | CallerFault] = []
            for request in requests:
                await self._load()
                reply = _answer(lambda asked: self._rows(decide(asked)), request)
                if isinstance(reply, CallerFault):
                    replies.append(reply)
                    continue
                row, changes = reply
                if row != self._namespaces.get(row.id):
                    await self._commit(changes)
                replies.append(row)
        return replies

    def _rows(self, row: MetadefNamespace) -> tuple[MetadefNamespace, list[Change]]:
        """The row, and all that is to be written for it."""
        return row, [row, *rules.new_types(row, self._types, self._clock.now())]

    async def _commit(self, changes: list[Change]) -> None:
        try:
            await self._ledger.commit(changes)
        except BaseException:
            self._is_loaded = False  # it may have been written all the same
            raise
        for change in changes:
            self._apply(change)

    def _apply(self, change: Change) -> None:
        match change:
            case MetadefNamespace():
                self._namespaces[change.id] = change
            case MetadefResourceType():
                self._types[change.id] = change
            case Drop(id=row_id):
                self._namespaces.pop(row_id, None)

    def _who(self, token: str) -> AuthContext:
        return self._verifier.verify(token, self._clock.now())


def _answer(decide: Callable[[Asked], Answered], request: Asked) -> Answered | CallerFault:
    try:
        return decide(request)
    except CallerError as error:
        return error.fault
