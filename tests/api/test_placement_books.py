"""What the rules of Placement's made providers decide, without a room around them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.api.placement_allocations import allocated, released
from actors.api.placement_books import CLASS, TRAIT, Books, custom_name, unused_name
from actors.api.placement_messages import Allocation, Reshape, SetInventories
from actors.api.placement_reshape import reshaped
from actors.errors import CallerError
from actors.records import Inventory, ResourceProvider

CLASSES = frozenset({"CARD", "PORT"})
PROVIDERS = [
    ResourceProvider(
        id="a", name="a", inventories={"CARD": Inventory(total=5), "PORT": Inventory(total=4, step_size=2)}
    ),
    ResourceProvider(id="b", name="b", inventories={"CARD": Inventory(total=3, reserved=1)}),
]
RESOURCES = st.dictionaries(st.sampled_from(sorted(CLASSES)), st.integers(1, 6), min_size=1)
WANTED = st.builds(
    Allocation,
    consumer_id=st.sampled_from("xyz"),
    project_id=st.just("p"),
    user_id=st.just("u"),
    resources=st.dictionaries(st.sampled_from("ab"), RESOURCES),
)
STOCKS = st.dictionaries(
    st.sampled_from("ab"), st.dictionaries(st.sampled_from(sorted(CLASSES)), st.integers(1, 6)), min_size=1
)
HOLDERS = st.lists(WANTED, max_size=3, unique_by=lambda one: one.consumer_id)
REQUESTS = st.lists(HOLDERS.filter(bool), max_size=12)


@settings(max_examples=60, deadline=None)
@given(requests=REQUESTS)
def test_whatever_is_asked_no_provider_gives_more_than_it_has_and_what_is_used_is_what_is_held(
    requests: list[list[Allocation]],
) -> None:
    books = Books(PROVIDERS)
    for wanted in requests:
        before = (dict(books.providers), dict(books.consumers))
        try:
            books.apply(allocated(books, {}, tuple(wanted), CLASSES))
        except CallerError as refused:
            assert refused.fault.status == 409 and (books.providers, books.consumers) == before
            continue
        for one in wanted:
            held = books.consumers.get(one.consumer_id)
            assert (held.allocations if held else {}) == one.resources
        for row in books.providers.values():
            total: Counter[str] = Counter()
            for consumer in books.consumers.values():
                total.update(consumer.allocations.get(row.id, {}))
            assert books.used(row.id) == total
            assert all(amount <= books.view(row).inventories[name].capacity for name, amount in total.items())
            assert row.generation >= before[0][row.id].generation
    for consumer in list(books.consumers.values()):
        books.apply(released(books, consumer))
    assert not books.consumers and not books.used("a") and not books.used("b")


@settings(max_examples=60, deadline=None)
@given(
    moves=st.lists(st.tuples(STOCKS, st.lists(WANTED, max_size=3, unique_by=lambda one: one.consumer_id)), max_size=8)
)
def test_whatever_moves_what_is_held_is_of_what_is_there(
    moves: list[tuple[dict[str, dict[str, int]], list[Allocation]]],
) -> None:
    books = Books(PROVIDERS)
    for stocks, wanted in moves:
        inventories = tuple(
            SetInventories(
                token="",
                provider_id=each,
                inventories={name: Inventory(total=total) for name, total in stock.items()},
                generation=books.providers[each].generation,
                may_be_empty=True,
            )
            for each, stock in stocks.items()
        )
        before = (dict(books.providers), dict(books.consumers), {each: books.used(each) for each in "ab"})
        try:
            books.apply(
                reshaped(books, {}, Reshape(token="", inventories=inventories, allocations=tuple(wanted)), CLASSES)
            )
        except CallerError as refused:
            assert refused.fault.status == 409
            assert (books.providers, books.consumers, {each: books.used(each) for each in "ab"}) == before
            continue
        for one in wanted:
            held = books.consumers.get(one.consumer_id)
            assert (held.allocations if held else {}) == one.resources
        for each, stock in stocks.items():
            row = books.providers[each]
            assert {name: one.total for name, one in row.inventories.items()} == stock
            assert row.generation > before[0][each].generation
        for consumer in books.consumers.values():
            for each, resources in consumer.allocations.items():
                assert resources.keys() <= books.providers[each].inventories.keys()


@pytest.mark.parametrize(
    ("kind", "name", "status"),
    [
        (TRAIT, "STANDARD", 400),
        (TRAIT, "CUSTOM_NOWHERE", 404),
        (TRAIT, "CUSTOM_OF_A_HOST", 409),
        (TRAIT, "CUSTOM_MADE_AND_OF_A_HOST", 409),
        (TRAIT, "CUSTOM_OF_A_PROVIDER", 409),
        (CLASS, "CUSTOM_STOCK", 409),
        (TRAIT, "CUSTOM_FREE", 0),
        (CLASS, "CUSTOM_FREE", 0),
    ],
)
def test_a_name_goes_when_nobody_has_it(kind: str, name: str, status: int) -> None:
    made = ("CUSTOM_MADE_AND_OF_A_HOST", "CUSTOM_OF_A_PROVIDER", "CUSTOM_FREE")
    row = ResourceProvider(
        id="a", name="a", traits=("CUSTOM_OF_A_PROVIDER",), inventories={"CUSTOM_STOCK": Inventory(total=1)}
    )
    names = [custom_name(TRAIT, each) for each in made]
    books = Books([row, *names, custom_name(CLASS, "CUSTOM_STOCK"), custom_name(CLASS, "CUSTOM_FREE")])
    of_hosts = {"CUSTOM_OF_A_HOST", "CUSTOM_MADE_AND_OF_A_HOST"} if kind == TRAIT else set()
    if not status:
        assert unused_name(books, kind, name, {"STANDARD"}, of_hosts).name == name
        return
    with pytest.raises(CallerError) as refused:
        unused_name(books, kind, name, {"STANDARD"}, of_hosts)
    assert refused.value.fault.status == status
