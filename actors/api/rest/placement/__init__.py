"""Placement over HTTP: a true view of what the scheduler holds."""

from actors.api.rest.placement.application import application

__all__ = ["application"]
