"""The config drive: documents as an ISO 9660 image that a guest finds by its label `config-2`.

Called by the drivers with what `metadata.drive_documents` made. Names are full in Joliet and Rock Ridge; the plain
ISO 9660 names are numbered, since that format allows eight characters only.
"""

from __future__ import annotations

from io import BytesIO
from itertools import count
from pathlib import PurePosixPath

from pycdlib import PyCdlib

LABEL = "config-2"  # where cloud-init and the project's own guest look
PUBLISHER = "novaray"


def iso_image(documents: dict[str, bytes]) -> bytes:
    """The whole image. A content that several paths share is stored once."""
    iso = PyCdlib()
    iso.new(interchange_level=1, joliet=3, rock_ridge="1.09", vol_ident=LABEL, pub_ident_str=PUBLISHER)
    numbers = count()
    folders = {PurePosixPath("/"): ""}  # by real path: its plain ISO name
    stored: dict[bytes, str] = {}
    for name, content in sorted(documents.items()):
        path = PurePosixPath("/") / name
        _add_folders(iso, path.parent, folders, numbers)
        plain = f"{folders[path.parent]}/F{next(numbers):05}.;1"
        if content in stored:
            iso.add_hard_link(iso_old_path=stored[content], iso_new_path=plain, rr_name=path.name)
            iso.add_hard_link(iso_old_path=stored[content], joliet_new_path=str(path))
        else:
            iso.add_fp(BytesIO(content), len(content), plain, rr_name=path.name, joliet_path=str(path))
            stored[content] = plain
    output = BytesIO()
    iso.write_fp(output)
    iso.close()
    return output.getvalue()


def _add_folders(iso: PyCdlib, path: PurePosixPath, folders: dict[PurePosixPath, str], numbers: count[int]) -> None:
    if path in folders:
        return
    _add_folders(iso, path.parent, folders, numbers)
    plain = f"{folders[path.parent]}/D{next(numbers):05}"
    iso.add_directory(plain, rr_name=path.name, joliet_path=str(path))
    folders[path] = plain
