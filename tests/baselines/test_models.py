"""Baselines have the figures that scikit-learn has by hand, on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from dlkit.baselines import material as of_data
from dlkit.baselines.alone import of_config
from dlkit.baselines.material import Material, Part
from dlkit.baselines.models import models
from dlkit.config.problems import ConfigError
from dlkit.data.bound import Spec, Target
from dlkit.schema.target import TARGETS
from tests.checks.tables import config, cut, real
from tests.training.helpers import DATA, MLP, load, settings


def rows_of(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The figures by name of the baseline."""
    return {row["name"]: row["figures"] for row in found["baselines"]}


def baselines(given: dict[str, Any], data: Any) -> dict[str, dict[str, float]]:
    return rows_of(of_config(load(given), data=data))


def floats(data: dict[str, Any], split: str) -> tuple[np.ndarray, np.ndarray]:
    """A split as dlkit reads it: float32."""
    x, y = data[split]
    return x["x"].astype(np.float32).astype(np.float64), y["y"]


def test_yes_or_no() -> None:
    given, data = real("breast_cancer", "binary")
    (x, y), (asked, right) = floats(data, "train"), floats(data, "test")
    found = baselines(given, data)
    by_hand = {
        "majority class": DummyClassifier(),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "boosted trees": HistGradientBoostingClassifier(random_state=0),
    }
    assert list(found) == list(by_hand)
    for name, model in by_hand.items():
        model.fit(x, y)
        assert found[name]["accuracy"] == pytest.approx(accuracy_score(right, model.predict(asked)))
    for name in ("logistic regression", "boosted trees"):
        expected = log_loss(right, by_hand[name].predict_proba(asked))
        assert found[name]["loss"] == pytest.approx(expected, rel=1e-3)


def test_numbers() -> None:
    given, data = real("diabetes", "number")
    given["data"]["targets"]["y"]["metrics"] = ["mean_absolute_error", "r2_score"]
    (x, y), (asked, right) = floats(data, "train"), floats(data, "test")
    found = baselines(given, data)
    by_hand = {
        "mean always": DummyRegressor(),
        "ridge regression": make_pipeline(StandardScaler(), Ridge()),
        "boosted trees": HistGradientBoostingRegressor(random_state=0),
    }
    assert list(found) == list(by_hand)
    for name, model in by_hand.items():
        guesses = model.fit(x, y).predict(asked)
        assert found[name]["mean_absolute_error"] == pytest.approx(mean_absolute_error(right, guesses), rel=1e-4)
        assert found[name]["r2_score"] == pytest.approx(r2_score(right, guesses), abs=1e-4)


def test_missing_numbers_and_words_of_several_classes() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    numbers = (y[:, None] + rng.normal(size=(600, 2))).astype(np.float32)
    numbers[rng.random((600, 2)) < 0.2] = np.nan
    words = np.array(["a", "b", "c", "d"])[(y + (rng.random(600) < 0.4)) % 4]
    given = config({"x": {"kind": "number", "preprocess": ["fill_missing", "normalize"]}, "w": {"kind": "category"}},
                   "category")  # fmt: skip
    data = cut({"x": numbers, "w": words}, y)
    data["test"][0]["w"][3] = "never seen"
    found = baselines(given, data)

    frequent = list(np.unique(data["train"][0]["w"], return_counts=True)[1].argsort(kind="stable")[::-1])
    known = {np.unique(data["train"][0]["w"])[at]: 1 + rank for rank, at in enumerate(frequent)}

    def rows(split: str) -> np.ndarray:
        x, _ = data[split]
        return np.column_stack([x["x"].astype(np.float64), [known.get(word, 0) for word in x["w"]]])

    filled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer([("n", filled, [0, 1]), ("w", OneHotEncoder(handle_unknown="ignore"), [2])])
    by_hand = {
        "logistic regression": make_pipeline(columns, LogisticRegression(max_iter=1000)),
        "boosted trees": HistGradientBoostingClassifier(random_state=0, categorical_features=[2]),
    }
    for name, model in by_hand.items():
        guesses = model.fit(rows("train"), data["train"][1]["y"]).predict(rows("test"))
        assert found[name]["accuracy"] == pytest.approx(accuracy_score(data["test"][1]["y"], guesses))


def test_weights_of_rows_count_in_fitting_and_in_figures() -> None:
    given, data = real("diabetes", "number")
    given["data"]["weights"] = "w"
    rng = np.random.default_rng(0)
    weights = {name: rng.random(len(y["y"])).astype(np.float32) for name, (_, y) in data.items()}
    weighted = {name: (x, {**y, "w": weights[name]}) for name, (x, y) in data.items()}
    found = baselines(given, weighted)
    (x, y), (asked, right) = floats(data, "train"), floats(data, "test")
    model = make_pipeline(StandardScaler(), Ridge()).fit(x, y, ridge__sample_weight=weights["train"])
    expected = mean_absolute_error(right, model.predict(asked), sample_weight=weights["test"])
    assert found["ridge regression"]["mean_absolute_error"] == pytest.approx(expected, rel=1e-4)


