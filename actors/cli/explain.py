"""`novaray explain`: where a server would land now, and why; nothing is booted."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from actors.cli import show as shown
from actors.scheduler.messages import PlacementExplained


def explain(
    flavor: Annotated[str, typer.Option(help="Flavor, by name or id.")] = "tiny",
    image: Annotated[str, typer.Option(help="Image, by name or id.")] = "tiny",
    availability_zone: Annotated[str, typer.Option(help="Zone, or zone:host.")] = "",
    server_group: Annotated[str, typer.Option(help="Server group, by name or id.")] = "",
    hint: Annotated[list[str] | None, typer.Option(help="Scheduler hint, name=value; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Where a server would land now, how the best hosts weigh, why others were dropped. Boots nothing."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        found = cloud.explain(
            flavor=flavor,
            image=image,
            availability_zone=availability_zone,
            server_group=server_group,
            hints=hints(hint or []),
        )
    if as_json:
        shown.as_json(found)
    else:
        show(found)


def hints(given: list[str]) -> dict[str, tuple[str, ...]]:
    """`name=value` pairs, values of one name together; raises `RuntimeError` for what is none."""
    found: dict[str, tuple[str, ...]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise RuntimeError(f"a hint is name=value, not {each!r}")
        found[name] = (*found.get(name, ()), value)
    return found


def show(found: PlacementExplained) -> None:
    shown.out.print(f"{landing(found)}  (profile {found.profile}, {found.passed} of {found.hosts} hosts pass)")
    if found.checks:
        table = Table("check", "hosts before", "removed", box=None)
        for line in found.checks:
            table.add_row(line.check, str(line.before), str(line.removed))
        shown.out.print(table)
    if found.best:
        weighers = [name for name in found.best[0].weights if any(each.weights[name] for each in found.best)]
        table = Table("best hosts", "weight", *weighers, box=None)
        for each in found.best:
            table.add_row(each.host, f"{each.total:.4f}", *(f"{each.weights[name]:.4f}" for name in weighers))
        shown.out.print(table)
    if found.dropped:
        table = Table("dropped", "by", "because", box=None)
        for gone in found.dropped:
            table.add_row(gone.host, gone.check, gone.lack)
        shown.out.print(table)
    for near in found.nearest:
        shown.out.print(f"nearest: {near}", markup=False)


def landing(found: PlacementExplained) -> str:
    if not found.best:
        return "No host would take it"
    equals = [each.host for each in found.best if each.total == found.best[0].total]
    if len(equals) == 1:
        return f"It would land on {equals[0]}"
    return f"It would land on one of {', '.join(equals)}" + (" …" if len(equals) == len(found.best) else "")
