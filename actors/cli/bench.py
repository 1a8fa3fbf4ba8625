"""`novaray bench NAME`: measures, says how far it is, prints a table and writes `{"rows": [...]}` where asked.

The benchmarks themselves are in `benchmarks/`, each a module whose `run` gives the rows; here is only how they are
called and shown. What they promise is in `benchmarks/PROMISES.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Measure what this program promises.", no_args_is_help=True)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

BARS = " ▁▂▃▄▅▆▇█"
CURVE_COLUMNS = 72  # characters of a curve

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the rows there.", dir_okay=False)]
Row = dict[str, Any]


@app.command()
def placement(
    hosts: Annotated[list[int] | None, typer.Option(min=1, help="Sizes of the fleet. [1000, 10000, 100000]")] = None,
    json_file: JsonFile = None,
) -> None:
    """CPU time of placement decisions, by size of fleet."""
    from benchmarks import placement as bench

    with progress() as say:
        rows = bench.run(hosts or bench.SIZES, say)
    finish("Placement on one core", rows, json_file)


@app.command()
def packing(
    trace: Annotated[Path, typer.Option(help="Folder of a trace of requests.", exists=True, file_okay=False)],
    profile: Annotated[list[str] | None, typer.Option(help="Profiles to compare. [pack, spread]")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the hosts in use [beside --json].", dir_okay=False)
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """How few hosts each profile needs for a trace of requests, and how many it keeps empty."""
    from benchmarks import packing as bench
    from placement import PROFILES

    unknown = set(profile or ()) - set(PROFILES)
    if unknown:
        raise RuntimeError(f"there is no profile {', '.join(sorted(unknown))}; there are {', '.join(PROFILES)}")
    try:
        with progress() as say:
            results = bench.run(trace, profile or bench.PROFILE_NAMES, say)
    except (OSError, ValueError) as error:
        raise RuntimeError(f"the trace {trace} can't be read: {error}") from None
    finish("Packing", [result.row for result in results], json_file)
    for result in results:
        used = [hosts for _, hosts in result.curve]
        out.print(f"{result.row['profile']:>8} {curve(used, result.hosts)}", markup=False)
    out.print(f"{'':>8} hosts in use over the time of the trace, of {results[0].hosts}")
    picture = plot or (json_file.with_suffix(".png") if json_file else None)
    if picture:
        _draw(lambda: bench.plot(results, picture), picture)


@app.command()
def store(
    database: Annotated[str, typer.Option(help="Database URL. [SQLite in a temporary folder]")] = "",
    json_file: JsonFile = None,
) -> None:
    """How fast the conductor's database commits."""
    from benchmarks import store as bench

    with progress() as say:
        rows = bench.run(database, say)
    finish("Store", rows, json_file)


@app.command()
def image(
    nodes: Annotated[list[int] | None, typer.Option(min=1, help="How many nodes. [1, 3, 8, 16]")] = None,
    size_mib: Annotated[int, typer.Option(min=1, help="Size of the image.")] = 200,
    json_file: JsonFile = None,
) -> None:
    """One image to several nodes, and a boot of an image that is there."""
    from benchmarks import image as bench

    with progress() as say:
        rows = bench.run(nodes or bench.NODES, size_mib, say)
    finish("One image to k nodes", rows, json_file)


@app.command()
def storm(
    in_flight: Annotated[list[int] | None, typer.Option(min=1, help="Boots at a time. [1, 50, 500, 5000]")] = None,
    hosts: Annotated[int, typer.Option(min=1, help="Simulated hosts.")] = 1_000,
    json_file: JsonFile = None,
) -> None:
    """A storm of boots, from the driver to ACTIVE: speed, latency, CPU time, writes and messages a boot."""
    from benchmarks import storm as bench

    with progress() as say:
        rows = bench.run(in_flight or tuple(bench.BOOTS), hosts, say)
    finish("Storm", rows, json_file)
    _draw_beside(json_file, lambda file: bench.plot(rows, file))


