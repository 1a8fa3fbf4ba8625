"""What a hypervisor tells unasked: guests that are not as their servers say. Pure."""

from __future__ import annotations

from actors import lifecycle
from actors.acts import PowerReport
from actors.conductor.boots import Boot
from actors.conductor.nodes import Nodes
from actors.states import Power


def correct(boot: Boot, report: PowerReport, nodes: Nodes) -> bool:
    """Whether it is another now: not where it is as its guest is, nor where an act since or another node says more."""
    if not boot.instance.launched_at or boot.instance.deleting or report.at < boot.acted_at:
        return False
    if report.epoch != nodes.epoch(report.node) or boot.instance.node != report.node:
        return False
    state = lifecycle.powered(boot.state, Power(report.power))
    if state == boot.state:
        return False
    boot.become(state)
    boot.change(updated_at=report.at)
    return True
