"""Block storage v3 with microversions over HTTP: Cinder's interface to the volume room."""

from actors.api.rest.volume.application import application

__all__ = ["application"]
