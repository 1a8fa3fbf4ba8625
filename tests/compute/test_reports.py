"""What compute tells of its builds: in order, and each cohort named once."""

from __future__ import annotations

from actors.compute.build import Build
from actors.compute.reports import COHORTS, Cohorts, merged
from actors.messages import BuildEnded, StepReport, StepTold
from actors.saga import Phase
from tests.compute.guests import order

ONE, OTHER = (("a", 0), ("b", 0)), (("c", 1),)
ENDED = BuildEnded(instance_id="a", attempt=0, host="h", node="n", epoch=1, at=4.0)


def told(step: str, phase: Phase = Phase.BEGUN) -> StepTold:
    return StepTold(step, phase, 1.0)


def report(builds: tuple[tuple[str, int], ...], *steps: str, epoch: int = 1) -> StepReport:
    return StepReport(builds=builds, node="n", epoch=epoch, steps=tuple(map(told, steps)))


def test_steps_of_the_same_builds_go_together_and_nothing_overtakes_another() -> None:
    reports = [
        report(ONE, "claim"),
        report(ONE, "image"),
        ENDED,
        ENDED,
        report(OTHER, "claim"),
        report(ONE, "plug_vifs"),
    ]
    assert merged(reports) == [
        report(ONE, "claim", "image"),
        ENDED,
        ENDED,
        report(OTHER, "claim"),
        report(ONE, "plug_vifs"),
    ]


def test_cohorts_that_are_built_side_by_side_are_named_once_each() -> None:
    reports = [report(ONE, "claim"), report(OTHER, "claim"), report(ONE, "image"), report(OTHER, "image"), ENDED]
    assert merged(list(reports)) == [report(ONE, "claim", "image"), report(OTHER, "claim", "image"), ENDED]


def test_a_cohort_has_the_same_names_as_long_as_it_is_remembered() -> None:
    cohorts, lists = Cohorts(), [[Build(order(str(number)))] for number in range(COHORTS + 1)]
    names = [cohorts.names(builds) for builds in lists]
    assert names[0] == (("0", 1),)
    assert cohorts.names(lists[-1]) is names[-1]
    assert cohorts.names(lists[0]) == names[0]


def test_what_was_done_under_another_epoch_goes_by_itself() -> None:
    reports = [report(ONE, "claim"), report(ONE, "image", epoch=2)]
    assert merged(list(reports)) == reports


def test_nothing_is_nothing() -> None:
    assert merged([]) == []
