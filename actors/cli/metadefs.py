"""`novaray image metadefs`: definitions of metadata, from files as Glance has them.

A file is one namespace with all of its parts, as JSON: what `glance-manage db_load_metadefs` reads, and what the image
API takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table

from actors.cli import show as shown

if TYPE_CHECKING:
    from actors.image.metadefs.messages import NamespaceDraft

Files = Annotated[list[Path], typer.Argument(help="JSON files, and folders of them.", exists=True)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def metadefs(files: Files, as_json: Json = False) -> None:
    """Load definitions of metadata; a namespace that is there already is left as it is. An administrator's right."""
    from actors.cloud import Cloud

    drafts = list(drafts_of(files))
    with Cloud.connect() as cloud:
        rows = [{"namespace": draft.namespace, "loaded": cloud.images.define(draft)} for draft in drafts]
    if as_json:
        shown.as_json(rows)
        return
    table = Table("Namespace", "", box=None)
    for row in rows:
        table.add_row(str(row["namespace"]), "loaded" if row["loaded"] else "is there already")
    shown.out.print(table)


def drafts_of(paths: Iterable[Path]) -> Iterator[NamespaceDraft]:
    """Raises `CallerError` 400 that names the file, before anything is sent."""
    from actors.errors import CallerError, bad_request
    from actors.image.metadefs.forms import namespace_draft

    for file in _files(paths):
        try:
            yield namespace_draft(msgspec.json.decode(file.read_bytes()))
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
            raise CallerError(bad_request(str(file), f"can't be read: {error}")) from None
        except CallerError as error:
            raise CallerError(bad_request(str(file), error.fault.message)) from None


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("*.json")) if path.is_dir() else [path]
