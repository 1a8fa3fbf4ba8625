"""`novaray image`: the disks that servers boot from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from actors.cli import show as shown
from actors.cli.metadefs import metadefs
from actors.records import Image

app = typer.Typer(help="Images: the disks that servers boot from.", no_args_is_help=True)

app.command()(metadefs)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MIB = 1 << 20


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The image's name.")],
    file: Annotated[Path, typer.Option(help="File with its data.", exists=True, dir_okay=False)],
    disk_format: Annotated[str, typer.Option(help="raw, qcow2, vmdk, vdi, vhdx, iso.")] = "qcow2",
    public: Annotated[bool, typer.Option(help="For all projects; an administrator's right.")] = False,
    as_json: Json = False,
) -> None:
    """Upload an image; its content is checked before it can be used."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        _show([cloud.images.upload(name, file, disk_format=disk_format, public=public)], as_json)


@app.command("list")
def list_images(as_json: Json = False) -> None:
    """The project's images, and those that others let it see."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        _show(cloud.images.all(), as_json)


@app.command()
def delete(name: Annotated[str, typer.Argument(help="An image, by name or id.")]) -> None:
    """Delete an image; servers that were booted from it go on."""
    from actors.cloud import Cloud

    with Cloud.connect() as cloud:
        cloud.images.delete(name)


def _show(images: list[Image], as_json: bool) -> None:
    if as_json:
        shown.as_json(images)
        return
    table = Table("ID", "Name", "Status", "Format", "MiB", "Visibility", box=None)
    for image in images:
        size = f"{image.size / MIB:.1f}"
        table.add_row(image.id, image.name, image.status, image.disk_format, size, image.visibility)
    shown.out.print(table)
