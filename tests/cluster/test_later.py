"""A library that is put off is itself once somebody needs it, and costs nothing before."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.cluster import later, ray_worker

Say = Callable[[str], str]


@pytest.fixture
def said(tmp_path: Path) -> Say:
    """What a program prints where two libraries are put off, and one that is not installed."""
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "__init__.py").write_text("print('loaded')\nANSWER = 42\nfrom shelf import part\n")
    (tmp_path / "shelf" / "part.py").write_text("import shelf\n")
    (tmp_path / "broken.py").write_text("raise OSError('no such device')")
    (tmp_path / "slow.py").write_text("import gate\ngate.begun.set()\ngate.go.wait(30)\nANSWER = 42\n")
    (tmp_path / "gate.py").write_text("from threading import Event\nbegun, go = Event(), Event()\n")

    def run(program: str) -> str:
        lines = f"import sys; sys.path.insert(0, {str(tmp_path)!r})", f"from {later.__name__} import put_off"
        whole = "\n".join([*lines, "put_off(['shelf', 'broken', 'missing', 'slow'])", program])
        return subprocess.run([sys.executable, "-c", whole], check=True, capture_output=True, text=True).stdout

    return run


@pytest.mark.parametrize("program", ["import shelf", "import shelf, shelf; shelf.__name__; shelf.__spec__"])
def test_importing_it_loads_nothing(said: Say, program: str) -> None:
    assert said(program) == ""


@pytest.mark.parametrize(
    "program",
    [
        "import shelf; assert shelf.ANSWER == 42",
        "from shelf import ANSWER",
        "import shelf.part; assert shelf.part.shelf is shelf and shelf.ANSWER == 42",
        "from shelf import part; assert part.shelf.ANSWER == 42",
        "import shelf; assert not hasattr(shelf, 'nothing'); assert shelf.ANSWER == 42",
        "import shelf; assert {'ANSWER', 'part'} <= {*dir(shelf), *(shelf.ANSWER, vars(shelf))[1]}",
    ],
)
def test_it_is_loaded_once_when_something_of_it_is_needed(said: Say, program: str) -> None:
    assert said(program + "; import shelf; shelf.ANSWER") == "loaded\n"


def test_what_is_not_installed_is_not_there_and_what_is_loaded_stays(said: Say) -> None:
    said("try:\n import missing\nexcept ImportError: pass\nelse: raise AssertionError")
    said("import json; put_off(['json']); assert json is sys.modules['json']; json.dumps")


def test_what_goes_wrong_in_it_is_told_to_who_needs_it(said: Say) -> None:
    trying = "\ntry:\n broken.part\nexcept OSError: pass\nelse: raise AssertionError"
    said("import broken" + trying + trying)


def test_another_thread_that_needs_it_meanwhile_waits_for_it(said: Say) -> None:
    program = """
import gate, slow
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as threads:
    first = threads.submit(lambda: slow.ANSWER)
    gate.begun.wait(30)
    second = threads.submit(lambda: slow.ANSWER)
    while not second.running() and not second.done(): pass
    gate.go.set()
    print(first.result(30), second.result(30))
"""
    assert said(program) == "42 42\n"


def test_rays_worker_needs_none_of_what_is_left_out_there() -> None:
    program = f"""
import sys
from {later.__name__} import Later
from {ray_worker.__name__} import UNUSED, WITHOUT, make_lean
make_lean()
import ray._private.workers.default_worker
print([name for name in (*UNUSED, *WITHOUT) if type(sys.modules.get(name, Later("absent"))) is not Later])
import fastapi, requests, yaml
print(requests.get.__name__, yaml.safe_load("a: 1"), fastapi.FastAPI.__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\nget {'a': 1} FastAPI\n"
