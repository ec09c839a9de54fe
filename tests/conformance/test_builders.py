"""Every registered builder: several inputs, saved and opened in plain Keras, equal to a network written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from dlkit.builders._blocks._block import BLOCKS
from dlkit.data.bound import Input, Spec, bound
from dlkit.encoded import embedding_size
from dlkit.models.build import BuiltModel, build
from dlkit.origins import MODEL
from dlkit.schema.builder import BUILDERS
from dlkit.schema.features import Feature
from dlkit.schema.input import INPUTS
from dlkit.schema.loader import from_mapping

# What the network sees of each kind, and what the model takes.
SHAPES: dict[str, tuple[int, ...]] = {"image": (8, 8, 3), "sequence": (6, 2), "number": (5,), "text": (4,)}
PREPARED: dict[str, Any] = {
    name: np.random.default_rng(len(shape)).normal(size=(7, *shape)).astype("float32") for name, shape in SHAPES.items()
}
TEXTS = ["a b", "b", "c b", "a a a b", "c", "x c a", "b c a"]
PREPARED["text"] = np.array(
    [[2, 3, 0, 0], [3, 0, 0, 0], [4, 3, 0, 0], [2, 2, 2, 3], [4, 0, 0, 0], [1, 4, 2, 0], [3, 4, 2, 0]]
)
RAW = {**PREPARED, "text": np.array(TEXTS, object)}
TERMS = {
    "vocabulary": ["a", "b", "c"], "counts": [6, 4, 3], "length": 4, "characters": 20, "letters": "abcx",
    "by_character": False, "html": False,
}  # fmt: skip


def built(model: dict[str, Any], *kinds: str) -> BuiltModel:
    """A network over inputs of these kinds, named after them, without preprocessing."""
    data = {
        "inputs": {kind: {"kind": kind, "preprocess": []} for kind in kinds},
        "targets": {"y": {"kind": "category"}},
    }
    config = from_mapping({"name": "t", "data": data, "model": model}, needs_source=False).config
    inputs: dict[str, Any] = {kind: Feature(kind, kind, SHAPES[kind], "float32") for kind in kinds}
    if "text" in inputs:
        text = Feature("text", "text", (), "string")
        inputs["text"] = Input(text, ("text",), TERMS, settings=config.data.inputs["text"])
    spec = Spec(inputs, {"y": Feature("y", "category", (), "int32", ("a", "b", "c"))})
    return build(config, bound(spec, config.data))


def by_hand(name: str) -> keras.Model:
    """The network of each builder over all of its inputs, in plain Keras."""
    inputs = {kind: keras.Input(SHAPES[kind], name=kind) for kind in kinds_of(name)}
    if name == "cnn":
        x = layers.MaxPooling2D(2)(layers.Conv2D(4, 3, activation="relu")(inputs["image"]))
        parts = [layers.Flatten()(x), layers.Flatten()(inputs["sequence"]), inputs["number"]]
    elif name == "rnn":
        rows = layers.Reshape((8, 24))(inputs["image"])
        parts = [layers.LSTM(4)(rows), layers.LSTM(4)(inputs["sequence"]), inputs["number"]]
    elif name == "sequential":
        x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(inputs["image"]))
        x = layers.Dense(5, activation="relu")(x)
        parts = [x, layers.Flatten()(inputs["sequence"]), inputs["number"]]
        return keras.Model(inputs, layers.Dense(3)(layers.Concatenate()(parts)))
    elif name == "attention":
        patches = layers.Reshape((4, 4))(layers.Conv2D(4, 4, strides=4)(inputs["image"]))
        steps = layers.Dense(4)(inputs["sequence"])
        parts = [transformer(patches), transformer(steps), inputs["number"]]
    elif name == "join":
        x = layers.Dense(4, activation="relu")(layers.Flatten()(inputs["image"]))
        parts = [layers.LSTM(4)(inputs["sequence"]), x, inputs["number"]]
    elif name == "bag":
        parts = [
            layers.GlobalAveragePooling1D()(layers.Embedding(5, 64, mask_zero=True)(inputs["text"])),
            inputs["number"],
        ]
    else:
        parts = [layers.Flatten()(inputs["image"]), layers.Flatten()(inputs["sequence"]), inputs["number"]]
    x = layers.Concatenate()(parts)
    x = x if name == "linear" else layers.Dense(5, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(3)(x))


def transformer(x: Any) -> Any:
    """One block of the encoder of a transformer with two heads of two numbers, and the mean of its steps."""
    x = layers.Add()([x, layers.Embedding(x.shape[1], 4)(ops.cumsum(ops.ones_like(x[:, :, 0], "int32"), axis=1) - 1)])
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 2)(y, y)])
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Add()([x, layers.Dense(4)(layers.Dense(8, activation="relu")(y))])
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))


def five_units(inputs: dict[str, Any]) -> Any:
    """The function for `builder: python`: what `mlp` makes."""
    flat = [x if len(x.shape) == 2 else layers.Flatten()(x) for x in inputs.values()]
    return layers.Dense(5, activation="relu")(flat[0] if len(flat) == 1 else layers.Concatenate()(flat))


RELU = {"activation": "relu"}
SETTINGS: dict[str, dict[str, Any]] = {
    "attention": {"blocks": 1, "width": 4, "heads": 2, "feed_forward": 8, "dense": [5], **RELU},
    "bag": {"dense": [5]},
    "cnn": {"blocks": [{"filters": 4, "pool_size": 2}], "dense": [5]},
    "join": {
        "inputs": {"sequence": {"builder": "rnn", "units": [4]}, "image": {"builder": "mlp", "dense": [4]}},
        "dense": [5],
    },
    "linear": {"kernel_regularizer": {"l2": 0.01}},
    "mlp": {"dense": [5]},
    "python": {"function": f"{__name__}:five_units"},
    "rnn": {"units": [4], "dense": [5]},
    "sequential": {
        "layers": [{"conv2d": {"filters": 4, "kernel_size": 3, **RELU}}, "flatten", {"dense": {"units": 5, **RELU}}]
    },
}


# Others, over one input: every kind of block.
MORE = [("cnn", {"blocks": [{"kind": kind, "filters": 4}]}) for kind in BLOCKS.own_names]


def kinds_of(name: str) -> tuple[str, ...]:
    """Inputs for the builder, with one at least that its body reads."""
    return ("text", "number") if name == "bag" else ("image", "sequence", "number")


def kind_of(name: str) -> str:
    """An input that the builder reads, with these settings."""
    return "image" if name == "sequential" else BUILDERS[name].usual_input


@pytest.mark.parametrize("name", BUILDERS.own_names)
def test_a_builder_of_several_inputs_equals_a_network_written_by_hand(name: str) -> None:
    network = built({"builder": name, **SETTINGS[name]}, *kinds_of(name)).network
    hand, given = by_hand(name), {kind: PREPARED[kind] for kind in kinds_of(name)}
    assert [v.shape for v in hand.weights] == [v.shape for v in network.weights]
    hand.set_weights(network.get_weights())
    np.testing.assert_allclose(hand(given), network(given), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "settings", "many"),
    [(name, SETTINGS[name], many) for many in (False, True) for name in BUILDERS.own_names]
    + [(name, settings, False) for name, settings in MORE],
)
def test_a_builder_saves_reloads_in_plain_keras_and_every_layer_has_an_origin(
    name: str, settings: dict[str, Any], many: bool, tmp_path: Path
) -> None:
    kinds = kinds_of(name) if many or name == "join" else (kind_of(name),)
    made = built({"builder": name, **settings}, *kinds)
    raw = {kind: tf.constant(RAW[kind]) for kind in kinds}
    given = raw if len(kinds) > 1 else raw[kinds[0]]
    expected = np.asarray(made.model(given))
    made.model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(given), expected)
    assert {layer.name for layer in made.network.layers} <= set(made.origins)
    assert all(made.origins[layer.name] != MODEL for layer in made.network.layers if "conv_" in layer.name)


@pytest.mark.parametrize("kind", INPUTS.own_names)
def test_the_builder_that_a_kind_is_mostly_used_with_reads_it(kind: str) -> None:
    reads = getattr(BUILDERS[INPUTS[kind].usual_builder], "reads", ())
    assert not reads or INPUTS[kind].axes in reads or kind == "audio", "steps make frames of sounds"


@pytest.mark.parametrize("name", BUILDERS.own_names)
def test_a_builder_reads_the_kind_it_is_mostly_used_for(name: str) -> None:
    reads = getattr(BUILDERS[name], "reads", ())
    assert not reads or INPUTS[BUILDERS[name].usual_input].axes in reads


def test_two_images_have_convolutions_of_their_own() -> None:
    data = {"inputs": {"a": {"kind": "image"}, "b": {"kind": "image"}}, "targets": {"y": {"kind": "binary"}}}
    config = from_mapping({"name": "t", "data": data, "model": {"builder": "cnn"}}, needs_source=False).config
    spec = Spec(
        {name: Feature(name, "image", (16, 16, 1), "uint8") for name in "ab"},
        {"y": Feature("y", "binary", (), "int32")},
    )
    names = {layer.name for layer in build(config, spec).network.layers}
    assert {"a_conv_1", "b_conv_1", "a_flatten", "b_flatten", "joined_inputs"} <= names


@pytest.mark.parametrize(("values", "size"), [(10, 6), (100, 21), (1000, 77), (10**6, 600)])
def test_embeddings_have_the_size_that_fastai_gives_them(values: int, size: int) -> None:
    assert embedding_size(values) == size
