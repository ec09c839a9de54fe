"""Which epoch is best, when a run stops early, and what is refused before it begins."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlkit.config.problems import ConfigError, RunError
from dlkit.data.bound import Spec
from dlkit.models.build import build
from dlkit.runs import RunFolder
from dlkit.schema.features import Feature
from dlkit.schema.training import Checkpoints, EarlyStopping, Training
from dlkit.training.best import BestTracker, with_mode
from dlkit.training.checkpoints.files import Progress
from dlkit.training.listeners import Listener
from dlkit.training.program.metrics import RunningMetrics
from tests.training import helpers
from tests.training.helpers import DATA, EVEN, MLP, SGD, SMALL, VALIDATED, load, train

figures = st.lists(st.floats(-2, 2, width=32).map(lambda x: round(x, 2)), min_size=1, max_size=30)


def tracker(mode: str = "min", **stopping: Any) -> BestTracker:
    early = EarlyStopping(**stopping) if stopping else None
    settings = Training(monitor="val_loss", mode=mode, early_stopping=early, checkpoints=Checkpoints())  # type: ignore[arg-type]
    return BestTracker(settings, validation=True)


def epochs_until_stop(tracker: BestTracker, values: list[float]) -> int | None:
    """After how many epochs the run stops; None if it does not."""
    progress = Progress()
    for epoch, value in enumerate(values, 1):
        progress.epoch = epoch
        tracker.judge({"val_loss": value}, progress)
        if progress.stopped:
            return epoch
    return None


def of_keras(mode: str, values: list[float], patience: int, min_delta: float) -> int | None:
    """The same of Keras's callback."""
    callback = keras.callbacks.EarlyStopping("val_loss", min_delta=min_delta, patience=patience, mode=mode)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.stop_training = False
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_loss": value})
        if model.stop_training:
            return epoch + 1
    return None


def test_slow_steady_improvement_counts_once_it_adds_up_to_min_delta() -> None:
    values = [1.0 - 0.04 * n for n in range(20)]
    assert epochs_until_stop(tracker(patience=3, min_delta=0.1), values) is None


@settings(max_examples=60)
@given(st.sampled_from(["min", "max"]), figures, st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.5]))
def test_a_run_stops_when_keras_would(mode: str, values: list[float], patience: int, min_delta: float) -> None:
    ours = epochs_until_stop(tracker(mode, patience=patience, min_delta=min_delta), values)
    assert ours == of_keras(mode, values, patience, min_delta)


def test_the_best_epoch_is_the_best_one_whether_it_counts_or_not() -> None:
    judge, progress = tracker(patience=9, min_delta=0.5), Progress()
    found = []
    for progress.epoch, value in enumerate([1.0, 0.9, math.nan, math.inf, 0.8], 1):
        found.append(judge.judge({"val_loss": value}, progress))
    assert found == [True, True, False, False, True]
    assert (progress.best_epoch, progress.best_value, progress.epochs_without_improvement) == (5, 0.8, 4)


@pytest.mark.parametrize(
    ("metric", "mode"),
    [
        ("binary_accuracy", "max"), ("auc", "max"), ("f1_score", "max"), ("hinge", "min"), ("false_positives", "min"),
        ("true_negatives", "max"), ("binary_crossentropy", "min"),
    ],
)  # fmt: skip
def test_each_metric_says_whether_lower_or_higher_is_better(metric: str, mode: str) -> None:
    config = helpers.settings(MLP, {"monitor": f"val_{metric}"})
    config["data"]["targets"] = {"label": {"kind": "binary", "metrics": [metric]}}
    image, label = Feature("image", "image", (28, 28, 1), "uint8"), Feature("label", "binary", (), "int32")
    spec = Spec({"image": image}, {"label": label})
    made = build(load(config).config, spec)
    settings = load(config).config.training
    assert with_mode(settings, RunningMetrics(made).directions()).mode == mode
    stated = settings.model_copy(update={"mode": "max"})
    assert with_mode(stated, RunningMetrics(made).directions()).mode == "max"


def test_a_figure_that_does_not_say_what_is_better_needs_a_mode() -> None:
    directions = {"loss": "min", "mine": None}
    with pytest.raises(ConfigError, match="a lower or a higher `val_mine`") as failed:
        with_mode(Training(monitor="val_mine"), directions)
    assert failed.value.problems[0].key == ("training", "monitor")
    assert with_mode(Training(monitor="val_mine", mode="max"), directions).mode == "max"


# What is refused before the first epoch.

X = DATA["train"][0]
TWO = {"odd": (DATA["train"][1] % 2).astype("int32"), "label": DATA["train"][1]}


def refused(tmp_path: Path, config: dict[str, Any], data: Any) -> list[Any]:
    with pytest.raises(ConfigError) as failed:
        train(config, tmp_path, data=data)
    assert not list(tmp_path.iterdir()), "there is no run"
    return list(failed.value.problems)


@pytest.mark.parametrize("monitor", ["val_accuracy", pytest.param("accuracy", marks=pytest.mark.slow)])
def test_with_several_targets_a_metric_has_the_name_of_its_target(monitor: str, tmp_path: Path) -> None:
    config = helpers.settings(SMALL, {"monitor": monitor, **SGD})
    config["data"]["targets"] = {"odd": {"kind": "binary"}, "label": {"kind": "category", "classes": 10}}
    with pytest.raises(ConfigError, match="odd_accuracy") as failed:
        train(config, tmp_path, data={"train": (X, TWO), "validation": (X, TWO)})
    assert failed.value.problems[0].key == ("training", "monitor")
    config["training"]["monitor"] = "val_odd_accuracy"
    config["training"]["epochs"] = 1
    assert train(config, tmp_path, data={"train": (X, TWO), "validation": (X, TWO)}).state == "finished"


