"""Models go into other forms by Keras's own `export`: SavedModel all of them, ONNX and LiteRT those without texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.builders._presets import presets
from dlkit.schema.builder import BUILDERS
from tests.builders import networks
from tests.conformance.test_builders import MORE, RAW, SETTINGS, built, kind_of, kinds_of

FIRST = ("mlp", SETTINGS["mlp"], (kind_of("mlp"),))
OTHERS = [
    *((name, SETTINGS[name], kinds_of(name)) for name in BUILDERS.own_names),
    *((name, settings, (kind,)) for name, settings in MORE for kind in ("image", "sequence")),
    ("mlp", {"dense": [5], "members": 3, "numbers": "periodic"}, ("number",)),
    ("rnn", {"units": [4], "cell": "gru", "bidirectional": True, "pooling": "attention"}, ("sequence",)),
]
NUMERIC = [case for case in OTHERS if "text" not in case[2]]
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def slow(cases: list[Any]) -> list[Any]:
    """The first case, and the others where long tests run."""
    return [FIRST, *(pytest.param(*case, marks=pytest.mark.slow) for case in cases)]


def model_of(name: str, settings: dict[str, Any], kinds: tuple[str, ...]) -> tuple[keras.Model, dict[str, Any]]:
    """A model from raw input to logits, and examples of each input."""
    return built({"builder": name, **settings}, *kinds).model, {kind: RAW[kind] for kind in kinds}


def called(model: keras.Model, given: dict[str, Any]) -> np.ndarray:
    """What a model of Keras's gives for examples."""
    tensors = {name: tf.constant(x) for name, x in given.items()}
    return np.asarray(model(tensors if len(tensors) > 1 else next(iter(tensors.values()))))


def through_saved_model(model: keras.Model, given: dict[str, Any], folder: Path) -> np.ndarray:
    """The same of the SavedModel."""
    model.export(folder / "saved", format="tf_saved_model", verbose=False)
    tensors = {name: tf.constant(x) for name, x in given.items()}
    loaded = tf.saved_model.load(str(folder / "saved"))
    return np.asarray(loaded.serve(tensors if len(tensors) > 1 else next(iter(tensors.values()))))


def through_litert(model: keras.Model, given: dict[str, Any], folder: Path) -> np.ndarray:
    """The same of the LiteRT file: for one example at a time, without which recurrent layers need more than LiteRT."""
    one = {x.name: keras.InputSpec(dtype=x.dtype, shape=(1, *x.shape[1:]), name=x.name) for x in model.inputs}
    signature = [one if len(one) > 1 else next(iter(one.values()))]
    model.export(folder / "m.tflite", format="litert", verbose=False, input_signature=signature)
    run = tf.lite.Interpreter(model_path=str(folder / "m.tflite")).get_signature_runner()
    if len(given) == 1:
        given = dict(zip(run.get_input_details(), given.values(), strict=True))
    rows = range(len(next(iter(given.values()))))
    return np.concatenate([next(iter(run(**{k: x[n : n + 1] for k, x in given.items()}).values())) for n in rows])


def through_onnx(model: keras.Model, given: dict[str, Any], folder: Path) -> np.ndarray:
    """The same of the ONNX file that is made of the SavedModel, where the converter is installed.

    Keras's own `format="onnx"` makes inputs of numbers that were fitted on the data.
    """
    convert = pytest.importorskip("tf2onnx.convert", reason="needs `pip install tf2onnx onnx onnxruntime`")
    runtime = pytest.importorskip("onnxruntime", reason="needs `pip install onnxruntime`")
    model.export(folder / "saved", format="tf_saved_model", verbose=False)
    words = ["--saved-model", str(folder / "saved"), "--output", str(folder / "m.onnx"), "--opset", "17"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["tf2onnx.convert", *words])
        convert.main()
    session = runtime.InferenceSession(folder / "m.onnx", providers=["CPUExecutionProvider"])
    assert len(session.get_inputs()) == len(given), "nothing else has to be given"
    names = [x.name for x in session.get_inputs()]
    return np.asarray(session.run(None, {n: given[n] if n in given else next(iter(given.values())) for n in names})[0])


# TensorFlow's own interpreter does as well as the package that takes its place.
pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")


@pytest.mark.parametrize(("name", "settings", "kinds"), slow(OTHERS))
def test_a_saved_model_gives_the_same_numbers(
    name: str, settings: dict[str, Any], kinds: tuple[str, ...], tmp_path: Path
) -> None:
    model, given = model_of(name, settings, kinds)
    np.testing.assert_allclose(through_saved_model(model, given, tmp_path), called(model, given), **CLOSE)


@pytest.mark.parametrize(("name", "settings", "kinds"), slow(NUMERIC))
def test_litert_gives_the_same_numbers(
    name: str, settings: dict[str, Any], kinds: tuple[str, ...], tmp_path: Path
) -> None:
    model, given = model_of(name, settings, kinds)
    np.testing.assert_allclose(through_litert(model, given, tmp_path), called(model, given), **CLOSE)


@pytest.mark.parametrize(("name", "settings", "kinds"), slow(NUMERIC))
def test_onnx_gives_the_same_numbers(
    name: str, settings: dict[str, Any], kinds: tuple[str, ...], tmp_path: Path
) -> None:
    model, given = model_of(name, settings, kinds)
    np.testing.assert_allclose(through_onnx(model, given, tmp_path), called(model, given), **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("through", [through_saved_model, through_litert, through_onnx])
@pytest.mark.parametrize("preset", presets())
def test_known_networks_convert(preset: str, through: Any, tmp_path: Path) -> None:
    if preset == "airbench" and through is through_onnx:
        pytest.skip("tf2onnx has no operation for `gelu`")
    shape = (64, 2) if preset == "inception_time" else (32, 32, 3)
    model = networks.built(None, shape, preset=preset).model
    given = {"x": np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")}
    np.testing.assert_allclose(through(model, given, tmp_path), called(model, given), **CLOSE)
