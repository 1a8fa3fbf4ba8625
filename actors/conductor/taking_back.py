"""Taking back what the beginning of an act changed of a server, where it could not be recorded. Called by `acts.py`."""

from __future__ import annotations

from dataclasses import dataclass

from actors.conductor.boots import Boot
from actors.conductor.orders import Template
from actors.records import Instance


@dataclass(frozen=True, slots=True)
class Begun:
    """What beginning an act changed of its server's row."""

    boot: Boot
    before: Instance
    template: Template | None
    acting: str
    after: Instance

    def take_back(self, action_id: str) -> None:
        """What was changed again since stays."""
        boot = self.boot
        now = boot.instance
        for field in Instance.__struct_fields__:
            was, became = getattr(self.before, field), getattr(self.after, field)
            if was != became and getattr(now, field) == became:
                boot.change(**{field: was})
        if boot.instance.order == self.before.order:
            boot.template = self.template
        if boot.acting == action_id:
            boot.acting = self.acting
