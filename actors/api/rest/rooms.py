"""What the edge stands in front of: every room, by the methods that the edge calls.

In a cloud these are stand-ins that call actors, in a test the rooms themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.clock import Clock
from actors.cluster.config import CloudConfig
from actors.faces import ConductorFace, TokenVerifier

if TYPE_CHECKING:  # the rooms' own classes, for their types alone: they would bring their libraries along
    from actors.api.service import Api
    from actors.identity.service import Identity
    from actors.image.service import ImageRoom
    from actors.network.service import NetworkRoom
    from actors.scheduler.service import Scheduler
    from actors.volume.service import VolumeRoom


@dataclass(frozen=True, slots=True)
class EdgeRooms:
    config: CloudConfig
    verifier: TokenVerifier
    clock: Clock
    identity: Identity
    api: Api
    conductor: ConductorFace
    scheduler: Scheduler
    image: ImageRoom
    network: NetworkRoom
    volume: VolumeRoom
