"""Servers that have run before and are built again: how that begins, whatever it is for.

`evacuation.py` and `shelving.py` say of which servers and how. Invariants: what was answered for is on disk; a request
that comes twice sets out once, and its repeat is answered as it was.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from actors.conductor.boots import Boot
from actors.conductor.instance_actions import InstanceActions
from actors.conductor.questions import no_server
from actors.errors import CallerFault, busy
from actors.records import InstanceAction

if TYPE_CHECKING:
    from actors.conductor.service import Conductor


class Repeatable(Protocol):
    """`id`: of the instance action that the request is."""

    @property
    def id(self) -> str: ...

    @property
    def instance_id(self) -> str: ...


Request = TypeVar("Request", bound=Repeatable)


class Departures(ABC, Generic[Request]):
    event: str  # that is told when one sets out

    def __init__(self, conductor: Conductor, actions: InstanceActions) -> None:
        self._conductor = conductor
        self._actions = actions
        self._recording: dict[str, asyncio.Future[None]] = {}  # by the id of an action that is not on disk yet

    @abstractmethod
    def why_not(self, boot: Boot, request: Request) -> CallerFault | None:
        """None: it may set out."""

    @abstractmethod
    def set_out(self, boot: Boot, request: Request) -> InstanceAction:
        """It is as one that is built for the first time, but with what it has."""

    @abstractmethod
    async def go(self, boots: list[Boot]) -> None:
        """What is done when that is on disk."""

    async def begin(self, requests: Sequence[Request]) -> list[CallerFault | None]:
        """Durably begun when this returns; a fault in the place of each that may not be."""
        replies: list[CallerFault | None] = []
        going: dict[Boot, InstanceAction] = {}
        elsewhere: dict[int, asyncio.Future[None]] = {}  # requests that are being recorded for another call
        for index, request in enumerate(requests):
            boot = self._conductor.boot(request.instance_id)
            if boot is not None and self._actions.find(boot.id, request.id) is not None:
                replies.append(None)
                if (recording := self._recording.get(request.id)) is not None:
                    elsewhere[index] = recording
                continue
            fault = no_server(request.instance_id) if boot is None else self.why_not(boot, request)
            replies.append(fault)
            if boot is not None and fault is None:
                going[boot] = self.set_out(boot, request)
        if going:
            await self._record(going)
        for index, recording in elsewhere.items():
            await asyncio.wait({recording})
            if recording.cancelled():
                replies[index] = busy("the same request could not be recorded; try again in a moment")
        return replies

    async def _record(self, going: dict[Boot, InstanceAction]) -> None:
        """What could not be recorded goes all the same, as it has begun, and is on disk with its next change."""
        actions = list(going.values())
        recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._recording |= {action.id: recorded for action in actions}
        try:
            await self._conductor.write(list(going), self.event, actions)
            recorded.set_result(None)
        except ConnectionError:
            for action in actions:
                self._actions.drop(action)
            raise
        finally:
            recorded.cancel()
            for action in actions:
                del self._recording[action.id]
            self._conductor.spawn(self.go(list(going)))
