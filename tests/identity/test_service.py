"""Identity as those who log in, administrators and the other rooms meet it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from argon2 import PasswordHasher

from actors.cluster.config import CloudConfig
from actors.errors import CallerError, CallerFault, value_of
from actors.identity.keys import ROTATE_S, SETTLE_S
from actors.identity.messages import (
    Access,
    Create,
    Find,
    FindAssignments,
    PasswordLogin,
    Remove,
    Revoke,
    RoleGrant,
    TokenGrant,
)
from actors.identity.passwords import Passwords
from actors.identity.service import LOGINS_LIMIT, REFUSED, Identity
from actors.identity.throttle import FREE_FAILURES
from actors.identity.tokens import Verifier
from actors.ledger import MemoryLedger
from actors.records import Change, Project, RevokedToken, SigningKey, User

PASSWORD = "correct horse"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class HandClock:
    def __init__(self) -> None:
        self.at = 1_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class World:
    """One cloud's identity, its ledger and its clock; `restart` is a new identity on the same ledger."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.clock = HandClock()

    async def restart(self) -> Identity:
        self.identity = Identity(CloudConfig(token_lifetime_s=3600.0), self.ledger, self.clock, Passwords(CHEAP))
        await self.identity.start()
        await self.identity.bootstrap(PASSWORD)
        return self.identity

    async def login(self, user: str = "admin", password: str = PASSWORD, project: str = "") -> TokenGrant | CallerFault:
        login = PasswordLogin(user=user, password=password, project=project)
        return (await self.identity.authenticate([login]))[0]

    async def token(self, user: str = "admin", password: str = PASSWORD, project: str = "") -> str:
        return value_of(await self.login(user, password, project)).token

    async def member(self, name: str = "bob", role: str = "member") -> str:
        """Makes a user with a project of the same name; the user's token."""
        admin = await self.token()
        identity = self.identity
        project = value_of((await identity.create([Create(token=admin, kind="project", fields={"name": name})]))[0])
        fields = {"name": name, "default_project_id": project.id}
        user = Create(token=admin, kind="user", fields=fields, password="pw " + name)
        value_of((await identity.create([user]))[0])
        value_of((await identity.assign_roles([RoleGrant(token=admin, role=role, user=name, project=name)]))[0])
        return await self.token(name, "pw " + name)

    async def accepts(self, token: str) -> bool:
        """Would another room take it?"""
        verifier = Verifier(await self.identity.public_keys())
        verifier.replace_revocations(await self.identity.revocations())
        try:
            verifier.verify(token, self.clock.now())
        except CallerError:
            return False
        return True


