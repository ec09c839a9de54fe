"""What holds for the losses of every kind of target: a run and `evaluate` measure the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlkit.data.load import load_splits
from dlkit.evaluation.compiled import Compiled
from dlkit.evaluation.trained import Trained
from dlkit.models.build import build, results_model
from dlkit.schema.loader import from_mapping
from dlkit.schema.target import TARGETS
from tests.conformance.test_targets import config, pairs

# What a loss needs of the target.
NEEDS = {"poisson": {"positive": True}}


@pytest.mark.parametrize("kind", TARGETS.names())
def test_every_loss_of_results_is_that_of_the_logits_they_came_from(kind: str) -> None:
    """Training minimises losses of logits; a saved model gives results."""
    for name in sorted(TARGETS[kind].losses):
        loaded = from_mapping(config(kind, loss=name, **NEEDS.get(name, {})), needs_source=False)
        splits = load_splits(loaded.config.data, given=pairs(kind))
        built = build(loaded.config, splits.spec)
        labels = splits.train.arrays.targets["y"]  # type: ignore[union-attr]
        shape = (len(labels), splits.spec.targets["y"].units)
        logits = {"y": np.random.default_rng(0).normal(scale=3, size=shape).astype("float32")}
        saved = Compiled(Trained(Path("model.keras"), results_model(built), built.spec, None)).objective
        of_results = saved.per_example({"y": labels}, built.results(logits))["y"]
        of_logits = built.objective(training=False).per_example({"y": labels}, logits)["y"]
        # The results of numbers far from 0 are rounded.
        np.testing.assert_allclose(of_results, of_logits, rtol=1e-3, atol=1e-5, err_msg=name)
