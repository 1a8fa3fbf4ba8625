"""The first administrator's password: made once, kept in the home folder, readable by its owner only."""

from __future__ import annotations

import secrets
from pathlib import Path

from actors.private_files import kept


def admin_password(home: Path) -> str:
    return kept(home / "admin-password", lambda: secrets.token_urlsafe(18))