@app.command()
def cluster(
    in_flight: Annotated[list[int] | None, typer.Option(min=1, help="Boots at a time. [50, 500, 5000]")] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Nodes of the cluster, on this machine.")] = 4,
    hosts: Annotated[int, typer.Option(min=1, help="Simulated hosts, on all nodes together.")] = 1_000,
    json_file: JsonFile = None,
) -> None:
    """The same storm, submitted as a Ray job to a cluster of several nodes."""
    from benchmarks import cluster as bench
    from benchmarks import storm as storms

    with progress() as say:
        rows = bench.run(in_flight or bench.IN_FLIGHT, nodes, hosts, say)
    finish("Storm of a Ray job", rows, json_file)
    _draw_beside(json_file, lambda file: storms.plot(rows, file))


@app.command()
def growth(
    series: Annotated[list[str] | None, typer.Option(help="hosts, instances, nth. [all]")] = None,
    json_file: JsonFile = None,
) -> None:
    """Whether a boot costs more with more hosts, more instances, or after many boots."""
    from benchmarks import growth as bench

    unknown = set(series or ()) - set(bench.SERIES)
    if unknown:
        raise RuntimeError(f"there is no series {', '.join(sorted(unknown))}; there are {', '.join(bench.SERIES)}")
    with progress() as say:
        rows = bench.run(series or bench.SERIES, say)
    finish("Growth", rows, json_file)
    _draw_beside(json_file, lambda file: bench.plot(rows, file))


@app.command()
def memory(
    hosts: Annotated[int, typer.Option(min=1, help="Simulated hosts.")] = 1_000,
    instances: Annotated[list[int] | None, typer.Option(min=0, help="Instances. [0, 1000, 10000]")] = None,
    json_file: JsonFile = None,
) -> None:
    """Memory of a whole cloud, and the CPU time of an idle one."""
    from benchmarks import memory as bench

    with progress() as say:
        rows = bench.run(hosts, sorted(instances or bench.INSTANCES), say)
    finish("Memory", rows, json_file)
    _draw_beside(json_file, lambda file: bench.plot(rows, file))


@app.command()
def real(
    guests: Annotated[int, typer.Option(min=1, help="Guests booted together.")] = 8,
    json_file: JsonFile = None,
) -> None:
    """Real guests through libvirt, against a bare libvirt loop over the same definitions."""
    from benchmarks import real as bench

    with progress() as say:
        rows = bench.run(guests, say)
    finish("Real guests", rows, json_file)
    _draw_beside(json_file, lambda file: bench.plot(rows, file))


@app.command()
def simulation(
    seeds: Annotated[int, typer.Option(min=1, help="How many.")] = 10_000,
    first: Annotated[int, typer.Option(min=0, help="The first of them; a failed seed alone: --first N --seeds 1.")] = 0,
    stories: Annotated[Path | None, typer.Option(help="Folder for the stories of failures.", file_okay=False)] = None,
    play: Annotated[
        str, typer.Option(help="boots, rebuilds, resizes, shelves, migrations, or a day of all that there is.")
    ] = "boots",
    json_file: JsonFile = None,
) -> None:
    """A whole cloud under seeds of crashes, lost messages and lost nodes: is anything ever lost?"""
    from benchmarks.simulation import bench

    if play not in bench.PLAYS:
        raise RuntimeError(f"there is no play {play}; there are {', '.join(bench.PLAYS)}")
    with progress() as say:
        rows = bench.run(first, seeds, say, stories, play)
    finish("Simulator", rows, json_file)
    if rows[0]["failures"]:
        raise typer.Exit(1)


@app.command()
def chaos(
    only: Annotated[list[str] | None, typer.Option(help="What to kill: api, conductor, raylet, head … [all]")] = None,
    moment: Annotated[list[str] | None, typer.Option(help="early, middle, late. [all]")] = None,
    boots: Annotated[int, typer.Option(min=1, help="Boots in flight.")] = 500,
    nodes: Annotated[int, typer.Option(min=2, help="Worker nodes.")] = 4,
    json_file: JsonFile = None,
) -> None:
    """SIGKILL for every part of a cloud while it boots: what sticks, what leaks, what comes back."""
    from benchmarks import chaos as bench

    unknown = set(moment or ()) - set(bench.MOMENTS)
    if unknown:
        raise RuntimeError(f"there is no moment {', '.join(sorted(unknown))}; there are {', '.join(bench.MOMENTS)}")
    with progress() as say:
        rows = bench.run(only or (), boots, moment or tuple(bench.MOMENTS), nodes, say)
    finish("Chaos", rows, json_file)


