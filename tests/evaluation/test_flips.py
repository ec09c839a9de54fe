"""Test-time augmentation: results are means over images as they are and flipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlkit.config.problems import ConfigError
from dlkit.evaluation.evaluate import evaluate
from dlkit.evaluation.flips import with_flips
from dlkit.evaluation.predict import predict
from dlkit.evaluation.trained import Trained
from dlkit.schema.features import Feature
from tests.bound import spec_of
from tests.training.helpers import DATA, EVEN, SGD, SMALL, finished, settings


def test_flips_give_the_mean_over_images_as_they_are_and_mirrored(tmp_path: Path) -> None:
    run = finished(settings(SMALL, SGD), tmp_path, data={**EVEN, "test": DATA["test"]})
    x, y = DATA["test"]
    once, mirrored = (np.asarray(run.model.predict(part, verbose=0)) for part in (x, x[:, :, ::-1]))
    mean = (once + mirrored) / 2
    figures = evaluate(run.folder, data={"test": (x, y), "train": (x, y)}, flips="horizontal")
    assert figures.figures["accuracy"] == pytest.approx(float((mean.argmax(axis=1) == y).mean()))
    assert figures.figures["loss"] == pytest.approx(float(-np.log(mean[np.arange(len(y)), y]).mean()), rel=1e-5)
    assert "2 predictions" in figures.notes[-1]
    np.save(tmp_path / "x.npy", x[:5])
    views = [x[:5], x[:5, ::-1], x[:5, :, ::-1], x[:5, ::-1, ::-1]]
    expected = np.mean([run.model.predict(part, verbose=0) for part in views], axis=0)
    found = predict(run.folder, [tmp_path / "x.npy"], flips="both").results["label"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    with pytest.raises(ConfigError, match="did you mean `horizontal`"):
        evaluate(run.folder, flips="horizontl")


def test_a_model_without_images_is_not_flipped() -> None:
    table = spec_of([Feature("x", "number", (3,), "float32")], [Feature("y", "binary", (), "int32")])
    trained = Trained(Path("model.keras"), None, table, None)  # type: ignore[arg-type]
    assert with_flips(trained, None) is trained
    with pytest.raises(ConfigError, match="flips are for images, and the model takes number"):
        with_flips(trained, "both")
