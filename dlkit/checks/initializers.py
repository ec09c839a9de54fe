"""A rule on how weights begin: the variance that an initializer gives them, against the activation that follows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from keras import initializers, layers

from dlkit.checks.context import CheckContext
from dlkit.config.keras_names import snake_case
from dlkit.config.phrases import count
from dlkit.config.problems import Problem
from dlkit.models.outline import activation_name, operations
from dlkit.origins import MODEL

# What an activation leaves of the mean square of values around 0, whatever that is: half of it for relu.
KEEPS = {"relu": 0.5, "leaky_relu": (1 + 0.2**2) / 2, "": 1.0}
# Activations that take values of a variance of 1, and not the 2 that He's initializers give for relu (He et al., 2015).
OF_VARIANCE_1 = {"tanh", "sigmoid", "softsign", "hard_tanh", "hard_sigmoid", "selu"}
# How far from that the weights of a network that normalises itself may begin (Klambauer et al., 2017).
SELU = (0.8, 1.25)
# What has to be left of a signal's mean square at the end of a stack; in ten layers of relu half of it goes each time.
LEAST = 1e-4
_PASSES = (layers.Dropout, layers.Flatten, layers.Reshape)


class Signal(NamedTuple):
    """What is known of a tensor.

    Attributes:
        left: mean square as a share of that at the beginning of the stack.
        stack: layers with weights since then.
        linear: the layer that gave it without an activation; None where there is none.
    """

    left: float = 1.0
    stack: tuple[Any, ...] = ()
    linear: Any = None


def does_not_fit(case: CheckContext) -> Iterator[Problem]:
    """Weights that begin so that values grow, saturate or vanish from layer to layer."""
    signals: dict[int, Signal] = {}
    faint: Signal | None = None
    for layer, given, gives in operations(case.built.network):
        before = signals.get(id(given[0]), Signal()) if len(given) == 1 else Signal()
        signal = _after(layer, before)
        signals |= dict.fromkeys(map(id, gives), signal)
        weighted = layer if _gain(layer) is not None else before.linear
        activation = activation_name(layer)
        if weighted is not None and activation and (found := _wrong(weighted, activation)):
            yield _problem(case, weighted, *found)
            return
        if signal.left < LEAST and faint is None:
            faint = signal
    if faint is not None:
        first, number = faint.stack[0], len(faint.stack)
        message = (
            f"{count(number, 'layer')} in a row, from `{first.name}` on, leave {faint.left:.0e} of the variance of "
        )
        message += f"what comes in: each begins with `{_name(first)}`, which is too small for its activation"
        yield _problem(case, first, message, "write `kernel_initializer: he_normal`, or normalise between the layers")


def _after(layer: Any, before: Signal) -> Signal:
    """What is known of the output of a layer; nothing behind one that rescales, joins or is not known."""
    activation, gain = activation_name(layer), _gain(layer)
    if isinstance(layer, _PASSES):
        return before
    if gain is not None:
        stack = (*before.stack, layer)
        left = before.left * gain * KEEPS[activation] if activation in KEEPS else None
        return Signal() if left is None else Signal(left, stack, None if activation else layer)
    if isinstance(layer, layers.Activation | layers.ReLU) and activation in KEEPS:
        return Signal(before.left * KEEPS[activation], before.stack)
    return Signal()


def _wrong(layer: Any, activation: str) -> tuple[str, str] | None:
    """What is wrong with the first values of a layer's weights for an activation, and what to do."""
    gain = _gain(layer)
    if gain is None:
        return None
    if activation == "selu" and not SELU[0] <= gain <= SELU[1]:
        message = (
            f"`{layer.name}` begins with `{_name(layer)}` and ends in selu, which keeps values at a variance of 1 "
        )
        return (
            message + f"where the weights do: they multiply it by {gain:.2g}",
            "write `kernel_initializer: lecun_normal`",
        )
    if activation in OF_VARIANCE_1 and isinstance(
        layer.kernel_initializer, initializers.HeNormal | initializers.HeUniform
    ):
        message = f"`{layer.name}` begins with `{_name(layer)}`, which makes up for what relu cuts off, and ends in "
        return f"{message}{activation}, which cuts nothing off", "write `kernel_initializer: glorot_uniform`"
    return None


def _gain(layer: Any) -> float | None:
    """What a layer's weights multiply the mean square of its input with as they begin; None where it is not known."""
    initializer, kernel = getattr(layer, "kernel_initializer", None), getattr(layer, "kernel", None)
    if not isinstance(initializer, initializers.VarianceScaling) or kernel is None:
        return None
    *window, inputs, outputs = kernel.shape
    fan_in, fan_out = inputs * math.prod(window), outputs * math.prod(window)
    fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    return float(initializer.scale / fans[initializer.mode] * fan_in)


def _name(layer: Any) -> str:
    """The name of a layer's initializer."""
    return snake_case(type(layer.kernel_initializer).__name__)


def _problem(case: CheckContext, layer: Any, message: str, help: str) -> Problem:
    key = (*case.built.origins.get(layer.name, MODEL), "kernel_initializer")
    return Problem("initializer-does-not-fit", message, key, help=help, severity="warning")
