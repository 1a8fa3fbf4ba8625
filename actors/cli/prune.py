"""`novaray prune`: forget servers that were deleted long ago."""

from __future__ import annotations

from typing import Annotated

import typer

from actors.cli import show as shown

DAY_S = 86_400.0
KEPT_DAYS = 90.0


def prune(
    days: Annotated[float, typer.Option(min=0.0, help="Those deleted at least so many days ago.")] = KEPT_DAYS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Forget servers that were deleted long ago: their rows and stories, and notifications of that time."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        found = cloud.prune(days * DAY_S)
    if as_json:
        shown.as_json(found)
    else:
        shown.out.print(f"{found.servers} servers and {found.notifications} notifications are forgotten", markup=False)
