"""`novaray explain`: how a dry run is shown."""

from __future__ import annotations

import pytest

from actors.cli.explain import hints, landing, show
from actors.scheduler.messages import CheckLine, DroppedHost, PlacementExplained, ScoredHost

FOUND = PlacementExplained(
    profile="spread",
    hosts=3,
    checks=(CheckLine("MEMORY_MB", 3, 1),),
    passed=2,
    best=(
        ScoredHost("host-1", 1.5, {"RAMWeigher": 1.0, "CPUWeigher": 0.5, "IoOpsWeigher": 0.0}),
        ScoredHost("host-2", 1.0, {"RAMWeigher": 0.5, "CPUWeigher": 0.5, "IoOpsWeigher": 0.0}),
    ),
    dropped=(DroppedHost("host-3", "MEMORY_MB", "512 MiB of RAM short"),),
    nearest=(),
)


def explained(hosts: int, best: tuple[ScoredHost, ...]) -> PlacementExplained:
    return PlacementExplained(profile="pack", hosts=hosts, checks=(), passed=hosts, best=best, dropped=(), nearest=())


def test_everything_is_shown_but_weighers_that_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show(FOUND)
    printed = capsys.readouterr().out
    for word in ("land on host-1", "2 of 3 hosts", "MEMORY_MB", "RAMWeigher", "1.5000", "512 MiB of RAM short"):
        assert word in printed
    assert "IoOpsWeigher" not in printed


def test_where_it_would_land() -> None:
    assert landing(FOUND) == "It would land on host-1"
    equal = tuple(ScoredHost(f"host-{n}", 1.0, {}) for n in range(2))
    assert landing(explained(2, equal)) == "It would land on one of host-0, host-1 …"
    assert landing(explained(0, ())) == "No host would take it"


def test_hints() -> None:
    assert hints(["same_host=a", "same_host=b", "query=[]"]) == {"same_host": ("a", "b"), "query": ("[]",)}
    with pytest.raises(RuntimeError, match="name=value"):
        hints(["same_host"])
