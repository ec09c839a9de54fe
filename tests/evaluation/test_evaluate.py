"""Evaluation and prediction from Python, and what is refused."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.config.problems import ConfigError, RunError
from dlkit.data.bound import Spec
from dlkit.evaluation.evaluate import evaluate, evaluate_run
from dlkit.evaluation.inputs import read_inputs
from dlkit.evaluation.predict import predict
from dlkit.evaluation.trained import Trained, check_fit, open_trained
from dlkit.runs import RunFolder
from dlkit.schema.features import Feature
from tests.bound import a_target, spec_of
from tests.quick import ALONE
from tests.training.helpers import DATA, MLP, finished, images, settings, train

TWO = {
    "name": "two",
    "data": {
        "inputs": {"a": {"kind": "number"}, "b": {"kind": "number"}},
        "targets": {
            "kind": {"kind": "category", "classes": ["low", "high"]},
            "sum": {"kind": "number", "normalize": False},
        },
        "batch_size": 20,
    },
    "model": {"builder": "both_inputs"},
    "training": {"epochs": 2, **ALONE},
    "runtime": {"compile": "graph"},
}
JOIN = """\
from keras import layers


def both_inputs(inputs, *, units: int = 8):
    return layers.Dense(units, activation="relu")(layers.Concatenate()(list(inputs.values())))


