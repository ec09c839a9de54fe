"""Settings of `data`: where examples come from, how they are split, and what each input and target is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dlkit.schema.base import Positive, PositiveFloat, Section
from dlkit.schema.input import INPUTS, InputSettings
from dlkit.schema.source import SOURCES, SourceSettings, Wanted
from dlkit.schema.target import TARGETS, TargetSettings

if TYPE_CHECKING:
    AnySource = SourceSettings
    AnyInput = InputSettings
    AnyTarget = TargetSettings
else:
    AnySource, AnyInput, AnyTarget = SOURCES.type(), INPUTS.type(), TARGETS.type()


class Splits(Section):
    """Which examples train, validate and test. Written as TFDS slices: `train[:90%]`, `train[90%:]+extra`."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "validation": "validation_split, val_split, valid_split, dev_split, validation_data, val_data, val_size",
        "test": "test_split, test_size, test_data",
    }

    @classmethod
    def instead_of(cls, name: str, value: Any) -> str:
        """A share or a number of examples, as the slice that was probably meant."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            return ""
        if isinstance(value, int) and value > 1:
            return f"write `train[:{value}]`" if name == "train" else f"write `train[-{value}:]`"
        if value >= 1:
            return ""
        percent = round(100 * value, 6)
        return f"write `train[:{percent:g}%]`" if name == "train" else f"write `train[{100 - percent:g}%:]`"

    train: str = Field("train", min_length=1, description="Examples the weights are fitted on.")
    validation: str | None = Field(None, min_length=1, description="Examples that choose the best epoch.")
    test: str | None = Field(None, min_length=1, description="Examples that are used once, at the end.")


class Data(Section):
    """Where examples come from and what they are."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "weights": "weight, sample_weight, sample_weights, example_weight, example_weights"
    }

    source: AnySource | None = Field(
        None, description="Where examples come from; not needed when arrays are given in Python."
    )
    splits: Splits | None = Field(
        None, description="Which examples train, validate and test; by default the source's splits of those names."
    )
    inputs: dict[str, AnyInput] = Field(min_length=1, description="What the model sees, by name.")
    targets: dict[str, AnyTarget] = Field(min_length=1, description="What the model predicts, by name.")
    weights: str | None = Field(
        None, min_length=1, description="Column of the source with a weight for each example; by default each is 1."
    )
    batch_size: Positive = Field(32, description="Examples per update of the weights, over all replicas.")
    shuffle: bool = Field(True, description="A new order of the training examples in each epoch, from the seed.")
    shuffle_buffer: Positive = Field(
        10_000, description="Examples held for shuffling a stream, a source that cannot be indexed."
    )
    feed: Literal["auto", "device", "pipeline"] = Field(
        "auto",
        description="How batches reach the model: from arrays held on the device, or through tf.data; by size if auto.",
    )
    cache: Literal["auto", "memory", "disk", "off"] = Field(
        "auto",
        description="Where examples that were decoded and resized are kept: in memory, on the disk for later runs, or "
        "nowhere; by size if auto.",
    )
    cache_limit: PositiveFloat = Field(
        20.0, description="Largest size in GiB of a run's prepared examples that `cache: auto` or `disk` keeps."
    )
    device_limit: PositiveFloat = Field(
        1024.0, description="Largest size in MiB of data that `feed: auto` holds on the device."
    )

    def wanted(self) -> Wanted:
        """The columns that are read; patterns as they are written."""
        return Wanted(
            tuple(column for name, given in self.inputs.items() for column in given.wanted(name)),
            tuple(column for name, given in self.targets.items() for column in given.wanted(name)),
            (self.weights,) if self.weights is not None else (),
        )
