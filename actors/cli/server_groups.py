"""`novaray server-group`: which servers share hosts or keep apart."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from actors.cli import show as shown
from actors.records import ServerGroup

app = typer.Typer(help="Servers that share hosts, or keep apart.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The group's name.")]


@app.command()
def create(
    name: Name,
    policy: Annotated[str, typer.Option(help="affinity, anti-affinity, soft-affinity, soft-anti-affinity.")],
    max_server_per_host: Annotated[int, typer.Option(min=1, help="For anti-affinity: so many share a host.")] = 1,
    as_json: Json = False,
) -> None:
    """Make a group; servers join it with `novaray boot --server-group`."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        _show([cloud.server_groups.create(name, policy, max_server_per_host=max_server_per_host)], as_json)


@app.command("list")
def list_groups(as_json: Json = False) -> None:
    """The project's groups."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        _show(cloud.server_groups.all(), as_json)


@app.command()
def delete(name: Name) -> None:
    """Delete a group; its servers stay."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.server_groups.delete(name)


def _show(groups: list[ServerGroup], as_json: bool) -> None:
    if as_json:
        shown.as_json(groups)
        return
    table = Table("ID", "Name", "Policy", "Servers a host", box=None)
    for group in groups:
        most = str(group.max_server_per_host) if group.policy == "anti-affinity" else ""
        table.add_row(group.id, group.name, group.policy, most)
    shown.out.print(table)
