"""Who may ask for what at the edge: one decision for each request, by rules that an operator can override.

A rule is named for the route, `<service>:<verb>:<path>`; where no rule has that name, the service's `read` or `write`
counts. The defaults are those of every OpenStack cloud: a reader reads, a member changes things, an administrator
(who is a member too) does all. `policy.yaml` in the home folder, in the language of oslo.policy, overrides any of them
and is read again when it changes. The rooms decide again on what they own: a rule can take rights away, not give them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from oslo_config.cfg import ConfigOpts
from oslo_policy.policy import Enforcer, Rules

from actors.clock import Clock
from actors.errors import CallerError, forbidden
from actors.messages import AuthContext

LOOK_S = 1.0  # how old our knowledge of the file may be
REMEMBERED = 10_000  # decisions that are kept
READS = ("get", "head")
PROJECT_SERVICES = ("compute", "image", "network", "volume", "placement")
DEFAULTS = {
    "admin": "role:admin",
    "member": "role:member or role:admin",
    "reader": "role:reader or rule:member or role:service",
    "writer": "rule:member or role:service",
    "overseer": "rule:admin or (role:reader and system_scope:all)",
    "identity:read": "@",  # identity itself decides by whose row it is
    "identity:write": "@",
    **{f"{service}:read": "rule:reader" for service in PROJECT_SERVICES},
    **{f"{service}:write": "rule:writer" for service in PROJECT_SERVICES},
    "unknown": "!",
}
OF_ADMINISTRATORS = (  # where nobody else may learn whether there is what the path names
    "compute:post:/v2.1/flavors/{flavor_id}/os-extra_specs",
    *(f"compute:{verb}:/v2.1/flavors/{{flavor_id}}/os-extra_specs/{{key}}" for verb in ("put", "delete")),
    *("volume:post:/v3/types", "volume:put:/v3/types/{type_id}", "volume:delete:/v3/types/{type_id}"),
    *("volume:post:/v3/types/{type_id}/action", "volume:post:/v3/types/{type_id}/extra_specs"),
    *(f"volume:{verb}:/v3/types/{{type_id}}/extra_specs/{{key}}" for verb in ("put", "delete")),
    *(f"volume:get:/v3/types/{{type_id}}/{part}" for part in ("encryption", "os-volume-type-access")),
    *(f"volume:get:/v3/{path}" for path in ("default-types", "qos-specs", "os-quota-class-sets/{name}")),
    *(f"identity:{verb}:/v3/{noun}/{{row_id}}" for noun in ("roles", "regions") for verb in ("patch", "delete")),
    *(f"identity:{verb}:/v3/groups/{{group_id}}/users/{{user_id}}" for verb in ("put", "delete")),
)
OF_OVERSEERS = (
    "identity:get:/v3/role_inferences",
    "identity:get:/v3/roles/{prior}/implies",
    *(f"identity:{verb}:/v3/roles/{{prior}}/implies/{{implied}}" for verb in ("get", "head")),
)
DEFAULTS |= dict.fromkeys(OF_ADMINISTRATORS, "rule:admin") | dict.fromkeys(OF_OVERSEERS, "rule:overseer")

Asked = tuple[str, str, str, str, bool, tuple[str, ...]]


class Policy:
    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._looked = -LOOK_S
        self._written = -1.0
        self._remembered: dict[Asked, bool] = {}
        self._look()

    def require(self, service: str, verb: str, path: str, context: AuthContext) -> None:
        """Raises `CallerError` 403. `path` is the route's own, with its parameters' names in braces."""
        if self._clock.monotonic() - self._looked >= LOOK_S:
            self._look()
        rule = self._rule(service, verb.lower(), path)
        asked = (rule, context.user_id, context.project_id, context.domain_id, context.system, context.roles)
        allowed = self._remembered.get(asked)
        if allowed is None:
            allowed = bool(self._enforcer.enforce(rule, {"project_id": context.project_id}, _credentials(context)))
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[asked] = allowed
        if not allowed:
            raise CallerError(forbidden(f"Policy doesn't allow {rule} to be performed."))

    def _rule(self, service: str, verb: str, path: str) -> str:
        own = f"{service}:{verb}:{path}"
        if own in self._enforcer.rules:
            return own
        general = f"{service}:{'read' if verb in READS else 'write'}"
        return general if general in self._enforcer.rules else "unknown"

    def _look(self) -> None:
        """Read the file if it changed. Raises what oslo.policy says of one that it can't read."""
        self._looked = self._clock.monotonic()
        written = self._file.stat().st_mtime if self._file.exists() else 0.0
        if written == self._written:
            return
        overrides = Rules.load(self._file.read_text()) if written else Rules()
        rules = Rules.from_dict(DEFAULTS)
        rules.update(overrides)
        self._enforcer = Enforcer(ConfigOpts(), rules=rules, use_conf=False)
        self._written = written
        self._remembered.clear()


def _credentials(context: AuthContext) -> dict[str, Any]:
    return {
        "user_id": context.user_id,
        "project_id": context.project_id,
        "domain_id": context.domain_id,
        "system_scope": "all" if context.system else None,
        "roles": list(context.roles),
    }
