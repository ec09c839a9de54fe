"""`dlkit.json`, the member of a saved model that says what its inputs and targets are: its schema, and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

import keras
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dlkit.data.bound import Input, Spec, Target
from dlkit.models.build import named
from dlkit.schema.features import Feature
from dlkit.schema.input import INPUTS
from dlkit.schema.registry import Registry
from dlkit.schema.target import TARGETS

Name = Annotated[str, Field(min_length=1, max_length=1000)]
Size = Annotated[int, Field(ge=1, le=2**31)]


class UnknownKindError(ValueError):
    """A model has an input or target of a kind that neither dlkit nor a plug-in at hand has."""


class FeatureRecord(BaseModel):
    """One input or target, as `dlkit.json` holds it. Format 1 has neither settings nor state."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Name
    kind: Name
    shape: Annotated[list[Size | None], Field(max_length=8)]
    dtype: Name
    classes: Annotated[list[str], Field(max_length=10**6)]
    ragged: bool = False
    settings: dict[str, Any] = {}
    state: dict[str, Any] = {}

    @field_validator("name")
    @classmethod
    def _is_printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("a name has no control characters")
        return name

    @field_validator("dtype")
    @classmethod
    def _is_a_type(cls, dtype: str) -> str:
        if dtype == "string":
            return dtype
        try:
            numbers = np.dtype(dtype).kind in "iufb" and np.dtype(dtype).name == dtype
        except TypeError:
            numbers = False
        if not numbers:
            raise ValueError("it is no type of numbers or text")
        return dtype

    def feature(self) -> Feature:
        """The raw form."""
        return Feature(self.name, self.kind, tuple(self.shape), self.dtype, tuple(self.classes), self.ragged)

    def chosen(self, registry: Registry[Any]) -> Any:
        """Its settings, as the class of the kind has them.

        Raises:
            UnknownKindError: if there is no such kind.
            ValueError: if the settings are not its own.
        """
        if self.kind not in registry:
            raise UnknownKindError(f"its {registry.what} `{self.name[:60]}` is of kind `{self.kind[:60]}`")
        return registry[self.kind].model_validate(self.settings or {"kind": self.kind})


class About(BaseModel):
    """The content of `dlkit.json`, formats 1 and 2."""

    model_config = ConfigDict(strict=True, extra="forbid")

    format: Literal[1, 2]
    inputs: Annotated[list[FeatureRecord], Field(min_length=1, max_length=1000)]
    targets: Annotated[list[FeatureRecord], Field(min_length=1, max_length=1000)]


def describe(spec: Spec) -> dict[str, Any]:
    """A `Spec` as `dlkit.json` holds it: features, settings and what was fitted of every input and target.

    Losses and metrics are left out: those of the model stand in what it was compiled with, and a plug-in's are not its.
    """

    def one(bound: Input | Target) -> dict[str, Any]:
        settings = bound.settings.model_dump(mode="json", exclude_unset=True, exclude={"loss", "metrics"})
        return {**asdict(bound.feature), "settings": settings, "state": dict(bound.state)}

    return {
        "format": 2,
        "inputs": [one(bound) for bound in spec.inputs.values()],
        "targets": [one(bound) for bound in spec.targets.values()],
    }


def read_spec(about: Any) -> Spec:
    """What a model was trained for, from the content of `dlkit.json`.

    Raises:
        UnknownKindError: if a plug-in has to add a kind.
        ValueError: naming the first key that is wrong.
    """
    try:
        record = About.model_validate(about)
        inputs = {r.name: Input(r.feature(), state=r.state, settings=r.chosen(INPUTS)) for r in record.inputs}
        targets = {r.name: Target(r.feature(), state=r.state, settings=r.chosen(TARGETS)) for r in record.targets}
        if record.format == 1:
            # Labels were the numbers of their classes, and nothing was fitted that the model does not hold itself.
            targets = {n: replace(t, state=t.settings.fit_stream(t.feature)) for n, t in targets.items()}
        else:
            _check_states([*inputs.values(), *targets.values()])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "its content"
        raise ValueError(f"`{place[:100]}` of its dlkit.json: {first['msg']}") from None
    if len(inputs) < len(record.inputs) or len(targets) < len(record.targets):
        raise ValueError("its dlkit.json has two features of one name")
    return Spec(inputs, targets)


def _check_states(every: Sequence[Input | Target]) -> None:
    """Refuse states that were not fitted to such settings and features."""
    for bound in every:
        try:
            bound.settings.check_state(bound.state, bound.feature)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, ("state", *first["loc"])))
            raise ValueError(f"`{place[:100]}` of `{bound.name[:40]}` in its dlkit.json: {first['msg']}") from None
        except ValueError as error:
            raise ValueError(f"`{bound.name[:40]}` in its dlkit.json: {error}") from None


def check_described(model: keras.Model, spec: Spec) -> None:
    """Refuse a model that is not what its `dlkit.json` says.

    Raises:
        ValueError: if inputs or outputs differ in number, shape or type.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ValueError("it has no inputs")
    given = {x.name: (tuple(x.shape[1:]), keras.backend.standardize_dtype(x.dtype)) for x in model.inputs}
    said = {name: (f.shape, keras.backend.standardize_dtype(f.dtype)) for name, f in spec.inputs.items()}
    if given != said:
        raise ValueError(f"its inputs are {_listed(given)}, and its dlkit.json says {_listed(said)}")
    outputs = named(model.output, spec.targets)
    if set(outputs) != set(spec.targets):
        raise ValueError("its outputs are not the targets of its dlkit.json")
    for name, target in spec.targets.items():
        width = tuple(outputs[name].shape[1:])
        if width != (target.units,):
            raise ValueError(f"its output for `{name}` has shape {width}, and its dlkit.json says {target.units}")


def _listed(inputs: dict[str, tuple[Any, str]]) -> str:
    return ", ".join(f"{name[:40]} {shape} {dtype}" for name, (shape, dtype) in list(inputs.items())[:5])
