"""Real and made tables, cut into splits, and what rules on whole splits see of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import datasets

from dlkit.checks.context import CheckContext
from dlkit.checks.rules import RULES
from dlkit.config.problems import Problem
from dlkit.data.load import load_splits
from tests.training.helpers import MLP, load, settings


def config(inputs: dict[str, Any], target: str, **more: Any) -> dict[str, Any]:
    """A configuration of some inputs and the target `y`."""
    found = settings(MLP, **more)
    found["data"] |= {"inputs": inputs, "targets": {"y": {"kind": target}}}
    return found


def real(name: str, target: str = "category") -> tuple[dict[str, Any], dict[str, Any]]:
    """A set of scikit-learn's, mixed and cut: its configuration and its data."""
    bunch = getattr(datasets, f"load_{name}")()
    order = np.random.default_rng(0).permutation(len(bunch.data))
    return config({"x": {"kind": "number"}}, target), cut(bunch.data[order], bunch.target[order])


def cut(x: Any, y: Any) -> dict[str, Any]:
    """Rows as splits: three fifths for training, a fifth for each of the others."""
    ends = 3 * len(y) // 5, 4 * len(y) // 5
    inputs = x if isinstance(x, dict) else {"x": x}
    parts = {"train": slice(ends[0]), "validation": slice(*ends), "test": slice(ends[1], None)}
    return {name: ({n: v[part] for n, v in inputs.items()}, {"y": y[part]}) for name, part in parts.items()}


def seen(config: dict[str, Any], data: dict[str, Any]) -> CheckContext:
    """What the rules on whole splits look at; they need no model."""
    loaded = load(config)
    return CheckContext(loaded.config, None, raw=load_splits(loaded.config.data, given=data))  # type: ignore[arg-type]


def says(code: str, config: dict[str, Any], data: dict[str, Any]) -> list[Problem]:
    """What a rule finds."""
    return list(RULES[code](seen(config, data)))
