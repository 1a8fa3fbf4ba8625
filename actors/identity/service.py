"""Identity: who may log in, and what they may do (Keystone's part).

Sole owner of domains, projects, users, groups, roles, assignments, the service catalog, signing keys and revocations.
Called by whoever logs in, by the REST edge, and by the other rooms for the `keyring` with which they verify tokens
themselves. Invariants: what has been answered is in the ledger; a token never outlives what it was granted for by
more than the moment that a room takes to hear of it.
"""

from __future__ import annotations

import asyncio

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, forbidden, unauthorized
from actors.identity import first, keys
from actors.identity.administration import Administration
from actors.identity.assignments import assignment
from actors.identity.directory import Directory
from actors.identity.draft import Draft
from actors.identity.grants import context_of, description_of
from actors.identity.kinds import ROW_TYPES, Row
from actors.identity.logins import LOGINS_LIMIT, REFUSED, Logins, Verified, is_counted, may_log_in
from actors.identity.may import sees_all
from actors.identity.messages import (
    ChangePassword,
    Describe,
    Lend,
    Login,
    PasswordLogin,
    Revoke,
    RoleGrant,
    TokenDescription,
    TokenGrant,
    WantedScope,
    new_id,
)
from actors.identity.options import LOCKED, suffices
from actors.identity.passwords import PASSWORD_LIMIT
from actors.identity.tokens import TokenSigner, Verifier, new_signing_key
from actors.messages import AuthContext
from actors.records import ApplicationCredential, Change, RevokedToken, SigningKey, Trust, User, drop

LENT_ROLES = ("member", "admin")
LENT_S = 60.0  # for one request

__all__ = ["LOGINS_LIMIT", "REFUSED", "Identity"]


