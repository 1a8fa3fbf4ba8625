"""Blobs of credentials: sealed by a key that is a file of the home folder alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from actors.errors import CallerError
from actors.identity.sealing import NAME, Seal


def test_what_is_closed_is_opened_by_the_same_key(tmp_path: Path) -> None:
    closed = Seal(tmp_path).closed("the seed", is_first=True)
    assert "seed" not in closed and Seal(tmp_path).opened(closed) == "the seed"
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert Seal(tmp_path).closed("the seed", is_first=False) != closed


def test_an_older_key_still_opens_and_the_first_closes(tmp_path: Path) -> None:
    closed = Seal(tmp_path).closed("old", is_first=True)
    older, newer = (tmp_path / NAME).read_text(), Fernet.generate_key().decode()
    (tmp_path / NAME).write_text(f"{newer}\n{older}\n")
    assert Seal(tmp_path).opened(closed) == "old"
    again = Seal(tmp_path).closed("new", is_first=False)
    assert Fernet(newer.encode()).decrypt(again.encode()) == b"new"


@pytest.mark.parametrize("now", [None, "no key", Fernet.generate_key().decode()])
def test_a_key_that_is_lost_is_not_made_anew(tmp_path: Path, now: str | None) -> None:
    closed = Seal(tmp_path).closed("x", is_first=True)
    (tmp_path / NAME).unlink()
    if now is not None:
        (tmp_path / NAME).write_text(now)
    with pytest.raises(CallerError, match=NAME):
        Seal(tmp_path).opened(closed)
    if now is None:
        with pytest.raises(CallerError, match="missing"):
            Seal(tmp_path).closed("y", is_first=False)
        assert not (tmp_path / NAME).exists()
