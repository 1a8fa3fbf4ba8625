"""What must be shown again, and so can't be hashed: the blobs of credentials, which the database has sealed alone.

Called by identity. The key is a file of the cloud's home, of its owner only, and never in the database: whoever has a
backup without that file has no blob. A line of it is one key (Fernet: AES-128-CBC and HMAC-SHA256); the first seals,
all open. Invariant: no key is made where something was sealed already by one that is missing.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from actors.errors import CallerError, CallerFault
from actors.private_files import kept

NAME = "credential-key"


class Seal:
    """Reads its file when it is needed first."""

    def __init__(self, home: Path) -> None:
        self._file = home / NAME
        self._keys: MultiFernet | None = None

    def closed(self, text: str, is_first: bool) -> str:
        """`is_first`: nothing has been sealed so far, so that there need be no key. Raises `CallerError` 500."""
        return self._read(is_first).encrypt(text.encode()).decode()

    def opened(self, sealed: str) -> str:
        """Raises `CallerError` 500 where the key is another one."""
        try:
            return self._read(False).decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise CallerError(_lost(f"{NAME} in the home folder is not what this was sealed with")) from None

    def _read(self, may_make: bool) -> MultiFernet:
        if self._keys is None:
            if not may_make and not self._file.exists():
                raise CallerError(_lost(f"{NAME} is missing in the home folder"))
            lines = kept(self._file, lambda: Fernet.generate_key().decode()).split()
            try:
                self._keys = MultiFernet([Fernet(line) for line in lines])
            except ValueError:
                raise CallerError(_lost(f"{NAME} in the home folder is no key")) from None
        return self._keys


def _lost(why: str) -> CallerFault:
    return CallerFault(500, f"The credential can't be opened: {why}.")
