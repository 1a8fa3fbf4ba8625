"""Identity v3 over HTTP: Keystone's interface to the identity room."""

from actors.api.rest.identity.application import application

__all__ = ["application"]
