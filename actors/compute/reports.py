"""What compute tells of its builds: steps of whole cohorts, and the end of each build.

Pure. Thirty steps of a thousand builds would name each build thirty times: a cohort's names are made once, and what
happened to the same cohort goes as one report, however many cohorts are built side by side. Nothing overtakes the end
of a build.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from actors.compute.build import Build
from actors.messages import BuildEnded, StepReport

Names = tuple[tuple[str, int], ...]  # (instance id, attempt)

COHORTS = 64  # whose names are kept; what a node builds side by side is hardly ever in more


class Cohorts:
    def __init__(self) -> None:
        self._names: OrderedDict[int, tuple[Sequence[Build], Names]] = OrderedDict()  # by the identity of the list

    def names(self, builds: Sequence[Build]) -> Names:
        """The same tuple for the same list, which must not change."""
        known = self._names.get(id(builds))
        if known is None:
            known = self._names[id(builds)] = builds, tuple([(build.id, build.order.attempt) for build in builds])
            if len(self._names) > COHORTS:
                self._names.popitem(last=False)
        return known[1]


def merged(reports: list[StepReport | BuildEnded]) -> list[StepReport | BuildEnded]:
    """What was told of the same builds under the same epoch, with no end in between, is one report."""
    told: list[StepReport | BuildEnded] = []
    steps: dict[tuple[int, int], int] = {}  # identity of the names and epoch → the report's place in `told`
    for report in reports:
        if isinstance(report, BuildEnded):
            steps.clear()
            told.append(report)
            continue
        place = steps.setdefault((id(report.builds), report.epoch), len(told))
        if place == len(told):
            told.append(report)
        else:
            before = told[place]
            assert isinstance(before, StepReport)
            told[place] = msgspec.structs.replace(before, steps=before.steps + report.steps)
    return told
