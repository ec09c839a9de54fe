"""What dlkit needs of Keras that has no public name: all of it stands here, and a test holds each against Keras."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
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


def moving_averages(optimizer: Any) -> list[tuple[Any, Any]]:
    """The variables that an optimizer with `use_ema` was built on, and the moving average of each."""
    return list(zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True))


def by_variable(cls: type[Any]) -> type[Any]:
    """A class of optimizers that take each variable at a rate of its own, and count updates from its first one.

    Keras's `MultiOptimizer` has no learning rate, and no update of some of its variables.
    """
    return type(cls.__name__, (_ByVariable, cls), {})


_Optimizer: Any = object


class _ByVariable(_Optimizer):
    """What stands before an optimizer of Keras's; `set_variables` comes before `build`."""

    _factors: Sequence[float] = ()
    _late: Collection[int] = frozenset()
    # The variable at hand.
    _number: int | None = None

    def set_variables(self, factors: Sequence[float], late: Collection[int]) -> None:
        """Say how variables differ.

        Args:
            factors: what the learning rate is multiplied with, for each variable that the optimizer is built on.
            late: numbers of those that are in no update before some moment, and then in all. The bias of the moments,
                which Adam corrects by the number of the update, is counted from there.
        """
        self._factors, self._late = tuple(factors), frozenset(late)

    def build(self, variables: Any) -> None:
        """As Keras's, with a count of the updates of late variables."""
        super().build(variables)
        self._late_iterations = self.add_variable((), "zeros", "int", "only_first_replica", name="late_iteration")

    @property
    def iterations(self) -> Any:
        """The updates made; of the variable at hand, those that it was in."""
        return self._late_iterations if self._number in self._late else super().iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate; that of the variable at hand."""
        return self._scaled(super().learning_rate)

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        super(_ByVariable, type(self)).learning_rate.fset(self, rate)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """An update of some of the variables."""
        numbers = set(map(self._get_variable_index, trainable_variables))
        super().apply(grads, trainable_variables)
        if not numbers.isdisjoint(self._late):
            self._late_iterations.assign_add(1)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """The update of a variable."""
        with self._at(variable):
            super().update_step(gradient, variable, self._scaled(learning_rate))

    def _apply_weight_decay(self, variables: Any) -> None:
        for variable in variables:
            with self._at(variable):
                super()._apply_weight_decay([variable])

    def _scaled(self, rate: Any) -> Any:
        factor = 1.0 if self._number is None else self._factors[self._number]
        return rate if factor == 1 else rate * factor

    @contextmanager
    def _at(self, variable: Any) -> Iterator[None]:
        self._number = self._get_variable_index(variable)
        try:
            yield
        finally:
            self._number = None


def momentums(optimizer: Any) -> list[tuple[Any, Any]]:
    """The variables that an optimizer was built on, and what it keeps of each as its momentum."""
    return list(zip(optimizer._trainable_variables, optimizer._momentums, strict=True))


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
