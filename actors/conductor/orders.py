"""What instances were ordered with: once what many have in common, and with each row what it has of its own.

A storm of boots has few kinds of orders, and an order is a kilobyte, most of it the token: written with each row it was
half of what the database had to write for a boot. Used by `boots.py`; the conductor writes a template with the first
rows that need it. Invariant: of one and the same content there is one template in memory, as long as anything has it.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from weakref import WeakValueDictionary

import msgspec
from msgspec.structs import asdict, replace

from actors.messages import BootSpec
from actors.records import Instance, OrderTemplate

OWN = {"name": "", "hostname": "", "admin_password": "", "reservation_id": "", "launch_index": 0}  # what `Own` has
IN_ROW = {"request_id": "", "idempotency_key": "", "instance_ids": ()}  # and what the row itself says
ID_BYTES = 16
DECODED_KEPT = 1_000  # templates: a boot that was asked for alone has one of its own

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(BootSpec)


class Own(msgspec.Struct, frozen=True, gc=False, array_like=True):
    name: str
    hostname: str
    admin_password: str
    reservation_id: str
    launch_index: int


_own_decoder = msgspec.msgpack.Decoder(Own)


class Template:
    """What many orders have in common; `data` is a BootSpec in MessagePack, without what each has of its own."""

    __slots__ = ("__weakref__", "data", "id")

    def __init__(self, data: bytes, template_id: str = "") -> None:
        self.data = data
        self.id = template_id or blake2b(data, digest_size=ID_BYTES).hexdigest()

    def row(self) -> OrderTemplate:
        return OrderTemplate(id=self.id, spec=self.data)


_templates: WeakValueDictionary[bytes, Template] = WeakValueDictionary()


def template_of(data: bytes, template_id: str = "") -> Template:
    """The one of this content."""
    found = _templates.get(data)
    if found is None:
        found = _templates[data] = Template(data, template_id)
    return found


def templates_in_memory() -> set[str]:
    """Their ids: of all that a server has that lives, or is about to be written."""
    return {template.id for template in _templates.values()}


def split(spec: BootSpec) -> tuple[Template, bytes]:
    """The template, and what `Instance.order` holds beside it."""
    own = Own(spec.name, spec.hostname, spec.admin_password, spec.reservation_id, spec.launch_index)
    return template_of(_encoder.encode(replace(spec, **OWN, **IN_ROW))), _encoder.encode(own)


def joined(template: Template | None, row: Instance) -> BootSpec:
    """The row's order; None: it is whole in the row, since it is like no other."""
    if template is None:
        return _decoder.decode(row.order)
    own = asdict(_own_decoder.decode(row.order))
    return replace(_decoded(template.data), **own, request_id=row.request_id, idempotency_key=row.idempotency_key)


@lru_cache(DECODED_KEPT)
def _decoded(data: bytes) -> BootSpec:
    return _decoder.decode(data)


def whole(spec: BootSpec) -> bytes:
    """What `Instance.order` holds of one that is like no other."""
    return _encoder.encode(spec)
