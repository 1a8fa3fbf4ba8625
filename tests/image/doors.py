"""What the tests of the image and volume rooms share: callers with tokens, a clock that stands still, a ledger that
is away at times."""

from __future__ import annotations

from actors.errors import CallerError, unauthorized
from actors.ledger import MemoryLedger
from actors.messages import AuthContext
from actors.records import Change


def caller(name: str, project: str, roles: tuple[str, ...] = ("member",)) -> AuthContext:
    return AuthContext(
        user_id=name,
        user_name=name,
        project_id=project,
        project_name=project,
        roles=roles,
        expires_at=1e12,
        token_id=f"jti-{name}",
    )


class KnownTokens:
    """A verifier that knows a few tokens: `ann` and `bob` of two projects, `root` an administrator."""

    def __init__(self) -> None:
        self.callers = {
            "ann": caller("ann", "p-ann"),
            "bob": caller("bob", "p-bob"),
            "root": caller("root", "p-root", ("admin",)),
        }

    def verify(self, token: str, now: float, allow_expired_s: float = 0.0) -> AuthContext:
        if token not in self.callers:
            raise CallerError(unauthorized("unknown token"))
        return self.callers[token]


class StillClock:
    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class Falters(MemoryLedger):
    """Is away once: the commit that is the `away`th from now fails, and was `written` or not."""

    away = 0
    written = False

    async def commit(self, changes: list[Change]) -> None:
        self.away -= 1
        if self.away != 0 or self.written:
            await super().commit(changes)
        if self.away == 0:
            raise ConnectionError("the conductor restarts")
