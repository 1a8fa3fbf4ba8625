"""A packed list arrives as it was sent."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from ray import cloudpickle

from actors.cluster.packing import packed
from actors.errors import CallerFault
from actors.messages import BuildEnded, ImageRequest, StepReport, StepTold
from actors.saga import Phase

REPORT = StepReport(builds=(("i", 0),), node="h", epoch=1, steps=(StepTold("define", Phase.DONE, 1.5),))
ENDED = BuildEnded(instance_id="i", attempt=0, host="h", node="n", epoch=1, at=2.5)


@pytest.mark.parametrize(
    "items",
    [
        [REPORT, ENDED, REPORT, REPORT],
        [REPORT, None, "a", 1, 1.5, True],
        [(REPORT, REPORT), CallerFault(404, "gone"), (ENDED,)],
        [ImageRequest(token="\ud800", image_id="a lone surrogate")],
        [1 << 70],
        [(), ("a",), {"b": 1}, [REPORT]],
        [],
    ],
)
def test_whatever_a_list_holds_it_arrives_equal(items: list[Any]) -> None:
    for pickler in (pickle, cloudpickle):
        arrived = pickle.loads(pickler.dumps(packed(items), 5))
        assert type(arrived) is list and arrived == items
        assert [type(item) for item in arrived] == [type(item) for item in items]


def test_a_batch_is_smaller_packed_than_pickled_one_by_one() -> None:
    reports = [ENDED] * 100
    assert len(pickle.dumps(packed(reports), 5)) < 100 * len(pickle.dumps(ENDED, 5))
