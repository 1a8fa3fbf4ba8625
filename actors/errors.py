"""The two families of error, as data and as exceptions.

A *caller's* fault says which field of a request is wrong and carries an HTTP status; it changes nothing.
A *host's* fault says which step failed on which host and why; it triggers the undo of what was done.
Anything else is a bug and crashes the actor that has it.

Faults travel between actors inside reply lists (one reply an item, so one bad item never spoils a batch);
`raise_fault` turns one into its exception at the edge where a person or a script waits.
"""

from __future__ import annotations

from typing import NoReturn, TypeVar

import msgspec


class CallerFault(msgspec.Struct, frozen=True, gc=False, tag="caller"):
    """The request is wrong or refused. `status` is an HTTP status, `field` the offending field ('' if none).

    `kind` is the refusal's name where OpenStack's clients know it by one, such as IpAddressGenerationFailure.
    """

    status: int
    message: str
    field: str = ""
    kind: str = ""


class HostFault(msgspec.Struct, frozen=True, gc=False, tag="host"):
    """A host could not do its part: the boot is undone there and may go to another host."""

    step: str
    host: str
    cause: str


Fault = CallerFault | HostFault


class CallerError(Exception):
    """Raised to the caller for a `CallerFault`; `str()` names the field."""

    def __init__(self, fault: CallerFault) -> None:
        super().__init__(fault)
        self.fault = fault

    def __str__(self) -> str:
        where = f"{self.fault.field}: " if self.fault.field else ""
        return f"{where}{self.fault.message}"


class HostError(Exception):
    """Raised inside a host's step; the saga runner turns it into undo and a fault."""

    def __init__(self, fault: HostFault) -> None:
        super().__init__(fault)
        self.fault = fault

    def __str__(self) -> str:
        return f"{self.fault.step} on {self.fault.host}: {self.fault.cause}"


class StaleEpochError(Exception):
    """Raised to a compute actor whose node has a newer epoch: it may do nothing more, and stops itself."""


def bad_request(field: str, message: str, kind: str = "") -> CallerFault:
    return CallerFault(400, message, field, kind)


def unauthorized(message: str) -> CallerFault:
    return CallerFault(401, message)


def forbidden(message: str) -> CallerFault:
    return CallerFault(403, message)


def not_found(field: str, message: str, kind: str = "") -> CallerFault:
    return CallerFault(404, message, field, kind)


def conflict(field: str, message: str, kind: str = "") -> CallerFault:
    return CallerFault(409, message, field, kind)


def busy(message: str) -> CallerFault:
    """A full queue: the caller should try again later."""
    return CallerFault(503, message)


def raise_fault(fault: Fault) -> NoReturn:
    if isinstance(fault, CallerFault):
        raise CallerError(fault)
    raise HostError(fault)


Value = TypeVar("Value")


def value_of(reply: Value | CallerFault | HostFault) -> Value:
    """The value of one reply, or its fault raised."""
    if isinstance(reply, CallerFault | HostFault):
        raise_fault(reply)
    return reply
