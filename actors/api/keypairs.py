"""Key pairs: public keys that servers are booted with, each its user's alone. Their part of the compute API.

Owned by `service.py`, which verifies who asks. A pair that is made here has its private half in the answer and nowhere
else. Invariant: a user has no more than the project's quota allows, however many are made at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode
from collections.abc import Awaitable, Callable

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.x509 import load_pem_x509_certificate

from actors.api.key_material import certificate_fault, new_certificate, new_ssh_key, ssh_key_fault
from actors.api.messages import CreateKeypair, KeypairMade
from actors.api.validation import name_fault
from actors.errors import CallerError, CallerFault, bad_request, conflict, forbidden, not_found
from actors.records import Keypair, Ledger, drop

Limit = Callable[[], Awaitable[int]]  # how many the project's quota allows; -1 = any number


class Keypairs:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._keypairs: dict[str, Keypair] = {}
        self._one_by_one = asyncio.Lock()  # counting and writing are one act

    async def start(self) -> None:
        self._keypairs = {row.id: row for row in await self._ledger.load(Keypair)}

    def all(self, user_id: str) -> list[Keypair]:
        return sorted((one for one in self._keypairs.values() if one.user_id == user_id), key=lambda one: one.name)

    def get(self, user_id: str, name: str) -> Keypair:
        """Raises `CallerError` 404."""
        keypair = self._keypairs.get(f"{user_id}:{name}")
        if keypair is None:
            raise CallerError(not_found("keypair", f"Keypair {name} not found for user {user_id}"))
        return keypair

    async def create(self, user_id: str, request: CreateKeypair, limit: Limit, at: float) -> KeypairMade | CallerFault:
        """Imports `public_key`, or makes a pair where there is none. The same import again may be repeated."""
        if fault := _fault(request):
            return fault
        async with self._one_by_one:
            known = self._keypairs.get(f"{user_id}:{request.name}")
            if known is not None:
                if request.repeatable and (known.public_key, known.type) == (request.public_key, request.type):
                    return KeypairMade(keypair=known)
                return conflict("name", f"Key pair '{request.name}' already exists.")
            most = await limit()
            if 0 <= most <= len(self.all(user_id)):
                return forbidden("Quota exceeded, too many key pairs.")
            made = await _made(user_id, request, at)
            await self._ledger.commit([made.keypair])
            self._keypairs[made.keypair.id] = made.keypair
            return made

    async def delete(self, user_id: str, name: str) -> CallerFault | None:
        keypair = self._keypairs.get(f"{user_id}:{name}")
        if keypair is None:
            return not_found("keypair", f"Keypair {name} not found for user {user_id}")
        await self._ledger.commit([drop(keypair)])
        self._keypairs.pop(keypair.id, None)
        return None


def fingerprint(keypair: Keypair) -> str:
    """Of an SSH key the MD5 of its data (RFC 4716), of a certificate its SHA-1; both in hex with colons."""
    if keypair.type == "x509":
        digest = load_pem_x509_certificate(keypair.public_key.encode()).fingerprint(SHA1()).hex()
    else:
        data = b64decode(keypair.public_key.split()[1])
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))


async def _made(user_id: str, request: CreateKeypair, at: float) -> KeypairMade:
    public, private = request.public_key, ""
    if not public and request.type == "x509":
        public, private = await asyncio.to_thread(new_certificate, user_id, at)  # takes its time
    elif not public:
        public, private = new_ssh_key()
    keypair = Keypair(
        id=f"{user_id}:{request.name}",
        user_id=user_id,
        name=request.name,
        public_key=public,
        type=request.type,
        created_at=at,
    )
    return KeypairMade(keypair=keypair, private_key=private)


def _fault(request: CreateKeypair) -> CallerFault | None:
    if fault := name_fault("name", request.name):
        return fault
    if request.type not in ("ssh", "x509"):
        return bad_request("type", f"must be ssh or x509, not {request.type!r}")
    return certificate_fault(request.public_key) if request.type == "x509" else ssh_key_fault(request.public_key)
