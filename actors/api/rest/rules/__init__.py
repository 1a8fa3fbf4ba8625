"""Which of OpenStack's rules decides which route, and what each rule says where no operator says otherwise.

One table a service: `routes`, by verb and path, and `defaults`, in the language of oslo.policy. Rules have the names
that the services' own documents give them, so that a `policy.yaml` that was written for those works here. What those
services leave to everybody who has a role (flavors, extensions, schemas), `<service>:read` decides.
"""

from __future__ import annotations

from actors.api.rest.rules import compute, identity, image, network, placement, volume
from actors.api.rest.rules.bases import BASES
from actors.api.rest.rules.table import Table

TABLES: dict[str, Table] = {
    "compute": compute.TABLE,
    "identity": identity.TABLE,
    "image": image.TABLE,
    "network": network.TABLE,
    "placement": placement.TABLE,
    "volume": volume.TABLE,
}
DEFAULTS: dict[str, str] = {
    **BASES,
    **{rule: check for table in TABLES.values() for rule, check in table.defaults.items()},
}
"""Every rule and what it says by default."""
