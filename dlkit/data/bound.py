"""Inputs and targets of a run, bound to the columns that they read and to what was fitted on the training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dlkit.config.problems import Key
from dlkit.schema.data import Data
from dlkit.schema.features import Feature, Shape
from dlkit.schema.fitted import State
from dlkit.schema.input import InputSettings
from dlkit.schema.target import TargetSettings


@dataclass(frozen=True)
class _Bound:
    """What inputs and targets have in common.

    Attributes:
        feature: its raw form.
        columns: of the source, side by side; empty where there is no source.
        state: what was fitted on the training rows, as plain values that JSON keeps.
    """

    feature: Feature
    columns: tuple[str, ...] = ()
    state: State = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As in the configuration."""
        return self.feature.name

    @property
    def kind(self) -> str:
        """As in the configuration."""
        return self.feature.kind

    @property
    def shape(self) -> Shape:
        """Of one example, without the batch; None for a size that varies."""
        return self.feature.shape

    @property
    def dtype(self) -> str:
        """NumPy name of the type in which examples arrive."""
        return self.feature.dtype

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in order of their integers."""
        return self.feature.classes


@dataclass(frozen=True)
class Input(_Bound):
    """One input of a run; its kind is in `settings`."""

    settings: InputSettings = field(kw_only=True)

    @property
    def key(self) -> Key:
        """Path of its settings."""
        return ("data", "inputs", self.name)


@dataclass(frozen=True)
class Target(_Bound):
    """One target of a run; its kind is in `settings`."""

    settings: TargetSettings = field(kw_only=True)

    @property
    def key(self) -> Key:
        """Path of its settings."""
        return ("data", "targets", self.name)

    @property
    def units(self) -> int:
        """Width of the head."""
        return self.settings.units(self)


@dataclass(frozen=True)
class Spec:
    """What a model has to know of the data.

    Attributes:
        inputs: what the model sees, by name: features, or inputs bound to their settings.
        targets: what it predicts, by name, likewise.
        sizes: number of examples by split (train, validation, test); None where unknown.
    """

    inputs: Mapping[str, Any]
    targets: Mapping[str, Any]
    sizes: Mapping[str, int | None] = field(default_factory=dict)


def bound(spec: Spec, data: Data) -> Spec:
    """The spec with every feature bound to its settings."""
    inputs = {
        name: Input(given, settings=data.inputs[name]) if isinstance(given, Feature) else given
        for name, given in spec.inputs.items()
    }
    targets = {
        name: Target(given, settings=data.targets[name]) if isinstance(given, Feature) else given
        for name, given in spec.targets.items()
    }
    return replace(spec, inputs=inputs, targets=targets)
