"""What every cloud must have before anybody can log in. Made where it is missing; what is there stays as it is."""

from __future__ import annotations

from actors.identity.directory import DEFAULT_DOMAIN
from actors.identity.draft import Draft
from actors.identity.messages import new_id
from actors.identity.options import IMMUTABLE
from actors.records import CatalogEndpoint, CatalogRegion, CatalogService, Domain, ImpliedRole, Project, Role

ROLES = ("admin", "manager", "member", "reader", "service")
IMPLIED = {"admin": "manager", "manager": "member", "member": "reader"}  # a role brings the next one along
PROJECTS = ("admin", "service")
REGION = "RegionOne"
INTERFACES = ("public", "internal", "admin")
SERVICES = (  # type, name, path at the edge
    ("identity", "keystone", "/identity"),
    ("compute", "nova", "/compute/v2.1"),
    ("image", "glance", "/image"),
    ("network", "neutron", "/network"),
    ("volumev3", "cinderv3", "/volume/v3/$(project_id)s"),
    ("block-storage", "cinder", "/volume/v3/$(project_id)s"),  # its official type, which newer clients ask for
    ("placement", "placement", "/placement"),
)


def furnish(draft: Draft) -> None:
    if draft.get(Domain, DEFAULT_DOMAIN) is None:
        draft.put(Domain(id=DEFAULT_DOMAIN, name="Default", description="The default domain"))
    for name in PROJECTS:
        if draft.project(name) is None:
            draft.put(Project(id=new_id(), name=name))
    _roles(draft)
    if not draft.all(CatalogService):
        _catalog(draft)


def _roles(draft: Draft) -> None:
    """Between the roles that were there already an administrator may have changed what implies what."""
    implied_before = bool(draft.all(ImpliedRole))
    fresh = {name for name in ROLES if draft.role(name) is None}
    for name in sorted(fresh):
        draft.put(Role(id=new_id(), name=name, options={IMMUTABLE: True}))  # as Keystone's own
    for prior_name, implied_name in IMPLIED.items():
        prior, implied = draft.role(prior_name), draft.role(implied_name)
        if prior and implied and not (implied_before and fresh.isdisjoint((prior_name, implied_name))):
            draft.imply(prior, implied)


def _catalog(draft: Draft) -> None:
    if draft.get(CatalogRegion, REGION) is None:
        draft.put(CatalogRegion(id=REGION))
    for kind, name, path in SERVICES:
        service = CatalogService(id=new_id(), type=kind, name=name)
        draft.put(service)
        for interface in INTERFACES:
            url = f"$(edge)s{path}"
            draft.put(
                CatalogEndpoint(id=new_id(), service_id=service.id, interface=interface, url=url, region_id=REGION)
            )
