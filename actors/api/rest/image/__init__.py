"""Image v2 over HTTP: Glance's interface to the image room."""

from actors.api.rest.image.application import application

__all__ = ["application"]
