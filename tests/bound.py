"""Inputs and targets of tests, bound to the settings of their kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dlkit.data.bound import Input, Spec, Target
from dlkit.schema.features import Feature
from dlkit.schema.input import INPUTS
from dlkit.schema.target import TARGETS


def an_input(feature: Feature, **settings: Any) -> Input:
    """An input of this feature, with the defaults of its kind where nothing else is said."""
    return Input(feature, settings=INPUTS[feature.kind].model_validate({"kind": feature.kind, **settings}))


def a_target(feature: Feature, **settings: Any) -> Target:
    """A target of this feature, likewise."""
    return Target(feature, settings=TARGETS[feature.kind].model_validate({"kind": feature.kind, **settings}))


def spec_of(inputs: list[Feature], targets: list[Feature]) -> Spec:
    """What a model has to know of such data."""
    return Spec({f.name: an_input(f) for f in inputs}, {f.name: a_target(f) for f in targets})


def fitted(spec: Spec, **states: Any) -> Spec:
    """The same with what was fitted, by name of input or target."""
    return replace(
        spec,
        inputs={name: replace(given, state=states[name]) for name, given in spec.inputs.items()},
        targets={name: replace(given, state=states[name]) for name, given in spec.targets.items()},
    )