builders = {"both_inputs": both_inputs}
"""


def two() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 60, 2)).astype(np.float32)
    total = (a + b).sum(axis=1)
    part = ({"a": a, "b": b}, {"kind": (total > 0).astype(np.int32), "sum": total})
    return {"train": part, "validation": part, "test": part}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on images."""
    return finished(settings(MLP), tmp_path_factory.mktemp("digits")).folder


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with two inputs and two targets."""
    folder = tmp_path_factory.mktemp("both")
    (folder / "both_inputs.py").write_text(JOIN)
    return train({**TWO, "plugins": [str(folder / "both_inputs.py")]}, folder, data=two()).folder


def test_the_figures_are_those_of_the_run_itself(digits: Path) -> None:
    import json

    recorded = json.loads((digits / "test.json").read_text())
    found = evaluate(digits, data=DATA)
    assert (found.split, found.examples) == ("test", 80)
    assert list(found.figures) == ["loss", "accuracy"]
    assert found.figures["loss"] == pytest.approx(recorded["loss"], rel=1e-5)
    assert evaluate_run(RunFolder(digits), data=DATA) == found.figures


def test_several_targets_are_evaluated_under_the_names_of_the_run(both: Path) -> None:
    import json

    recorded = json.loads((both / "test.json").read_text())
    figures = evaluate_run(RunFolder(both), data=two())
    assert set(figures) == set(recorded) - {"epoch", "examples"}
    assert figures == {name: pytest.approx(recorded[name], rel=1e-4) for name in figures}


def test_plain_keras_says_the_same(digits: Path) -> None:
    model = keras.saving.load_model(digits / "model.keras")
    x, y = DATA["test"]
    assert model.evaluate(x, y, verbose=0) == [
        pytest.approx(v, rel=1e-5) for v in evaluate(digits, data=DATA).figures.values()
    ]
    np.testing.assert_allclose(
        predict(digits, data=DATA).results["label"], model.predict(x, verbose=0), rtol=1e-5, atol=1e-7
    )


def test_predictions_know_the_labels_of_a_split(digits: Path) -> None:
    found = predict(digits, data=DATA)
    assert list(found.places[:2]) == ["test[0]", "test[1]"]
    np.testing.assert_array_equal(found.labels["label"], DATA["test"][1])


def test_arrays_of_several_inputs(both: Path, tmp_path: Path) -> None:
    (inputs, _) = two()["test"]
    np.savez(tmp_path / "rows.npz", **inputs)
    found = predict(both, [tmp_path / "rows.npz"])
    assert found.places[-1] == f"{tmp_path}/rows.npz[59]"
    assert found.results["kind"].shape == (60, 2)
    assert found.results["sum"].shape == (60, 1)
    np.savez(tmp_path / "half.npz", a=inputs["a"])
    np.savez(tmp_path / "ragged.npz", a=inputs["a"], b=inputs["b"][:5])
    np.save(tmp_path / "one.npy", inputs["a"])
    with pytest.raises(RunError) as expected:
        predict(both, [tmp_path / "half.npz", tmp_path / "ragged.npz", tmp_path / "one.npy"])
    assert [p.message.partition(": ")[2] for p in expected.value.problems] == [
        "it has no array `b`",
        "its arrays differ in length: `a` 60, `b` 5",
        "the model has 2 inputs",
    ]


@pytest.mark.parametrize("shape", [(5, 28, 28, 1), (5, 28, 28), (28, 28, 1), (28, 28)])
def test_arrays_with_and_without_their_outer_axes(digits: Path, tmp_path: Path, shape: tuple[int, ...]) -> None:
    x, _ = images(5)
    np.save(tmp_path / "x.npy", x[: 5 if shape[0] == 5 else 1].reshape(shape))
    found = predict(digits, [tmp_path / "x.npy"])
    assert len(found) == (5 if shape[0] == 5 else 1)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 27, 28, 1), np.uint8),
        np.full((1, 28, 28, 1), 300, np.int32),
        np.full((1, 28, 28, 1), 0.5, np.float32),
        np.zeros((0, 28, 28, 1), np.uint8),
        np.array(["a", "b"]),
        np.array(3),
    ],
    ids=["shape", "range", "fractions", "no rows", "text", "scalar"],
)
def test_arrays_that_do_not_fit_are_refused(digits: Path, tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(RunError, match=r"x\.npy"):
        read(open_trained(digits), [tmp_path / "x.npy"])


@pytest.mark.parametrize(("name", "accepted"), [("image", True), ("arr_0", True), ("x", False), ("x_test", False)])
def test_an_array_of_another_name_is_refused(digits: Path, tmp_path: Path, name: str, accepted: bool) -> None:
    x, _ = images(3)
    np.savez(tmp_path / "some.npz", **{name: x})
    if accepted:
        assert len(predict(digits, [tmp_path / "some.npz"])) == 3
        return
    with pytest.raises(RunError, match=f"it has no array `image`; its arrays are {name}; the model takes `image`"):
        predict(digits, [tmp_path / "some.npz"])


def bitmap(pixels: np.ndarray, palette: np.ndarray | None) -> bytes:
    """A BMP file: 8 bits a pixel with a palette of (256, 3), or 24 bits of blue, green and red. Rows run upwards."""
    height, width = pixels.shape[:2]
    bits, colours = (24, b"") if palette is None else (8, np.pad(palette, ((0, 0), (0, 1))).astype(np.uint8).tobytes())
    start, body = 54 + len(colours), pixels[::-1].tobytes()
    return (
        struct.pack("<2sIII", b"BM", start + len(body), 0, start)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(body), 0, 0, 0, 0)
        + colours
        + body
    )


def read(trained: Trained, paths: list[Path]) -> dict[str, np.ndarray]:
    """All examples of some files, by input."""
    parts = [part.arrays for part in read_inputs(trained, paths, 2)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_a_bitmap_of_one_channel_or_of_gray_colours_is_read_as_the_digit_it_is(digits: Path, tmp_path: Path) -> None:
    (digit,), _ = images(1)
    grays = np.repeat(np.arange(256)[:, np.newaxis], 3, axis=1)
    (tmp_path / "gray.bmp").write_bytes(bitmap(digit, grays))
    (tmp_path / "colour.bmp").write_bytes(bitmap(np.repeat(digit, 3, axis=2), None))
    trained = open_trained(digits)
    for name in ("gray.bmp", "colour.bmp"):
        given = read(trained, [tmp_path / name])["image"]
        np.testing.assert_array_equal(given, digit[np.newaxis])
    (tmp_path / "painted.bmp").write_bytes(bitmap(digit, grays[::-1]))
    np.testing.assert_array_equal(read(trained, [tmp_path / "painted.bmp"])["image"], 255 - digit[np.newaxis])
    (tmp_path / "cut.bmp").write_bytes(b"BM")
    with pytest.raises(RunError, match="not a whole image"):
        read(trained, [tmp_path / "cut.bmp"])


def test_a_model_that_resizes_takes_images_of_any_size(tmp_path: Path) -> None:
    import tensorflow as tf

    resized = {"preprocess": [{"resize": {"height": 14, "width": 14}}, "rescale"]}
    config = settings(MLP, {"epochs": 1, **ALONE}, image=resized)
    folder = train(config, tmp_path).folder
    picture = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    for name, encode in {"x.png": tf.io.encode_png, "x.jpg": tf.io.encode_jpeg}.items():
        tf.io.write_file(str(tmp_path / name), encode(picture))
    found = predict(folder, [tmp_path / "x.png", tmp_path / "x.jpg"])
    assert found.results["label"].shape == (2, 10)


def feature(**more: Any) -> Feature:
    return replace(Feature("y", "category", (), "int32", ("a", "b", "c")), **more)


def spec(y: Feature, x: Feature | None = None) -> Spec:
    return spec_of([x or Feature("x", "number", (3,), "float32")], [y])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (spec(feature(classes=("a", "b"))), "3 classes"),
        (spec(feature(classes=("b", "a", "c"))), "another order"),
        (spec(feature(classes=tuple("0123"))), "4 "),
        (spec(feature(kind="number", classes=())), "as number"),
        (spec(feature(), Feature("x", "number", (4,), "float32")), "shape 4"),
        (spec_of([Feature("z", "number", (3,), "float32")], [feature()]), "inputs are x"),
    ],
)
def test_data_that_do_not_fit_the_model(given: Spec, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        check_fit(spec(feature()), given)


def test_data_that_fit_the_model() -> None:
    check_fit(spec(feature()), spec(feature()))
    check_fit(spec(feature()), spec(feature(classes=("0", "1"))))


def test_the_likeliest_classes() -> None:
    target = a_target(feature())
    names = [name for name, _ in target.settings.ranked(target, np.array([0.1, 0.6, 0.3], np.float32), 2)]
    assert names == ["b", "c"]
    yes_or_no = a_target(Feature("y", "binary", (), "int32", ("no", "yes")))
    assert yes_or_no.settings.ranked(yes_or_no, np.array([0.25], np.float32))[0] == ("no", np.float32(0.75))


def test_a_file_that_is_no_model_is_reported_as_such(tmp_path: Path) -> None:
    (tmp_path / "x.keras").write_text("not a model")
    with pytest.raises(RunError, match="not a whole Keras model"):
        open_trained(tmp_path / "x.keras")


def test_a_trained_model_knows_its_run(digits: Path) -> None:
    found = open_trained(digits)
    assert isinstance(found, Trained)
    assert found.folder == RunFolder(digits)
    assert open_trained(digits / "model.keras").folder == RunFolder(digits)


LINE = {"x": np.arange(20, dtype=np.float32), "y": np.arange(20, dtype=np.float32)}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on numbers."""
    target = {"kind": "number", "metrics": ["r2_score"]}
    config = {
        "name": "a",
        "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": target}, "batch_size": 10},
        "model": {"builder": "mlp", "dense": [2]},
        "training": {"epochs": 1, **ALONE},
        "runtime": {"compile": "graph"},
    }
    return train(config, tmp_path_factory.mktemp("line"), data={"train": LINE}).folder


@pytest.mark.parametrize(("column", "group"), [("x", "inputs"), ("y", "targets")])
def test_a_bad_example_of_a_stream_is_no_failure_of_the_model(line: Path, column: str, group: str) -> None:
    bad = {**LINE, column: np.where(np.arange(20) == 13, np.nan, LINE[column])}
    given = {"train": tf.data.Dataset.from_tensor_slices(LINE), "test": tf.data.Dataset.from_tensor_slices(bad)}
    with pytest.raises(RunError, match=r"the first is row 13 of `test` \(nan\)") as refused:
        evaluate(line, data=given)
    (problem,) = refused.value.problems
    assert (problem.code, problem.key) == ("not-finite", ("data", group, column))