def test_texts() -> None:
    rng = np.random.default_rng(0)
    good, bad = ["good", "fine", "great"], ["bad", "poor", "awful"]
    y = rng.integers(0, 2, 300)
    texts = np.array([f"a {rng.choice(good if yes else bad)} film {n % 7}" for n, yes in enumerate(y)], object)
    settings = TARGETS["binary"].model_validate({"kind": "binary"})
    feature = settings.made_feature("y", (), "int32", ())
    target = Target(feature, state={"table": [0, 1]}, settings=settings)
    parts = [Part({"y": y[part]}, {}, texts=texts[part]) for part in (slice(200), slice(200, None))]
    material = Material(Spec({}, {"y": target}), "test", parts[0], parts[0].labels, parts[1])
    constant, found = models(target, material)
    assert (constant.name, found.name) == ("majority class", "tf-idf and logistic regression")
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000))
    expected = model.fit(texts[:200], y[:200]).predict_proba(texts[200:])[:, 1:]
    assert found.results is not None
    np.testing.assert_allclose(found.results, expected, atol=1e-6)


def test_images_have_a_majority_class_alone() -> None:
    found = baselines(settings(MLP), DATA)
    y = DATA["test"][1]
    most = np.bincount(DATA["train"][1]).argmax()
    assert found.keys() == {"majority class"}
    assert found["majority class"]["accuracy"] == pytest.approx((y == most).mean())


def test_labels_of_several_classes_each_have_their_shares() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    given = config({"x": {"kind": "number"}}, "multi_label")
    found = baselines(given, cut(x, rng.integers(0, 2, (200, 4))))
    assert len(found) == 1


def test_several_targets_and_several_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    given = config({"x": {"kind": "number"}}, "number")
    given["data"]["targets"]["z"] = {"kind": "category"}
    data = {
        name: (inputs, {"y": np.column_stack([inputs["x"][:, 0], labels["y"]]), "z": labels["y"] > 0})
        for name, (inputs, labels) in cut(x, rng.normal(size=300)).items()
    }
    found = of_config(load(given), data=data)["baselines"]
    assert [row["target"] for row in found] == ["y", "y", "y", "z", "z", "z"]
    assert {"y_loss", "y_mean_absolute_error"} == found[1]["figures"].keys()
    assert {"z_loss", "z_accuracy"} == found[4]["figures"].keys()


def test_what_cannot_be_fitted_says_why() -> None:
    rng = np.random.default_rng(0)
    given = config({"x": {"kind": "number"}}, "category")
    given["data"]["targets"]["y"]["classes"] = 2
    data = cut(rng.normal(size=(100, 2)), np.zeros(100, int))
    (row,) = [row for row in of_config(load(given), data=data)["baselines"] if "failed" in row and "log" in row["name"]]
    assert "class" in row["failed"]


def test_rows_and_columns_beyond_the_limits_are_sampled_and_the_notes_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    given, data = real("diabetes", "number")
    monkeypatch.setattr(of_data, "MOST_VALUES", 1)
    monkeypatch.setattr(of_data, "LEAST_FITTED", 100)
    monkeypatch.setattr(of_data, "MOST_JUDGED", 50)
    found = of_config(load(given), data=data)
    assert found["notes"] == ["fitted on 100 of 265 training examples", "judged on 50 of 89 test examples"]
    assert [row["fitted_on"] for row in found["baselines"]] == [265, 100, 100]


def test_trees_that_would_take_minutes_are_left_out_with_a_reason() -> None:
    rng = np.random.default_rng(0)
    data = cut(rng.normal(size=(200, 40)).astype(np.float32), rng.integers(0, 20, 200))
    found = of_config(load(config({"x": {"kind": "number"}}, "category")), data=data)
    row = next(row for row in found["baselines"] if row["name"] == "boosted trees")
    assert row["failed"] == "40 columns and 20 outputs would take minutes"
    assert "figures" not in row


def test_without_a_test_split_validation_judges() -> None:
    given, data = real("diabetes", "number")
    found = of_config(load(given), data={name: data[name] for name in ("train", "validation")})
    assert found["split"] == "validation"
    with pytest.raises(ConfigError, match="neither a test nor a validation split"):
        of_config(load(given), data={"train": data["train"]})


def test_a_stream_has_a_majority_class_alone_and_says_so() -> None:
    import tensorflow as tf

    given, data = real("breast_cancer", "binary")
    streams = {name: tf.data.Dataset.from_tensor_slices(pair) for name, pair in data.items()}
    found = of_config(load(given), data=streams)
    assert rows_of(found).keys() == {"majority class"}
    assert found["notes"] == ["the data are a stream: what fits tables or texts would have to hold them"]
    expected = baselines(given, data)["majority class"]
    assert rows_of(found)["majority class"] == pytest.approx(expected)


def test_a_long_stream_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    monkeypatch.setattr(of_data, "MOST_STREAMED", 100)
    given, data = real("breast_cancer", "binary")
    streams = {name: tf.data.Dataset.from_tensor_slices(pair) for name, pair in data.items()}
    found = of_config(load(given), data=streams)
    assert found["notes"][1:] == ["counted on the first 100 training examples", "judged on the first 100 test examples"]
    assert found["examples"] == 100
