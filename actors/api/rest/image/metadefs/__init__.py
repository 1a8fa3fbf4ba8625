"""Glance's interface to definitions of metadata: /v2/metadefs."""

from __future__ import annotations

from actors.api.rest.image.metadefs import namespaces, objects, properties, resource_types, schemas, tags

ROUTERS = [module.router for module in (resource_types, namespaces, objects, properties, tags, schemas)]
