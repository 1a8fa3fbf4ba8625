"""`novaray volume`: disks that outlive servers."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from actors.cli import show as shown
from actors.records import Volume

app = typer.Typer(help="Volumes: disks that outlive servers.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The volume's name.")],
    size: Annotated[int, typer.Option(min=0, help="GiB; 0 = as large as its image needs.")] = 0,
    image: Annotated[str, typer.Option(help="Image to copy, by name or id.")] = "",
    as_json: Json = False,
) -> None:
    """Make a volume, blank or of an image, and wait until it can be used."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        image_id = cloud.images.get(image).id if image else ""
        _show([cloud.volumes.create(name, size, image_id=image_id)], as_json)


@app.command("list")
def list_volumes(as_json: Json = False) -> None:
    """The project's volumes."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        _show(cloud.volumes.all(), as_json)


@app.command()
def delete(name: Annotated[str, typer.Argument(help="A volume, by name or id.")]) -> None:
    """Delete a volume that no server uses."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.volumes.delete(name)


def _show(volumes: list[Volume], as_json: bool) -> None:
    if as_json:
        shown.as_json(volumes)
        return
    table = Table("ID", "Name", "Status", "GiB", "Bootable", box=None)
    for volume in volumes:
        bootable = "yes" if volume.bootable else "no"
        table.add_row(volume.id, volume.name, volume.status, str(volume.size_gib), bootable)
    shown.out.print(table)
