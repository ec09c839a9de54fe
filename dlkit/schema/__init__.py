"""The typed configuration: one class a mapping, whose fields, bounds and descriptions are its documentation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlkit.schema.base import Section, Text
from dlkit.schema.data import Data
from dlkit.schema.model import AnyModel
from dlkit.schema.runtime import Runtime
from dlkit.schema.training import Training

Expectation = Annotated[str, Field(pattern=r"^\s*(>=|<=|>|<)\s*-?\d+(\.\d+)?([eE][-+]?\d+)?\s*$")]


class Config(Section):
    """A whole run."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", description="Name of the run's folder: letters, digits, _ . -"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(42, description="Where all randomness starts.")
    plugins: list[Text] = Field(
        default_factory=list, description="Python modules that add sources, builders, losses or metrics."
    )
    expects: dict[str, Expectation] = Field(
        default_factory=dict, description='What a good run gives, as in `test_accuracy: ">= 0.99"`.'
    )
    data: Data = Field(description="Where examples come from and what they are.")
    model: AnyModel = Field(description="The network, made by one of the builders.")
    training: Training = Field(default_factory=Training, description="How the weights are fitted.")
    runtime: Runtime = Field(default_factory=Runtime, description="On what the program runs.")
