"""A whole decision from a record: what each filter passes alone, what passes all, how the rest weigh.

Used by `python -m placement decide`. Filters run one after the other, each over what the one before left: one that
refuses the request does so only if a host gets that far, as in Nova. Changes nothing, draws nothing at random: hosts of
equal weight stay in the record's order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement.configuration import aliases_of, profile_of, settings_of
from placement.errors import BadRequest
from placement.filters.form import Filter
from placement.fleet import Fleet, indices
from placement.nova import NAMED, nova_filters, placement_filters
from placement.records import Json, fleet_of, inventories_of, request_of
from placement.verdict import ON_REBUILD
from placement.weighing import summed, weights

Rows = NDArray[np.intp]
Answer = dict[str, Any]


def decide(record: Json) -> Answer:
    """The answer to one record; `error` and `refused` where the request itself is refused."""
    answer: Answer = {"case": record["case"]}
    try:
        Decision(record).tell(answer)
    except BadRequest as error:
        answer |= {"error": True, "refused": str(error)}
    return answer


class Decision:
    """One record, read. Raises `BadRequest`."""

    def __init__(self, record: Json) -> None:
        config = record["config"]
        self._record = record
        self._profile = profile_of(record)
        self._request = request_of(record, aliases_of(config))
        self._fleet = fleet_of(record)
        self._before = placement_filters(settings_of(config))
        known = nova_filters(settings_of(config))
        self._own = [known[name] for name in record["enabled_filters"]]

    def tell(self, answer: Answer) -> None:
        """Everything into the answer, as far as the request is not refused."""
        answer["per_filter"] = self._alone()
        rows = indices(self._fleet.all)
        if self._record.get("prefilter_applied"):
            rows = self._run(inventories_of(self._record), self._before, rows)
            answer["prefilter"] = self._names(rows)
        rows = self._run(self._fleet, NAMED, rows)
        forced = self._request.forced and not self._request.rebuild
        rows = self._run(self._fleet, [] if forced else self._own, rows)
        answer["passed"] = self._names(rows)
        if self._record["enabled_weighers"]:
            self._weigh(rows, answer)

    def _alone(self) -> dict[str, list[str]]:
        """Each enabled filter over the whole fleet; one that refuses the request is left out."""
        alone = {}
        for each in self._own:
            try:
                alone[each.name] = self._names(self._run(self._fleet, [each], indices(self._fleet.all)))
            except BadRequest:
                continue
        return alone

    def _run(self, fleet: Fleet, filters: Iterable[Filter], rows: Rows) -> Rows:
        """The rows that pass one filter after the other."""
        for each in filters:
            if self._request.rebuild and each in self._own and each.name not in ON_REBUILD:
                continue
            passed = np.ones(len(rows), dtype=np.bool_)
            if len(rows):
                for check in each.checks(fleet, self._request, rows):
                    passed &= check.passed
            rows = rows[passed]
        return rows

    def _weigh(self, rows: Rows, answer: Answer) -> None:
        """A weigher that refuses the request leaves it without weights, but not without hosts that passed."""
        try:
            given = weights(self._fleet, rows, self._profile, self._request)
        except BadRequest as error:
            answer["refused"] = str(error)
            return
        names = self._names(rows)
        total = summed(given, len(rows))
        answer["weighted"] = {weigher: dict(zip(names, each.tolist(), strict=True)) for weigher, each in given.items()}
        answer["total"] = dict(zip(names, total.tolist(), strict=True))
        answer["best"] = [names[n] for n in np.argsort(-total, kind="stable")]

    def _names(self, rows: Rows) -> list[str]:
        return [self._fleet.state(int(row)).name for row in rows]
