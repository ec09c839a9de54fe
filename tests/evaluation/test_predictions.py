"""Predictions over splits and files: exact figures whatever the batches, and every place in its order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sk

import dlkit
from dlkit.config.problems import ConfigError, RunError
from dlkit.data.contract import in_memory
from dlkit.evaluation import predictions
from dlkit.evaluation.compiled import Compiled, figures
from dlkit.evaluation.evaluate import evaluate
from dlkit.evaluation.predict import predict
from dlkit.evaluation.predictions import of_split
from dlkit.evaluation.trained import Trained, open_trained
from dlkit.models.predictions import Predictions, RowPlaces, joined
from dlkit.schema.features import Feature
from tests.bound import a_target, spec_of
from tests.evaluation.test_evaluate import JOIN, TWO
from tests.models.crafted import little_memory
from tests.quick import ALONE
from tests.training.helpers import DATA, MLP, finished, images, settings, train

SHORT = {"epochs": 1, **ALONE}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on images."""
    return finished(settings(MLP), tmp_path_factory.mktemp("digits")).folder


def uneven() -> dict[str, Any]:
    """Two inputs and two targets, 1,100 test examples, the last of which are far off."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 1100, 2)).astype(np.float32)
    total = (a + b).sum(axis=1)
    total[1024:] += 40
    part = ({"a": a, "b": b}, {"kind": (total > 0).astype(np.int32), "sum": total})
    return {"train": part, "validation": part, "test": part}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> dlkit.Run:
    folder = tmp_path_factory.mktemp("two")
    (folder / "both_inputs.py").write_text(JOIN)
    config = {**TWO, "plugins": [str(folder / "both_inputs.py")], "runtime": {"compile": "graph"}}
    return train(config, folder, data=uneven())


def test_the_last_batch_weighs_as_much_as_its_examples(two: dlkit.Run) -> None:
    """1,100 examples in batches of 1,024 and 76; plain Keras takes the mean of the two means for each target."""
    found = evaluate(two.folder, data=uneven())
    (inputs, labels) = uneven()["test"]
    results = two.model.predict(inputs, verbose=0)
    exact = float(np.mean((results["sum"][:, 0].astype(np.float64) - labels["sum"]) ** 2))
    assert found.figures["sum_loss"] == pytest.approx(exact, rel=1e-6)
    assert found.figures["sum_loss"] == pytest.approx(two.test["sum_loss"], rel=1e-5)
    likely = np.take_along_axis(results["kind"], labels["kind"][:, np.newaxis], axis=1)
    assert found.figures["kind_loss"] == pytest.approx(float(-np.log(likely.astype(np.float64)).mean()), rel=1e-5)
    assert found.figures["loss"] == pytest.approx(found.figures["sum_loss"] + found.figures["kind_loss"], rel=1e-9)
    accuracy = sk.accuracy_score(labels["kind"], results["kind"].argmax(axis=1))
    assert found.figures["kind_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert found.examples == 1100


@pytest.mark.parametrize("size", [1, 7, 80, 1000])
def test_figures_do_not_depend_on_the_batches(digits: Path, size: int) -> None:
    trained = open_trained(digits)
    compiled = Compiled(trained)
    x, y = DATA["test"]
    found, examples = figures(
        compiled, of_split(trained, compiled, in_memory({"image": x}, {"label": y}), "test", size)
    )
    assert examples == 80
    assert found == {
        name: pytest.approx(value, rel=1e-6) for name, value in evaluate(digits, data=DATA).figures.items()
    }


def test_weights_count_in_loss_and_metrics(digits: Path) -> None:
    """An example of weight 0 is none; one of weight 2 is two."""
    trained = open_trained(digits)
    compiled = Compiled(trained)
    x, y = images(6, 150)
    weights = np.array([0, 1, 1, 2, 1, 1], np.float32)
    twice = np.repeat(np.arange(6), weights.astype(int))
    weighted = in_memory({"image": x}, {"label": y}, {"label": weights})
    found, _ = figures(compiled, of_split(trained, compiled, weighted, "test", 4))
    plain = in_memory({"image": x[twice]}, {"label": y[twice]})
    expected, _ = figures(compiled, of_split(trained, compiled, plain, "test", 4))
    assert found == {name: pytest.approx(value, rel=1e-6) for name, value in expected.items()}


def test_penalties_of_weights_are_in_the_loss(tmp_path: Path) -> None:
    (tmp_path / "bound.py").write_text(
        "from keras import layers\n\n\n"
        "def bound(inputs, *, l2: float = 0.1):\n"
        "    x = layers.Flatten()(next(iter(inputs.values())))\n"
        "    return layers.Dense(4, kernel_regularizer=__import__('keras').regularizers.L2(l2))(x)\n\n\n"
        'builders = {"bound": bound}\n'
    )
    config = {**settings({"builder": "bound"}, SHORT), "plugins": [str(tmp_path / "bound.py")]}
    run = train(config, tmp_path)
    found = evaluate(run.folder, data=DATA).figures["loss"]
    assert found == pytest.approx(run.test["loss"], rel=1e-5)
    assert found > float(predict(run.folder, data=DATA).losses["label"].mean()) + 0.01


def test_a_class_that_the_loss_ignores_is_left_out(tmp_path: Path) -> None:
    loss = {"name": "sparse_categorical_crossentropy", "ignore_class": 3}
    run = train(settings(MLP, {"loss": loss, **SHORT}), tmp_path)
    assert evaluate(run.folder, data=DATA).figures["loss"] == pytest.approx(run.test["loss"], rel=1e-5)


def test_the_saved_table_of_a_run_is_what_predict_says(digits: Path) -> None:
    found = predict(digits, data=DATA)
    assert isinstance(found.places, RowPlaces)
    assert found.losses["label"].shape == (80,)
    with np.load(digits / "predictions" / "test.npz") as saved:
        np.testing.assert_array_equal(saved["row"], found.rows)
        assert list(saved["input"][:2]) == list(found.places[:2]) == ["test[0]", "test[1]"]
        np.testing.assert_allclose(saved["label_result"], found.results["label"], rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(saved["label_label"], found.labels["label"])


def test_joined_predictions_keep_their_order() -> None:
    target = {"y": a_target(Feature("y", "number", (), "float32"))}
    parts = [
        Predictions(
            target, np.array([n]), ["a.png"] if n else RowPlaces("test", np.array([0])), {"y": np.full((1, 1), n)}
        )
        for n in range(3)
    ]
    found = joined(parts)
    assert (len(found), list(found.places)) == (3, ["test[0]", "a.png", "a.png"])
    np.testing.assert_array_equal(found.results["y"], [[0], [1], [2]])


def test_a_model_of_large_layers_is_given_few_examples_at_once() -> None:
    x = keras.Input((8, 8, 1), name="x", dtype="uint8")
    model = keras.Model(x, keras.layers.GlobalAveragePooling2D()(keras.layers.UpSampling2D(1000)(x)))
    spec = spec_of([Feature("x", "image", (8, 8, 1), "uint8")], [])
    assert predictions.batch_size(Trained(Path("x"), model, spec, None), 32) == 8


def test_a_model_that_fails_is_blamed_by_name(digits: Path) -> None:
    trained = open_trained(digits)
    x = keras.Input((28, 28, 1), name="image")
    wrong = Trained(trained.path, keras.Model(x, keras.layers.Flatten()(x)), trained.spec, None)
    with pytest.raises(RunError) as failed:
        list(predictions.Forward(wrong)({"image": np.zeros((2, 3, 3, 1), np.uint8)}, {}))
    (problem,) = failed.value.problems
    assert problem.code == "model-does-not-run"
    assert str(trained.path) in problem.message


def write_images(folder: Path, names: list[str]) -> np.ndarray:
    """Digits as PNG files."""
    x, _ = images(len(names))
    for name, image in zip(names, x, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / name)
    return x


def test_folders_and_patterns_mean_their_files_in_order(digits: Path, tmp_path: Path) -> None:
    names = ["b/2.png", "b/10.png", "a.png", "b/c/3.png"]
    x = write_images(tmp_path / "in", names)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    (tmp_path / "in" / "b" / ".hidden.png").write_text("no image")
    expected = dlkit.load_run(digits).model.predict(x, verbose=0)
    for given, order in {
        "in": [2, 1, 0, 3],
        "in/*.png": [2],
        "in/b": [1, 0, 3],
        "in/**/*.png": [2, 1, 0, 3],
        "in/b*": [1, 0, 3],
    }.items():
        if "**" in given:
            (tmp_path / "in" / "b" / ".hidden.png").unlink()
        found = predict(digits, [tmp_path / given])
        assert list(found.places) == [str(tmp_path / "in" / names[i]) for i in order], given
        np.testing.assert_allclose(found.results["label"], expected[order], rtol=1e-5, atol=1e-7)
    both = predict(digits, [tmp_path / "in" / "b" / "10.png", tmp_path / "in"])
    assert len(both) == 5
    np.testing.assert_array_equal(both.rows, np.arange(5))


def test_a_pattern_or_folder_without_files_is_named(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError) as refused:
        predict(digits, [tmp_path / "*.jpg", tmp_path / "empty", tmp_path / "gone.png"])
    said = [problem.message.partition(": ")[2] for problem in refused.value.problems]
    assert said[0] == "no file fits this pattern"
    assert said[1].startswith("it is a folder without files that can be read (.png, ")
    assert said[2] == "there is no such file"


def test_files_of_many_kinds_and_sizes_of_batch_go_together(digits: Path, tmp_path: Path) -> None:
    x, _ = images(60)
    np.save(tmp_path / "rows.npy", x[:40])
    np.savez(tmp_path / "more.npz", image=x[40:59])
    Image.fromarray(x[59, ..., 0]).save(tmp_path / "one.png")
    found = predict(digits, [tmp_path / name for name in ("rows.npy", "more.npz", "one.png")])
    assert found.places[39:41] == [f"{tmp_path}/rows.npy[39]", f"{tmp_path}/more.npz[0]"]
    expected = dlkit.load_run(digits).model.predict(x, verbose=0)
    np.testing.assert_allclose(found.results["label"], expected, rtol=1e-5, atol=1e-7)


def test_a_large_file_is_read_a_few_rows_at_a_time(digits: Path, tmp_path: Path) -> None:
    rows = np.lib.format.open_memmap(tmp_path / "large.npy", "w+", np.uint8, (400_000, 28, 28, 1))
    del rows
    trained = open_trained(digits)
    next(predictions.of_files(trained, [tmp_path / "large.npy"], 1000))
    with little_memory(200):
        parts = predictions.of_files(trained, [tmp_path / "large.npy"], 1000)
        assert sum(len(next(parts)) for _ in range(20)) == 20_000


def test_an_array_that_declares_terabytes_is_refused(digits: Path, tmp_path: Path) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 28, 28, 1)}
        )
    with little_memory(), pytest.raises(RunError, match="not a whole NumPy file"):
        predict(digits, [tmp_path / "x.npy"])


def test_a_later_row_that_is_not_finite_names_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    part = (rng.normal(size=(60, 3)).astype(np.float32), rng.integers(0, 2, 60))
    config = {
        "name": "numbers",
        "data": {"inputs": {"x": {"kind": "number"}}, "targets": {"y": {"kind": "category", "classes": 2}}},
        "model": {"builder": "mlp"},
        "training": SHORT,
        "runtime": {"compile": "graph"},
    }
    run = train(config, tmp_path, data={"train": part})
    rows = np.zeros((5000, 3), np.float32)
    rows[4999, 2] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(RunError, match=r"rows\.npy: it holds values that are not finite"):
        predict(run.folder, [tmp_path / "rows.npy"])
