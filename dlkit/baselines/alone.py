"""Baselines of a configuration's data, without a network."""

from __future__ import annotations

from typing import Any

from dlkit.baselines.compare import baselines
from dlkit.baselines.material import gather
from dlkit.config.problems import ConfigError, Problem
from dlkit.data.load import load_splits
from dlkit.data.subset import limited
from dlkit.models.losses import Choice
from dlkit.schema.loader import Loaded


def of_config(loaded: Loaded, *, data: Any = None) -> dict[str, Any]:
    """Fit and judge the baselines of a configuration; see `dlkit.baselines.compare.baselines`.

    Args:
        loaded: the configuration.
        data: examples given in Python, as for `dlkit.train`.

    Raises:
        ConfigError: if there is no split to judge on, or the configuration does not fit the data.
        RunError: if the data cannot be read.
    """
    with loaded.locating():
        splits = limited(load_splits(loaded.config.data, given=data), loaded.config)
        material = gather(splits)()
        if material is None:
            message = "there is neither a test nor a validation split to judge on"
            help = "hold some examples back, as in `splits: {test: 20%}`"
            raise ConfigError(Problem("no-test", message, ("data", "splits"), help=help))
        return baselines(material, Choice(loaded.config.training, loaded.plugins.functions))
