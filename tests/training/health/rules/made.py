"""Looks made by hand, for what real runs seldom show."""

from __future__ import annotations

from typing import Any

from dlkit.training.health.rules import RULES, HealthContext, findings
from dlkit.training.health.snapshot import HealthSnapshot, LayerStats
from tests.training.health.planted import classify, mlp
from tests.training.helpers import load

SOUND = LayerStats(gradient=0.5, weight=5.0, update=1e-3, scale=1.0)


def look(step: int, **more: Any) -> HealthSnapshot:
    """A look at a sound update of ten classes, one epoch of which has 100 updates."""
    figures: dict[str, Any] = {
        "step": step,
        "epoch": step // 100 + 1,
        "loss": 1.0,
        "recent": 1.0,
        "rate": 0.001,
        "gradient": 1.0,
        "constant": 2.3,
        "layers": {"dense_1": SOUND, "label": SOUND},
        "classes": {"label": (0.2, 0.2)},
        "seconds": 2.0,
        "waiting": 0.0,
        "counted": (0.0, 0.0),
    }
    return HealthSnapshot(**{**figures, **more})


def row(epoch: int, **more: Any) -> dict[str, Any]:
    """A row of the history."""
    return {"epoch": epoch, "loss": 1.0, "val_loss": 1.0, "learning_rate": 0.001, **more}


def case(
    looks: list[HealthSnapshot],
    rows: list[dict[str, Any]] | None = None,
    *,
    reported: set[str] | None = None,
    **training: Any,
):
    """A case of a multi-layer perceptron."""
    config = load(classify(mlp(64), training)).config
    return HealthContext(config, tuple(looks), tuple(rows or []), 100, frozenset(reported or ()))


def codes(found: HealthContext) -> list[str]:
    """What is found in it."""
    return [finding.code for finding in findings(found)]


def alone(code: str, found: HealthContext) -> bool:
    """Whether one rule finds something, whatever the others say."""
    return any(True for _ in RULES[code](found))
