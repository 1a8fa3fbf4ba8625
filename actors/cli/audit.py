"""`novaray audit`: every disagreement between the database, the rooms and the nodes. Its exit code tells, too."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from actors.audit.checks import audit as compared
from actors.audit.evidence import Disagreement
from actors.cli import show as shown
from actors.cluster.config import default_home

DISAGREES = 1  # exit code


def audit(
    apart: Annotated[float, typer.Option(min=0.0, help="Seconds between the two looks.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the database with what every room, node, hypervisor, bridge and disk really holds.

    Prints each disagreement and ends with 1 if there is any; prints none on a healthy cloud and ends with 0.
    """
    from actors.cloud import Cloud

    with Cloud.connect(default_home()):
        found = asyncio.run(_looks(apart))
    if as_json:
        shown.as_json(found)
    else:
        _show(found)
    raise typer.Exit(DISAGREES if found else 0)


async def _looks(apart_s: float) -> list[Disagreement]:
    """Two looks at the cloud that this process is connected to: what both show."""
    from actors.audit.gather import look
    from actors.cluster.witnesses import witnesses

    everybody = witnesses()
    first = await look(everybody)
    await asyncio.sleep(apart_s)  # what is in motion has moved on by then
    return compared(first, await look(everybody))


def _show(found: list[Disagreement]) -> None:
    if not found:
        shown.out.print("Everybody agrees.")
        return
    table = Table("check", "where", "about", "found", box=None)
    for each in found:
        table.add_row(each.check, each.where, each.subject, each.found)
    shown.out.print(table)
