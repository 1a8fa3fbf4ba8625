"""How volumes of a type are to be encrypted: pure decisions on the record of it, in Cinder's words.

Invariant: a type with volumes gets none, and no volume is made of a type that has one (`kinds.chosen`), so that no
volume is thought to be encrypted that is not.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from actors.errors import CallerError, bad_request, not_found
from actors.records import TypeEncryption, Volume, VolumeType
from actors.volume.kinds import DEFAULT_TYPE, NAME_LIMIT, check_unused
from actors.volume.messages import CreateEncryption, EncryptionRequest

LOCATIONS = ("front-end", "back-end")
KEY_SIZE_LIMIT = 2**31 - 1  # bits


def encrypted(kind: VolumeType, request: CreateEncryption, volumes: Collection[Volume], now: float) -> VolumeType:
    """The type with its new encryption; one that came before with this id is as it is."""
    if any(known.id == request.encryption_id for known in kind.encryption):
        return kind
    if kind.encryption:
        raise CallerError(bad_request("encryption", f"Volume type encryption for type {kind.id} already exists."))
    if kind.id == DEFAULT_TYPE.id:
        raise CallerError(bad_request("encryption", "volumes of the default type are not encrypted"))
    check_unused(kind, volumes)
    encryption = TypeEncryption(
        id=request.encryption_id,
        provider=request.provider,
        control_location=request.control_location,
        cipher=request.cipher,
        key_size=request.key_size,
        created_at=now,
    )
    return msgspec.structs.replace(kind, encryption=(checked(encryption),))


def changed(kind: VolumeType, request: EncryptionRequest, now: float) -> VolumeType:
    known = of(kind, request.encryption_id)
    said = ("provider", "control_location", "cipher", "key_size")
    new = {field: getattr(request, field) for field in said if getattr(request, field) is not None}
    return msgspec.structs.replace(kind, encryption=(checked(msgspec.structs.replace(known, updated_at=now, **new)),))


def plain(kind: VolumeType, request: EncryptionRequest) -> VolumeType:
    of(kind, request.encryption_id)
    return msgspec.structs.replace(kind, encryption=())


def of(kind: VolumeType, encryption_id: str) -> TypeEncryption:
    for known in kind.encryption:
        if known.id == encryption_id:
            return known
    text = f"Volume type encryption for type {kind.id} does not exist."
    raise CallerError(not_found("encryption_id", text))


def checked(encryption: TypeEncryption) -> TypeEncryption:
    if not 0 < len(encryption.provider) <= NAME_LIMIT or not encryption.provider.isprintable():
        raise CallerError(bad_request("provider", f"1 to {NAME_LIMIT} characters"))
    if encryption.control_location not in LOCATIONS:
        raise CallerError(bad_request("control_location", f"one of {', '.join(LOCATIONS)}"))
    if len(encryption.cipher) > NAME_LIMIT or not encryption.cipher.isprintable():
        raise CallerError(bad_request("cipher", f"at most {NAME_LIMIT} characters"))
    if not 0 <= encryption.key_size <= KEY_SIZE_LIMIT:
        raise CallerError(bad_request("key_size", f"from 0 to {KEY_SIZE_LIMIT} bits"))
    return encryption
