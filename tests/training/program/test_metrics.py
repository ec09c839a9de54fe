"""Metrics of a program have their variables before it is compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlkit.data.bound import Spec
from dlkit.models.build import build
from dlkit.schema.features import Feature
from dlkit.training.program.evaluate import EvalProgram
from tests.training.helpers import SMALL, load, settings

YES_OR_NO = Feature("y", "binary", (), "int32", ("no", "yes"))
NUMBERS = Feature("y", "number", (2,), "float32")
LABELS = Feature("y", "multi_label", (3,), "int32", ("a", "b", "c"))


@pytest.mark.parametrize(
    ("feature", "metrics"),
    [(YES_OR_NO, ["f1_score", "accuracy"]), (NUMBERS, ["r2_score"]), (LABELS, ["auc", "f1_score"])],
    ids=lambda given: getattr(given, "kind", ""),
)
def test_metrics_that_wait_for_a_batch_have_their_variables_and_have_counted_nothing(
    feature: Feature, metrics: list[str]
) -> None:
    config: dict[str, Any] = settings(SMALL)
    config["data"]["targets"] = {"y": {"kind": feature.kind, "metrics": metrics}}
    image = Feature("image", "image", (28, 28, 1), "uint8")
    built = build(load(config).config, Spec({"image": image}, {"y": feature}))
    program = EvalProgram(built, feeder=None)  # type: ignore[arg-type]
    counted = program.metrics.metrics["y"]
    assert all(metric.variables for metric in counted)
    assert all(not np.any(variable.numpy()) for metric in counted for variable in metric.variables)
