"""Flavors: what a server may be made of. Their part of the compute API.

Owned by `service.py`, which verifies who asks; here are the rows and the rules. Only administrators change them. A
flavor that is not public is there for the projects that were given access, and for administrators. Invariant: no two
flavors have the same id or the same name. A server keeps the flavor that it was booted with, whatever becomes of it.
"""

from __future__ import annotations

from msgspec.structs import replace

from actors.api.messages import ChangeFlavor, CreateFlavor
from actors.api.validation import flavor_fault, specs_fault
from actors.errors import CallerError, CallerFault, conflict, not_found
from actors.messages import AuthContext
from actors.records import Flavor, FlavorAccess, Ledger, drop


class Flavors:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._flavors: dict[str, Flavor] = {}
        self._projects: dict[str, set[str]] = {}  # of flavors that are not public: who may use them

    async def start(self) -> None:
        self._flavors = {row.id: row for row in await self._ledger.load(Flavor)}
        for row in await self._ledger.load(FlavorAccess):
            self._projects.setdefault(row.flavor_id, set()).add(row.project_id)

    # ------------------------------------------------------------ looking

    def all(self, context: AuthContext) -> list[Flavor]:
        """Those that the caller may use, small ones first."""
        mine = (flavor for flavor in self._flavors.values() if self._visible(flavor, context))
        return sorted(mine, key=lambda flavor: (flavor.ram_mib, flavor.name))

    def find(self, context: AuthContext, name: str) -> Flavor:
        """By id or name; raises `CallerError` 404."""
        flavor = self._flavors.get(name)
        if flavor is None:
            flavor = next((one for one in self._flavors.values() if one.name == name), None)
        if flavor is None or not self._visible(flavor, context):
            raise CallerError(not_found("flavor", f"there is no flavor {name!r}"))
        return flavor

    def by_id(self, context: AuthContext, flavor_id: str) -> Flavor:
        """Raises `CallerError` 404."""
        flavor = self._flavors.get(flavor_id)
        if flavor is None or not self._visible(flavor, context):
            raise CallerError(not_found("flavor", f"Flavor {flavor_id} could not be found."))
        return flavor

    def access(self, flavor: Flavor) -> list[str]:
        """The projects that may use it; of a public one there is no list: 404."""
        if flavor.is_public:
            raise CallerError(not_found("flavor", "Access list not available for public flavors."))
        return sorted(self._projects.get(flavor.id, ()))

    def _visible(self, flavor: Flavor, context: AuthContext) -> bool:
        if flavor.is_public or context.is_admin:
            return True
        return context.project_id in self._projects.get(flavor.id, ())

    # ------------------------------------------------------------ changing

    async def create(self, request: CreateFlavor, flavor_id: str) -> Flavor | CallerFault:
        """The very same flavor again answers with the one that is there."""
        fields = {name: getattr(request, name) for name in Flavor.__struct_fields__ if name != "id"}
        flavor = Flavor(id=request.id or flavor_id, **fields)
        if fault := flavor_fault(flavor):
            return fault
        for known in self._flavors.values():
            if known.id == flavor.id and request.id and known != flavor:
                return conflict("flavorid", f"Flavor with ID {flavor.id} already exists.")
            if known.name == flavor.name:
                same = replace(known, id=flavor.id) == flavor and request.repeatable
                return known if same else conflict("name", f"Flavor with name {flavor.name} already exists.")
        await self._write(flavor)
        return flavor

    async def change(self, flavor: Flavor, request: ChangeFlavor) -> Flavor | CallerFault:
        changed = flavor
        if request.description is not None:
            changed = replace(changed, description=request.description)
        if request.extra_specs is not None:
            if fault := specs_fault(request.extra_specs):
                return fault
            changed = replace(changed, extra_specs=request.extra_specs)
        await self._write(changed)
        return changed

    async def delete(self, flavor: Flavor) -> None:
        granted = [drop(_access(flavor, project)) for project in self._projects.get(flavor.id, ())]
        await self._ledger.commit([drop(flavor), *granted])
        self._flavors.pop(flavor.id, None)
        self._projects.pop(flavor.id, None)

    async def grant(self, flavor: Flavor, project_id: str) -> CallerFault | None:
        if flavor.is_public:
            return conflict("flavor", "Can not add access to a public flavor.")
        if project_id in self._projects.get(flavor.id, ()):
            text = f"Flavor access already exists for flavor {flavor.id} and project {project_id} combination."
            return conflict("tenant", text)
        await self._ledger.commit([_access(flavor, project_id)])
        self._projects.setdefault(flavor.id, set()).add(project_id)
        return None

    async def revoke(self, flavor: Flavor, project_id: str) -> CallerFault | None:
        if flavor.is_public:
            return conflict("flavor", "Can not remove access from a public flavor.")
        if project_id not in self._projects.get(flavor.id, ()):
            return not_found("tenant", f"Flavor access not found for {flavor.id} / {project_id} combination.")
        await self._ledger.commit([drop(_access(flavor, project_id))])
        self._projects[flavor.id].discard(project_id)
        return None

    async def _write(self, flavor: Flavor) -> None:
        await self._ledger.commit([flavor])
        self._flavors[flavor.id] = flavor


def _access(flavor: Flavor, project_id: str) -> FlavorAccess:
    return FlavorAccess(id=f"{flavor.id}:{project_id}", flavor_id=flavor.id, project_id=project_id)
