"""What dlkit needs of Keras that has no public name: all of it stands here, and a test holds each against Keras."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def flattened(layer: Any, *, itself: bool = True) -> list[Any]:
    """A layer or model and all layers inside of it, at any depth.

    Args:
        layer: a Keras layer.
        itself: whether the layer is among them.
    """
    return list(layer._flatten_layers(include_self=itself))


def is_container(layer: Any) -> bool:
    """Whether a layer holds others."""
    return bool(list(layer._layers))


def outputs_of_calls(operation: Any) -> Iterator[Any]:
    """The Keras tensors that an operation of a functional model gave, of every call of it."""
    for node in operation._inbound_nodes:
        yield from node.output_tensors


def calls(operation: Any) -> Iterator[tuple[list[Any], list[Any]]]:
    """The Keras tensors that an operation took and gave in every call of it, in this model and in others."""
    for node in operation._inbound_nodes:
        yield list(node.input_tensors), list(node.output_tensors)


def call_that_made(tensor: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any], list[Any]]:
    """The call that a Keras tensor of a functional model comes from.

    Returns:
        The operation, a layer or another; its arguments without and with names, as they were given; all that it gave.
    """
    made = tensor._keras_history
    node = made.operation._inbound_nodes[made.node_index]
    return made.operation, node.arguments.args, node.arguments.kwargs, list(node.output_tensors)


def direction(metric: Any) -> str:
    """`up` or `down`, as a metric says which values are better; empty where it does not."""
    return getattr(metric, "_direction", None) or ""


def waits_for_shapes(metric: Any) -> bool:
    """Whether a metric makes its variables at its first update, by the shapes of labels and results."""
    return not metric.variables or getattr(metric, "_built", True) is False


def moving_averages(optimizer: Any) -> list[Any]:
    """The moving averages that an optimizer with `use_ema` keeps, in the order of the model's variables."""
    return list(optimizer._model_variables_moving_average)


def mixture(layer: Any, images: Any) -> tuple[Any, Any, Any]:
    """What a layer that mixes the images of a batch (MixUp, CutMix) makes of them, and how it would mix labels.

    Args:
        layer: of Keras's.
        images: float, shape (batch, height, width, channels).

    Returns:
        The mixed images; for each example the share that is its own, float32, shape (batch,); and the row of the
        example that the rest is of, integers, shape (batch,).
    """
    import keras

    drawn = layer.get_random_transformation(images, training=True)
    mixed = layer.transform_images(images, drawn, training=True)
    share, rows = drawn["mix_weight"], drawn["permutation_order"]
    return mixed, keras.ops.cast(keras.ops.reshape(share, [-1]), "float32"), rows


@contextmanager
def variables_stay_empty() -> Iterator[None]:
    """Within the block, variables of a stateless scope need no values: those that wait for one are forgotten.

    Keras keeps a list of variables that are filled when the scope ends.
    """
    from keras.src.backend.common import global_state

    waiting = global_state.get_global_attribute("uninitialized_variables")
    global_state.set_global_attribute("uninitialized_variables", [])
    try:
        yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", waiting)
