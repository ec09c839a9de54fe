"""Rules on how the layers of a network are put together: what trains badly, or not at all, without a word."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers

from dlkit.checks.context import CheckContext, own_layers
from dlkit.config.phrases import count
from dlkit.config.problems import Key, Problem
from dlkit.models.outline import activation_name, operations
from dlkit.models.pretrained import pretrained_layers
from dlkit.origins import MODEL
from dlkit.schema.features import in_words
from dlkit.training.program.forward import by_target

# Batch normalisation over fewer examples: their means are too rough (Wu and He, Group Normalization, 2018, figure 1).
FEWEST_FOR_NORM = 8
# Sigmoid layers in a row, whose gradients shrink by at least 4 in each (Glorot and Bengio, 2010).
MOST_SIGMOIDS = 4
# Steps over which a plain recurrent layer hardly learns (Bengio, Simard and Frasconi, 1994, found some tens).
MOST_SIMPLE_STEPS = 100
# Parameters for each training example beyond which the message speaks. Networks that learn well have hundreds.
MOST_PARAMETERS = 1000
# The share that dropout before the outputs may take away.
MOST_DROPOUT = 0.5
_SATURATING = {"sigmoid", "hard_sigmoid"}
_POSITIVE = {"relu", "relu6", "softmax", "sigmoid", "softplus", "hard_sigmoid"}


def empty_output(case: CheckContext) -> Iterator[Problem]:
    """A layer whose output has no values: nothing reaches what follows."""
    for layer, _, gives in operations(case.built.network):
        for tensor in gives:
            if 0 in tensor.shape[1:]:
                shape = in_words(tuple(tensor.shape[1:]))
                message = f"`{layer.name}` gives {shape}: no value is left of its input"
                help = "use smaller windows or strides, or fewer layers that shrink"
                yield Problem("empty-output", message, _origin(case, layer), help=help)
                return


def outputs_twice(case: CheckContext) -> Iterator[Problem]:
    """A layer of outputs behind which dlkit puts its own: classes are predicted from probabilities."""
    outputs = by_target(case.built, case.built.network.output)
    for name, target in case.built.spec.targets.items():
        before = _before(case.built.network, outputs[name])
        if before is None:
            continue
        _, layer = before
        activation = activation_name(layer)
        wanted, width = target.settings.activation, layer.output.shape[-1]
        cut = activation in _POSITIVE and (target.units == 1 or wanted is None)
        if width == target.units and (cut or activation == wanted):
            ends = f"ends in {activation} of {count(width, 'value')}, as many as `{name}` has outputs"
            message = f"`{layer.name}` {ends}, and dlkit adds the layer of outputs: it would see nothing else"
            help = "leave this layer out: dlkit ends in logits, and adds the activation to the saved model"
            yield Problem("outputs-twice", message, _origin(case, layer), help=help)


def rough_normalization(case: CheckContext) -> Iterator[Problem]:
    """Batch normalisation over a handful of examples."""
    size = case.config.data.batch_size
    found = [x for x in own_layers(case.built.network) if isinstance(x, layers.BatchNormalization)]
    # Of an image or a sequence, every position counts.
    found = [layer for layer in found if _positions(layer) * size < FEWEST_FOR_NORM * 4 or size == 1]
    if found and size < FEWEST_FOR_NORM:
        message = f"`{found[0].name}` takes means over {count(size, 'example')}, which are rough"
        help = f"batches of {FEWEST_FOR_NORM} or more, or `layer_normalization`"
        yield Problem("rough-normalization", message, ("data", "batch_size"), help=help, severity="warning")


def vanishing(case: CheckContext) -> Iterator[Problem]:
    """Stacks through which gradients shrink: sigmoids, and plain recurrent layers over many steps."""
    stack = _longest_stack(case.built.network)
    if len(stack) >= MOST_SIGMOIDS:
        message = f"{count(len(stack), 'layer')} in a row end in sigmoid, from `{stack[0].name}` on: each leaves less "
        message += "than a quarter of the gradient"
        help = "use `relu`, `gelu` or `tanh`, or normalise between the layers"
        yield Problem("vanishing-stack", message, _origin(case, stack[0]), help=help, severity="warning")
    for layer, given, _ in operations(case.built.network):
        plain = getattr(layer, "forward_layer", layer)  # of one that goes both ways
        if isinstance(plain, layers.SimpleRNN) and (steps := given[0].shape[1] or 0) > MOST_SIMPLE_STEPS:
            message = (
                f"`{layer.name}` is a plain recurrent layer over {count(steps, 'step')}: of far ones it learns nothing"
            )
            yield Problem(
                "vanishing-stack", message, _origin(case, layer), help="use `lstm` or `gru`", severity="warning"
            )
            return


def padding_alone(case: CheckContext) -> Iterator[Problem]:
    """Convolutions over a feature map of one pixel see padding around it and nothing else."""
    for layer, given, _ in operations(case.built.network):
        window = getattr(layer, "kernel_size", None)
        sides = [side for x in given[:1] for side in x.shape[1:-1]]
        if window is not None and max(window) > 1 and sides and set(sides) == {1}:
            what = " x ".join(map(str, window))
            message = f"`{layer.name}` has a window of {what} over a feature map of one position"
            help = "shrink later: fewer poolings and strides before it, or fewer blocks"
            yield Problem("single-pixel", message, _origin(case, layer), help=help, severity="warning")
            return


def heavy_dropout(case: CheckContext) -> Iterator[Problem]:
    """Dropout that takes away most of what the outputs are made from."""
    outputs = by_target(case.built, case.built.network.output)
    for output in outputs.values():
        before = _before(case.built.network, output, through=())
        layer = before[1] if before is not None else None
        if isinstance(layer, layers.Dropout) and layer.rate > MOST_DROPOUT:
            message = f"`{layer.name}` drops {layer.rate:.0%} of what the outputs are made from"
            help = f"{MOST_DROPOUT:g} or less; what is left in training is far from what is there later"
            yield Problem("heavy-dropout", message, _origin(case, layer), help=help, severity="warning")
            return


def far_more_parameters(case: CheckContext) -> Iterator[Problem]:
    """A network with so many parameters for each example learns them by heart."""
    examples = case.built.spec.sizes.get("train")
    trained = [layer for layer, *_ in pretrained_layers(case.built.network, case.built.origins, case.config)]
    known = {id(v) for layer in trained for v in layer.weights}
    number = sum(math.prod(v.shape) for v in case.built.network.trainable_variables if id(v) not in known)
    if examples and number > MOST_PARAMETERS * examples:
        message = f"{number:,} parameters for {count(examples, 'training example')}"
        help = "a smaller network, augmentation, or weights of a trained one (`training.init_from`, `model.backbone`)"
        yield Problem("many-parameters", message, MODEL, help=help, severity="warning")


def unusual_rate(case: CheckContext) -> Iterator[Problem]:
    """A learning rate far outside of what people use with the optimizer."""
    optimizer = case.config.training.optimizer
    low, high = optimizer.usual_rates
    if not low <= optimizer.learning_rate <= high:
        message = f"a learning rate of {optimizer.learning_rate:g} is far outside of what {optimizer.name} is used with"
        help = f"{low:g} to {high:g}; `dlkit find-lr` finds one"
        key = ("training", "optimizer", "learning_rate")
        yield Problem("unusual-learning-rate", message, key, help=help, severity="warning")


def _origin(case: CheckContext, layer: Any) -> Key:
    return case.built.origins.get(layer.name, MODEL)


def _before(network: keras.Model, output: Any, through: tuple[type, ...] = (layers.Dropout,)) -> Any | None:
    """The head of an output, and the layer whose result it takes; None where there is no one such layer.

    Args:
        network: functional.
        output: of it.
        through: layers that are passed over.
    """
    made = {id(x): (layer, given) for layer, given, gives in operations(network) for x in gives}
    if id(output) not in made:
        return None
    head, given = made[id(output)]
    while len(given) == 1 and id(given[0]) in made:
        layer, given = made[id(given[0])]
        if not isinstance(layer, through):
            return head, layer
    return None


def _longest_stack(network: keras.Model) -> list[Any]:
    """The most dense or convolutional layers in a row that end in sigmoid, with nothing between that rescales."""
    longest: list[Any] = []
    stack: list[Any] = []
    for layer in network.layers:
        if activation_name(layer) in _SATURATING and not isinstance(layer, layers.RNN):
            stack = [*stack, layer]
        elif layer.weights or isinstance(layer, layers.Activation):
            # A linear layer before an activation of its own is part of the stack.
            stack = stack if getattr(layer, "activation", None) is keras.activations.linear else []
        longest = max(longest, stack, key=len)
    return longest


def _positions(layer: Any) -> int:
    sizes = [size or 1 for size in layer.output.shape[1:-1]]
    return math.prod(sizes)
