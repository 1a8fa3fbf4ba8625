"""`novaray network`: what servers are connected to."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from actors.cli import show as shown
from actors.records import Network

app = typer.Typer(help="Networks that servers are connected to.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The network's name.")],
    cidr: Annotated[
        str, typer.Option(help="Addresses of its subnet, such as 10.8.0.0/24 or fd00:8::/64; without, it has none.")
    ] = "",
    shared: Annotated[bool, typer.Option(help="For all projects; an administrator's right.")] = False,
    as_json: Json = False,
) -> None:
    """Make a VXLAN network, with a subnet."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        _show([cloud.networks.create(name, cidr, shared=shared)], as_json)


@app.command("list")
def list_networks(as_json: Json = False) -> None:
    """The project's networks and the shared ones."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        _show(cloud.networks.all(), as_json)


def _show(networks: list[Network], as_json: bool) -> None:
    if as_json:
        shown.as_json(networks)
        return
    table = Table("ID", "Name", "Type", "Segment", "MTU", "Shared", box=None)
    for network in networks:
        row = (network.network_type, str(network.segmentation_id), str(network.mtu), "yes" if network.shared else "no")
        table.add_row(network.id, network.name, *row)
    shown.out.print(table)
