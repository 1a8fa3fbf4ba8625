"""Placement over HTTP: a true view of what the scheduler holds, and providers that are no hosts of this cloud."""

from actors.api.rest.placement.application import application

__all__ = ["application"]
