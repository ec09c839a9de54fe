"""Gradients that vanish on their way to the first layer, or explode."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from dlkit.config.problems import Problem
from dlkit.training.health.rules import remedies
from dlkit.training.health.rules.context import SEVERAL, HealthContext, dead_layers, figure, hardly_falls, updates
from dlkit.training.health.snapshot import HealthSnapshot

# A layer's gradient over its weights, as a share of the same of the last layer. 70 healthy runs of MNIST and diabetes
# (1 to 4 layers, Adam, SGD, batch normalisation) lie at 0.08 and more; 6 and 8 layers of sigmoid at 5e-4 and 2e-5.
VANISHED = 2e-3
# The other way about: healthy runs lie below 4, 16 and 24 layers of batch normalisation and ReLU at 37 and 340.
EXPLODED = 30.0
# Norm of the gradient of all weights against the run's own median, and against the largest of its first looks, which
# a run that has learned everything falls far below. Healthy runs stay below 7 times the median of the looks before.
GROWN, GROWN_SINCE_START = 100.0, 10.0
# Saturated share of a layer's outputs that is worth a word.
SATURATED = 0.3


def vanishing(case: HealthContext) -> Iterator[Problem]:
    """Gradients that fall by orders of magnitude from the last layer to the first, of a loss that hardly falls."""
    looks = case.last()
    if not looks or not all(len(_relative(look)) > 1 for look in looks) or not hardly_falls(case):
        return
    # What is dead lets no gradient through: `dead-relu` reports it once it is sure.
    if any(dead_layers(look) for look in looks):
        return
    shares = [_shares(look) for look in looks]
    layer = min(shares[-1], key=shares[-1].__getitem__)
    share = max(found.get(layer, 1.0) for found in shares)
    # A layer without any gradient is cut off: by units that are dead, or by a network that does not use it.
    if share > VANISHED or all(found[layer] == 0 for found in shares):
        return
    saturated = [figures.saturated or 0.0 for figures in looks[-1].layers.values()]
    message = f"; up to {max(saturated):.0%} of a layer's outputs are saturated" if max(saturated) > SATURATED else ""
    activation = remedies.activation(case, layer)
    of = f" of {activation[1]}" if activation else ""
    last = list(_relative(looks[-1]))[-1]
    yield Problem(
        "vanishing-gradients",
        f"the gradient vanishes on its way back: that of `{layer}`{of}, over its weights, is {figure(share)} of that "
        f"of `{last}` in {len(looks)} looks ({updates(looks)}), and the loss stays at {looks[-1].recent:.3g}{message}",
        key=activation[0] if activation else ("model",),
        help="set "
        + remedies.either(
            remedies.another_activation(case, layer, "relu"),
            remedies.normalization(case, layer),
            remedies.fewer_layers(case.config),
            None if activation else remedies.rate(case.config, 10),
        ),
        severity="warning",
    )


def exploding(case: HealthContext) -> Iterator[Problem]:
    """Gradients that grow by orders of magnitude, over the run or from the last layer to the first."""
    yield from _over_time(case) or _over_layers(case)


def _over_time(case: HealthContext) -> list[Problem]:
    """The norm of all gradients against those of the looks before."""
    newest, before = case.looks[-2:], case.looks[-102:-2]
    if len(before) < 3:
        return []
    usual = statistics.median(look.gradient for look in before)
    at_start = max(look.gradient for look in case.looks[:3])
    if any(look.gradient <= max(GROWN * usual, GROWN_SINCE_START * at_start) for look in newest):
        return []
    message = (
        f"the gradient explodes: its norm is {figure(newest[-1].gradient)} at update {newest[-1].step:,}, "
        f"and was {figure(usual)} before"
    )
    return [_exploding(case, message, remedies.clipping(case.config), remedies.rate(case.config, 0.1))]


def _over_layers(case: HealthContext) -> list[Problem]:
    """The gradients of the layers against that of the last one."""
    looks = case.last()
    if not looks or not all(len(_relative(look)) > 1 for look in looks):
        return []
    shares = [_shares(look) for look in looks]
    layer = max(shares[-1], key=shares[-1].__getitem__)
    share = min(found.get(layer, 0.0) for found in shares)
    if share < EXPLODED:
        return []
    last = list(_relative(looks[-1]))[-1]
    message = (
        f"the gradient explodes on its way back: that of `{layer}`, over its weights, is {figure(share)} times that of "
        f"`{last}` in {SEVERAL} looks ({updates(looks)})"
    )
    return [_exploding(case, message, remedies.fewer_layers(case.config), remedies.clipping(case.config))]


def _exploding(case: HealthContext, message: str, *options: str | None) -> Problem:
    help = f"set {remedies.either(remedies.scaling(case.config), *options)}"
    key = ("training", "optimizer", "global_clipnorm")
    return Problem("exploding-gradients", message, key=key, help=help, severity="warning")


def _relative(look: HealthSnapshot) -> dict[str, float]:
    """By layer that has weights, its gradient over its weights."""
    return {
        name: figures.gradient / max(figures.weight or 0.0, 1e-12)
        for name, figures in look.layers.items()
        if figures.gradient is not None
    }


def _shares(look: HealthSnapshot) -> dict[str, float]:
    """By layer, the same as a share of that of the last layer."""
    relative = _relative(look)
    last = max(list(relative.values())[-1], 1e-12)
    return {name: value / last for name, value in relative.items()}
