"""Rules on one step of training: loss, outputs and gradients of the untrained network."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from dlkit.checks.context import CheckContext
from dlkit.config.problems import Problem
from dlkit.models.heads import KINDS

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
    if case.trial is None or case.config.training.loss is not None:
        return
    for name, target in case.built.spec.targets.items():
        if target.kind not in ("category", "binary"):
            continue
        classes = len(target.classes) if target.kind == "category" else 2
        loss, expected = case.trial.losses[name], math.log(classes)
        if math.isfinite(loss) and loss > FAR * expected:
            yield Problem(
                "first-loss",
                f"the loss of `{name}` begins at {loss:.3g}; guessing among {classes} classes gives {expected:.2f}",
                ("data", "inputs"),
                help="look at the scale of the inputs: a `preprocess` step may be missing",
                severity="warning",
            )


def probabilities_for_logits(case: CheckContext) -> Iterator[Problem]:
    """A loss that expects logits is wrong, and quietly so, on probabilities."""
    if case.trial is None:
        return
    for name, target in case.built.spec.targets.items():
        activation = KINDS[target.kind].activation
        outputs = case.trial.outputs[name].astype(np.float64)
        inside = outputs.size > 0 and outputs.min() >= 0 and outputs.max() <= 1
        sums_to_one = bool(np.allclose(outputs.sum(axis=-1), 1, atol=1e-3))
        # A few logits may lie between 0 and 1 by chance; a whole batch of them does not.
        if (activation == "softmax" and inside and sums_to_one) or (
            activation == "sigmoid" and inside and len(outputs) >= 8 and outputs.std() > 0
        ):
            yield Problem(
                "probabilities-for-logits",
                f"the network's outputs for `{name}` are probabilities, and the loss takes logits",
                ("model",),
                help=f"leave out the last {activation}: dlkit adds it to the saved model",
            )


def _and_others(paths: list[str]) -> str:
    return f" (and of {len(paths) - 1} more)" if len(paths) > 1 else ""
