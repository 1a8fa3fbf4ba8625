"""What a node's watchdog knows: the guests that the conductor may give to another node, and until when they may run.

Pure, and of Python's core alone: the watchdog's process (`libvirt/watchdog_process.py`) and the simulator
(`benchmarks/simulation/machines.py`) run it. An *actor* is a compute actor of the node, as its connection. Times are
seconds of the clock that actor and watchdog share, which goes on while the machine is suspended (`actors/clock.py`).
Invariant: a guest that was begun is due when its time has come, whatever became of its actor, unless an actor has said
of it since that it may run longer, or that it is nobody else's any more.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

TRIES = 30  # times a guest is stopped that will not end
AGAIN_S = 1.0  # between them
STOPPED_LIMIT = 10_000  # guests that were stopped and are remembered for the next actor


class Stake:
    """One guest; `actor` is None once who began it is gone."""

    __slots__ = ("actor", "tries", "until")

    def __init__(self, actor: Hashable | None, until: float) -> None:
        self.actor = actor
        self.until = until
        self.tries = 0


class Stakes:
    def __init__(self) -> None:
        self._guests: dict[str, Stake] = {}  # by instance id
        self._stopped: dict[str, None] = {}  # instance ids; the oldest first

    def __bool__(self) -> bool:
        """Somebody may have yet to ask for what is known here."""
        return bool(self._guests or self._stopped)

    def begin(self, actor: Hashable, until: float, instance_ids: Iterable[str]) -> None:
        """These are about to run, or do; they are this actor's from now on, whoever began them before."""
        for instance_id in instance_ids:
            self._guests[instance_id] = Stake(actor, until)
            self._stopped.pop(instance_id, None)

    def renew(self, actor: Hashable, until: float) -> None:
        """All that this actor has at stake may run until then."""
        for stake in self._guests.values():
            if stake.actor == actor:
                stake.until = until

    def let_go(self, actor: Hashable, instance_ids: Iterable[str]) -> None:
        """The conductor has heard of these, or they have ended. What another living actor took up stays with that."""
        for instance_id in instance_ids:
            self._stopped.pop(instance_id, None)
            stake = self._guests.get(instance_id)
            if stake is not None and stake.actor in (actor, None):
                del self._guests[instance_id]

    def take_up(self, instance_ids: Iterable[str]) -> list[str]:
        """An actor starts and knows that these belong here: those of them that an actor before it had not let go of.
        They are at stake no more, and may have been stopped. It may ask in portions, and then `forget`s."""
        found = [one for one in instance_ids if one in self._guests or one in self._stopped]
        for instance_id in found:
            self._guests.pop(instance_id, None)
            self._stopped.pop(instance_id, None)
        return found

    def forget(self) -> None:
        """The actor that starts has asked for all that belong here: what else was stopped is nobody's business."""
        self._stopped.clear()

    def gone(self, actor: Hashable) -> None:
        """It has ended. What it had at stake runs on to its time, unless the next one takes it up."""
        for stake in self._guests.values():
            if stake.actor == actor:
                stake.actor = None

    def next_at(self) -> float | None:
        """When the first is due; None: never, nothing is at stake."""
        return min((stake.until for stake in self._guests.values()), default=None)

    def due(self, now: float) -> list[str]:
        """Those that must not run any more."""
        return [instance_id for instance_id, stake in self._guests.items() if stake.until <= now]

    def stopped(self, instance_ids: Iterable[str], now: float, still: Iterable[str] = ()) -> None:
        """These were stopped, but for those that still run: they are due again, a while."""
        kept = set(still)
        for instance_id in instance_ids:
            stake = self._guests[instance_id]
            stake.tries += 1
            stake.until = now + AGAIN_S
            if instance_id not in kept or stake.tries >= TRIES:
                del self._guests[instance_id]
                self._stopped[instance_id] = None
        while len(self._stopped) > STOPPED_LIMIT:
            del self._stopped[next(iter(self._stopped))]
