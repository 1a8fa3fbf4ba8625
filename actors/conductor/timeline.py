"""A boot's timeline while it grows: thirty moments a boot, most of them shared by a whole cohort of boots.

Owned by `boots.py`. What happens to many boots at once is one `Moment`, encoded once; each boot keeps a reference.
The lines that a user reads are worked out only when somebody asks. Pure: the time is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from actors.messages import StoryLine
from actors.saga import Phase

PLACED = "placed"  # the phase of a moment that says, in its note, on which host its attempt is from now on

WORDS = (
    *("begun", "done", "failed", "undone", "undo_failed", PLACED),
    *("record", "place", "build", "claim", "image", "networks", "block_devices", "config_drive", "root_disk"),
    *("ephemeral_disks", "expect_plugged", "plug_vifs", "define", "start_paused", "await_plugged", "resume"),
    *("await_running", "wait_for_capacity"),
)
"""Phases and steps; stories on disk name them by their places here, so words are only ever added, and at the end."""


class Moment(msgspec.Struct, frozen=True, gc=False):
    """A step of an attempt has begun, ended, failed or been undone."""

    at: float
    step: str
    phase: str
    attempt: int
    note: str = ""

    def encoded(self) -> msgspec.Raw:
        """Half of a story would be the same words, and the same zeros."""
        step, phase = _PLACES.get(self.step, self.step), _PLACES.get(self.phase, self.phase)
        fields = (self.at, step, phase, self.attempt, self.note)
        return msgspec.Raw(_encoder.encode(fields if self.note else fields[:4] if self.attempt else fields[:3]))

    @classmethod
    def decoded(cls, kept: msgspec.Raw) -> Moment:
        at, step, phase, attempt, note = _moment_decoder.decode(kept)
        return cls(at, _word(step), _word(phase), attempt, note)


@dataclass(slots=True)
class Timeline:
    door: tuple[StoryLine, ...] = ()  # what happened before the boot was accepted
    moments: list[msgspec.Raw] = field(default_factory=list)

    @classmethod
    def decoded(cls, stored: bytes) -> Timeline:
        door, moments = _timeline_decoder.decode(stored)
        return cls(door, moments)

    def encoded(self) -> bytes:
        return _encoder.encode((self.door, self.moments))

    def lines(self, flows: dict[str, str]) -> list[StoryLine]:
        """Oldest first; `flows` names the rows of BOOT_FLOW of each step."""
        told = _Lines(list(self.door), flows)
        for moment in map(Moment.decoded, self.moments):
            told.add(moment)
        return sorted(told.lines, key=lambda line: line.at)


@dataclass(slots=True)
class _Lines:
    """Moments as lines: a step's end closes the line that its beginning opened."""

    lines: list[StoryLine]
    flows: dict[str, str]
    hosts: dict[int, str] = field(default_factory=dict)  # by attempt
    open_lines: dict[tuple[str, int], int] = field(default_factory=dict)  # (step, attempt) → index in `lines`

    def add(self, moment: Moment) -> None:
        if moment.phase == PLACED:
            self.hosts[moment.attempt] = moment.note
            return
        step = moment.step, moment.attempt
        begun = None if moment.phase == Phase.BEGUN else self.open_lines.pop(step, None)
        if begun is not None:
            self._close(begun, moment)
            return
        if moment.phase == Phase.BEGUN:
            self.open_lines[step] = len(self.lines)
        self.lines.append(self._line(moment))  # an end without a beginning is told too: after a restart

    def _close(self, index: int, moment: Moment) -> None:
        line = self.lines[index]
        took_ms = max(0.0, (moment.at - line.at) * 1000)
        self.lines[index] = msgspec.structs.replace(line, phase=moment.phase, took_ms=took_ms, note=moment.note)

    def _line(self, moment: Moment) -> StoryLine:
        return StoryLine(
            at=moment.at,
            step=moment.step,
            flow=self.flows.get(moment.step, ""),
            phase=moment.phase,
            host=self.hosts.get(moment.attempt, ""),
            attempt=moment.attempt,
            took_ms=-1.0 if moment.phase == Phase.BEGUN else 0.0,
            note=moment.note,
        )


class _Kept(NamedTuple):
    at: float
    step: str | int  # a word, or its place
    phase: str | int
    attempt: int = 0
    note: str = ""


def _word(kept: str | int) -> str:
    return kept if isinstance(kept, str) else WORDS[kept]


_PLACES = {word: place for place, word in enumerate(WORDS)}
_encoder = msgspec.msgpack.Encoder()
_moment_decoder = msgspec.msgpack.Decoder(_Kept)
_timeline_decoder = msgspec.msgpack.Decoder(tuple[tuple[StoryLine, ...], list[msgspec.Raw]])
