"""How identity changes: requests are decided on a draft, one commit makes it durable, and everybody hears of it.

The base of `administration.py` and `service.py`. Holds what they share: the directory, the signing keys, what is
revoked, and the verifier of this room. Invariant: directory, revocations and ledger never part, and `keyring` answers
as soon as there is something new.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, busy
from actors.identity.directory import Directory
from actors.identity.draft import Draft
from actors.identity.messages import Keyring
from actors.identity.passwords import Passwords
from actors.identity.sealing import Seal
from actors.identity.tokens import Verifier
from actors.messages import AuthContext
from actors.records import Change, Ledger, RevokedToken, SigningKey, drop

REVOCATIONS_LIMIT = 100_000  # tokens, users and projects whose tokens are taken back and have not expired
KEYRING_WAIT_LIMIT_S = 60.0  # one question for news


class Authorized(Protocol):
    @property
    def token(self) -> str: ...


Request = TypeVar("Request", bound=Authorized)
Reply = TypeVar("Reply")


class Changing:
    def __init__(self, config: CloudConfig, ledger: Ledger, clock: Clock, passwords: Passwords | None = None) -> None:
        self._config = config
        self._ledger = ledger
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._seal = Seal(config.home)
        self._changing = asyncio.Lock()  # held while the ledger writes, so that rules and rows can't part
        self._directory = Directory()
        self._keys: list[SigningKey] = []  # the oldest first
        self._revoked: dict[str, RevokedToken] = {}
        self._verifier = Verifier({})
        self._news = asyncio.Event()
        self._version = int(clock.now() * 1000)  # never one that a former self has told already

    async def public_keys(self) -> dict[str, str]:
        """Key id → PEM; with them any room verifies a token itself."""
        return {key.id: key.public_pem for key in self._keys}

    async def revocations(self) -> list[str]:
        """What is taken back and has not expired, for `Verifier.replace_revocations`."""
        return list(self._revoked)

    async def keyring(self, known: int = 0, wait_s: float = 0.0) -> Keyring:
        """Answers when its version is another than the `known` one, or after `wait_s`."""
        if known == self._version and wait_s > 0:
            news = self._news
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(wait_s, KEYRING_WAIT_LIMIT_S))
        return Keyring(version=self._version, keys=await self.public_keys(), revocations=tuple(self._revoked))

    async def _change(
        self,
        requests: Sequence[Request],
        decide: Callable[[Draft, Request, AuthContext], Reply],
    ) -> list[Reply | CallerFault]:
        """Each request is allowed and decided on a draft; all that follows from them is one commit."""
        async with self._changing:
            draft, replies = self._draft(), list[Reply | CallerFault]()
            for request in requests:
                try:
                    replies.append(decide(draft, request, self._bearer(request.token)))
                except CallerError as refused:
                    replies.append(refused.fault)
            await self._adopt(draft)
        return replies

    def _look(
        self, requests: Sequence[Request], see: Callable[[Request, AuthContext], Reply]
    ) -> list[Reply | CallerFault]:
        """The same for those who change nothing."""
        replies: list[Reply | CallerFault] = []
        for request in requests:
            try:
                replies.append(see(request, self._bearer(request.token)))
            except CallerError as refused:
                replies.append(refused.fault)
        return replies

    def _draft(self) -> Draft:
        now = self._clock.now()
        return Draft(self._directory.rows(), now, now + self._config.token_lifetime_s)

    async def _adopt(self, draft: Draft) -> None:
        if not draft.changes and not draft.revoked:
            return
        expired = self._expired()
        if len(self._revoked) - len(expired) + len(draft.revoked) > REVOCATIONS_LIMIT:
            raise CallerError(busy(f"{REVOCATIONS_LIMIT} revocations are in force already"))
        changes: list[Change] = [*draft.changes, *draft.revoked, *map(drop, expired)]
        await self._ledger.commit(changes)
        for gone in expired:
            del self._revoked[gone.id]
        self._revoked.update((row.id, row) for row in draft.revoked)
        self._directory = draft
        if draft.revoked or expired:
            self._verifier.replace_revocations(self._revoked)
            self._tell()

    def _tell(self) -> None:
        """Whoever waits for the keyring hears of it now."""
        self._version += 1
        self._news.set()
        self._news = asyncio.Event()

    def _bearer(self, token: str) -> AuthContext:
        return self._verifier.verify(token, self._clock.now())

    def _expired(self) -> list[RevokedToken]:
        now = self._clock.now()
        return [row for row in self._revoked.values() if row.expires_at <= now]
