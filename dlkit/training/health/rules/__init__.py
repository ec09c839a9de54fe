"""What figures of a run mean, in words that name the setting to change. docs/diagnosis.md explains each."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.problems import Problem
from dlkit.training.health.rules import feeding, fit, gradients, rate, units
from dlkit.training.health.rules.context import HealthContext, Rule

__all__ = ["RULES", "UNLESS", "HealthContext", "findings"]

# By code, causes before what they bring about.
RULES: dict[str, Rule] = {
    "dead-relu": units.dead_relu,
    "exploding-gradients": gradients.exploding,
    "vanishing-gradients": gradients.vanishing,
    "rate-too-high": rate.too_high,
    "rate-too-low": rate.too_low,
    "one-class": units.one_class,
    "loss-spike": rate.spike,
    "over-fitting": fit.over_fitting,
    "under-fitting": fit.under_fitting,
    "plateau": fit.plateau,
    "input-bound": feeding.input_bound,
}
_STANDS_STILL = frozenset({"dead-relu", "exploding-gradients", "vanishing-gradients", "rate-too-high", "rate-too-low"})
# By code, what explains it: it is not reported of a run of which one of these was.
UNLESS: dict[str, frozenset[str]] = {
    "dead-relu": frozenset({"rate-too-high"}),
    "vanishing-gradients": frozenset({"dead-relu", "rate-too-high"}),
    "rate-too-high": frozenset({"dead-relu", "exploding-gradients"}),
    "rate-too-low": frozenset({"dead-relu", "vanishing-gradients"}),
    "one-class": _STANDS_STILL,
    "loss-spike": frozenset({"exploding-gradients", "rate-too-high"}),
    "under-fitting": _STANDS_STILL | {"one-class"},
    "plateau": _STANDS_STILL | {"one-class", "over-fitting", "under-fitting"},
}


def findings(case: HealthContext) -> Iterator[Problem]:
    """What the rules find that was not reported before and is not explained by something else."""
    reported = set(case.reported)
    for code, rule in RULES.items():
        if code not in reported and not reported & UNLESS.get(code, frozenset()):
            for finding in rule(case):
                reported.add(code)
                yield finding
