"""Identity: who may log in, and what they may do (Keystone's part).

Sole owner of projects, users, roles, assignments, signing keys and revocations. Called by whoever logs in, by
administrators, and by the other rooms for `public_keys` and `revocations`; those verify tokens themselves.
Invariants: what has been answered is in the ledger; an unknown user, a wrong password and a disabled user look alike,
in time too; a token never outlives what it was granted for by more than the time a room takes to hear of it.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, bad_request, busy, forbidden, unauthorized
from actors.identity.directory import DOMAIN, PROJECTS, ROLES, Directory, Draft, Row, assignment, view
from actors.identity.messages import (
    CreateProject,
    CreateUser,
    Delete,
    ListAll,
    PasswordLogin,
    Revoke,
    RoleGrant,
    TokenGrant,
    UserView,
    new_id,
)
from actors.identity.passwords import PASSWORD_LIMIT, Passwords
from actors.identity.throttle import Throttle
from actors.identity.tokens import TokenSigner, Verifier, new_signing_key
from actors.messages import AuthContext
from actors.records import (
    Change,
    Ledger,
    Project,
    RevokedToken,
    Role,
    RoleAssignment,
    SigningKey,
    User,
    drop,
)

LOGINS_LIMIT = 1_000  # logins in hand at a time
LANES = 64  # logins of one user go one after the other, so that guesses in parallel gain nothing
REVOCATIONS_LIMIT = 100_000  # tokens, users and projects whose tokens are taken back and have not expired
REFUSED = unauthorized("the user name or the password is wrong")


class _Authorized(Protocol):
    @property
    def token(self) -> str: ...


Request = TypeVar("Request", bound=_Authorized)
Reply = TypeVar("Reply")


class Identity:
    def __init__(self, config: CloudConfig, ledger: Ledger, clock: Clock, passwords: Passwords | None = None) -> None:
        self._config = config
        self._ledger = ledger
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._throttle = Throttle()
        self._lanes = [asyncio.Lock() for _ in range(LANES)]
        self._logins = 0
        self._changing = asyncio.Lock()  # held while the ledger writes, so that rules and rows can't part
        self._directory = Directory(())
        self._keys: list[SigningKey] = []
        self._revoked: dict[str, RevokedToken] = {}
        self._verifier = Verifier({})

    async def start(self) -> None:
        """Load the rows; what every cloud must have is made where it is missing."""
        users, assignments = await self._ledger.load(User), await self._ledger.load(RoleAssignment)
        roles, projects = await self._ledger.load(Role), await self._ledger.load(Project)
        rows: list[Row] = [*projects, *users, *roles, *assignments]
        draft = Directory(rows).draft(self._clock.now(), self._config.token_lifetime_s)
        for name in ROLES:
            if draft.role(name) is None:
                draft.put(Role(id=new_id(), name=name))
        for name in PROJECTS:
            if draft.project(name) is None:
                draft.put(Project(id=new_id(), name=name))
        self._directory = draft
        changes = [*draft.changes, *await self._load_keys(), *await self._load_revocations()]
        if changes:
            await self._ledger.commit(changes)
        self._verifier = Verifier(await self.public_keys())
        self._verifier.revoke(self._revoked)
        newest = self._keys[-1]
        self._signer = TokenSigner(newest.id, newest.private_pem)

    async def bootstrap(self, password: str) -> bool:
        """Make the first administrator, user `admin` in project `admin`; True if it wasn't there. Never changes one."""
        if self._directory.user("admin") is not None:
            return False
        password_hash = await self._passwords.hash(password)
        async with self._changing:
            draft = self._draft()
            role, project = draft.role("admin"), draft.project("admin")
            if draft.user("admin") is not None or role is None or project is None:
                return False
            user = User(id=new_id(), name="admin", password_hash=password_hash, default_project_id=project.id)
            draft.put(user)
            draft.put(assignment(role, user, project))
            await self._adopt(draft)
        return True

    # ------------------------------------------------------------ tokens

    async def public_keys(self) -> dict[str, str]:
        """Key id → PEM; with them any room verifies a token itself."""
        return {key.id: key.public_pem for key in self._keys}

    async def revocations(self) -> list[str]:
        """What is taken back and has not expired, for `Verifier.replace_revocations`."""
        return list(self._revoked)

    async def authenticate(self, logins: list[PasswordLogin]) -> list[TokenGrant | CallerFault]:
        """Steps 1-2: a token for each whose password is right and who has a role in the project."""
        return list(await asyncio.gather(*(self._login(login) for login in logins)))

    async def revoke(self, requests: list[Revoke]) -> list[CallerFault | None]:
        """Tokens that are none, or no longer, are refused or passed over: there is nothing to take back."""

        def decide(draft: Draft, request: Revoke, caller: AuthContext) -> CallerFault | None:
            try:
                subject = self._verifier.verify(request.subject, self._clock.now())
            except CallerError:
                return None
            if not caller.is_admin and caller.user_id != subject.user_id:
                return forbidden("only an administrator may revoke the token of someone else")
            draft.revoked.append(RevokedToken(id=subject.token_id, expires_at=subject.expires_at))
            return None

        return await self._change(requests, decide, self._bearer)

    async def _login(self, login: PasswordLogin) -> TokenGrant | CallerFault:
        if self._logins >= LOGINS_LIMIT:
            return busy(f"{self._logins} logins are in hand already; try again in a moment")
        self._logins += 1
        try:
            return await self._login_in_turn(login)
        finally:
            self._logins -= 1

    async def _login_in_turn(self, login: PasswordLogin) -> TokenGrant | CallerFault:
        user = self._directory.user(login.user) if login.domain.lower() == DOMAIN else None
        name = user.id if user else login.user[:PASSWORD_LIMIT]
        async with self._lanes[hash(name) % LANES]:
            wait_s = self._throttle.wait_s(name, self._clock.monotonic())
            if wait_s > 0:
                return CallerFault(429, f"too many failed logins as this user; try again in {math.ceil(wait_s)} s")
            known = user.password_hash if user and user.enabled else ""
            if len(login.password) > PASSWORD_LIMIT or not await self._passwords.matches(known, login.password):
                self._throttle.failed(name, self._clock.monotonic())
                return REFUSED
            self._throttle.succeeded(name)
        async with self._changing:  # so that no revocation of this moment is missed
            return self._grant(user, login.project) if user else REFUSED

    def _grant(self, verified: User, wanted_project: str) -> TokenGrant | CallerFault:
        user = self._directory.users.get(verified.id)
        if user != verified:
            return REFUSED  # deleted or changed while the password was looked at
        project = self._directory.project(wanted_project or user.default_project_id)
        roles = self._directory.roles_of(user.id, project.id) if project and project.enabled else ()
        if project is None or not roles:
            return unauthorized(f"the user has no role in project {wanted_project!r}")
        now = self._clock.now()
        context = AuthContext(
            user_id=user.id,
            user_name=user.name,
            project_id=project.id,
            project_name=project.name,
            roles=roles,
            expires_at=float(math.floor(now + self._config.token_lifetime_s)),
            token_id=secrets.token_hex(16),
            issued_at=now,
        )
        token = self._signer.sign(context, now, self._config.token_lifetime_s)
        return TokenGrant(token=token, context=context, issued_at=now)

    # ------------------------------------------------------------ administration

    async def create_projects(self, requests: list[CreateProject]) -> list[Project | CallerFault]:
        return await self._change(requests, lambda draft, request, _: draft.create_project(request), self._admin)

    async def delete_projects(self, requests: list[Delete]) -> list[CallerFault | None]:
        """Its assignments go too, and tokens for it are no longer good."""
        return await self._change(requests, lambda draft, request, _: draft.delete_project(request), self._admin)

    async def create_users(self, requests: list[CreateUser]) -> list[UserView | CallerFault]:
        hashes = dict(await asyncio.gather(*(self._hashed(request) for request in requests)))

        def decide(draft: Draft, request: CreateUser, _: AuthContext) -> UserView | CallerFault:
            if not 0 < len(request.password) <= PASSWORD_LIMIT:
                return bad_request("password", f"a password has 1 to {PASSWORD_LIMIT} characters")
            return draft.create_user(request, hashes[request.id])

        return await self._change(requests, decide, self._admin)

    async def delete_users(self, requests: list[Delete]) -> list[CallerFault | None]:
        """Their assignments go too, and their tokens are no longer good."""
        return await self._change(requests, lambda draft, request, _: draft.delete_user(request), self._admin)

    async def assign_roles(self, requests: list[RoleGrant]) -> list[RoleAssignment | CallerFault]:
        return await self._change(requests, lambda draft, request, _: draft.assign(request), self._admin)

    async def unassign_roles(self, requests: list[RoleGrant]) -> list[CallerFault | None]:
        """The user's tokens are no longer good, since they carry the roles of their day."""
        return await self._change(requests, lambda draft, request, _: draft.unassign(request), self._admin)

    async def list_projects(self, requests: list[ListAll]) -> list[list[Project] | CallerFault]:
        """All of them for an administrator; for others those in which they have a role."""

        def decide(draft: Draft, _: ListAll, caller: AuthContext) -> list[Project]:
            rows = draft.projects.values()
            return [row for row in rows if caller.is_admin or draft.roles_of(caller.user_id, row.id)]

        return await self._change(requests, decide, self._bearer)

    async def list_users(self, requests: list[ListAll]) -> list[list[UserView] | CallerFault]:
        return await self._change(requests, lambda draft, *_: [view(row) for row in draft.users.values()], self._admin)

    async def list_roles(self, requests: list[ListAll]) -> list[list[Role] | CallerFault]:
        return await self._change(requests, lambda draft, *_: list(draft.roles.values()), self._bearer)

    async def list_assignments(self, requests: list[ListAll]) -> list[list[RoleAssignment] | CallerFault]:
        return await self._change(requests, lambda draft, *_: list(draft.assignments.values()), self._admin)

    # ------------------------------------------------------------ one way of doing all of that

    async def _change(
        self,
        requests: Sequence[Request],
        decide: Callable[[Draft, Request, AuthContext], Reply | CallerFault],
        allow: Callable[[str], AuthContext],
    ) -> list[Reply | CallerFault]:
        """Each request is allowed and decided on a draft; all that follows from them is one commit."""
        async with self._changing:
            draft, replies = self._draft(), list[Reply | CallerFault]()
            for request in requests:
                try:
                    replies.append(decide(draft, request, allow(request.token)))
                except CallerError as refused:
                    replies.append(refused.fault)
            await self._adopt(draft)
        return replies

    def _draft(self) -> Draft:
        return self._directory.draft(self._clock.now(), self._config.token_lifetime_s)

    async def _adopt(self, draft: Draft) -> None:
        if not draft.changes and not draft.revoked:
            return
        expired = self._expired()
        if len(self._revoked) - len(expired) + len(draft.revoked) > REVOCATIONS_LIMIT:
            raise CallerError(busy(f"{REVOCATIONS_LIMIT} revocations are in force already"))
        await self._ledger.commit([*draft.changes, *draft.revoked, *map(drop, expired)])
        for gone in expired:
            del self._revoked[gone.id]
        self._revoked.update((row.id, row) for row in draft.revoked)
        self._verifier.replace_revocations(self._revoked)
        self._directory = draft

    def _bearer(self, token: str) -> AuthContext:
        return self._verifier.verify(token, self._clock.now())

    def _admin(self, token: str) -> AuthContext:
        caller = self._bearer(token)
        if not caller.is_admin:
            raise CallerError(forbidden("this needs the role admin"))
        return caller

    async def _hashed(self, request: CreateUser) -> tuple[str, str]:
        """Only for those who will be allowed: hashing costs much more than refusing."""
        try:
            self._admin(request.token)
        except CallerError:
            return request.id, ""
        return request.id, await self._passwords.hash(request.password[:PASSWORD_LIMIT])

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

    def _expired(self) -> list[RevokedToken]:
        now = self._clock.now()
        return [row for row in self._revoked.values() if row.expires_at <= now]
