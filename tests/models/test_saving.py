"""Model files of others: each is refused with one message, runs no code of its own, and takes little memory."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlkit.models.saving import load_model
from tests.models.crafted import SPEC, Config, Small, layer, pack, refused, replaced, unbuilt


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules that leave a file when they are imported, where Python finds them; gives that file."""
    mark = tmp_path / "imported"
    code = f"from pathlib import Path\nPath({str(mark)!r}).touch()\n\n\nclass Evil:\n    pass\n"
    for name in ("keras_nlp", "keras_hub", "keras_cv", "evil"):
        (tmp_path / "path" / name).mkdir(parents=True)
        (tmp_path / "path" / name / "__init__.py").write_text(code)
        (tmp_path / "path" / name / "deep.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    return mark


def test_a_model_that_nobody_changed_is_opened(small: Small, tmp_path: Path) -> None:
    model, spec = load_model(small.write(tmp_path / "a.keras"))
    assert (model.count_params(), spec) == (275, SPEC)
    packed = pack(tmp_path / "b.keras", {**small.members, "dlkit.json": json.dumps(small.about)}, zipfile.ZIP_DEFLATED)
    assert load_model(packed)[0].compiled


FOREIGN: dict[str, Callable[[Config, Config], Any]] = {
    "module below keras_nlp": lambda c, a: layer(c, "first").update(module="keras_nlp.deep", class_name="Evil"),
    "module below keras_hub": lambda c, a: layer(c, "first").update(module="keras_hub.deep", class_name="Evil"),
    "module below keras_cv": lambda c, a: layer(c, "first").update(module="keras_cv.deep", class_name="Evil"),
    "any other module": lambda c, a: layer(c, "first").update(module="evil.deep", class_name="Evil"),
    "module of Python": lambda c, a: layer(c, "first").update(module="subprocess", class_name="Popen"),
    "registered name": lambda c, a: layer(c, "first").update(module=None, registered_name="evil>Evil"),
    "model itself": lambda c, a: c.update(module="keras_nlp.deep", class_name="Evil"),
    "lambda": lambda c, a: replaced(c, "first", "Lambda", function={"class_name": "__lambda__", "config": {}}),
    "lambda within settings": lambda c, a: layer(c, "first")["config"].update(
        activation={"class_name": "__lambda__", "config": {"value": "AAAA"}}
    ),
    "SavedModel": lambda c, a: replaced(c, "first", "TFSMLayer", filepath="/tmp/x"),
    "torch": lambda c, a: replaced(c, "first", "TorchModuleWrapper", module="AAAA"),
    "function of a module": lambda c, a: layer(c, "first")["config"].update(
        activation={"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}
    ),
    "function that loads": lambda c, a: layer(c, "first")["config"].update(
        activation={"class_name": "function", "config": "load_model", "module": "keras.saving"}
    ),
    "metric": lambda c, a: c["compile_config"]["metrics"].append(
        {"class_name": "Evil", "module": "keras_nlp.deep", "config": {}}
    ),
    "loss": lambda c, a: c["compile_config"].update(loss={"class_name": "Evil", "module": "evil", "config": {}}),
    "optimizer": lambda c, a: c["compile_config"]["optimizer"].update(module="keras_nlp.deep", class_name="Evil"),
    "type specification": lambda c, a: layer(c, "first")["config"].update(
        activation={"class_name": "__typespec__", "spec_name": "Evil", "module": "keras_nlp.deep", "config": []}
    ),
    "a function of Keras as a class": lambda c, a: layer(c, "first").update(
        module="keras.utils", class_name="get_file", config={"origin": "file:///etc/passwd"}
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_code_of_others_is_named_and_never_imported(case: str, small: Small, tmp_path: Path, planted: Path) -> None:
    assert refused(small.write(tmp_path / "x.keras", FOREIGN[case])) == "model-not-trusted"
    assert not planted.exists()


def test_a_class_that_the_process_has_registered_is_known(small: Small, tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable(package="mine")
    class Mine(keras.layers.Flatten):
        pass

    def change(config: Config, about: Config) -> None:
        layer(config, "flatten").update(module=None, class_name="Mine", registered_name="mine>Mine")

    path = small.write(tmp_path / "x.keras", change)
    assert load_model(path)[0].get_layer("flatten").__class__ is Mine
    del keras.saving.get_custom_objects()["mine>Mine"]
    assert refused(path) == "model-not-trusted"


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


CONFIGS: dict[str, Callable[[Config, Config], Any]] = {
    "no JSON": lambda c, a: {"config.json": "{"},
    "a list": lambda c, a: {"config.json": "[]"},
    "a number": lambda c, a: {"config.json": "7"},
    "empty": lambda c, a: {"config.json": "{}"},
    "deep": lambda c, a: {"config.json": deep(100_000)},
    "rather deep": lambda c, a: {"config.json": '{"a":' + deep(150) + "}"},
    "deep settings": lambda c, a: layer(c, "first")["config"].update(units=json.loads(deep(90))),
    "no UTF-8": lambda c, a: {"config.json": b"\xff\xfe"},
    "huge number": lambda c, a: {"config.json": "1" * 10_000},
    "layers are a word": lambda c, a: c["config"].update(layers="dense"),
    "layers are numbers": lambda c, a: c["config"].update(layers=[1, 2]),
    "no layers": lambda c, a: c["config"].update(layers=[]),
    "units are a word": lambda c, a: layer(c, "first")["config"].update(units="many"),
    "units are a list": lambda c, a: layer(c, "first")["config"].update(units=[4]),
    "units are negative": lambda c, a: layer(c, "first")["config"].update(units=-4),
    "class is a number": lambda c, a: layer(c, "first").update(class_name=4),
    "class is a list": lambda c, a: layer(c, "first").update(class_name=[]),
    "module is a list": lambda c, a: layer(c, "first").update(module=["keras"]),
    "registered name is a number": lambda c, a: layer(c, "first").update(registered_name=1),
    "config is a list": lambda c, a: layer(c, "first").update(config=[]),
    "nodes are a word": lambda c, a: layer(c, "first").update(inbound_nodes="x"),
    "nodes lead nowhere": lambda c, a: c["config"].update(output_layers=[["none", 0, 0]]),
    "input layers are numbers": lambda c, a: c["config"].update(input_layers=3),
    "type is nonsense": lambda c, a: layer(c, "first")["config"].update(dtype="float99"),
    "type is a number": lambda c, a: layer(c, "first")["config"].update(dtype=8),
    "initializer is nonsense": lambda c, a: layer(c, "first")["config"].update(kernel_initializer="evil"),
    "a name with an escape": lambda c, a: layer(c, "first")["config"].update(name="\x1b[2Jfirst"),
    "a name that climbs": lambda c, a: layer(c, "first")["config"].update(name="..\\..\\first"),
    "a name of a path": lambda c, a: layer(c, "first")["config"].update(name="/etc/first"),
    "a name of the model that climbs": lambda c, a: c["config"].update(name="..\\x"),
    "a long name": lambda c, a: layer(c, "first")["config"].update(name="x" * 100_000),
    "a file as a vocabulary": lambda c, a: replaced(c, "first", "StringLookup", vocabulary="/etc/passwd"),
    "a metric of many thresholds": lambda c, a: c["compile_config"]["metrics"].append(
        {"class_name": "AUC", "module": "keras.metrics", "config": {"name": "auc", "num_thresholds": 10**10}}
    ),
    "constant array of long words": lambda c, a: layer(c, "first").update(
        build_config={"class_name": "__numpy__", "config": {"value": [""] * 100, "dtype": "U100000000"}}
    ),
    "thousands of layers": lambda c, a: c["config"].update(layers=c["config"]["layers"] * 20_000),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_configuration_that_no_network_has_is_refused(case: str, small: Small, tmp_path: Path) -> None:
    assert refused(small.write(tmp_path / "x.keras", CONFIGS[case])) == "damaged-model"


SIZES: dict[str, Callable[[Config, Config], Any]] = {
    "RepeatVector": lambda c, a: replaced(c, "first", "RepeatVector", n=10**9),
    "UpSampling2D": lambda c, a: replaced(c, "rescaling", "UpSampling2D", size=[10_000, 10_000]),
    "Dense": lambda c, a: layer(c, "first")["config"].update(units=10**10),
    "a rather large Dense": lambda c, a: layer(c, "first")["config"].update(units=10**8),
    "Embedding": lambda c, a: replaced(c, "first", "Embedding", input_dim=10**8, output_dim=1000),
    "ZeroPadding2D": lambda c, a: replaced(c, "rescaling", "ZeroPadding2D", padding=[[10**6, 10**6]] * 2),
    "Resizing": lambda c, a: replaced(c, "rescaling", "Resizing", height=10**6, width=10**6),
    "CategoryEncoding": lambda c, a: replaced(c, "first", "CategoryEncoding", num_tokens=10**8, output_mode="one_hot"),
    "Normalization of a large input": lambda c, a: layer(c, "x")["config"].update(batch_shape=[None, 10**4, 10**5, 1]),
    "huge input": lambda c, a: layer(c, "x")["config"].update(batch_shape=[None, 10**6, 10**6, 1]),
    "Conv2DTranspose": lambda c, a: replaced(
        c, "rescaling", "Conv2DTranspose", filters=1, kernel_size=[3, 3], strides=[9000, 9000]
    ),
    "Normalization of a rather large input": lambda c, a: (
        replaced(c, "rescaling", "Normalization", axis=[1, 2, 3], mean=None, variance=None),
        layer(c, "x")["config"].update(batch_shape=[None, 10**4, 10**4, 1]),
    ),
    "LSTM": lambda c, a: (
        replaced(c, "flatten", "Reshape", target_shape=[8, 8]),
        replaced(c, "first", "LSTM", units=10**6),
    ),
    "unrolled LSTM": lambda c, a: (
        layer(c, "x")["config"].update(batch_shape=[None, 10**5, 8, 1]),
        replaced(c, "flatten", "Reshape", target_shape=[10**5, 8]),
        replaced(c, "first", "LSTM", units=4, unroll=True),
    ),
    "a model in the model": lambda c, a: layer(c, "first").update(
        class_name="Sequential",
        module="keras",
        config={
            "name": "first",
            "layers": [
                {"class_name": "RepeatVector", "module": "keras.layers", "config": {"name": "r", "n": 10**8}},
                {"class_name": "GlobalAveragePooling1D", "module": "keras.layers", "config": {"name": "g"}},
            ],
        },
    ),
    "wrapped": lambda c, a: replaced(
        c,
        "flatten",
        "TimeDistributed",
        layer={"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", "units": 10**8}},
    ),
    "MeanIoU": lambda c, a: c["compile_config"]["metrics"].append(
        {"class_name": "MeanIoU", "module": "keras.metrics", "config": {"name": "m", "num_classes": 90_000}}
    ),
    "STFT": lambda c, a: (
        layer(c, "x")["config"].update(batch_shape=[None, 10**6, 1, 1]),
        replaced(c, "flatten", "Reshape", target_shape=[10**6, 1]),
        replaced(c, "first", "STFTSpectrogram", frame_length=10**5, frame_step=10**5, fft_length=10**5),
    ),
    "Discretization": lambda c, a: replaced(c, "first", "Discretization", num_bins=10**8),
    "MelSpectrogram": lambda c, a: replaced(c, "first", "MelSpectrogram", num_mel_bins=10**6, fft_length=10**6),
}


@pytest.mark.parametrize("case", SIZES)
def test_a_network_that_would_fill_the_memory_is_refused(case: str, small: Small, tmp_path: Path) -> None:
    assert refused(small.write(tmp_path / "x.keras", unbuilt(SIZES[case]))) == "damaged-model"


def without(record: Config, key: str) -> None:
    del record[key]


ABOUTS: dict[str, Callable[[Config, Config], Any]] = {
    "no JSON": lambda c, a: {"dlkit.json": "nonsense"},
    "a list": lambda c, a: {"dlkit.json": "[]"},
    "null": lambda c, a: {"dlkit.json": "3"},
    "deep": lambda c, a: {"dlkit.json": deep(100_000)},
    "another format": lambda c, a: a.update(format=99),
    "no format": lambda c, a: without(a, "format"),
    "no inputs": lambda c, a: without(a, "inputs"),
    "inputs are a mapping": lambda c, a: a.update(inputs={}),
    "inputs are empty": lambda c, a: a.update(inputs=[]),
    "an input is a word": lambda c, a: a.update(inputs=["x"]),
    "no name": lambda c, a: without(a["inputs"][0], "name"),
    "name is a list": lambda c, a: a["inputs"][0].update(name=["x"]),
    "name has an escape": lambda c, a: a["inputs"][0].update(name="\x1b[2Jx"),
    "another name": lambda c, a: a["inputs"][0].update(name="z"),
    "no classes": lambda c, a: without(a["targets"][0], "classes"),
    "classes are numbers": lambda c, a: a["targets"][0].update(classes=[1, 2, 3]),
    "too few classes": lambda c, a: a["targets"][0].update(classes=["a"]),
    "unknown kind": lambda c, a: a["targets"][0].update(kind="oracle"),
    "kind is a list": lambda c, a: a["targets"][0].update(kind=[]),
    "nonsense type": lambda c, a: a["inputs"][0].update(dtype="uint99"),
    "type of objects": lambda c, a: a["inputs"][0].update(dtype="object"),
    "type of long words": lambda c, a: a["inputs"][0].update(dtype="U1000000000"),
    "another type": lambda c, a: a["inputs"][0].update(dtype="float64"),
    "another shape": lambda c, a: a["inputs"][0].update(shape=[9, 8, 1]),
    "shape is a word": lambda c, a: a["inputs"][0].update(shape="8 x 8"),
    "shape of fractions": lambda c, a: a["inputs"][0].update(shape=[8.5, 8, 1]),
    "negative shape": lambda c, a: a["inputs"][0].update(shape=[-8, 8, 1]),
    "two targets of one name": lambda c, a: a.update(targets=a["targets"] * 2),
    "a target that is not there": lambda c, a: a["targets"].append({**a["targets"][0], "name": "z"}),
}


@pytest.mark.parametrize("case", ABOUTS)
def test_a_wrong_description_is_refused(case: str, small: Small, tmp_path: Path) -> None:
    code = "plugin-needed" if case == "unknown kind" else "damaged-model"
    assert refused(small.write(tmp_path / "x.keras", ABOUTS[case])) == code
