"""What each service's answers look like and what its lists may be asked for, by route, for its OpenAPI document.

Used by `documents.py`, so that whoever reads the document knows the main resources; the suite's fuzzer holds every
answer against it. What has no shape here may be anything.
"""

from __future__ import annotations

from actors.api.rest.shapes import compute, identity, image, network, volume
from actors.api.rest.shapes.terms import Schema

BODIES: dict[str, dict[str, Schema]] = {
    "Compute v2.1": compute.BODIES,
    "Identity v3": identity.BODIES,
    "Image v2": image.BODIES,
    "Network v2.0": network.BODIES,
    "Block storage v3": volume.BODIES,
}
QUERIES: dict[str, dict[str, Schema]] = {
    "Compute v2.1": compute.QUERIES,
    "Identity v3": identity.QUERIES,
    "Image v2": image.QUERIES,
    "Network v2.0": network.QUERIES,
    "Block storage v3": volume.QUERIES,
}
