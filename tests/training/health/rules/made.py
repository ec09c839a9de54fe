"""Looks made by hand, for what real runs seldom show."""

from __future__ import annotations

from typing import Any

from dlkit.training.health.look import LayerLook, Look
from dlkit.training.health.rules import RULES, Case, findings
from tests.training.health.planted import classify, mlp
from tests.training.helpers import load

SOUND = LayerLook(gradient=0.5, weight=5.0, update=1e-3, scale=1.0)


def look(step: int, **more: Any) -> Look:
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
    return Look(**{**figures, **more})


def row(epoch: int, **more: Any) -> dict[str, Any]:
    """A row of the history."""
    return {"epoch": epoch, "loss": 1.0, "val_loss": 1.0, "learning_rate": 0.001, **more}


def case(looks: list[Look], rows: list[dict[str, Any]] | None = None, *, told: set[str] | None = None, **training: Any):
    """A case of a multi-layer perceptron."""
    config = load(classify(mlp(64), training)).config
    return Case(config, tuple(looks), tuple(rows or []), 100, frozenset(told or ()))


def codes(found: Case) -> list[str]:
    """What is found in it."""
    return [finding.code for finding in findings(found)]


def alone(code: str, found: Case) -> bool:
    """Whether one rule finds something, whatever the others say."""
    return any(True for _ in RULES[code](found))
