"""Libraries that are loaded when somebody first touches them, and not when somebody imports them.

For processes of which there are many, and libraries that a dependency imports for what nobody does there.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from threading import RLock
from types import ModuleType

_loading = RLock()
_begun: set[str] = set()  # those that the thread which has the lock is loading


class Later(ModuleType):
    """The module itself, empty until something of it is asked for. Importing it again asks for nothing.

    Another thread that asks while it is being loaded waits, and one that failed is tried again, as `import` does.
    """

    def __getattr__(self, name: str) -> object:
        with _loading:
            if type(self) is Later and self.__name__ not in _begun:
                _load(self)
            return ModuleType.__getattribute__(self, name)


def put_off(names: Iterable[str]) -> None:
    """What is loaded already, and what is not installed, is left as it is."""
    for name in names:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            vars(module).pop("__path__", None)  # whoever imports a part of a package asks for it, and has it loaded
            module.__class__ = Later
            sys.modules[name] = module


def _load(module: ModuleType) -> None:
    """In place, since others hold it. Raises what the library raises."""
    spec = module.__spec__
    assert spec is not None and spec.loader is not None
    _begun.add(module.__name__)
    try:
        if spec.submodule_search_locations is not None:
            module.__path__ = spec.submodule_search_locations
        spec.loader.exec_module(module)
        module.__class__ = ModuleType
    finally:
        _begun.discard(module.__name__)
