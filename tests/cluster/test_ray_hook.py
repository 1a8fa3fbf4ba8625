"""What `ray start` is made to do beyond its flags."""

from __future__ import annotations

import pytest

from actors.cluster.ray_hook import DASHBOARD_PARTS, with_parts


def test_the_installed_ray_has_every_part_of_its_dashboard_that_is_asked_for() -> None:
    """It refuses to start with a name that it does not know."""
    utils = pytest.importorskip("ray.dashboard.utils")
    module = pytest.importorskip("ray.dashboard.subprocesses.module")
    kinds = (utils.DashboardHeadModule, module.SubprocessModule)
    known = {part.__name__ for kind in kinds for part in utils.get_all_modules(kind)}
    assert set(DASHBOARD_PARTS) <= known


def test_a_dashboard_is_told_once_what_to_load() -> None:
    asked = with_parts(["dashboard.py"])
    assert asked == ["dashboard.py", "--modules-to-load=EventHead,JobHead,NodeHead,ReportHead,StateHead,UsageStatsHead"]
    assert with_parts(asked) == asked
