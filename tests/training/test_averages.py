"""Averages of weights: what is judged and saved is the mean, whether a run was interrupted or not."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import dlkit
from dlkit.training.checkpoints import files as checkpoints
from dlkit.training.interrupts import Interrupted
from dlkit.training.program.optimizers import judged
from tests.training.helpers import (
    DATA,
    SGD,
    SMALL,
    VALIDATED,
    InterruptAt,
    finished,
    resume,
    settings,
    state_digest,
    train,
)

EPOCHS, STEPS = 4, 7
# The last two epochs count.
SWA = {**SGD, "epochs": EPOCHS, "swa": {"start": 0.5}, "checkpoints": {"keep": EPOCHS + 1}}


def test_the_mean_of_the_weights_of_the_last_epochs_is_judged_and_saved_and_resumes_to_the_same_bits(
    tmp_path: Path, one_step_chunks: None
) -> None:
    whole = finished(settings(SMALL, SWA), tmp_path / "whole", data=VALIDATED)
    at_end = [checkpoints.load(checkpoints.of_step(whole.folder / "checkpoints", STEPS * n)) for n in (3, 4)]
    means = [np.mean([c.arrays[f"weights/{i}"] for c in at_end], axis=0) for i in range(4)]
    for saved, mean in zip(whole.model.get_weights(), means, strict=True):
        np.testing.assert_allclose(saved, mean, atol=1e-6)
    loss, _ = whole.model.evaluate(*DATA["validation"], verbose=0)
    assert loss == pytest.approx(whole.history["val_loss"][-1], rel=1e-5)
    with pytest.raises(Interrupted):
        # In the last epoch: the mean holds one epoch.
        train(settings(SMALL, SWA), tmp_path / "cut", data=VALIDATED, listener=InterruptAt(3 * STEPS + 2))
    folder = (tmp_path / "cut" / "small" / "latest").resolve()
    resume(folder, data=VALIDATED)
    assert state_digest(folder) == state_digest(whole.folder)


def test_an_optimizer_without_a_schedule_is_judged_by_the_average_that_it_trains_beside() -> None:
    variable = keras.Variable(np.ones(3, "float32"))
    optimizer = keras.optimizers.ScheduleFreeAdamW(0.1)
    optimizer.build([variable])
    steps = []
    for number in range(1, 6):
        optimizer.apply([np.array([1.0, -1.0, 0.5], "float32") / number])
        steps.append(np.asarray(optimizer.variables[2]))
    ((_, average),) = judged(optimizer)
    np.testing.assert_allclose(0.1 * steps[-1] + 0.9 * average, variable, rtol=1e-5)
    # Near the mean of the steps: with TensorFlow, Keras 3.15 reads a step after its update where it is meant before it.
    np.testing.assert_allclose(average, np.mean(steps, axis=0), rtol=0.02)


@pytest.mark.slow
def test_a_run_of_that_optimizer_saves_the_mean(tmp_path: Path) -> None:
    run = train(settings(SMALL, {"optimizer": "schedule_free_adamw", "epochs": 1}), tmp_path, data=VALIDATED)
    assert isinstance(run, dlkit.Run)
    loss, _ = run.model.evaluate(*DATA["validation"], verbose=0)
    assert loss == pytest.approx(run.history["val_loss"][-1], rel=1e-5)
    newest = checkpoints.load(checkpoints.newest(run.folder / "checkpoints")[0])
    assert not np.allclose(newest.arrays["weights/0"], run.model.get_weights()[0])