class Identity(Administration):
    async def start(self) -> None:
        """Load the rows; what every cloud must have is made where it is missing."""
        self._logins = Logins(self._passwords, self._clock)
        rows: list[Row] = [row for kind in ROW_TYPES for row in await self._ledger.load(kind)]
        now = self._clock.now()
        over = [row for row in rows if isinstance(row, Trust) and 0 < row.expires_at <= now]
        draft = Draft((row for row in rows if row not in over), now, now + self._config.token_lifetime_s)
        first.furnish(draft)
        self._directory = draft
        changes = [*draft.changes, *map(drop, over), *await self._load_keys(), *await self._load_revocations()]
        if changes:
            await self._ledger.commit(changes)
        self._verifier = Verifier(await self.public_keys())
        self._verifier.revoke(self._revoked)
        self._signers: dict[str, TokenSigner] = {}

    async def bootstrap(self, password: str) -> bool:
        """Make the first administrator, user `admin` in project `admin`; True if it wasn't there. Never changes one."""
        if self._directory.user("admin") is not None:
            return False
        password_hash = await self._passwords.hash(password)
        async with self._changing:
            draft = self._draft()
            project = draft.project("admin")
            if draft.user("admin") is not None or draft.role("admin") is None or project is None:
                return False
            draft.put(User(id=new_id(), name="admin", password_hash=password_hash, default_project_id=project.id))
            grant = RoleGrant(token="", role="admin", user="admin")
            draft.assign(assignment(draft, msgspec.structs.replace(grant, project="admin")))
            draft.assign(assignment(draft, msgspec.structs.replace(grant, system=True)))
            await self._adopt(draft)
        return True

    # ------------------------------------------------------------ tokens

    async def authenticate(self, logins: list[PasswordLogin]) -> list[TokenGrant | CallerFault]:
        """Steps 1-2: a token for each whose password is right and who has a role in the project."""
        return list(await asyncio.gather(*(self._in_project(login) for login in logins)))

    async def log_in(self, logins: list[Login]) -> list[TokenGrant | CallerFault]:
        """The same by any method and for any scope, with the token's description."""
        return list(await asyncio.gather(*(self._log_in(login) for login in logins)))

    async def describe(self, requests: list[Describe]) -> list[TokenDescription | CallerFault]:
        """Of one's own token, or as an administrator or a service of anybody's; 404 for one that isn't good."""

        def see(request: Describe, caller: AuthContext) -> TokenDescription | CallerFault:
            try:
                subject = self._bearer(request.subject)
            except CallerError:
                return CallerFault(404, "Could not find token.")
            if subject.user_id != caller.user_id and not sees_all(caller) and "service" not in caller.roles:
                return forbidden("only an administrator may look at the token of someone else")
            return description_of(self._directory, subject)

        return self._look(requests, see)

    async def revoke(self, requests: list[Revoke]) -> list[CallerFault | None]:
        """Tokens that are none, or no longer, are refused or passed over: there is nothing to take back."""

        def decide(draft: Draft, request: Revoke, caller: AuthContext) -> CallerFault | None:
            try:
                subject = self._bearer(request.subject)
            except CallerError:
                return None
            if not caller.is_admin and caller.user_id != subject.user_id:
                return forbidden("only an administrator may revoke the token of someone else")
            draft.revoked.append(RevokedToken(id=subject.token_id, expires_at=subject.expires_at))
            return None

        return await self._change(requests, decide)

    async def change_passwords(self, requests: list[ChangePassword]) -> list[CallerFault | None]:
        """Of oneself, by the old password; tokens that were got with it are no longer good."""
        return [await self._change_password(request) for request in requests]

    async def lend(self, requests: list[Lend]) -> list[str | CallerFault]:
        """A token like the one that is shown, with one role more; where that one is taken back, so is this.

        For the REST edge, whose policy decides: it goes to nobody outside, and an administrator's is good for `LENT_S`.
        (Whoever reaches actors without the edge is inside the cloud, and could read the keys themselves.)
        """
        return [self._lent(request) for request in requests]

    def _lent(self, request: Lend) -> str | CallerFault:
        try:
            known = self._bearer(request.token)
        except CallerError as refused:
            return refused.fault
        if request.role not in LENT_ROLES:
            return forbidden(f"the role {request.role!r} is not lent")
        now = self._clock.now()
        ends = min(known.expires_at, now + LENT_S) if request.role == "admin" else known.expires_at
        context = msgspec.structs.replace(known, roles=tuple(dict.fromkeys((*known.roles, request.role))))
        return self._signer(now).sign(context, context.issued_at, ends - context.issued_at)

    async def rotate_keys(self) -> None:
        """A new key, which signs when every room has heard of it; those whose last token has expired go."""
        async with self._changing:
            now = self._clock.now()
            fresh = new_signing_key(now)
            gone = keys.outlived(self._keys, now, self._config.token_lifetime_s)
            await self._ledger.commit([fresh, *map(drop, gone)])
            self._keys = [*(key for key in self._keys if key not in gone), fresh]
            self._verifier.replace_keys(await self.public_keys())
            self._tell()

    async def _in_project(self, login: PasswordLogin) -> TokenGrant | CallerFault:
        """One that needs a project: without a role there it is refused."""
        scope = WantedScope(project=login.project)
        asked = Login(user=login.user, password=login.password, domain=login.domain, scope=scope)
        grant = await self._log_in(asked)
        if isinstance(grant, CallerFault):
            return grant
        if not grant.context.project_id:
            return unauthorized(f"the user has no role in project {login.project!r}")
        return msgspec.structs.replace(grant, description=None)

    async def _log_in(self, login: Login) -> TokenGrant | CallerFault:
        verified = await self._logins.verify(login, self._directory, self._verifier)
        if isinstance(verified, CallerFault):
            return verified
        if keys.is_due(self._keys, self._clock.now()):
            await self.rotate_keys()
        async with self._changing:  # so that no revocation of this moment is missed
            grant = self._grant(verified, login)
            if isinstance(grant, TokenGrant) and grant.context.trust_id:
                await self._use(grant.context.trust_id)
            return grant

    async def _use(self, trust_id: str) -> None:
        """A token was got by this trust: if it has so many uses, it has one less."""
        draft = self._draft()
        trust = draft.get(Trust, trust_id)
        if trust is not None and trust.remaining_uses > 0:
            draft.put(msgspec.structs.replace(trust, remaining_uses=trust.remaining_uses - 1))
            await self._adopt(draft)

    def _grant(self, verified: Verified, login: Login) -> TokenGrant | CallerFault:
        if not _still_true(self._directory, verified):
            return REFUSED  # deleted or changed while the password was looked at
        if not suffices(verified.user, verified.methods):
            return unauthorized("the user's rules ask for another method of authentication")
        if login.token:
            try:
                self._bearer(login.token)
            except CallerError as refused:
                return refused.fault
        now, lifetime_s = self._clock.now(), self._config.token_lifetime_s
        context = context_of(self._directory, verified, login.scope, (now, lifetime_s))
        if isinstance(context, CallerFault):
            return context
        token = self._signer(now).sign(context, now, context.expires_at - now)
        described = description_of(self._directory, context)
        return TokenGrant(token=token, context=context, issued_at=now, description=described)

    def _signer(self, now: float) -> TokenSigner:
        key = keys.signing(self._keys, now)
        if key.id not in self._signers:
            self._signers = {key.id: TokenSigner(key.id, key.private_pem)}
        return self._signers[key.id]

    async def _change_password(self, request: ChangePassword) -> CallerFault | None:
        user = self._directory.get(User, request.user_id)
        known_hash = user.password_hash if user and may_log_in(self._directory, user) else ""
        name = user.id if user else request.user_id[:PASSWORD_LIMIT]
        if fault := await self._logins.matches(name, known_hash, request.original_password, is_counted(user)):
            return fault
        if user is not None and user.options.get(LOCKED):
            return bad_request("password", "the password of this user is locked: an administrator alone changes it")
        if not 0 < len(request.password) <= PASSWORD_LIMIT:
            return bad_request("password", f"a password has 1 to {PASSWORD_LIMIT} characters")
        fresh = await self._passwords.hash(request.password)
        async with self._changing:
            draft = self._draft()
            known = draft.get(User, request.user_id)
            if known is None or known.password_hash != known_hash:
                return REFUSED  # changed meanwhile
            draft.put(msgspec.structs.replace(known, password_hash=fresh))
            draft.revoke("user", known.id)
            await self._adopt(draft)
        return None

    # ------------------------------------------------------------ starting

    async def _load_keys(self) -> list[Change]:
        self._keys = sorted(await self._ledger.load(SigningKey), key=lambda key: key.created_at)
        if self._keys:
            return []
        self._keys = [new_signing_key(self._clock.now())]
        return list(self._keys)

    async def _load_revocations(self) -> list[Change]:
        self._revoked = {row.id: row for row in await self._ledger.load(RevokedToken)}
        expired = self._expired()
        for row in expired:
            del self._revoked[row.id]
        return [drop(row) for row in expired]


def _still_true(directory: Directory, verified: Verified) -> bool:
    credential = verified.credential
    kept = credential is None or directory.get(ApplicationCredential, credential.id) == credential
    return kept and directory.get(User, verified.user.id) == verified.user