def play(story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World()
        await world.restart()
        await story(world)

    asyncio.run(run())


def status(reply: object) -> int:
    assert isinstance(reply, CallerFault)
    return reply.status


def test_a_new_cloud_has_what_it_needs_and_starting_again_changes_nothing() -> None:
    async def story(world: World) -> None:
        grant = value_of(await world.login(project="admin"))
        assert grant.context.roles == ("admin", "manager", "member", "reader")
        assert grant.context.expires_at == world.clock.at + 3600
        token = grant.token
        roles = value_of((await world.identity.find([Find(token=token, kind="role")]))[0])
        assert {role.name for role in roles} == {"admin", "manager", "member", "reader", "service"}
        before = {kind: dict(rows) for kind, rows in world.ledger.rows.items()}
        identity = await world.restart()
        assert await identity.bootstrap("another") is False
        assert world.ledger.rows == before
        assert await world.accepts(token)
        assert await world.login() != REFUSED

    play(story)


def test_who_is_wrong_learns_nothing_about_why() -> None:
    async def story(world: World) -> None:
        assert await world.login(password="wrong") == REFUSED
        assert await world.login(user="nobody") == REFUSED
        assert await world.login(password="x" * 100_000) == REFUSED
        assert await world.login(password="") == REFUSED
        other_domain = PasswordLogin(user="admin", password=PASSWORD, domain="elsewhere")
        assert await world.identity.authenticate([other_domain]) == [REFUSED]
        admin = world.identity._directory.user("admin")
        assert admin is not None
        await world.ledger.commit([User(id=admin.id, name="admin", password_hash=admin.password_hash, enabled=False)])
        await world.restart()
        assert await world.login() == REFUSED

    play(story)


def test_projects_are_found_by_name_or_id_and_need_a_role() -> None:
    async def story(world: World) -> None:
        await world.member("bob")
        by_name = value_of(await world.login("bob", "pw bob", "bob")).context
        assert value_of(await world.login(by_name.user_id, "pw bob", by_name.project_id)).context.user_name == "bob"
        assert status(await world.login("bob", "pw bob", "admin")) == 401
        assert status(await world.login("bob", "pw bob", "nowhere")) == 401

    play(story)


def test_one_bad_login_spoils_no_other_of_its_batch() -> None:
    async def story(world: World) -> None:
        logins = [PasswordLogin(user="admin", password=password) for password in (PASSWORD, "no", PASSWORD)]
        replies = await world.identity.authenticate(logins)
        assert [isinstance(reply, TokenGrant) for reply in replies] == [True, False, True]
        assert len({value_of(reply).token for reply in (replies[0], replies[2])}) == 2

    play(story)


@pytest.mark.parametrize("user", ["admin", "nobody"])
def test_guessing_is_slowed_down_also_when_done_in_parallel(user: str) -> None:
    async def story(world: World) -> None:
        guesses = [PasswordLogin(user=user, password=f"guess {number}") for number in range(30)]
        answers = [status(reply) for reply in await world.identity.authenticate(guesses)]
        assert answers == [401] * (FREE_FAILURES + 1) + [429] * (29 - FREE_FAILURES)
        assert status(await world.login(user)) == 429  # even if it is right
        world.clock.at += 1.0
        reply = await world.login(user)
        assert isinstance(reply, TokenGrant) if user == "admin" else reply == REFUSED

    play(story)


def test_too_many_logins_at_once_are_refused_at_the_door() -> None:
    async def story(world: World) -> None:
        logins = [PasswordLogin(user="nobody", password="x")] * (LOGINS_LIMIT + 5)
        answers = [status(reply) for reply in await world.identity.authenticate(logins)]
        assert answers.count(503) == 5

    play(story)


def test_only_administrators_administer() -> None:
    async def story(world: World) -> None:
        bob, identity = await world.member(), world.identity
        rows = {kind: dict(rows) for kind, rows in world.ledger.rows.items()}
        for token, expected in ((bob, 403), ("", 401), ("garbage", 401)):
            grant = RoleGrant(token=token, role="admin", user="bob", project="admin")
            replies: list[object] = [
                *await identity.create([Create(token=token, kind="project", fields={"name": "x"})]),
                *await identity.create([Create(token=token, kind="user", fields={"name": "x"}, password="x")]),
                *await identity.remove([Remove(token=token, kind="project", id="x")]),
                *await identity.remove([Remove(token=token, kind="user", id="x")]),
                *await identity.assign_roles([grant]),
                *await identity.unassign_roles([grant]),
                *await identity.find([Find(token=token, kind="user", id="x")]),
                *await identity.assignments([FindAssignments(token=token)]),
            ]
            assert [status(reply) for reply in replies] == [expected] * 8
        assert world.ledger.rows == rows
        assert status((await identity.find([Find(token=bob, kind="project")]))[0]) == 403
        mine = value_of((await identity.projects_of([Access(token=bob)]))[0])
        assert [project.name for project in mine] == ["bob"]

    play(story)


def test_bad_passwords_for_new_users() -> None:
    async def story(world: World) -> None:
        token = await world.token()
        requests = [
            Create(token=token, kind="user", fields={"name": "x"}, password=password) for password in ("", "x" * 1025)
        ]
        assert [status(reply) for reply in await world.identity.create(requests)] == [400, 400]

    play(story)


def test_deleting_a_user_ends_its_tokens_everywhere_and_over_a_restart() -> None:
    async def story(world: World) -> None:
        bob, admin = await world.member(), await world.token()
        user_id = value_of(await world.login("bob", "pw bob")).context.user_id
        assert await world.accepts(bob)
        world.clock.at += 1
        request = Remove(token=admin, kind="user", id=user_id)
        assert await world.identity.remove([request]) == [None]
        assert status((await world.identity.remove([request]))[0]) == 404
        assert not await world.accepts(bob) and await world.accepts(admin)
        assert await world.login("bob", "pw bob") == REFUSED
        await world.restart()
        assert not await world.accepts(bob)
        assert status((await world.identity.find([Find(token=bob, kind="role")]))[0]) == 401

    play(story)


def test_losing_a_role_or_the_project_ends_tokens_but_not_later_ones() -> None:
    async def story(world: World) -> None:
        bob, admin, identity = await world.member(), await world.token(), world.identity
        value_of((await identity.assign_roles([RoleGrant(token=admin, role="reader", user="bob", project="bob")]))[0])
        await identity.unassign_roles([RoleGrant(token=admin, role="member", user="bob", project="bob")])
        assert not await world.accepts(bob)
        world.clock.at += 1
        grant = value_of(await world.login("bob", "pw bob"))
        assert grant.context.roles == ("reader",) and await world.accepts(grant.token)
        await identity.remove([Remove(token=admin, kind="project", id=grant.context.project_id)])
        assert not await world.accepts(grant.token)

    play(story)


def test_revoking_ones_own_token_and_anothers() -> None:
    async def story(world: World) -> None:
        bob, admin = await world.member(), await world.token()
        another = await world.token("bob", "pw bob")
        assert status((await world.identity.revoke([Revoke(token=bob, subject=admin)]))[0]) == 403
        assert await world.identity.revoke([Revoke(token=bob, subject=another)] * 2) == [None, None]
        assert not await world.accepts(another) and await world.accepts(bob)
        assert await world.identity.revoke([Revoke(token=admin, subject=bob)]) == [None]
        assert not await world.accepts(bob)
        assert await world.identity.revoke([Revoke(token=admin, subject="garbage")]) == [None]

    play(story)


def test_revocations_are_forgotten_when_they_no_longer_matter() -> None:
    async def story(world: World) -> None:
        admin = await world.token()
        await world.identity.revoke([Revoke(token=admin, subject=await world.token())])
        assert len(await world.ledger.load(RevokedToken)) == 1
        world.clock.at += 3600
        await world.restart()
        assert await world.identity.revocations() == [] and await world.ledger.load(RevokedToken) == []

    play(story)


class RefusingLedger(MemoryLedger):
    refuses = False

    async def commit(self, changes: list[Change]) -> None:
        if self.refuses:
            raise OSError("disk full")
        await super().commit(changes)


def test_what_the_ledger_did_not_take_has_not_happened() -> None:
    async def story(world: World) -> None:
        world.ledger = ledger = RefusingLedger()
        identity = await world.restart()
        request = Create(token=await world.token(), kind="project", fields={"name": "lab"})
        ledger.refuses = True
        with pytest.raises(OSError, match="disk full"):
            await identity.create([request])
        ledger.refuses = False
        names = value_of((await identity.find([Find(token=request.token, kind="project")]))[0])
        assert "lab" not in {project.name for project in names}
        assert isinstance((await identity.create([request]))[0], Project)

    play(story)


def test_passwords_and_keys_show_nowhere() -> None:
    async def story(world: World) -> None:
        await world.member()
        assert PASSWORD not in repr(PasswordLogin(user="admin", password=PASSWORD))
        asked = repr(
            [
                Create(token="s3cr3t", kind="user", fields={"name": "x"}, password=PASSWORD),
                Revoke(token="s3cr3t", subject="s3cr3t"),
            ]
        )
        assert PASSWORD not in asked and "s3cr3t" not in asked
        grant = value_of(await world.login())
        assert grant.token not in repr(grant)
        users = value_of((await world.identity.find([Find(token=grant.token, kind="user")]))[0])
        assert "argon2" not in repr(users)
        assert not any("PRIVATE" in pem for pem in (await world.identity.public_keys()).values())
        assert len(await world.ledger.load(SigningKey)) == 1

    play(story)


def test_a_room_that_follows_hears_at_once() -> None:
    async def story(world: World) -> None:
        admin, identity = await world.token(), world.identity
        ring = await identity.keyring()
        following = asyncio.create_task(identity.keyring(ring.version, 30.0))
        await asyncio.sleep(0)
        assert not following.done()
        await identity.revoke([Revoke(token=admin, subject=admin)])
        newer = await asyncio.wait_for(following, 5.0)
        assert newer.version != ring.version and newer.revocations and newer.keys == ring.keys
        again = await identity.keyring(newer.version, 0.001)  # nothing new: the wait ends by itself
        assert again == newer

    play(story)


def test_keys_are_rotated_and_old_tokens_stay_good() -> None:
    async def story(world: World) -> None:
        before = await world.token()
        await world.identity.rotate_keys()
        assert await world.accepts(before) and len(await world.identity.public_keys()) == 2
        world.clock.at += SETTLE_S
        after = await world.token()
        assert after.split(".")[0] != before.split(".")[0] and await world.accepts(after)
        world.clock.at += 3600 + SETTLE_S
        await world.identity.rotate_keys()  # the first one's last token has expired
        assert len(await world.identity.public_keys()) == len(await world.ledger.load(SigningKey)) == 2

    play(story)


def test_a_key_that_signed_for_long_is_rotated_by_the_next_login() -> None:
    async def story(world: World) -> None:
        world.clock.at += ROTATE_S
        assert await world.accepts(await world.token())
        assert len(await world.identity.public_keys()) == 2

    play(story)
