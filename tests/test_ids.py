"""Ids are those of the standard library."""

from __future__ import annotations

from random import Random
from uuid import RFC_4122, UUID, uuid4, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ids import id_like_a_random_one, id_within, random_id


@pytest.mark.parametrize("bits", [0, (1 << 128) - 1, 1 << 127, 0xF << 76, 0x3 << 62])
def test_whatever_the_bits_a_random_id_is_of_version_4(bits: int) -> None:
    class Loaded(Random):
        def getrandbits(self, k: int, /) -> int:
            return bits

    made = random_id(Loaded())
    assert made == str(UUID(int=bits, version=4))
    assert UUID(made).version == 4
    assert UUID(made).variant == RFC_4122


def test_random_ids_differ_and_follow_the_seed() -> None:
    random = Random(1)
    ids = [random_id(random) for _ in range(1_000)]
    assert len(set(ids)) == 1_000
    assert ids[0] == random_id(Random(1))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_id_within_a_namespace_is_uuid5(name: str) -> None:
    namespace = uuid4()
    assert id_within(namespace, name) == str(uuid5(namespace, name))
    assert id_like_a_random_one(namespace, name) == str(UUID(int=uuid5(namespace, name).int, version=4))
