"""Pages of a list: what is on them, and which is next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import URL

from actors.api.rest.paging import PAGE_LIMIT, Paging, next_link, page_of
from actors.errors import CallerError

Row = tuple[str, int | None]
ROWS: list[Row] = [("a", 3), ("b", None), ("c", 1), ("d", 1)]


def page(rows: list[Row], paging: Paging) -> tuple[list[str], str]:
    found, following = page_of(rows, paging, lambda row: row[0], lambda row, key: row[1] if key == "n" else row[0])
    return [row[0] for row in found], following


def test_sorted_by_several_keys_with_nothing_first() -> None:
    assert page(ROWS, Paging(sort=[("n", False), ("id", True)])) == (["b", "d", "c", "a"], "")
    assert page(ROWS, Paging(sort=[("n", True), ("id", False)])) == (["a", "c", "d", "b"], "")


@given(st.lists(st.integers(), max_size=20), st.integers(1, 7))
def test_the_pages_together_are_the_list(numbers: list[int], limit: int) -> None:
    rows: list[Row] = [(str(index), number) for index, number in enumerate(numbers)]
    seen: list[str] = []
    marker = ""
    while True:
        found, marker = page(rows, Paging(limit=limit, marker=marker, sort=[("n", False)]))
        seen += found
        if not marker:
            break
    assert seen == page(rows, Paging(sort=[("n", False)]))[0]


@pytest.mark.parametrize("wrong", [Paging(marker="z"), Paging(limit=-1)])
def test_what_is_refused(wrong: Paging) -> None:
    with pytest.raises(CallerError) as refused:
        page(ROWS, wrong)
    assert refused.value.fault.status == 400


def test_no_page_has_more_than_the_limit() -> None:
    rows: list[Row] = [(str(index), index) for index in range(PAGE_LIMIT + 1)]
    assert len(page(rows, Paging(limit=PAGE_LIMIT * 2))[0]) == PAGE_LIMIT
    assert page(rows, Paging(limit=0)) == ([], "")


def test_the_next_page_is_the_same_question() -> None:
    url = URL("http://cloud:8774/compute/v2.1/servers?name=a&limit=2&marker=x")
    assert next_link(url, "y") == "http://cloud:8774/compute/v2.1/servers?name=a&limit=2&marker=y"
