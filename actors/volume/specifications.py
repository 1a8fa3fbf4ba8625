"""What types say of their volumes beyond a name (encryption, QoS specs), and whether new ones are taken.

For administrators.

`service.py` builds the volume room on it. `encryption.py` and `qos.py` decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from actors.errors import CallerError, CallerFault, bad_request
from actors.records import Change, QosSpecs, VolumeService, VolumeType, drop
from actors.volume import encryption, kinds, qos, rules
from actors.volume.changes import VolumeChanges
from actors.volume.desk import answer, answer_soon
from actors.volume.messages import (
    AssociateQos,
    CreateEncryption,
    CreateQos,
    EncryptionRequest,
    QosRequest,
    SetService,
    UpdateQos,
)

QosChange = TypeVar("QosChange", CreateQos, UpdateQos)


class VolumeSpecifications(VolumeChanges):
    # ------------------------------------------------------------ the service

    async def show_service(self, token: str) -> VolumeService | CallerFault:
        return answer(self._seen_service, token)

    def _seen_service(self, token: str) -> VolumeService:
        self._administrator(token)
        return self._service()

    async def set_service(self, requests: list[SetService]) -> list[VolumeService | CallerFault]:
        async with self._deciding:
            return [await answer_soon(self._set_service, request) for request in requests]

    async def _set_service(self, request: SetService) -> VolumeService:
        self._administrator(request.token)
        row = rules.service_changed(request)
        await self._rows.commit([row])
        return row

    # ------------------------------------------------------------ encryption

    async def create_encryption(self, requests: list[CreateEncryption]) -> list[VolumeType | CallerFault]:
        return await self._write_types(
            requests,
            lambda asked: encryption.encrypted(
                self._kind(asked.type_id, asked.token), asked, self._rows.volumes.values(), self._clock.now()
            ),
        )

    async def update_encryption(self, requests: list[EncryptionRequest]) -> list[VolumeType | CallerFault]:
        return await self._write_types(
            requests,
            lambda asked: encryption.changed(self._kind(asked.type_id, asked.token), asked, self._clock.now()),
        )

    async def delete_encryption(self, requests: list[EncryptionRequest]) -> list[VolumeType | CallerFault]:
        return await self._write_types(
            requests, lambda asked: encryption.plain(self._kind(asked.type_id, asked.token), asked)
        )

    def _kind(self, type_id: str, token: str) -> VolumeType:
        return kinds.administered(self._rows.types, type_id, self._who(token))

    # ------------------------------------------------------------ QoS specs

    async def create_qos(self, requests: list[CreateQos]) -> list[QosSpecs | CallerFault]:
        return await self._write_qos(requests, lambda asked: qos.new_specs(self._rows.qos, asked, self._clock.now()))

    async def update_qos(self, requests: list[UpdateQos]) -> list[QosSpecs | CallerFault]:
        return await self._write_qos(requests, lambda asked: qos.changed(qos.seen(self._rows.qos, asked.qos_id), asked))

    async def _write_qos(
        self, requests: list[QosChange], decide: Callable[[QosChange], QosSpecs]
    ) -> list[QosSpecs | CallerFault]:
        async with self._deciding:
            replies: list[QosSpecs | CallerFault] = []
            for request in requests:
                reply = answer(lambda asked: self._for_administrators(asked, decide), request)
                if isinstance(reply, QosSpecs):
                    await self._rows.commit([reply])
                replies.append(reply)
        return replies

    def _for_administrators(self, request: QosChange, decide: Callable[[QosChange], QosSpecs]) -> QosSpecs:
        self._administrator(request.token)
        return decide(request)

    async def list_qos(self, token: str) -> list[QosSpecs] | CallerFault:
        """Newest first."""
        return answer(self._all_qos, token)

    def _all_qos(self, token: str) -> list[QosSpecs]:
        self._administrator(token)
        return sorted(self._rows.qos.values(), key=lambda row: (-row.created_at, row.id))

    async def show_qos(self, requests: list[QosRequest]) -> list[QosSpecs | CallerFault]:
        return [answer(self._seen_qos, request) for request in requests]

    def _seen_qos(self, request: QosRequest | AssociateQos) -> QosSpecs:
        self._administrator(request.token)
        return qos.seen(self._rows.qos, request.qos_id)

    async def qos_types(self, requests: list[QosRequest]) -> list[list[VolumeType] | CallerFault]:
        """The types that have these specs."""
        return [answer(lambda asked: self._types_with(self._seen_qos(asked)), request) for request in requests]

    def _types_with(self, specs: QosSpecs) -> list[VolumeType]:
        return [kind for kind in self._rows.types.values() if kind.qos_id == specs.id]

    async def associate_qos(self, requests: list[AssociateQos]) -> list[CallerFault | None]:
        async with self._deciding:
            return [await answer_soon(self._associate, request) for request in requests]

    async def _associate(self, request: AssociateQos) -> None:
        specs = self._seen_qos(request)
        types = [self._kind(request.type_id, request.token)] if request.type_id else self._types_with(specs)
        await self._rows.commit([qos.associated(kind, request) for kind in types])

    async def delete_qos(self, requests: list[QosRequest]) -> list[CallerFault | None]:
        """What types have is taken from them with `force`, and else refused."""
        async with self._deciding:
            return [await answer_soon(self._delete_qos, request) for request in requests]

    async def _delete_qos(self, request: QosRequest) -> None:
        specs = self._seen_qos(request)
        types = self._types_with(specs)
        if types and not request.force:
            raise CallerError(bad_request("qos_id", f"Qos Specs {specs.id} is still associated with entities."))
        parting = AssociateQos(token=request.token, qos_id=specs.id)
        changes: list[Change] = [qos.associated(kind, parting) for kind in types]
        await self._rows.commit([*changes, drop(specs)])
