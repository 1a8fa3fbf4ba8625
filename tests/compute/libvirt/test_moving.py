"""Disks of a guest that goes: packed with all that they are laid over, offered, fetched by whoever knows the secret."""

from __future__ import annotations

import asyncio
from pathlib import Path
from shutil import which

import pytest
from msgspec.structs import replace

from actors.compute.build import Disk
from actors.compute.libvirt import disks, moving
from actors.compute.libvirt.storage import NVRAM
from actors.errors import CallerError
from actors.image.data_server import DataServer
from actors.image.disk_offers import DiskOffers
from actors.messages import DiskOffer

pytestmark = pytest.mark.skipif(which("qemu-img") is None, reason="qemu-img is not installed")

MIB = 1 << 20


def made(folder: Path) -> dict[str, bytes]:
    """A root disk over an image, an ephemeral disk and swap; what a guest reads at the beginning of each."""
    folder.mkdir()
    image = folder.parent / "image"
    image.write_bytes(b"of the image".ljust(MIB, b"\0"))
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image), "-F", "raw", str(folder / "disk"), "2M"]
    disks._run(command, 20.0)
    for name in ("disk.eph0", "disk.swap"):
        (folder / name).write_bytes(name.encode().ljust(MIB, b"\0"))
    (folder / "disk.config").write_bytes(b"drive")
    return {"disk": b"of the image", "disk.eph0": b"disk.eph0"}


def content(disk: Path) -> bytes:
    """As a guest reads it."""
    kind = "qcow2" if disk.name == "disk" else "raw"
    flat = disk.with_name("flat")
    disks._run(["qemu-img", "convert", "-f", kind, "-O", "raw", str(disk), str(flat)], 20.0)
    return flat.read_bytes()


def pack(folder: Path, anew: bool = True) -> list[Path]:
    return moving.pack(folder, lambda: False, 0, anew)


def test_each_disk_but_swap_is_packed_and_stays_what_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "guest"
    made(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    packed = pack(folder)
    assert [moving.name_of(path) for path in packed] == ["disk", "disk.eph0"]
    assert {name: (folder / name).read_bytes() for name in before} == before
    times = [path.stat().st_mtime_ns for path in packed]
    assert [path.stat().st_mtime_ns for path in pack(folder, anew=False)] == times
    assert [path.stat().st_mtime_ns for path in pack(folder)] != times  # the guest may have run since
    moving.forget(folder)
    assert {path.name for path in folder.iterdir()} == set(before)


def test_what_the_firmware_remembers_goes_first_and_is_what_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "guest", tmp_path / "there"
    made(source)
    (source / NVRAM).write_bytes(remembered := b"boot order".ljust(528 * 1024, b"\xff"))
    packed = pack(source)
    assert [moving.name_of(path) for path in packed] == [NVRAM, "disk", "disk.eph0"]
    target.mkdir()
    disks.unpack(packed[0], target / NVRAM)
    assert (target / NVRAM).read_bytes() == (source / NVRAM).read_bytes() == remembered
    moving.forget(source)
    assert not list(source.glob(f"*{moving.PACKED}"))


def test_whoever_knows_the_secret_has_the_disks_whole(tmp_path: Path) -> None:
    source, target = tmp_path / "guest", tmp_path / "there"
    wanted = made(source)
    (tmp_path / "image").replace(tmp_path / "elsewhere")
    with pytest.raises(disks.ToolFailed):
        pack(source)  # what it is laid over is not there
    (tmp_path / "elsewhere").replace(tmp_path / "image")
    offers = DiskOffers()

    async def find(secret: str, name: str) -> Path:
        path = offers.find(name, secret)
        assert path is not None
        return path

    async def scene() -> None:
        server = DataServer(find, "127.0.0.1")
        await server.start()
        told = [
            DiskOffer(name=moving.name_of(path), **offers.add(f"g.{path.name}", path, server.address)._asdict())
            for path in pack(source)
        ]
        try:
            with pytest.raises(CallerError):
                await moving.take(target, replace(told[0], secret="another"))
            for _ in range(2):
                for offer in told:
                    await moving.take(target, offer)
        finally:
            await server.close()

    asyncio.run(scene())
    assert {path.name for path in target.iterdir()} == set(wanted)
    (tmp_path / "image").unlink()  # nothing of its first node is needed
    for name, begins in wanted.items():
        assert content(target / name).startswith(begins)
    assert len(content(target / "disk")) == 2 * MIB
    offers.drop("g.")
    assert offers.find("g.disk.moving", "any") is None


def test_a_copy_that_nobody_wants_any_more_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "guest"
    made(folder)
    with pytest.raises(disks.ToolFailed, match="not to be finished"):
        moving.pack(folder, lambda: True, 0, True)
    assert not list(folder.glob("*.moving*"))


def test_it_is_whole_when_each_disk_that_is_not_made_anew_has_come(tmp_path: Path) -> None:
    folder = tmp_path / "guest"
    made(folder)
    roles = ("root", "ephemeral", "swap", "config")
    wanted = [Disk(role=role, device=f"vd{place}", bus="virtio", format="raw") for place, role in enumerate(roles)]
    for name in ("disk.swap", "disk.config"):
        (folder / name).unlink()
    assert moving.is_whole(folder, wanted)
    (folder / "disk.eph0").unlink()
    assert not moving.is_whole(folder, wanted)
