"""The first administrator's password: made once, kept in the home folder, readable by its owner only."""

from __future__ import annotations

import secrets
from pathlib import Path


def admin_password(home: Path) -> str:
    file = home / "admin-password"
    if not file.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(18))
        fresh.replace(file)
    return file.read_text().strip()
