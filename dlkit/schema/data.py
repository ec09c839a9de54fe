"""Settings of `data`: where examples come from, how they are split, and what each input and target is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from dlkit.config.slices import Bound, read_share
from dlkit.schema.base import Finite, Positive, PositiveFloat, Section
from dlkit.schema.input import INPUTS, InputSettings
from dlkit.schema.source import SOURCES, SourceSettings, Wanted
from dlkit.schema.target import TARGETS, TargetSettings

if TYPE_CHECKING:
    AnySource = SourceSettings
    AnyInput = InputSettings
    AnyTarget = TargetSettings
else:
    AnySource, AnyInput, AnyTarget = SOURCES.type(), INPUTS.type(), TARGETS.type()


# What stands for a split that is left out on purpose.
OFF = "off"


class Splits(Section):
    """Which examples train, validate and test.

    Each is written as a TFDS slice, `train[:90%]` or `train[90%:]+extra`; validation and test may also be a share of
    the rows of `train`, `10%`, which are then no longer trained on.
    """

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "validation": "validation_split, val_split, valid_split, dev_split, validation_data, val_data, val_size",
        "test": "test_split, test_size, test_data",
        "by": "method, how, split_by, type",
        "column": "group, groups, group_column, time, time_column, stratify, stratify_by",
        "folds": "k, k_folds, n_splits, cv",
        "seed": "random_state, random_seed",
    }

    @classmethod
    def instead_of(cls, name: str, value: Any) -> str:
        """A share or a number of examples, as the text that was probably meant; `off` for false."""
        if value is False and name in ("validation", "test"):
            return f"write `{OFF}`"
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            return ""
        if isinstance(value, int) and value > 1:
            return f"write `train[:{value}]`" if name == "train" else f'write `"{value}"`'
        if value >= 1:
            return ""
        percent = round(100 * value, 6)
        return f"write `train[:{percent:g}%]`" if name == "train" else f"write `{percent:g}%`"

    train: str = Field("train", min_length=1, description="Examples the weights are fitted on.")
    validation: str | None = Field(
        None,
        min_length=1,
        description="Examples that choose the best epoch: a slice, or a share of `train`; `off` where none are "
        "meant to, and the weights of the last epoch are kept.",
    )
    test: str | None = Field(
        None,
        min_length=1,
        description="Examples that are used once, at the end: a slice, or a share of `train`; `off` for none.",
    )
    by: Literal["share", "stratified", "group", "time", "hash"] | None = Field(
        None,
        description="How shares are taken: at random, at random from each class alike, in whole groups, the last in "
        "time, or by a hash that keeps each row where it is when others come; `stratified` where a target has classes, "
        "else `share`. With `group`, splits of the source that share groups are reported.",
    )
    column: str | None = Field(
        None, min_length=1, description="Column of the classes, groups or times, or of what is hashed."
    )
    folds: Annotated[int, Field(ge=2)] | None = Field(
        None, description="Cut the rows of `train` into as many parts, one of which tests."
    )
    fold: Positive = Field(1, description="Which of the folds tests, from 1.")
    seed: Annotated[int, Field(ge=0)] = Field(
        0, description="Of the choice of examples, apart from that of training, so that runs can be compared."
    )

    def slices(self) -> dict[str, str]:
        """The splits that are slices of the source's, as they are written."""
        given = {"train": self.train, "validation": self.validation, "test": self.test}
        return {n: text for n, text in given.items() if text is not None and text != OFF and n not in self.shares()}

    def shares(self) -> dict[str, Bound]:
        """The splits that are shares of `train`."""
        given = {"validation": self.validation, "test": self.test}
        return {n: share for n, text in given.items() if text is not None and (share := read_share(text)) is not None}

    def has(self, split: str) -> bool:
        """Whether there is this split."""
        return getattr(self, split) not in (None, OFF) or (split == "test" and self.folds is not None)


class Clean(Section):
    """Which rows are left out. Without it, the first row that cannot be used stops the run, and is named."""

    fields_also_called: ClassVar[Mapping[str, str]] = {
        "drop": "dropna, drop_missing, drop_duplicates, remove, filter",
        "ranges": "range, valid_range, outliers, limits",
    }

    drop: list[Literal["missing", "duplicates", "unknown_labels", "unreadable"]] = Field(
        default_factory=list,
        description="Rows with a missing value that nothing fills in, rows that are there already (in training also "
        "those of validation and test), labels that no training row has, files that cannot be decoded.",
    )
    ranges: dict[str, Annotated[list[Finite | None], Field(min_length=2, max_length=2)]] = Field(
        default_factory=dict,
        description="By input, target or a column of one, the lowest and highest value that is kept; null where there "
        "is none.",
    )


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
    clean: Clean | None = Field(None, description="Which rows are left out, counted and listed.")
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

    def is_off(self, split: str) -> bool:
        """Whether a split is left out on purpose."""
        return self.splits is not None and getattr(self.splits, split) == OFF

    def wanted(self) -> Wanted:
        """The columns that are read; patterns as they are written."""
        return Wanted(
            tuple(column for name, given in self.inputs.items() for column in given.wanted(name)),
            tuple(column for name, given in self.targets.items() for column in given.wanted(name)),
            tuple(c for c in (self.weights, self.splits.column if self.splits else None) if c is not None),
            cleans_unreadable=self.clean is not None and "unreadable" in self.clean.drop,
        )
