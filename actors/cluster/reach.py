"""Reaching a room that lives in another actor: the room's face, each method a call on the Ray actor of that name.

While the actor restarts, calls are tried again (every method of a face may run twice) until `LIMIT_S` is over; then
`Unreachable` is raised. What the room itself raises comes through as it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

import ray
from ray.exceptions import ActorUnschedulableError, RayActorError, RayTaskError

from actors.cluster import names
from actors.cluster.shell import answer_of, asking
from actors.cluster.vital import vital
from actors.faces import AgentFace, ComputeFace, ConductorFace, ImageFace, NetworkFace, SchedulerFace, VolumeFace

if TYPE_CHECKING:
    from actors.api.service import Api
    from actors.identity.service import Identity
    from actors.identity.tokens import Verifier

LIMIT_S = 30.0  # how long a room may be away before a call to it fails
PAUSE_S = 0.1  # between tries
FOLLOW_WAIT_S = 30.0  # one question to identity for news of keys and revocations; it answers when there is some

AWAY = (RayActorError, ActorUnschedulableError, ValueError)  # dead, bound to a node that is gone, or not there

_following: list[asyncio.Task[None]] = []  # held, so that they are not collected


class Unreachable(ConnectionError):
    """The room did not answer within the limit."""


class Reach:
    """A stand-in for the room of the actor `name`. Looks it up once and keeps the handle while it works."""

    sent: ClassVar[int] = 0  # messages of this process, for benchmarks

    def __init__(
        self, name: str, limit_s: float = LIMIT_S, find: Callable[[str], Any] | None = None, once: bool = False
    ) -> None:
        """`find` gives the actor of a name as it is now, or raises ValueError. `once`: a call that was sent is not
        sent again, since it may have been carried out."""
        self._once = once
        self._name = name
        self._limit_s = limit_s
        self._find = find or actor_named
        self._handle: Any = None

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if method.startswith("_"):
            raise AttributeError(method)

        async def call(*arguments: Any) -> Any:
            return await self._call(method, arguments)

        return call

    async def _call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        deadline = time.monotonic() + self._limit_s
        asked = asking(method, arguments)
        while True:
            try:
                if self._handle is None:
                    self._handle = self._find(self._name)
                Reach.sent += 1
                return answer_of(await self._handle.ask.remote(asked))
            except RayTaskError as error:
                raise error.cause from None
            except AWAY as error:
                sent, self._handle = self._handle is not None, None
                if time.monotonic() >= deadline or (sent and self._once):
                    raise Unreachable(f"{self._name} did not answer: {error}") from None
            await asyncio.sleep(PAUSE_S)


def actor_named(name: str) -> Any:
    return ray.get_actor(name, namespace=names.NAMESPACE)


def identity() -> Identity:
    return cast("Identity", Reach(names.IDENTITY))


async def verifier() -> Verifier:
    """What a room verifies tokens with: identity's keys, followed for as long as the process lives."""
    from actors.identity.tokens import Verifier  # cryptography takes 12 MiB, and not every actor verifies tokens

    ring = await identity().keyring()
    keys = Verifier(ring.keys)
    keys.replace_revocations(ring.revocations)
    _following.append(vital(asyncio.create_task(_follow(keys, ring.version))))
    return keys


async def _follow(keys: Verifier, version: int) -> None:
    """A key that is new and a token that is revoked are known here as soon as identity's answer arrives."""
    source = identity()
    while True:
        try:
            ring = await source.keyring(version, FOLLOW_WAIT_S)
        except ConnectionError:
            continue  # identity is away: what was known goes on being true
        if ring.version != version:
            version = ring.version
            keys.replace_keys(ring.keys)
            keys.replace_revocations(ring.revocations)


def api() -> Api:
    """Launching and making may not run twice: whoever asked is told that the answer is lost."""
    return cast("Api", Reach(names.API, once=True))


def conductor() -> ConductorFace:
    return cast(ConductorFace, Reach(names.CONDUCTOR))


def scheduler() -> SchedulerFace:
    return cast(SchedulerFace, Reach(names.SCHEDULER))


def image() -> ImageFace:
    return cast(ImageFace, Reach(names.IMAGE))


def network() -> NetworkFace:
    return cast(NetworkFace, Reach(names.NETWORK))


def volume() -> VolumeFace:
    return cast(VolumeFace, Reach(names.VOLUME))


class Computes:
    """The compute actor of a host, by the host's or its node's name."""

    def __init__(self) -> None:
        self._reached: dict[str, ComputeFace] = {}

    def __call__(self, host: str) -> ComputeFace:
        node = names.node_of(host)
        if node not in self._reached:
            self._reached[node] = cast(ComputeFace, Reach(names.compute_name(node)))
        return self._reached[node]


class Agents:
    """The network agent of a host's node."""

    def __init__(self) -> None:
        self._reached: dict[str, AgentFace] = {}

    def __call__(self, host: str) -> AgentFace:
        node = names.node_of(host)
        if node not in self._reached:
            self._reached[node] = cast(AgentFace, Reach(names.agent_name(node)))
        return self._reached[node]
