"""Which boot requests are alike: those that differ in nothing but what each server has of its own. Pure.

The compute API looks at one request of each kind in a message, and makes the others like it. A storm of boots has few
kinds, and checking a request costs five times what this costs.
"""

from __future__ import annotations

import pickle

import msgspec

from actors.api.messages import BootRequest

OWN = {"name": "", "hostname": "", "admin_password": "", "request_id": "", "idempotency_key": "", "reservation_id": ""}

_encoder = msgspec.msgpack.Encoder()


def kind_of(request: BootRequest) -> bytes:
    """Equal for requests that are alike. One that brings a port, an address or a volume, which only one server can
    have, is of its own kind."""
    alone = request.block_devices or any(network.port_id or network.fixed_ip for network in request.networks)
    common = request if alone else msgspec.structs.replace(request, **OWN)
    try:
        return _encoder.encode(common)
    except (UnicodeEncodeError, OverflowError):  # half a character, or a number of more than 64 bits
        return pickle.dumps(common)
