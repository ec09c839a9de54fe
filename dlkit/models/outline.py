"""The layers of a model as rows of a table: what each gives, its parameters, what it costs and how far it sees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from dlkit.keras_internals import calls
from dlkit.models.cost import products
from dlkit.schema.features import Shape

# What is seen along each axis, and how far apart neighbours are: both in values of the input.
_Field = tuple[tuple[int, ...], tuple[int, ...]]
# Layers that mix all steps without changing their number.
_SEE_ALL = (
    keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN, keras.layers.Bidirectional,
    keras.layers.MultiHeadAttention, keras.layers.Attention,
)  # fmt: skip


def activation_name(layer: Any) -> str:
    """The name of the function that a layer ends in, as Keras has it, or of its class; empty for none."""
    if isinstance(layer, keras.layers.Softmax | keras.layers.ReLU):
        return "softmax" if isinstance(layer, keras.layers.Softmax) else "relu"
    function = getattr(layer, "activation", None)
    none = function in (None, keras.activations.linear)
    return "" if none else str(getattr(function, "__name__", type(function).__name__))


@dataclass(frozen=True)
class LayerRow:
    """One layer.

    Attributes:
        name: in the model.
        type: its class.
        outputs: shapes of what it gives, without the batch.
        parameters: numbers in its weights.
        trainable: those of them that training changes.
        multiply_adds: of the forward pass of one example; None where they are not counted.
        receptive_field: height and width, or steps, of the input that one value of the output depends on; None where
            that is all of it, or its input has no such axes.
        before: names of the layers whose outputs it takes.
    """

    name: str
    type: str
    outputs: tuple[Shape, ...]
    parameters: int
    trainable: int
    multiply_adds: int | None
    receptive_field: tuple[int, ...] | None
    before: tuple[str, ...]


def outline(model: keras.Model) -> list[LayerRow]:
    """The layers of a functional or sequential model in their order; a model among them is one row.

    Operations between layers, such as those that make masks, are no rows: what they join counts as joined directly.
    """
    graph = model if hasattr(model, "operations") else keras.Model(model.inputs, model.outputs)
    made_by: dict[int, tuple[str, ...]] = {}
    fields: dict[int, _Field | None] = {}
    rows = []
    for operation, given, gives in operations(graph):
        field = _receptive_field(operation, given, gives, [fields[id(x)] for x in given])
        fields |= {id(x): field for x in gives}
        before = tuple(dict.fromkeys(name for x in given for name in made_by[id(x)]))
        is_layer = isinstance(operation, keras.layers.Layer)
        made_by |= {id(x): (operation.name,) if is_layer else before for x in gives}
        if is_layer:
            rows.append(_row(operation, gives, field, before))
    return rows


def operations(model: keras.Model) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """The operations of a functional model, layers among them, in their order: what each took and gave in this model.

    A layer is in other models too, whose calls of it are left out.
    """
    known: set[int] = set()
    for operation in model.operations:
        own = [call for call in calls(operation) if all(id(x) in known for x in call[0])]
        given, gives = ([x for call in own for x in call[at]] for at in (0, 1))
        known |= {id(x) for x in gives}
        yield operation, given, gives


def _row(layer: Any, gives: Sequence[Any], field: _Field | None, before: tuple[str, ...]) -> LayerRow:
    shapes = dict.fromkeys(tuple(x.shape[1:]) for x in gives)
    return LayerRow(
        layer.name,
        type(layer).__name__,
        tuple(shapes),
        _count(layer.weights),
        _count(layer.trainable_weights),
        _multiply_adds(layer),
        None if field is None else field[0],
        before,
    )


def _multiply_adds(layer: Any) -> int | None:
    if isinstance(layer, keras.Model):
        found, all_counted = total(outline(layer))
        return found if all_counted else None
    counted = products(layer)
    return None if counted is None else counted.total


def _count(variables: Sequence[Any]) -> int:
    return sum(math.prod(v.shape) for v in variables)


def _receptive_field(
    operation: Any, given: Sequence[Any], gives: Sequence[Any], before: Sequence[_Field | None]
) -> _Field | None:
    """What a value of the output sees of the model's input.

    Convolutions and pooling widen what those before them see (https://distill.pub/2019/computing-receptive-fields);
    what keeps the axes keeps it.
    """
    axes = len(gives[0].shape) - 2
    if isinstance(operation, keras.layers.InputLayer):
        return ((1,) * axes, (1,) * axes) if axes in (1, 2) else None
    # Masks, and factors of whole channels, say nothing of where.
    same = (field for x, field in zip(given, before, strict=True) if len(x.shape) - 2 == axes)
    fields = [field for field in same if field is not None]
    if axes not in (1, 2) or not fields or isinstance(operation, _SEE_ALL):
        return None
    seen = tuple(map(max, zip(*(field[0] for field in fields), strict=True)))
    apart = tuple(map(max, zip(*(field[1] for field in fields), strict=True)))
    window = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    if window is None:
        return seen, apart
    window, strides, dilation = (
        _sizes(size, axes)
        for size in (window, getattr(operation, "strides", None) or 1, getattr(operation, "dilation_rate", 1))
    )
    wider = [s + (w - 1) * d * a for s, w, d, a in zip(seen, window, dilation, apart, strict=True)]
    return tuple(wider), tuple(a * stride for a, stride in zip(apart, strides, strict=True))


def _sizes(size: Any, axes: int) -> tuple[int, ...]:
    return (size,) * axes if isinstance(size, int) else tuple(size)


def total(rows: Sequence[LayerRow]) -> tuple[int, bool]:
    """The multiply-adds of all layers that are counted, and whether that is all of them."""
    return sum(row.multiply_adds or 0 for row in rows), all(row.multiply_adds is not None for row in rows)
