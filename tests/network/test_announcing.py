from __future__ import annotations

from actors.network.announcing import REPEATS, Announcement, Announcements, frames

ONE = Announcement("qg-1", "fa:16:3e:00:00:01", "203.0.113.2")
TWO = Announcement("qg-1", "fa:16:3e:00:00:01", "203.0.113.51")


def test_a_request_and_an_answer_for_the_address_itself_go_to_everybody() -> None:
    request, answer = frames(ONE)
    mac, address = "fa163e000001", "cb007102"
    assert request.hex() == f"{'ff' * 6}{mac}0806" + f"0001080006040001{mac}{address}{'00' * 6}{address}"
    assert answer.hex() == f"{'ff' * 6}{mac}0806" + f"0001080006040002{mac}{address}{'ff' * 6}{address}"


def test_what_was_told_is_told_again_a_few_times() -> None:
    queue = Announcements()
    queue.add([ONE])
    for _ in range(REPEATS):
        queue.again()  # not yet told: due once
        assert queue.due == [ONE]
        queue.told(queue.due)
        assert queue.due == []
        queue.again()
    assert queue.due == [ONE]
    queue.told(queue.due)
    queue.again()
    assert queue.due == []


def test_what_is_no_longer_so_is_not_told() -> None:
    queue = Announcements()
    queue.add([ONE, TWO])
    queue.keep({TWO})
    assert queue.due == [TWO]
    queue.told([TWO])
    queue.again()
    assert queue.due == [TWO]
