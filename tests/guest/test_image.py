"""The image's cache: one file a recipe, complete or absent."""

from pathlib import Path

import pytest

from actors.guest.image import build_guest_image, image_path
from tests.guest.machine import BUILD_TOOLS, require


def test_the_recipe_names_the_file(tmp_path: Path) -> None:
    assert image_path(tmp_path) == image_path(tmp_path)
    assert image_path(tmp_path).name.startswith("guest-")


def test_an_image_in_the_cache_is_taken_as_it_is(tmp_path: Path) -> None:
    image_path(tmp_path).write_bytes(b"image")
    said: list[str] = []
    assert build_guest_image(tmp_path, said.append).read_bytes() == b"image"
    assert said == []


@pytest.mark.real
def test_a_build_leaves_the_image_and_no_work(tmp_path: Path) -> None:
    require(*BUILD_TOOLS)
    said: list[str] = []
    image = build_guest_image(tmp_path, said.append)
    assert image.read_bytes()[:4] == b"QFI\xfb"
    assert sorted(path.name for path in tmp_path.iterdir()) == [image.name, "guest.lock"]
    assert len(said) == 2
