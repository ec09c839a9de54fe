"""`dlkit.json`, the member of a saved model that says what its inputs and targets are: its schema, and reading it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

import keras
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dlkit.data.contract import Feature, Spec
from dlkit.models.heads import units

Name = Annotated[str, Field(min_length=1, max_length=1000)]
Size = Annotated[int, Field(ge=1, le=2**31)]


class FeatureRecord(BaseModel):
    """One input or target, as `dlkit.json` holds it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: Name
    kind: Literal["image", "number", "sequence", "category", "binary"]
    shape: Annotated[list[Size | None], Field(max_length=8)]
    dtype: Name
    classes: Annotated[list[str], Field(max_length=10**6)]

    @field_validator("name")
    @classmethod
    def _is_printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("a name has no control characters")
        return name

    @field_validator("dtype")
    @classmethod
    def _is_of_numbers(cls, dtype: str) -> str:
        try:
            numbers = np.dtype(dtype).kind in "iufb" and np.dtype(dtype).name == dtype
        except TypeError:
            numbers = False
        if not numbers:
            raise ValueError("it is no NumPy type of numbers")
        return dtype

    def feature(self) -> Feature:
        return Feature(self.name, self.kind, tuple(self.shape), self.dtype, tuple(self.classes))


class About(BaseModel):
    """The content of `dlkit.json`, format 1."""

    model_config = ConfigDict(strict=True, extra="forbid")

    format: Literal[1]
    inputs: Annotated[list[FeatureRecord], Field(min_length=1, max_length=1000)]
    targets: Annotated[list[FeatureRecord], Field(min_length=1, max_length=1000)]


def describe(spec: Spec) -> dict[str, Any]:
    """A `Spec` as `dlkit.json` holds it."""
    return {
        "format": 1,
        "inputs": [asdict(f) for f in spec.inputs.values()],
        "targets": [asdict(f) for f in spec.targets.values()],
    }


def read_spec(about: Any) -> Spec:
    """What a model was trained for, from the content of `dlkit.json`.

    Raises:
        ValueError: naming the first key that is wrong.
    """
    try:
        record = About.model_validate(about)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "its content"
        raise ValueError(f"`{place[:100]}` of its dlkit.json: {first['msg']}") from None
    inputs, targets = ({r.name: r.feature() for r in part} for part in (record.inputs, record.targets))
    if len(inputs) < len(record.inputs) or len(targets) < len(record.targets):
        raise ValueError("its dlkit.json has two features of one name")
    return Spec(inputs, targets)


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
    outputs = model.output if isinstance(model.output, dict) else {next(iter(spec.targets)): model.output}
    if set(outputs) != set(spec.targets):
        raise ValueError("its outputs are not the targets of its dlkit.json")
    for name, target in spec.targets.items():
        width = tuple(outputs[name].shape[1:])
        if width != (units(target),):
            raise ValueError(f"its output for `{name}` has shape {width}, and its dlkit.json says {units(target)}")


def _listed(inputs: dict[str, tuple[Any, str]]) -> str:
    return ", ".join(f"{name[:40]} {shape} {dtype}" for name, (shape, dtype) in list(inputs.items())[:5])
