"""What another room answered is asked once for many, and a refusal is never kept."""

from __future__ import annotations

import asyncio

from actors.errors import CallerFault, not_found
from actors.messages import ImageLocation, ImageRequest
from actors.remembered import LIMIT, Remembered

FRESH_S = 10.0


class Images:
    def __init__(self) -> None:
        self.asked: list[list[ImageRequest]] = []
        self.refuses = False

    async def locate(self, requests: list[ImageRequest]) -> list[ImageLocation | CallerFault]:
        self.asked.append(requests)
        return [not_found("image", each.image_id) if self.refuses else location(each.image_id) for each in requests]


class Clock:
    at = 100.0

    def now(self) -> float:
        return self.at

    monotonic = now


def location(image_id: str) -> ImageLocation:
    return ImageLocation(
        image_id=image_id, disk_format="raw", size=1, virtual_size=1, os_hash_value="", properties={}, urls=()
    )


def asked(image_id: str, token: str = "t") -> ImageRequest:
    return ImageRequest(token=token, image_id=image_id)


def test_equal_questions_are_asked_once_while_the_answer_is_fresh() -> None:
    async def scenario() -> None:
        images, clock = Images(), Clock()
        located = Remembered(images.locate, clock, FRESH_S)
        assert await located.ask([asked("a"), asked("b"), asked("a")]) == [*map(location, "aba")]
        assert await located.ask([asked("a")]) == [location("a")]
        assert images.asked == [[asked("a"), asked("b")]]
        await located.ask([asked("a", "another's")])
        clock.at += FRESH_S
        await located.ask([asked("a")])
        assert images.asked[1:] == [[asked("a", "another's")], [asked("a")]]

    asyncio.run(scenario())


def test_a_refusal_is_not_kept_and_no_more_answers_than_may_be() -> None:
    async def scenario() -> None:
        images = Images()
        located = Remembered(images.locate, Clock(), FRESH_S)
        images.refuses = True
        assert isinstance((await located.ask([asked("a")]))[0], CallerFault)
        images.refuses = False
        assert await located.ask([asked("a")]) == [location("a")]
        await located.ask([asked(str(number)) for number in range(LIMIT)])
        await located.ask([asked("a")])
        assert images.asked[-1] == [asked("a")]

    asyncio.run(scenario())


def test_what_may_be_taken_by_one_only_is_asked_about_each_time() -> None:
    async def scenario() -> None:
        images = Images()
        located = Remembered(images.locate, Clock(), FRESH_S, lambda question: question.image_id != "a")
        await located.ask([asked("a"), asked("b")])
        await located.ask([asked("a"), asked("b")])
        assert images.asked == [[asked("a"), asked("b")], [asked("a")]]

    asyncio.run(scenario())
