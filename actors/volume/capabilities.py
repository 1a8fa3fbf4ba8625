"""What the one back end of volumes is, and whether that is what a type's extra specs ask for. Pure.

As Cinder's filter of capabilities: an extra spec without a scope, or with the scope `capabilities`, names one that the
back end must have; those with other scopes are for others. Values may begin with an operator (`<is>`, `<in>`, `<or>`,
`s==`, `s!=`).
"""

from __future__ import annotations

from collections.abc import Mapping

CAPABILITIES: dict[str, str | bool] = {
    "volume_backend_name": "qcow2",
    "storage_protocol": "nbd",
    "vendor_name": "novaray",
    "driver_version": "1",
    "pool_name": "qcow2",
    "multiattach": False,
    "thin_provisioning_support": True,
}
SCOPE = "capabilities"


def are_enough(extra_specs: Mapping[str, str]) -> bool:
    for key, wanted in extra_specs.items():
        scope, colon, name = key.partition(":")
        if colon and scope != SCOPE:
            continue
        has = CAPABILITIES.get(name if colon else key)
        if has is None or not _satisfies(str(has), wanted):
            return False
    return True


def _satisfies(has: str, wanted: str) -> bool:
    operator, _, rest = wanted.strip().partition(" ")
    match operator:
        case "<is>":
            return has.lower() == rest.strip().lower()
        case "<in>":
            return rest.strip() in has
        case "<or>":
            return has in [choice.strip() for choice in rest.split("<or>")]
        case "s==":
            return has == rest.strip()
        case "s!=":
            return has != rest.strip()
    return has.lower() == wanted.strip().lower()
