"""Does a boot cost more in a bigger cloud? Three series, each with 500 in flight; `ratio` is against its base row.

`hosts`: 10 to 10,000 hosts, base 100. `instances`: 0 to 100 instances on each of 100 hosts, base 0. `nth`: the first
boots of a cloud and those after 100,000, which came and went; base the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.fleet import Say, delete, fill, fleet
from benchmarks.measure import Row
from benchmarks.storm import storm

IN_FLIGHT = 500
BOOTS = 5_000  # of one measurement
HOSTS = (10, 100, 1_000, 10_000)
BASE_HOSTS = 100
ROOM = 200  # servers of the smallest flavor that a simulated host surely takes
PER_HOST = (0, 10, 100)
NTH = 100_000
SERIES = ("hosts", "instances", "nth")


def run(series: Sequence[str] = SERIES, say: Say = lambda line: None) -> list[Row]:
    measured: dict[str, Callable[[Say], list[Row]]]
    measured = {"hosts": by_hosts, "instances": by_instances, "nth": by_age}
    return [row for name in series for row in measured[name](say)]


def by_hosts(say: Say, sizes: Sequence[int] = HOSTS) -> list[Row]:
    rows = []
    for hosts in sizes:
        with fleet(hosts, say) as (cloud, meter):
            boots = min(BOOTS, hosts * ROOM)
            say(f"{boots} boots on {hosts} hosts")
            rows.append(_row("hosts", hosts, 0, 1, storm(cloud, meter, IN_FLIGHT, boots)))
    base = next((row for row in rows if row["hosts"] == BASE_HOSTS), rows[0])
    return _against(base, rows)


def by_instances(say: Say, per_host: Sequence[int] = PER_HOST) -> list[Row]:
    rows = []
    with fleet(BASE_HOSTS, say) as (cloud, meter):
        held = 0
        for count in per_host:
            fill(cloud, f"fill-{count}", count * BASE_HOSTS - held, say)
            held = count * BASE_HOSTS
            say(f"{BOOTS} boots beside {count} instances a host")
            rows.append(_row("instances", BASE_HOSTS, count, held + 1, storm(cloud, meter, IN_FLIGHT, BOOTS)))
    return _against(rows[0], rows)


def by_age(say: Say, last: int = NTH) -> list[Row]:
    rows = []
    with fleet(BASE_HOSTS, say) as (cloud, meter):
        rows.append(_row("nth", BASE_HOSTS, 0, 1, storm(cloud, meter, IN_FLIGHT, BOOTS)))
        for done in range(BOOTS, last, BOOTS):
            delete(cloud, fill(cloud, f"age-{done}", BOOTS, say))
        rows.append(_row("nth", BASE_HOSTS, 0, last, storm(cloud, meter, IN_FLIGHT, BOOTS)))
    return _against(rows[0], rows)


def _row(series: str, hosts: int, per_host: int, nth: int, measured: Row) -> Row:
    place = {"series": series, "hosts": hosts, "instances_per_host": per_host, "nth": nth, "in_flight": IN_FLIGHT}
    return place | measured


def _against(base: Row, rows: list[Row]) -> list[Row]:
    """Costs are compared as multiples of the calibration loop of their own minute."""
    unit = base["cpu_ms_per_boot"] / base["calibration_ms"]
    return [row | {"ratio": round(row["cpu_ms_per_boot"] / row["calibration_ms"] / unit, 3)} for row in rows]


def plot(rows: Sequence[Row], file: Path) -> None:
    """Cost of a boot against the base of its series."""
    from matplotlib.figure import Figure

    fields = {"hosts": "hosts", "instances": "instances_per_host", "nth": "nth"}
    series = [name for name in SERIES if any(row["series"] == name for row in rows)]
    figure = Figure(figsize=(4.2 * len(series), 4), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(series), squeeze=False)[0], series, strict=True):
        mine = [row for row in rows if row["series"] == name]
        axes.plot([f"{row[fields[name]]:,}" for row in mine], [row["ratio"] for row in mine], marker="o")
        axes.axhline(1.25, linestyle="--", color="grey", label="promise")
        axes.set(title=f"Cost of a boot by {fields[name].replace('_', ' ')}", ylim=(0, None), ylabel="× the base")
        axes.legend()
    figure.savefig(file)
