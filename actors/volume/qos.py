"""QoS specs, which volume types are associated with: pure decisions on the records of them, in Cinder's words.

They are kept and shown; nothing here holds a volume to them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.errors import CallerError, bad_request, conflict, not_found
from actors.records import QosSpecs, VolumeType
from actors.volume.kinds import NAME_LIMIT, SPECS_LIMIT
from actors.volume.messages import AssociateQos, CreateQos, UpdateQos
from actors.volume.rules import check_id

CONSUMERS = ("front-end", "back-end", "both")
QOS_LIMIT = 1_000  # of the cloud


def seen(specs: Mapping[str, QosSpecs], qos_id: str) -> QosSpecs:
    if qos_id not in specs:
        raise CallerError(not_found("qos_id", f"No such qos spec {qos_id}."))
    return specs[qos_id]


def new_specs(known: Mapping[str, QosSpecs], request: CreateQos, now: float) -> QosSpecs:
    """For a request that came before, what is there."""
    check_id(request.qos_id, "qos_id")
    if request.qos_id in known:
        return known[request.qos_id]
    if any(other.name == request.name for other in known.values()):
        raise CallerError(conflict("name", f"Qos Specs {request.name} already exists."))
    if len(known) >= QOS_LIMIT:
        raise CallerError(conflict("name", f"there are at most {QOS_LIMIT} QoS specs"))
    if not request.name.strip() or not _is_text(request.name):
        raise CallerError(bad_request("name", f"1 to {NAME_LIMIT} characters"))
    return checked(
        QosSpecs(
            id=request.qos_id,
            name=request.name,
            consumer=request.consumer,
            specs=dict(request.specs),
            created_at=now,
        )
    )


def changed(qos: QosSpecs, request: UpdateQos) -> QosSpecs:
    for name in request.drop:
        if name not in qos.specs:
            raise CallerError(not_found("keys", f"Qos specs {qos.id} has no spec with key {name[:NAME_LIMIT]}."))
    kept = {name: value for name, value in qos.specs.items() if name not in request.drop}
    return checked(
        msgspec.structs.replace(qos, consumer=request.consumer or qos.consumer, specs={**kept, **request.put})
    )


def checked(qos: QosSpecs) -> QosSpecs:
    if qos.consumer not in CONSUMERS:
        raise CallerError(bad_request("consumer", f"one of {', '.join(CONSUMERS)}"))
    if len(qos.specs) > SPECS_LIMIT:
        raise CallerError(bad_request("specs", f"at most {SPECS_LIMIT}"))
    for name, value in qos.specs.items():
        if not name or not _is_text(name) or not _is_text(value):
            raise CallerError(bad_request("specs", f"keys have 1 to {NAME_LIMIT} characters, values at most as many"))
    return qos


def associated(kind: VolumeType, request: AssociateQos) -> VolumeType:
    """The type with these specs, or without them."""
    if request.add and kind.qos_id not in ("", request.qos_id):
        text = f"Type {kind.id} is already associated with another qos specs: {kind.qos_id}"
        raise CallerError(bad_request("vol_type_id", text))
    if request.add:
        return msgspec.structs.replace(kind, qos_id=request.qos_id)
    return msgspec.structs.replace(kind, qos_id="") if kind.qos_id == request.qos_id else kind


def _is_text(text: str) -> bool:
    return len(text) <= NAME_LIMIT and text.isprintable()
