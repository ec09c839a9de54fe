"""The typed configuration: one class a mapping, whose fields, bounds and descriptions are its documentation."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from dlkit.config.problems import Key
from dlkit.schema.base import Section, Text
from dlkit.schema.data import Data
from dlkit.schema.model import AnyModel
from dlkit.schema.registry import added_arguments
from dlkit.schema.runtime import Runtime
from dlkit.schema.target import TARGETS
from dlkit.schema.training import Training

Expectation = Annotated[str, Field(pattern=r"^\s*(>=|<=|>|<)\s*-?\d+(\.\d+)?([eE][-+]?\d+)?\s*$")]


class Config(Section):
    """A whole run."""

    @classmethod
    def fitting(cls, key: Key, data: Any) -> frozenset[str] | None:
        """The losses or metrics that fit at a key path, by the kinds of all its targets; None anywhere else.

        What a plug-in adds always fits.

        Args:
            key: where one of them is named.
            data: the configuration as it is written, as plain data.
        """
        at_target, at_training = key[:2] == ("data", "targets"), key[:1] == ("training",)
        what = key[3] if at_target and len(key) > 3 else key[1] if at_training and len(key) > 1 else None
        if what not in ("loss", "metrics"):
            return None
        try:
            targets = data["data"]["targets"]
            kinds = [targets[name]["kind"] for name in ([key[2]] if at_target else targets)]
        except (KeyError, TypeError):
            return None
        classes = [TARGETS[kind] for kind in kinds if kind in TARGETS]
        if not classes:
            return None
        sets = [kind.losses if what == "loss" else kind.metrics_that_fit for kind in classes]
        fit = frozenset.intersection(*sets) or frozenset.union(*sets)
        return fit | set(added_arguments("losses" if what == "loss" else what))

    def value_at(self, key: Key) -> Any:
        """The section or value at a key path, which is there."""
        found: Any = self
        for step in key:
            found = getattr(found, str(step)) if isinstance(found, BaseModel) else found[step]
        return found

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
