"""Weights of examples and of classes: what they do to training, and which of them are refused."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
import tensorflow as tf

import dlkit
from dlkit.checks.examine import examine
from dlkit.config.problems import ConfigError, DlkitError, RunError
from dlkit.schema.features import Feature
from dlkit.schema.loader import from_mapping
from tests.bound import a_target
from tests.config.base import VALID, load_text

RANDOM = np.random.default_rng(7)
NAMES = np.array(["bird", "cat", "dog"])
X = RANDOM.normal(size=(90, 4)).astype("float32")
NUMBERS = np.digitize(X.sum(axis=1), [-1.5, 2])
Y = NAMES[NUMBERS]
# Whole numbers: so many copies of an example do the same.
WEIGHTS = RANDOM.integers(0, 4, 90).astype("float32")


def config(weights: str | None = None, batch_size: int = 32, **target: Any) -> dict[str, Any]:
    """A network without anything that depends on the order or the number of examples, but for their weights."""
    inputs = {"x": {"kind": "number", "preprocess": []}}
    targets = {"y": {"kind": "category", "classes": list(NAMES), **target}}
    data = {"inputs": inputs, "targets": targets, "weights": weights, "batch_size": batch_size, "shuffle": False}
    return {
        "name": "weights",
        "data": data,
        "model": {"builder": "mlp", "dense": [4]},
        "training": {"epochs": 3, "optimizer": {"name": "sgd", "learning_rate": 0.5}},
        "runtime": {"compile": "graph"},
    }


def train(settings: dict[str, Any], data: Any, folder: Path) -> dlkit.Run:
    return dlkit.train(settings, data=data, runs_folder=folder, verbose=False)


def network_weights(run: dlkit.Run) -> np.ndarray:
    return np.concatenate([w.reshape(-1) for w in run.model.get_weights()])


def test_a_weight_of_2_is_the_example_twice_and_one_of_0_is_none(tmp_path: Path) -> None:
    weighted = train(config("w", 90), {"train": (X, {"y": Y, "w": WEIGHTS})}, tmp_path)
    copies = np.repeat(np.arange(90), WEIGHTS.astype(int))
    copied = train(config(None, len(copies)), {"train": (X[copies], Y[copies])}, tmp_path)
    np.testing.assert_allclose(network_weights(weighted), network_weights(copied), rtol=1e-4, atol=1e-6)
    plain = train(config(None, 90), {"train": (X, Y)}, tmp_path)
    assert not np.allclose(network_weights(weighted), network_weights(plain), rtol=1e-2)


def test_weights_of_classes_are_those_of_their_examples_in_training_alone(tmp_path: Path) -> None:
    by_class = np.array([1, 3, 0.5], np.float32)[NUMBERS]
    given = {"cat": 3.0, "dog": 0.5}
    both = {"train": (X, Y), "validation": (X, Y), "test": (X, Y)}
    weighted = train(config(None, 90, class_weight=given), both, tmp_path)
    same = train(config("w", 90), {"train": (X, {"y": Y, "w": by_class})}, tmp_path)
    np.testing.assert_allclose(weighted.history["loss"], same.history["loss"], rtol=1e-6)
    # Figures of validation and test are those of the examples as they are.
    results = weighted.model.predict(X, verbose=0).astype(np.float64)
    assert weighted.test["loss"] == pytest.approx(sk.log_loss(NUMBERS, results), rel=1e-6)
    assert weighted.test["loss"] == pytest.approx(min(weighted.history["val_loss"]), rel=1e-6)


def test_balanced_is_what_scikit_learn_calls_balanced(tmp_path: Path) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    weights = compute_class_weight("balanced", classes=np.arange(3), y=NUMBERS)
    given = {name: float(weight) for name, weight in zip(NAMES, weights, strict=True)}
    data = {"train": (X, Y)}
    balanced = train(config(class_weight="balanced"), data, tmp_path)
    stated = train(config(class_weight=given), data, tmp_path)
    np.testing.assert_allclose(network_weights(balanced), network_weights(stated), rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dlkit.Run:
    """A run with weights of examples and of classes on an .npz file."""
    folder = tmp_path_factory.mktemp("npz")
    parts = {"train": slice(0, 50), "validation": slice(50, 70), "test": slice(70, 90)}
    arrays = {f"{name}_{split}": a[part] for split, part in parts.items() for name, a in columns().items()}
    np.savez(folder / "data.npz", **arrays)
    settings = config("w", class_weight="balanced")
    settings["data"]["source"] = {"kind": "npz", "path": str(folder / "data.npz")}
    return dlkit.train(settings, runs_folder=folder / "runs", verbose=False)


def columns() -> dict[str, np.ndarray]:
    return {"x": X, "y": Y, "w": WEIGHTS / 2}


def test_every_figure_of_a_run_counts_the_weights(run: dlkit.Run) -> None:
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        labels, results, weights = kept["y_label"], kept["y_result"].astype(np.float64), kept["y_weight"]
    np.testing.assert_array_equal(weights, WEIGHTS[70:] / 2)
    expected = {
        "loss": sk.log_loss(labels, results, labels=[0, 1, 2], sample_weight=weights),
        "accuracy": sk.accuracy_score(labels, results.argmax(axis=1), sample_weight=weights),
    }
    assert run.test == pytest.approx(expected, rel=1e-6)
    assert run.evaluate() == pytest.approx(expected, rel=1e-6)
    assert run.evaluate("validation")["loss"] == pytest.approx(min(run.history["val_loss"]), rel=1e-6)


def test_tables_of_predictions_have_the_weights(run: dlkit.Run, tmp_path: Path) -> None:
    import csv
    import json

    from dlkit.evaluation.predict import predict
    from dlkit.evaluation.tables import write

    found = predict(run.folder, split="test")
    for ending in ("csv", "json", "npz"):
        write(tmp_path / f"a.{ending}", found)
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        of_csv = [float(row["weight"]) for row in csv.DictReader(file)]
    of_json = [row["y"]["weight"] for row in json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))]
    assert of_csv == of_json == (WEIGHTS[70:] / 2).tolist()
    with np.load(tmp_path / "a.npz") as kept:
        np.testing.assert_array_equal(kept["y_weight"], WEIGHTS[70:] / 2)


def test_without_weights_no_table_has_them(tmp_path: Path) -> None:
    run = train(config(), {"train": (X, Y), "test": (X, Y)}, tmp_path)
    with np.load(run.folder / "predictions" / "test.npz") as kept:
        assert "y_weight" not in kept


def changed(value: float) -> np.ndarray:
    weights = WEIGHTS.astype(np.float64)
    weights[7] = value
    return weights


BAD = [
    (changed(-1), RunError, "bad-weights", "row 7 of `train` has the weight -1"),
    (changed(np.nan), RunError, "not-finite", "row 7 of `train` (nan)"),
    (changed(np.inf), RunError, "not-finite", "row 7 of `train` (inf)"),
    (changed(1e39), RunError, "not-finite", "too large for float32"),
    (np.zeros(90), RunError, "bad-weights", "every example has the weight 0"),
    (np.array(["much"] * 90), ConfigError, "bad-weights", "are text, not numbers"),
    (np.array([1, "a"] * 45, dtype=object), ConfigError, "bad-weights", "are Python objects, not numbers"),
    (np.ones((90, 2)), ConfigError, "bad-weights", "have the shape [2]"),
]


@pytest.mark.parametrize(("weights", "error", "code", "said"), BAD, ids=[said[:20] for *_, said in BAD])
def test_weights_that_cannot_be_used_are_refused_at_their_setting(
    weights: np.ndarray, error: type[DlkitError], code: str, said: str
) -> None:
    with warnings.catch_warnings(), pytest.raises(error) as refused:
        warnings.simplefilter("error")
        examine(from_mapping(config("w"), needs_source=False), data={"train": (X, {"y": Y, "w": weights})})
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == (code, ("data", "weights"))
    assert said in problem.message
    assert problem.help
    assert "clean.ranges" not in problem.help  # which are of inputs and targets
    assert problem.location is not None


def test_weights_of_another_split_are_looked_at_too() -> None:
    data = {"train": (X, {"y": Y, "w": WEIGHTS}), "test": (X, {"y": Y, "w": changed(-2)})}
    with pytest.raises(RunError, match="test: column `w`: row 7 of `test` has the weight -2"):
        examine(from_mapping(config("w"), needs_source=False), data=data)


def test_a_column_of_weights_that_is_not_there_has_its_nearest_name() -> None:
    with pytest.raises(ConfigError) as refused:
        examine(from_mapping(config("weigth"), needs_source=False), data={"train": (X, {"y": Y, "weight": WEIGHTS})})
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("unknown-column", ("data", "weights"))
    assert "did you mean `weight`?" in problem.help


def test_weights_as_a_third_part_are_refused_with_the_way_to_give_them() -> None:
    with pytest.raises(RunError, match=r"three parts.*data\.weights: w"):
        examine(from_mapping(config("w"), needs_source=False), data={"train": (X, Y, WEIGHTS)})


@pytest.mark.parametrize(
    ("given", "code", "below", "said"),
    [
        ({"brd": 2.0}, "class-weight", ("brd",), "did you mean `bird`?"),
        ({"bird": 0, "cat": 0, "dog": 0}, "class-weight", (), "nothing would be learned"),
        ({"bird": -1.0}, "out-of-bounds", ("bird",), "at least 0"),
        ({"bird": float("nan")}, "out-of-bounds", ("bird",), "not finite"),
        ({"bird": "2"}, "wrong-type", ("bird",), "write 2"),
        ("balance", "unknown-choice", (), "did you mean `balanced`?"),
        ([1.0, 2.0, 3.0], "wrong-type", (), "one of balanced or a mapping"),
        (2.0, "wrong-type", (), "one of balanced or a mapping"),
    ],
    ids=str,
)
def test_weights_of_classes_that_cannot_be_used_are_refused(
    given: Any, code: str, below: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        examine(from_mapping(config(class_weight=given), needs_source=False), data={"train": (X, Y)})
    (problem,) = [p for p in refused.value.problems if p.severity == "error"]
    assert (problem.code, problem.key) == (code, ("data", "targets", "y", "class_weight", *below))
    assert said in f"{problem.message} {problem.label} {problem.help}"


def test_a_stream_has_weights_and_stops_at_a_bad_one(tmp_path: Path) -> None:
    def stream(weights: np.ndarray) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices(({"x": X}, {"y": NUMBERS, "w": weights}))

    ours = train(config("w", 90), {"train": stream(WEIGHTS)}, tmp_path)
    arrays = train(config("w", 90), {"train": (X, {"y": Y, "w": WEIGHTS})}, tmp_path)
    np.testing.assert_allclose(ours.history["loss"][0], arrays.history["loss"][0], rtol=1e-5)
    with pytest.raises(RunError, match="the weight of an example is not 0 or more"):
        train(config("w"), {"train": stream(changed(-1))}, tmp_path)
    text = tf.data.Dataset.from_tensor_slices(({"x": X}, {"y": NUMBERS, "w": np.array(["much"] * 90)}))
    with pytest.raises(ConfigError, match="are text, not numbers"):
        train(config("w"), {"train": text}, tmp_path)
    with pytest.raises(ConfigError, match="are not counted, since its examples are a stream"):
        train(config("w", class_weight="balanced"), {"train": stream(WEIGHTS)}, tmp_path)


def test_a_weight_of_a_class_that_there_is_not_is_marked_at_its_name(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, VALID.replace("{kind: category}", "{kind: category, class_weight: {yess: 2.0}}"))
    label = a_target(Feature("label", "category", (), "int32", ("yes", "no")), class_weight={"yess": 2.0})
    with pytest.raises(ConfigError) as refused, loaded.locating():
        label.settings.class_weights(label)
    (problem,) = refused.value.problems
    assert problem.location is not None
    assert problem.location.excerpt[problem.location.column - 1 :].startswith("yess: ")
