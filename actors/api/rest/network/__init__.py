"""Network v2.0 over HTTP: Neutron's interface to the network room."""

from actors.api.rest.network.application import application

__all__ = ["application"]
