"""What placement raises."""

from __future__ import annotations


class BadRequest(ValueError):
    """The request can be answered by no fleet; `field` names what is wrong with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
