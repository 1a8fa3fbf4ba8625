"""What a driver script does to a server that is there, and waits for: stop, start, reboot, rebuild, rescue, resize,
shelve.

Called by `cloud.py`. A refusal is a `CallerError`; an act that was accepted and failed is an `ActFailedError`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from actors.acts import AnyAct, ConfirmResize, Reboot, RevertResize, Start, Stop, Unrescue
from actors.api.act_messages import (
    ActOnServer,
    MigrateServer,
    RebuildServer,
    RescueServer,
    ResizeServer,
    ShelveServer,
    UnshelveServer,
)
from actors.api.messages import ServersRequest
from actors.cloud_rooms import Session, is_id
from actors.cluster import names
from actors.errors import CallerError, bad_request, value_of
from actors.messages import ServerView
from actors.records import InstanceAction, Volume
from actors.volume.messages import VolumeRequest

if TYPE_CHECKING:
    from actors.cloud import Cloud

WAIT_LIMIT_S = 600.0  # default patience for machines to boot, or to be what is asked of them
POLL_S = 30.0  # one long poll
LOOK_S = 0.2  # between looks at what nobody can wait for


class ActFailedError(Exception):
    """Its host could not do it; `str()` says why. The server is what it was, or its status is ERROR."""


class Acting(ABC):
    """What is done to the guest of a server. Each returns when it is done.

    Raises `CallerError` where it is refused, `ActFailedError` where it fails, TimeoutError.
    """

    id: str
    _cloud: Cloud

    @property
    @abstractmethod
    def view(self) -> ServerView: ...

    @abstractmethod
    def refresh(self) -> Self: ...

    def stop(self, timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Have the guest shut down; one that does not is switched off after a minute."""
        return self._act(Stop(wait_s=0), timeout_s)

    def start(self, timeout_s: float = WAIT_LIMIT_S) -> Self:
        return self._act(Start(), timeout_s)

    def reboot(self, *, hard: bool = False, timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Hard: at once, whatever state it is in."""
        return self._act(Reboot(hard=hard), timeout_s)

    def rebuild(self, image: str = "", timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Make its guest anew from an image (by id or name; '' = its own), with the ports and volumes that it has.

        The volume that it boots from, if it does, is written over as well.
        """
        session = self._cloud.session
        image_id = self._image_id(image) or _own_image(session, self.view)
        request = RebuildServer(token=session.token, server_id=self.id, image=image_id, reimage=True)
        return self._wait(session.call(names.API, "rebuild", request, again=False), timeout_s)

    def rescue(self, image: str = "", password: str = "", timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Have its guest boot from a disk that is made of an image (by id or name; '' = its own), its own beside it.

        `password`: of the guest that is rescued, for images that read it from their config drive.
        """
        session = self._cloud.session
        request = RescueServer(
            token=session.token,
            server_id=self.id,
            image=self._image_id(image),
            admin_password=password,
            volumes_too=True,
        )
        return self._wait(session.call(names.API, "rescue", request, again=False), timeout_s)

    def unrescue(self, timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Have its guest boot from its own disk again."""
        return self._act(Unrescue(), timeout_s)

    def resize(self, flavor: str, timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Give it another flavor (by id or name), on its host or where there is room; then `confirm_resize` or
        `revert_resize`."""
        session = self._cloud.session
        request = ResizeServer(token=session.token, server_id=self.id, flavor=flavor)
        return self._wait(session.call(names.API, "resize", request, again=False), timeout_s)

    def migrate(self, host: str = "", timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Have it go to another host ('' = the scheduler chooses), for administrators; then as `resize`."""
        session = self._cloud.session
        request = MigrateServer(token=session.token, server_id=self.id, host=host)
        return self._wait(session.call(names.API, "migrate", request, again=False), timeout_s)

    def confirm_resize(self, timeout_s: float = WAIT_LIMIT_S) -> Self:
        """What was kept of its disks goes."""
        return self._act(ConfirmResize(), timeout_s)

    def revert_resize(self, timeout_s: float = WAIT_LIMIT_S) -> Self:
        """It has the flavor before again, and the disks of that time; it is on the host where it was."""
        return self._act(RevertResize(), timeout_s)

    def shelve(self, timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Have its host give its room back; what is on its disk, its addresses and its volumes are kept."""
        session, until = self._cloud.session, time.monotonic() + timeout_s
        request = ShelveServer(token=session.token, server_id=self.id)
        self._wait(session.call(names.API, "shelve", request, again=False), timeout_s)
        while self.refresh().view.task_state:  # its host lets go of it
            if time.monotonic() > until:
                raise TimeoutError(f"shelve of server {self.id}: not done within {timeout_s:g} s")
            time.sleep(LOOK_S)  # the action is over before its host has let go, of which nobody tells a driver
        return self

    def unshelve(self, timeout_s: float = WAIT_LIMIT_S) -> Self:
        """Have it run again, on whichever host has room."""
        session, until = self._cloud.session, time.monotonic() + timeout_s
        request = UnshelveServer(token=session.token, server_id=self.id)
        action_id = session.call(names.API, "unshelve", request, again=False)
        while (left_s := until - time.monotonic()) > 0:
            asked = ServersRequest(token=session.token, server_ids=(self.id,), wait_s=min(left_s, POLL_S))
            [view] = session.call(names.API, "show", asked)
            if not value_of(view).task_state:
                break
        action = session.call(names.API, "acted", session.token, self.id, action_id, 0.0)
        return self._wait(action, max(0.0, left_s))

    def _image_id(self, image: str) -> str:
        return self._cloud.images.get(image).id if image and not is_id(image) else image

    def _act(self, act: AnyAct, timeout_s: float) -> Self:
        session = self._cloud.session
        request = ActOnServer(token=session.token, server_id=self.id, act=act)
        return self._wait(session.call(names.API, "act", request, again=False), timeout_s)

    def _wait(self, action: InstanceAction, timeout_s: float) -> Self:
        _wait(self._cloud.session, self.id, action, timeout_s)
        return self.refresh()


def _own_image(session: Session, view: ServerView) -> str:
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
