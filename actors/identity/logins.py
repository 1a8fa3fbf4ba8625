"""Who logs in: passwords, tokens and application credentials are looked at here, and guessing is slowed down.

Called by identity for each login. Invariant: an unknown user, a wrong password and a disabled user look alike, in time
too. Logins of one user go one after the other, so that guesses in parallel gain nothing.
"""

from __future__ import annotations

import asyncio
import math

import msgspec

from actors.clock import Clock
from actors.errors import CallerError, CallerFault, busy, forbidden, unauthorized
from actors.identity.directory import Directory
from actors.identity.messages import Login
from actors.identity.options import UNCOUNTED
from actors.identity.passwords import PASSWORD_LIMIT, Passwords
from actors.identity.throttle import Throttle
from actors.identity.tokens import Verifier
from actors.records import ApplicationCredential, Domain, User

LOGINS_LIMIT = 1_000  # logins in hand at a time
LANES = 64
REFUSED = unauthorized("the user name or the password is wrong")


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """Who it is for certain, as of the moment when it was looked at."""

    user: User
    methods: tuple[str, ...]
    ends_at: float = math.inf  # no token that follows from it is good for longer
    credential: ApplicationCredential | None = None
    project_id: str = ""  # '' = may be scoped to anything


class Logins:
    def __init__(self, passwords: Passwords, clock: Clock) -> None:
        self._passwords = passwords
        self._clock = clock
        self._throttle = Throttle()
        self._lanes = [asyncio.Lock() for _ in range(LANES)]
        self._in_hand = 0

    async def verify(self, login: Login, directory: Directory, verifier: Verifier) -> Verified | CallerFault:
        if login.token:
            return self._by_token(login, directory, verifier)
        if self._in_hand >= LOGINS_LIMIT:
            return busy(f"{self._in_hand} logins are in hand already; try again in a moment")
        self._in_hand += 1
        try:
            if login.credential:
                return await self._by_credential(login, directory)
            return await self._by_password(login, directory)
        finally:
            self._in_hand -= 1

    async def matches(self, name: str, known_hash: str, secret: str, counted: bool = True) -> CallerFault | None:
        """None where the secret is right. `name` is what guesses are counted by, where they are `counted`."""
        async with self._lanes[hash(name) % LANES]:
            wait_s = self._throttle.wait_s(name, self._clock.monotonic()) if counted else 0.0
            if wait_s > 0:
                return CallerFault(429, f"too many failed logins as this user; try again in {math.ceil(wait_s)} s")
            if len(secret) > PASSWORD_LIMIT or not await self._passwords.matches(known_hash, secret):
                self._throttle.failed(name, self._clock.monotonic())
                return REFUSED
            self._throttle.succeeded(name)
            return None

    async def _by_password(self, login: Login, directory: Directory) -> Verified | CallerFault:
        user = known_user(directory, login.user, login.domain)
        name = user.id if user else login.user[:PASSWORD_LIMIT]
        known_hash = user.password_hash if user and may_log_in(directory, user) else ""
        if fault := await self.matches(name, known_hash, login.password or "", is_counted(user)):
            return fault
        return Verified(user=user, methods=("password",)) if user else REFUSED

    async def _by_credential(self, login: Login, directory: Directory) -> Verified | CallerFault:
        named = known_user(directory, login.user, login.domain) if login.user else None
        credential = directory.credential(login.credential, named.id if named else "")
        user = directory.get(User, credential.user_id) if credential else None
        good = credential is not None and user is not None and may_log_in(directory, user)
        good = good and not 0 < (credential.expires_at if credential else 0) <= self._clock.now()
        name = "credential " + (credential.id if credential else login.credential[:PASSWORD_LIMIT])
        known_hash = credential.secret_hash if credential and good else ""
        if fault := await self.matches(name, known_hash, login.secret):
            return fault
        if credential is None or user is None:
            return REFUSED
        return Verified(
            user=user,
            methods=("application_credential",),
            ends_at=credential.expires_at or math.inf,
            credential=credential,
            project_id=credential.project_id,
        )

    def _by_token(self, login: Login, directory: Directory, verifier: Verifier) -> Verified | CallerFault:
        try:
            context = verifier.verify(login.token, self._clock.now())
        except CallerError as refused:
            return refused.fault
        if context.trust_id:
            return forbidden(
                "Using trust-scoped token to create another token. Create a new trust-scoped token instead"
            )
        user = directory.get(User, context.user_id)
        if user is None or not may_log_in(directory, user):
            return REFUSED
        credential = directory.get(ApplicationCredential, context.credential_id) if context.credential_id else None
        if context.credential_id and credential is None:
            return REFUSED
        return Verified(
            user=user,
            methods=tuple(dict.fromkeys((*context.methods, "token"))),
            ends_at=context.expires_at,
            credential=credential,
            project_id=credential.project_id if credential else "",
        )


def known_user(directory: Directory, name_or_id: str, domain: str) -> User | None:
    """By id, or by name in a domain that is itself named by id or name."""
    found = directory.domain(domain)
    return directory.user(name_or_id, found.id) if found else None


def is_counted(user: User | None) -> bool:
    """Whether failed logins slow down further ones: not where an administrator said so."""
    return user is None or not user.options.get(UNCOUNTED)


def may_log_in(directory: Directory, user: User) -> bool:
    domain = directory.get(Domain, user.domain_id)
    return user.enabled and domain is not None and domain.enabled
