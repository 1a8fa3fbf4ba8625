"""`novaray floating-ip`: addresses of an external network that lead to servers."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from actors.cli import show as shown
from actors.records import FloatingIp

app = typer.Typer(help="Addresses of an external network that lead to servers.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Address = Annotated[str, typer.Argument(help="A floating IP, by its address or id.")]


@app.command()
def create(
    network: Annotated[str, typer.Argument(help="The external network, by name or id.")] = "public",
    server: Annotated[str, typer.Option(help="Server that it leads to, by name or id.")] = "",
    as_json: Json = False,
) -> None:
    """Take an address, and have it lead to a server's first interface."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        port_id = cloud.server(server).view.addresses[0].port_id if server else ""
        _show([cloud.floating_ips.create(cloud.networks.get(network).id, port_id=port_id)], as_json)


@app.command("list")
def list_floating_ips(as_json: Json = False) -> None:
    """The project's floating IPs."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        _show(cloud.floating_ips.all(), as_json)


@app.command()
def delete(address: Address) -> None:
    """Give an address back; what it led to goes on without it."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.floating_ips.delete(address)


def _show(floating_ips: list[FloatingIp], as_json: bool) -> None:
    if as_json:
        shown.as_json(floating_ips)
        return
    table = Table("ID", "Address", "Leads to", "Port", box=None)
    for one in floating_ips:
        table.add_row(one.id, one.address, one.fixed_ip or "-", one.port_id or "-")
    shown.out.print(table)