def test_a_monitor_of_a_validation_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, helpers.settings(MLP, {"monitor": "val_loss"}), {"train": DATA["train"]})
    assert (problem.code, problem.key) == ("contradiction", ("training", "monitor"))
    assert "no validation split" in problem.message


def test_early_stopping_without_validation_is_refused(tmp_path: Path) -> None:
    config = helpers.settings(SMALL, {"early_stopping": {}, **SGD})
    (problem,) = refused(tmp_path, config, EVEN)
    assert "early stopping needs a validation split" in problem.message
    assert problem.key == ("training", "early_stopping")
    config["training"] |= {"monitor": "loss", "epochs": 1}
    assert train(config, tmp_path, data=EVEN).state == "finished"


@pytest.mark.parametrize(
    ("callback", "data", "says"),
    [
        ({"name": "reduce_lr_on_plateau", "monitor": "val_los"}, DATA, "did you mean `val_loss`?"),
        ("reduce_lr_on_plateau", {"train": DATA["train"]}, "no validation split"),
    ],
)
def test_a_monitor_of_a_keras_callback_is_a_column(callback: Any, data: Any, says: str, tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, helpers.settings(MLP, {"callbacks": [callback]}), data)
    assert problem.key[:3] == ("training", "callbacks", 0)
    assert says in problem.message + problem.label


def test_check_refuses_the_same(tmp_path: Path) -> None:
    from dlkit.checks.examine import examine

    config = helpers.settings(MLP, {"callbacks": [{"name": "reduce_lr_on_plateau", "monitor": "val_acc"}]})
    with pytest.raises(ConfigError, match="`val_acc` is not a figure that this run has"):
        examine(helpers.load(config), data=DATA)


@pytest.mark.parametrize(("name", "direction"), [("error_accuracy", "down"), ("val", "up")])
def test_the_best_epoch_is_by_what_the_metric_says_and_not_by_its_name(
    name: str, direction: str, tmp_path: Path
) -> None:
    """The metric counts epochs: the first is the lowest, the last the highest."""
    (tmp_path / "mine.py").write_text(
        "import keras\n\n\nclass Epochs(keras.metrics.Metric):\n"
        "    def __init__(self, **arguments):\n        super().__init__(**arguments)\n"
        f"        self._direction = {direction!r}\n        self.count = self.add_variable((), 'zeros')\n\n"
        "    def update_state(self, labels, results, sample_weight=None):\n        pass\n\n"
        "    def result(self):\n        return self.count\n\n"
        "    def reset_state(self):\n        self.count.assign_add(1.0)\n\n\n"
        f"metrics = {{{name!r}: Epochs}}\n"
    )
    training = {"monitor": f"val_{name}", "metrics": [name], "epochs": 4, "early_stopping": {"patience": 2}, **SGD}
    config = helpers.settings(SMALL, training, plugins=[str(tmp_path / "mine.py")])
    notes = Notes()
    run = train(config, tmp_path / "runs", data=VALIDATED, listener=notes)
    assert [len(run.history["loss"]), notes.result["epoch"]] == ([3, 1] if direction == "down" else [4, 4])


class Notes(Listener):
    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []
        self.result: dict[str, Any] = {}

    def finished(self, result: dict[str, Any]) -> None:
        self.result = result

    def noted(self, kind: str, text: str) -> None:
        self.notes.append((kind, text))


NOT_FINITE = """
import keras


class NotFinite(keras.metrics.SparseCategoricalAccuracy):
    def __init__(self, value="nan", **arguments):
        super().__init__(**arguments)
        self.value = float(value)

    def result(self):
        return super().result() * 0 + self.value


metrics = {"odd": NotFinite}
"""


@pytest.mark.parametrize(
    ("value", "stopping", "epochs"),
    [
        ("nan", None, 3),
        *(pytest.param(v, None, 3, marks=pytest.mark.slow) for v in ("inf", "-inf")),
        *(pytest.param(v, {"patience": 2}, 2, marks=pytest.mark.slow) for v in ("nan", "inf", "-inf")),
    ],
)
def test_a_monitor_that_is_never_finite_fails_the_run(
    value: str, stopping: dict[str, Any] | None, epochs: int, tmp_path: Path
) -> None:
    (tmp_path / "odd.py").write_text(NOT_FINITE)
    training = {"monitor": "val_odd", "mode": "max", "metrics": ["accuracy", {"name": "odd", "value": value}]}
    training |= {"epochs": 3, "early_stopping": stopping, **SGD}
    config = helpers.settings(SMALL, training, plugins=[str(tmp_path / "odd.py")])
    notes = Notes()
    with pytest.raises(RunError, match="`val_odd` was in no epoch a finite number") as failed:
        train(config, tmp_path / "runs", data=VALIDATED, listener=notes)
    (problem,) = failed.value.problems
    assert (problem.code, problem.key) == ("monitor-not-finite", ("training", "monitor"))
    assert "training.monitor" in problem.help
    assert [kind for kind, _ in notes.notes].count("monitor-not-finite") == 1
    assert not notes.result, "no epoch is reported as the best"
    folder = RunFolder((tmp_path / "runs" / "small" / "latest").resolve())
    assert folder.read_state()["state"] == "failed"
    assert not folder.model.exists()
    history = folder.read_history()
    assert len(history) == epochs
    assert np.isfinite(history[-1]["val_loss"])
