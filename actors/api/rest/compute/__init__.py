"""Compute v2.1 with microversions over HTTP: Nova's interface to the rooms."""

from actors.api.rest.compute.application import application, quick

__all__ = ["application", "quick"]
