"""Answers of another room, remembered for a moment: boots of one request, and of many, ask the same.

Owned by whoever asks. Invariant: an answer counts for exactly its question (the token is part of it), for `fresh_s`,
and only where `keep` says so: whatever is refused is asked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from actors.clock import Clock
from actors.errors import CallerFault

LIMIT = 1_000  # answers kept
Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")


class Remembered(Generic[Question, Answer]):
    def __init__(
        self,
        ask: Callable[[list[Question]], Awaitable[Sequence[Answer | CallerFault]]],
        clock: Clock,
        fresh_s: float,
        keep: Callable[[Question], bool] = lambda _: True,
    ) -> None:
        """`ask`: as many answers as questions, a fault for what is refused."""
        self._ask = ask
        self._clock = clock
        self._fresh_s = fresh_s
        self._keeps = keep
        self._known: dict[Question, tuple[float, Answer]] = {}

    async def ask(self, questions: Sequence[Question]) -> list[Answer | CallerFault]:
        """In the order of the questions; equal ones go once. Raises what asking raises."""
        now = self._clock.monotonic()
        answers: dict[Question, Answer | CallerFault] = {}
        unknown: list[Question] = []
        for question in dict.fromkeys(questions):
            known = self._known.get(question)
            if known is not None and now - known[0] < self._fresh_s:
                answers[question] = known[1]
            else:
                unknown.append(question)
        if unknown:
            answers |= zip(unknown, await self._ask(unknown), strict=True)
            self._keep(unknown, answers, now)
        return [answers[question] for question in questions]

    def _keep(self, asked: list[Question], answers: dict[Question, Answer | CallerFault], now: float) -> None:
        for question in asked:
            answer = answers[question]
            self._known.pop(question, None)
            if not isinstance(answer, CallerFault) and self._keeps(question):
                self._known[question] = now, answer
        for oldest in list(self._known)[: max(0, len(self._known) - LIMIT)]:
            del self._known[oldest]
