"""What the beginning and the end of an act mean for the record of its server's move. Pure; called by `acts.py`."""

from __future__ import annotations

from actors.acts import AnyAct, ConfirmResize, Migrate, Resize, RevertResize, act_of
from actors.conductor.boots import Boot
from actors.conductor.moves import (
    CONFIRMED,
    CONFIRMING,
    DONE,
    ERROR,
    FAILED,
    FINISHED,
    MIGRATION,
    RESIZE,
    REVERTED,
    REVERTING,
    Moves,
)
from actors.records import InstanceAction
from actors.states import Vm


def told(moves: Moves, boot: Boot, action: InstanceAction) -> None:
    """It begins."""
    resized = boot.spec().resized
    match act_of(action.act):
        case Resize():
            moves.begin(boot, action, RESIZE, to=resized.to if resized else None)
        case Migrate():
            moves.begin(boot, action, MIGRATION)
        case ConfirmResize():
            moves.turn(boot.id, CONFIRMING, action.started_at)
        case RevertResize():
            moves.turn(boot.id, REVERTING, action.started_at)


def untold(moves: Moves, action: InstanceAction) -> None:
    """It could not be recorded."""
    match act_of(action.act):
        case ConfirmResize() | RevertResize():
            moves.turn(action.instance_id, FINISHED, action.started_at)
        case _:
            moves.drop(action)


def was_done(moves: Moves, action: InstanceAction) -> bool:
    """Whether it was, as its server's record says, and nobody wrote that it ended: the record, with what the server is,
    may be on disk earlier."""
    match act_of(action.act):
        case ConfirmResize():
            done = CONFIRMED
        case RevertResize():
            done = REVERTED
        case _:
            return False
    last = moves.last_of(action.instance_id)
    return last is not None and last.status == done and last.updated_at >= action.started_at


def ends(moves: Moves, boot: Boot, act: AnyAct, well: bool, now: float) -> None:
    """It has ended, and its server is what it is by now. One that was reset meanwhile can't be reverted any more."""
    match act:
        case Resize() | Migrate() if well:
            moves.reaches(boot, FINISHED, now)
            if boot.instance.vm_state != Vm.RESIZED:
                moves.turn(boot.id, CONFIRMED, now)
        case Resize() | Migrate():
            moves.turn(boot.id, ERROR, now)
        case ConfirmResize():
            moves.turn(boot.id, CONFIRMED if well else ERROR, now)
        case RevertResize():
            stays = boot.spec().moving is not None  # it may be tried again
            moves.turn(boot.id, REVERTED if well else FINISHED if stays else ERROR, now)


def evacuated(moves: Moves, boots: list[Boot], now: float) -> None:
    """These run again elsewhere, or could not be built there: where no host was found that is another word."""
    for boot in boots:
        if boot.instance.vm_state == Vm.ERROR:
            moves.turn(boot.id, ERROR if boot.instance.fault.get("step") == "place" else FAILED, now)
        else:
            moves.reaches(boot, DONE, now)
