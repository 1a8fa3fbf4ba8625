"""Volumes that go from one project to another: offered, shown, taken back, accepted by whoever has the key.

`service.py` builds the volume room on it. Invariants: of a key only a salted hash is kept; a volume that is offered is
`awaiting-transfer`, so nobody attaches, extends or deletes it; the volume, its snapshots and the end of the offer are
written in one commit, within the quota of the project that accepts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

import msgspec

from actors.errors import CallerError, CallerFault, bad_request, not_found
from actors.messages import AuthContext
from actors.records import Change, Volume, VolumeSnapshot, VolumeTransfer, drop
from actors.volume import query, rules
from actors.volume.desk import Row, VolumeDesk, answer, answer_soon
from actors.volume.messages import CreateTransfer, ListRows, TransferPage, TransferRequest
from actors.volume.states import Event, after

SALT_BYTES = 8


class VolumeTransfers(VolumeDesk):
    async def create_transfer(self, requests: list[CreateTransfer]) -> list[VolumeTransfer | CallerFault]:
        async with self._deciding:
            return [await answer_soon(self._offer, request) for request in requests]

    async def show_transfer(self, requests: list[TransferRequest]) -> list[VolumeTransfer | CallerFault]:
        """Of one's own project; an administrator's are all."""
        return [answer(self._own_offer, request) for request in requests]

    async def page_transfers(self, requests: list[ListRows]) -> list[TransferPage | CallerFault]:
        return [answer(self._transfer_page, request) for request in requests]

    async def delete_transfer(self, requests: list[TransferRequest]) -> list[CallerFault | None]:
        """The volume stays where it is."""
        async with self._deciding:
            return [await answer_soon(self._take_back, request) for request in requests]

    async def accept_transfer(self, requests: list[TransferRequest]) -> list[VolumeTransfer | CallerFault]:
        """The volume is the caller's project's then, and the offer is gone."""
        async with self._deciding:
            return [await answer_soon(self._accept, request) for request in requests]

    # ------------------------------------------------------------ offer, take back

    async def _offer(self, request: CreateTransfer) -> VolumeTransfer:
        volume = self._volume(request.volume_id, request.token)
        known = self._rows.transfers.get(request.transfer_id)
        if known is not None and known.volume_id == volume.id:
            return known
        rules.check_id(request.transfer_id, "transfer_id")
        rules.check_name(request.name)
        status = after(volume.status, Event.OFFER)
        for snapshot in [] if request.no_snapshots else self._snapshots_of(volume):
            if snapshot.status != "available":
                raise CallerError(bad_request("volume_id", f"snapshot {snapshot.id} is {snapshot.status}"))
        salt = secrets.token_hex(SALT_BYTES)
        offer = VolumeTransfer(
            id=request.transfer_id,
            volume_id=volume.id,
            name=request.name,
            project_id=volume.project_id,
            salt=salt,
            key_hash=hashed(salt, request.auth_key),
            no_snapshots=request.no_snapshots,
            created_at=self._clock.now(),
        )
        before = [drop(one) for one in self._rows.offers_of(volume.id)]  # an administrator may have ended them in part
        await self._rows.commit([self._stamped(msgspec.structs.replace(volume, status=status)), *before, offer])
        return offer

    async def _take_back(self, request: TransferRequest) -> None:
        offer = self._own_offer(request)
        volume = self._rows.volumes.get(offer.volume_id)
        changes: list[Change] = [drop(offer)]
        if volume is not None and volume.status == "awaiting-transfer":  # an administrator may have said otherwise
            status = after(volume.status, Event.OFFERED)
            changes.append(self._stamped(msgspec.structs.replace(volume, status=status)))
        await self._rows.commit(changes)

    # ------------------------------------------------------------ accept

    async def _accept(self, request: TransferRequest) -> VolumeTransfer:
        who = self._who(request.token)
        rules.check_project(who)
        offer = self._offer_with_key(request)
        volume = self._rows.volumes.get(offer.volume_id)
        if volume is None or volume.project_id != offer.project_id:  # it went, or on, without this offer
            raise _no_offer(request)
        status = after(volume.status, Event.OFFERED)
        going = [] if offer.no_snapshots else self._snapshots_of(volume)
        taken = self._given(msgspec.structs.replace(volume, status=status, made_for=""), who)
        snapshots = [self._given(snapshot, who) for snapshot in going]
        if who.project_id != volume.project_id:
            allowance = self._allowance()
            allowance.take(who.project_id, [taken])
            allowance.take(who.project_id, snapshots)
        await self._rows.commit([taken, *snapshots, *map(drop, self._rows.offers_of(volume.id))])
        return offer

    def _offer_with_key(self, request: TransferRequest) -> VolumeTransfer:
        """Raises `CallerError`: 404 where there is no such offer, 400 for a wrong key to anybody's."""
        offer = self._rows.transfers.get(request.transfer_id)
        if offer is None:
            raise _no_offer(request)
        if not hmac.compare_digest(hashed(offer.salt, request.auth_key), offer.key_hash):
            text = f"Invalid auth key: Attempt to transfer {offer.id} with invalid auth key."
            raise CallerError(bad_request("", text, "InvalidAuthKey"))
        return offer

    def _given(self, row: Row, who: AuthContext) -> Row:
        return self._stamped(msgspec.structs.replace(row, project_id=who.project_id, user_id=who.user_id))

    def _snapshots_of(self, volume: Volume) -> list[VolumeSnapshot]:
        """That its project has: others stayed behind when the volume went on once before."""
        return [row for row in self._rows.snapshots_of(volume.id) if row.project_id == volume.project_id]

    # ------------------------------------------------------------ shown

    def _own_offer(self, request: TransferRequest) -> VolumeTransfer:
        offer = self._rows.transfers.get(request.transfer_id)
        if offer is None or not query.is_own(offer.project_id, self._who(request.token)):
            raise _no_offer(request)
        return offer

    def _transfer_page(self, request: ListRows) -> TransferPage:
        rows = query.listed(self._rows.transfers.values(), request.query, self._who(request.token))
        shown, more = query.page(rows, lambda row: row.id, request.query)
        return TransferPage(rows=shown, total=len(rows), more=more)


def hashed(salt: str, key: str) -> str:
    return hmac.new(salt.encode(), key.encode(errors="replace"), hashlib.sha256).hexdigest()


def _no_offer(request: TransferRequest) -> CallerError:
    return CallerError(not_found("transfer_id", f"Transfer {request.transfer_id} could not be found."))
