"""The config drive as a guest sees it: label, full names, content."""

import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from pycdlib import PyCdlib

from actors.compute.config_drive import LABEL, iso_image

DOCUMENTS = {
    "openstack/latest/meta_data.json": b'{"uuid": "1"}',
    "openstack/2012-08-10/meta_data.json": b'{"uuid": "1"}',
    "openstack/latest/user_data": b"#!/bin/sh\n" + b"x" * 60_000,
    "ec2/latest/meta-data.json": b"{}",
}


def read(image: bytes, path: str, namespace: str) -> bytes:
    iso = PyCdlib()
    iso.open_fp(BytesIO(image))
    content = BytesIO()
    iso.get_file_from_iso_fp(content, **{namespace: path})
    iso.close()
    return content.getvalue()


@pytest.mark.parametrize("namespace", ["joliet_path", "rr_path"])
def test_every_document_is_there_by_its_full_name(namespace: str) -> None:
    image = iso_image(DOCUMENTS)
    assert {path: read(image, f"/{path}", namespace) for path in DOCUMENTS} == DOCUMENTS


def test_label_is_what_guests_look_for() -> None:
    image = iso_image(DOCUMENTS)
    assert image[16 * 2048 + 40 : 16 * 2048 + 72].strip() == LABEL.encode()


def test_shared_content_is_stored_once() -> None:
    once = iso_image({"a/x": b"z" * 50_000})
    thrice = iso_image({"a/x": b"z" * 50_000, "b/x": b"z" * 50_000, "c/x": b"z" * 50_000})
    assert len(thrice) - len(once) < 50_000


@pytest.mark.real
def test_the_label_is_seen_by_blkid(tmp_path: Path) -> None:
    drive = tmp_path / "disk.config"
    drive.write_bytes(iso_image(DOCUMENTS))
    try:
        found = subprocess.run(["/sbin/blkid", "-p", "-o", "export", drive], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("blkid is not installed")
    assert "LABEL=config-2" in found.stdout
    assert "TYPE=iso9660" in found.stdout
