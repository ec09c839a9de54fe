"""The layers of a model as rows: what they cost and how far they see."""

from __future__ import annotations

from typing import Any

import keras
import pytest
import tensorflow as tf
from keras import layers

import dlkit
from dlkit.models.cost import products
from dlkit.models.outline import outline, total


def counted_by_tensorflow(model: keras.Model) -> int:
    """Multiply-adds of products and convolutions in the graph of a model, by TensorFlow's profiler."""
    signature = [tf.TensorSpec((1, *x.shape[1:]), x.dtype) for x in model.inputs]
    concrete = tf.function(lambda *x: model(list(x) if len(x) > 1 else x[0])).get_concrete_function(*signature)
    options = {
        **tf.compat.v1.profiler.ProfileOptionBuilder.float_operation(), "output": "none",
        "account_type_regexes": ["MatMul", "BatchMatMulV2", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Einsum"],
    }  # fmt: skip
    found = tf.compat.v1.profiler.profile(concrete.graph, cmd="op", options=options)
    return int(found.total_float_ops) // 2


def model_of(shape: tuple[int, ...], *stack: Any) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *stack])


@pytest.mark.parametrize(
    "model",
    [
        model_of((20,), layers.Dense(7), layers.Dense(3)),
        model_of((9, 8, 2), layers.Conv2D(5, (3, 2), strides=2, padding="same"), layers.Conv2D(4, 3)),
        model_of((12, 3), layers.Conv1D(5, 4), layers.Conv1D(6, 3, strides=2)),
        model_of((8, 8, 4), layers.DepthwiseConv2D(3), layers.SeparableConv2D(6, 3, depth_multiplier=2)),
        model_of((8, 8, 4), layers.Conv2D(8, 3, groups=1), layers.GlobalAveragePooling2D(), layers.Dense(2)),
        model_of((5, 6, 4, 2), layers.Conv3D(3, 2)),
    ],
    ids=["dense", "conv2d", "conv1d", "separable", "pooled", "conv3d"],
)
def test_multiply_adds_are_those_of_tensorflow_s_profiler(model: keras.Model) -> None:
    assert total(outline(model)) == (counted_by_tensorflow(model), True)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        # Four gates of 5 units see 3 features and 5 states at each of 7 steps; a GRU has three, a plain cell one.
        (layers.LSTM(5), (7, 3), (7 * 4 * 5 * 3, 7 * 4 * 5 * 5)),
        (layers.GRU(5), (7, 3), (7 * 3 * 5 * 3, 7 * 3 * 5 * 5)),
        (layers.SimpleRNN(5), (7, 3), (7 * 5 * 3, 7 * 5 * 5)),
        (layers.Bidirectional(layers.LSTM(5)), (7, 3), (2 * 7 * 4 * 5 * 3, 2 * 7 * 4 * 5 * 5)),
        (layers.EinsumDense("abc,cde->abde", (6, 2, 3)), (6, 4), (6 * 4 * 2 * 3, 0)),
        (layers.Conv2DTranspose(3, 2, strides=2), (4, 4, 5), (4 * 4 * 2 * 2 * 5 * 3, 0)),
        (layers.Embedding(100, 8), (6,), (0, 0)),
        (layers.BatchNormalization(), (6,), (0, 0)),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, layers.Layer) else None,
)
def test_multiply_adds_are_counted_by_hand(layer: Any, shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    model_of(shape, layer)
    assert products(layer) == expected


@pytest.mark.parametrize("layer", [layers.GRU(5), layers.Bidirectional(layers.GRU(5))], ids=["one way", "both ways"])
def test_a_mask_changes_no_count(layer: Any) -> None:
    x, mask = keras.Input((7, 3)), keras.Input((7,), dtype="bool")
    layer(x, mask=mask)
    ways = 2 if isinstance(layer, layers.Bidirectional) else 1
    assert products(layer) == (ways * 7 * 3 * 5 * 3, ways * 7 * 3 * 5 * 5)


def test_attention_counts_its_projections_and_every_pair_of_steps() -> None:
    x = keras.Input((6, 10))
    layer = layers.MultiHeadAttention(num_heads=2, key_dim=4)
    layer(x, x)
    # Three projections from 10 to 8 and one back, for 6 steps; and 6 x 6 pairs, once for scores and once for values.
    assert products(layer) == (4 * 6 * 10 * 8 + 2 * 6 * 6 * 8, 0)


class Own(layers.Layer):  # type: ignore[misc]
    """A layer of somebody's own."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 2))

    def call(self, x: Any) -> Any:
        return keras.ops.matmul(x, self.kernel)


def test_what_is_not_counted_is_said() -> None:
    rows = outline(model_of((3,), Own(), layers.Dense(4)))
    assert rows[-2].multiply_adds is None
    assert total(rows) == (8, False)
    varying = outline(keras.Model(x := keras.Input((None, 3)), layers.LSTM(2)(x)))
    assert varying[-1].multiply_adds is None


def test_a_model_within_a_model_is_one_row_with_what_its_layers_cost() -> None:
    inner = model_of((8, 8, 3), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(5))
    x = keras.Input((8, 8, 3))
    rows = outline(keras.Model(x, layers.Dense(2)(inner(x))))
    assert [row.type for row in rows] == ["InputLayer", "Sequential", "Dense"]
    assert [row.multiply_adds for row in rows] == [0, total(outline(inner))[0], 10]
    assert rows[1].parameters == inner.count_params()


def test_a_value_sees_as_far_as_a_change_of_the_input_reaches() -> None:
    model = model_of(
        (30, 30, 1), layers.Conv2D(2, (3, 5), kernel_initializer="ones"), layers.AveragePooling2D(2),
        layers.Conv2D(2, 3, strides=2, dilation_rate=1, kernel_initializer="ones"),
        layers.Conv2D(1, 2, dilation_rate=(1, 2), kernel_initializer="ones"),
    )  # fmt: skip
    x = tf.Variable(tf.ones((1, 30, 30, 1)))
    with tf.GradientTape() as tape:
        first = model(x)[0, 0, 0, 0]
    reached = tape.gradient(first, x)[0, :, :, 0].numpy() != 0
    assert outline(model)[-1].receptive_field == (reached.any(axis=1).sum(), reached.any(axis=0).sum())


def test_branches_see_as_far_as_the_widest_and_masks_change_nothing() -> None:
    x = keras.Input((20, 3))
    there = keras.ops.logical_not(keras.ops.all(keras.ops.isnan(x), axis=-1))
    known = keras.ops.where(keras.ops.isnan(x), 0.0, x)
    wide, narrow = layers.Conv1D(4, 7, padding="same")(known), layers.Conv1D(4, 1)(known)
    y = layers.BatchNormalization(name="norm")(layers.Add()([wide, narrow]), mask=there)
    rows = {row.name: row for row in outline(keras.Model(x, layers.GlobalMaxPooling1D(name="pool")(y)))}
    assert rows["norm"].receptive_field == (7,)
    assert rows["pool"].receptive_field is None
    assert len(rows["norm"].before) == 2  # the sum, and the mask's own input


def test_rows_of_one_model_do_not_count_its_views() -> None:
    model = dlkit.cnn(input_shape=(28, 28, 1), classes=10)
    keras.Model(model.input, model.layers[2].output)
    rows = outline(model)
    assert [row.outputs for row in rows][1] == ((26, 26, 32),)
    assert sum(row.parameters for row in rows) == model.count_params()
    assert all(len(row.before) == 1 for row in rows[1:])
