"""Trusts in the room itself: how often and how long they give tokens, and what the other rooms hear of their end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.errors import CallerFault, value_of
from actors.identity.messages import Create, Find, Login, Remove, TokenGrant, WantedScope
from actors.identity.trusts import WITHOUT_END
from actors.records import Trust
from tests.identity.test_service import World, play, status


class Lab:
    """Bob, and Eve who acts for him."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def furnished(self) -> Lab:
        self.bobs, self.eves = await self.world.member("bob"), await self.world.member("eve")
        directory = self.world.identity._directory
        bob, eve = directory.user("bob"), directory.user("eve")
        project, role = directory.project("bob"), directory.role("member")
        assert bob and eve and project and role
        self.bob, self.eve = bob.id, eve.id
        self.fields: dict[str, Any] = {
            "trustor_user_id": bob.id,
            "trustee_user_id": eve.id,
            "impersonation": True,
            "project_id": project.id,
            "role_ids": (role.id,),
            "expires_at": 0.0,
            "remaining_uses": WITHOUT_END,
            "allow_redelegation": False,
            "redelegation_count": None,
        }
        return self

    async def given(self, token: str = "", **fields: Any) -> Trust:
        asked = Create(token=token or self.bobs, kind="trust", fields=self.fields | fields)
        reply, again = await self.world.identity.create([asked, asked])
        assert reply == again  # a message that comes twice makes one
        row = value_of(reply)
        assert isinstance(row, Trust)
        return row

    async def login(self, trust: Trust) -> TokenGrant | CallerFault:
        asked = Login(user="eve", password="pw eve", scope=WantedScope(trust=trust.id))
        return (await self.world.identity.log_in([asked]))[0]

    async def found(self, trust: Trust) -> list[Any] | CallerFault:
        return (await self.world.identity.find([Find(token=self.bobs, kind="trust", id=trust.id)]))[0]


def test_its_tokens_end_with_it() -> None:
    async def story(world: World) -> None:
        lab = await Lab(world).furnished()
        trust = await lab.given(expires_at=world.clock.at + 60)
        assert value_of(await lab.login(trust)).context.expires_at == trust.expires_at
        world.clock.at += 60
        assert status(await lab.login(trust)) == 401 and status(await lab.found(trust)) == 404
        await world.restart()
        assert await world.ledger.load(Trust) == []

    play(story)


def test_uses_are_counted_and_kept() -> None:
    async def story(world: World) -> None:
        lab = await Lab(world).furnished()
        trust = await lab.given(remaining_uses=3)
        first = value_of(await lab.login(trust))
        await world.restart()
        replies = await asyncio.gather(*(lab.login(trust) for _ in range(3)))
        assert sorted(isinstance(reply, TokenGrant) for reply in replies) == [False, True, True]
        assert status(await lab.login(trust)) == 401 and status(await lab.found(trust)) == 404
        assert await world.accepts(first.token)
        [fault] = await world.identity.remove([Remove(token=lab.bobs, kind="trust", id=trust.id)])
        assert fault is None and not await world.accepts(first.token)

    play(story)


@pytest.mark.parametrize("impersonation", [True, False])
def test_the_other_rooms_hear_of_its_end(impersonation: bool) -> None:
    async def story(world: World) -> None:
        lab = await Lab(world).furnished()
        one, other = await lab.given(impersonation=impersonation), await lab.given(impersonation=impersonation)
        token, stays = [value_of(await lab.login(trust)).token for trust in (one, other)]
        assert await world.accepts(token)
        for _ in range(2):
            [fault] = await world.identity.remove([Remove(token=lab.bobs, kind="trust", id=one.id)])
        assert status(fault) == 404
        assert [await world.accepts(each) for each in (token, stays, lab.bobs)] == [False, True, True]
        await world.restart()
        assert not await world.accepts(token)

    play(story)


def test_what_is_in_a_token_is_no_more_than_the_trust_says() -> None:
    async def story(world: World) -> None:
        lab = await Lab(world).furnished()
        context = value_of(await lab.login(await lab.given())).context
        assert context.roles == ("member", "reader") and context.user_id == lab.bob and context.trust_id
        admin = await world.token()
        [reply] = await world.identity.create([Create(token=admin, kind="trust", fields=lab.fields)])
        assert status(reply) == 403

    play(story)
