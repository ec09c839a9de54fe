"""Rules on one step of training: loss, outputs and gradients of the untrained network."""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras
import numpy as np

from dlkit.checks.context import CheckContext
from dlkit.config.problems import Problem
from dlkit.keras_internals import outputs_of_calls

# An untrained classifier guesses; a first loss of more than this times ln(classes) comes from weights or inputs that
# are far too large.
FAR = 3.0


def loss_not_finite(case: CheckContext) -> Iterator[Problem]:
    """Training cannot begin from a loss that is not a number."""
    if case.trial is None:
        return
    for name, loss in case.trial.losses.items():
        if not math.isfinite(loss):
            yield Problem(
                "loss-not-finite",
                f"the loss of `{name}` is {loss} on the first batch, before any update",
                ("training", "loss") if case.config.training.loss else ("data", "targets", name),
                help="look at the scale of inputs and targets, and at whether the loss suits the labels",
            )


def gradient_not_finite(case: CheckContext) -> Iterator[Problem]:
    """A finite loss may still have a gradient that is not a number, as that of a square root at 0."""
    if case.trial is None or not all(map(math.isfinite, case.trial.losses.values())):
        return
    bad = [path for path, g in case.trial.gradients.items() if g is not None and not np.isfinite(g).all()]
    if bad:
        yield Problem(
            "gradient-not-finite",
            f"the gradient of `{bad[0]}` is not finite on the first batch" + _and_others(bad),
            ("model",),
            help="look at the activations and at the loss: a root, a logarithm or a division by 0",
        )


def disconnected(case: CheckContext) -> Iterator[Problem]:
    """A weight that the loss does not depend on never changes."""
    if case.trial is None:
        return
    lost = [path for path, gradient in case.trial.gradients.items() if gradient is None]
    if lost:
        yield Problem(
            "disconnected-weights",
            f"the loss does not depend on `{lost[0]}`" + _and_others(lost) + ", which will never be trained",
            ("model",),
            help="connect its layer to the output, or take it out",
            severity="warning",
        )


def first_loss(case: CheckContext) -> Iterator[Problem]:
    """An untrained classifier has a loss of about ln(classes) (Karpathy, A Recipe for Training Neural Nets, 2019)."""
    if case.trial is None:
        return
    for name, target in case.built.spec.targets.items():
        chance = target.settings.chance_loss(target)
        if chance is None or case.built.choice.loss_name(target)[1]:
            continue
        loss, (expected, guessing) = case.trial.losses[name], chance
        if math.isfinite(loss) and loss > FAR * expected:
            yield Problem(
                "first-loss",
                f"the loss of `{name}` begins at {loss:.3g}; {guessing} gives {expected:.2f}",
                ("data", "inputs"),
                help="look at the scale of the inputs: a `preprocess` step may be missing",
                severity="warning",
            )


def probabilities_for_logits(case: CheckContext) -> Iterator[Problem]:
    """A loss that expects logits is wrong, and quietly so, on probabilities."""
    if case.trial is None:
        return
    for name, target in case.built.spec.targets.items():
        outputs = case.trial.outputs[name].astype(np.float64)
        if target.settings.are_results(outputs) and not _ends_linearly(case.built.network, name):
            yield Problem(
                "probabilities-for-logits",
                f"the network's outputs for `{name}` are probabilities, and the loss takes logits",
                ("model",),
                help=f"leave out the last {target.settings.activation}: dlkit adds it to the saved model",
            )


def _ends_linearly(network: keras.Model, target: str) -> bool:
    """Whether the last layer before an output has no activation: its values lie between 0 and 1 by chance."""
    output = network.output[target] if isinstance(network.output, dict) else network.output
    last = [layer for layer in network.layers if any(given is output for given in outputs_of_calls(layer))]
    return any(getattr(layer, "activation", None) is keras.activations.linear for layer in last)


def _and_others(paths: list[str]) -> str:
    return f" (and of {len(paths) - 1} more)" if len(paths) > 1 else ""
