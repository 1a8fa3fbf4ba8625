"""What a driver script does to a server that is there, and waits for: stop, start, reboot.

Called by `cloud.py`. A refusal is a `CallerError`; an act that was accepted and failed is an `ActFailedError`.
"""

from __future__ import annotations

import time

from actors.acts import AnyAct
from actors.api.act_messages import ActOnServer, RebuildServer
from actors.cloud_rooms import Session
from actors.cluster import names
from actors.errors import CallerError, bad_request
from actors.messages import ServerView
from actors.records import InstanceAction, Volume
from actors.volume.messages import VolumeRequest

POLL_S = 30.0  # one long poll


class ActFailedError(Exception):
    """Its host could not do it; `str()` says why. The server is what it was."""


def act_and_wait(session: Session, server_id: str, act: AnyAct, timeout_s: float) -> None:
    """Raises `CallerError`, `ActFailedError`, TimeoutError."""
    request = ActOnServer(token=session.token, server_id=server_id, act=act)
    _wait(session, server_id, session.call(names.API, "act", request, again=False), timeout_s)


def rebuild_and_wait(session: Session, server_id: str, image_id: str, timeout_s: float) -> None:
    """Raises `CallerError`, `ActFailedError`, TimeoutError."""
    request = RebuildServer(token=session.token, server_id=server_id, image=image_id, reimage=True)
    _wait(session, server_id, session.call(names.API, "rebuild", request, again=False), timeout_s)


def own_image(session: Session, view: ServerView) -> str:
    """The id of what it was made of, or the volume that it boots from. Raises `CallerError` for one of no image."""
    root = next((one.source_id for one in view.volumes if one.boot_index == 0), "")
    if not root:
        return view.image_id
    volume: Volume = session.one(names.VOLUME, "show", VolumeRequest(token=session.token, volume_id=root))
    image_id = volume.image_metadata.get("image_id", "")
    if not image_id:
        raise CallerError(bad_request("image", f"volume {root} was not made of an image: name one"))
    return image_id


def _wait(session: Session, server_id: str, action: InstanceAction, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not action.finished_at:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"{action.name} of server {server_id}: not done within {timeout_s:g} s")
        action = session.call(names.API, "acted", session.token, server_id, action.id, min(left_s, POLL_S))
    if action.message:
        cause = action.events[0].traceback if action.events else action.message
        raise ActFailedError(f"{action.name} of server {server_id}: {cause}")
