"""Where images are, asked of the image room once in a while: boots of one request, and of many, want the same.

Owned by the compute service. The door has asked for every boot whether its bearer may use the image, a moment ago.
Invariant: an answer counts for its own token only, for `FRESH_S`, and a refusal never: it is asked again.
"""

from __future__ import annotations

from actors.clock import Clock
from actors.errors import CallerFault
from actors.faces import ImageFace
from actors.messages import ImageLocation, ImageRequest

FRESH_S = 10.0  # an image that is deleted or deactivated may still be booted from so long, with the same token
LIMIT = 1_000  # answers kept


class Located:
    def __init__(self, image: ImageFace, clock: Clock) -> None:
        self._image = image
        self._clock = clock
        self._known: dict[ImageRequest, tuple[float, ImageLocation]] = {}

    async def locate(self, requests: list[ImageRequest]) -> list[ImageLocation | CallerFault]:
        """As `ImageFace.locate`."""
        now = self._clock.monotonic()
        answers: dict[ImageRequest, ImageLocation | CallerFault] = {}
        ask: list[ImageRequest] = []
        for request in dict.fromkeys(requests):
            asked_at, location = self._known.get(request, (now - FRESH_S, None))
            if location is not None and now - asked_at < FRESH_S:
                answers[request] = location
            else:
                ask.append(request)
        if ask:
            answers |= zip(ask, await self._image.locate(ask), strict=True)
            self._keep(ask, answers, now)
        return [answers[request] for request in requests]

    def _keep(
        self, asked: list[ImageRequest], answers: dict[ImageRequest, ImageLocation | CallerFault], now: float
    ) -> None:
        for request in asked:
            answer = answers[request]
            self._known.pop(request, None)
            if not isinstance(answer, CallerFault):
                self._known[request] = now, answer
        for oldest in list(self._known)[: max(0, len(self._known) - LIMIT)]:
            del self._known[oldest]
