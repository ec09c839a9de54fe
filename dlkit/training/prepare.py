"""Data and model of a run, before it trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from dlkit.data.contract import Splits
from dlkit.data.feeding import Feeder, make_feeder
from dlkit.data.load import load_splits
from dlkit.data.preprocessing import Preprocessing, fit, host_stage, make_preprocessing
from dlkit.data.subset import limited
from dlkit.models.build import BuiltModel, build
from dlkit.schema import Config
from dlkit.schema.loader import Loaded

# Looks at the data before the model is built: lines to be noted, or a ConfigError.
PreCheck = Callable[[Loaded, Splits, Preprocessing], Sequence[str]]


def prepare(loaded: Loaded, data: Any = None, pre_check: PreCheck | None = None) -> tuple[Splits, BuiltModel]:
    """Load the data and build the model with its preprocessing fitted on the training split; look at both before.

    Returns:
        The splits, after the host stage, and the model.
    """
    config = loaded.config
    splits = load_splits(config.data, given=data)
    splits = limited(splits, config)
    preprocessing = make_preprocessing(config.data)
    fit(preprocessing, splits.train)
    if pre_check is not None:
        splits = replace(splits, notes=(*splits.notes, *pre_check(loaded, splits, preprocessing)))
    built = build(config, splits.spec, preprocessing, loaded.plugins.functions)
    return host_stage(preprocessing, splits), built


def training_feeder(splits: Splits, config: Config) -> Feeder:
    """Batches of the training split, each that of an update."""
    passes = config.training.optimizer.gradient_accumulation_steps or 1
    return make_feeder(splits.train, splits.spec, config.data, training=True, passes=passes)