@app.command()
def overload(
    requests: Annotated[int, typer.Option(min=1, help="Requests at once, a server each.")] = 100_000,
    hosts: Annotated[int, typer.Option(min=1, help="Simulated hosts.")] = 1_000,
    json_file: JsonFile = None,
) -> None:
    """More requests than a cloud can take: who is refused, what was accepted, and whether it still answers."""
    from benchmarks import overload as bench

    with progress() as say:
        rows = bench.run(requests, hosts, say)
    finish("Overload", rows, json_file)


@app.command()
def openstack(
    cloud: Annotated[str, typer.Option(help="Entry of clouds.yaml. [OS_CLOUD, OS_*, or a cloud of its own]")] = "",
    boots: Annotated[int, typer.Option(min=1, help="Servers, by a POST each.")] = 1_000,
    concurrency: Annotated[int, typer.Option(min=1, help="Of those at a time.")] = 50,
    multi: Annotated[int, typer.Option(min=0, help="Servers by one POST.")] = 1_000,
    reads: Annotated[int, typer.Option(min=0, help="GETs of one server, 32 at a time.")] = 5_000,
    image: Annotated[str, typer.Option(help="Image, by name or id. [any]")] = "",
    flavor: Annotated[str, typer.Option(help="Flavor, by name or id. [the smallest]")] = "",
    network: Annotated[str, typer.Option(help="Network, by name or id. [any]")] = "",
    hosts: Annotated[int, typer.Option(min=1, help="Simulated hosts of a cloud of its own.")] = 1_000,
    json_file: JsonFile = None,
) -> None:
    """Boots and reads over REST, against any OpenStack cloud: yours, or one of simulated hosts."""
    from benchmarks import openstack as bench

    load = bench.Load(
        boots=boots, concurrency=concurrency, multi=multi, reads=reads, image=image, flavor=flavor, network=network
    )
    with progress() as say:
        rows = bench.run(load, cloud, hosts, say)
    finish("Over REST", rows, json_file)
    _draw_beside(json_file, lambda file: bench.plot(rows, file))


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """What is being measured, on one line that goes away; a line each where nobody watches."""
    if not err.is_terminal:
        yield lambda line: err.print(f"  {line}", markup=False)
        return
    with err.status("begins") as status:
        yield status.update


def finish(title: str, rows: Sequence[Row], json_file: Path | None) -> None:
    table = Table(title=title, title_justify="left", box=None)
    names = list(dict.fromkeys(name for row in rows for name, value in row.items() if not isinstance(value, dict)))
    for name in names:
        number = isinstance(rows[0].get(name), int | float)
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(str(row.get(name, "")) for name in names))
    out.print(table)
    if json_file:
        json_file.write_text(json.dumps({"rows": list(rows)}, indent=1) + "\n")


def curve(values: Sequence[int], most: int) -> str:
    """Numbers over time as one line of bars, `most` being a full one; 0 alone is none at all."""
    step = max(1, -(-len(values) // CURVE_COLUMNS))
    return "".join(BARS[-(-value * (len(BARS) - 1) // most)] for value in values[::step])


def _draw_beside(json_file: Path | None, plot: Callable[[Path], None]) -> None:
    if json_file:
        picture = json_file.with_suffix(".png")
        _draw(lambda: plot(picture), picture)


def _draw(plot: Callable[[], None], file: Path) -> None:
    try:
        plot()
    except ImportError:
        err.print('  no picture: `pip install "novaray[bench]"` brings matplotlib', style="dim", markup=False)
    else:
        out.print(f"picture: {file}", markup=False)
