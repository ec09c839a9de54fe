"""Looking at data in Python: `dlkit.describe(...)` and `dlkit.show(...)`, as `dlkit data` does on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit.api import Overrides, load_config
from dlkit.progress.quiet import load_tensorflow

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from dlkit.looking.describe import Description
    from dlkit.looking.network import Network


def describe(
    config: str | Path | Mapping[str, Any], overrides: Overrides | None = None, *, data: Any = None
) -> Description:
    """What the data of a configuration are: splits, sizes, classes, ranges, lengths, what is missing, examples, leaks.

    Args:
        config: path of a YAML file, or the same content as a dictionary.
        overrides: values by dotted key; they win over the file.
        data: as for `train`.

    Returns:
        A description that prints as a page of text; `content` holds the same as plain values.

    Raises:
        ConfigError: if the configuration is wrong or does not fit the data.
        RunError: if the data cannot be read.

    Example:
        >>> print(dlkit.describe("configs/mnist_quick.yaml"))
    """
    loaded = load_config(config, overrides, needs_source=data is None)
    load_tensorflow()
    from dlkit.checks.rules import leaks_and_shifts
    from dlkit.looking.describe import describe

    with loaded.locating():
        return describe(loaded.config, data, leaks_and_shifts)


def show(
    config: str | Path | Mapping[str, Any] | keras.Model,
    overrides: Overrides | None = None,
    *,
    data: Any = None,
    split: str = "train",
    count: int = 16,
) -> Figure | Network | None:
    """Show some examples as the network is given them: raw, prepared, augmented; or the layers of a model.

    Args:
        config: path of a YAML file, or the same content as a dictionary; or a Keras model, such as a builder's.
        overrides: values by dotted key; they win over the file.
        data: as for `train`.
        split: train, whose first batch they begin, or validation or test.
        count: how many examples.

    Returns:
        The picture, a figure of matplotlib's, which a notebook shows. Inputs that make none are printed as a table;
        None where all are such. Of a model its layers, which print as a table, and as a picture too in a notebook.

    Raises:
        ConfigError: if the configuration is wrong, does not fit the data, or has no such split.
        RunError: if the data cannot be read.
        TypeError: if a model has no graph of layers.
    """
    if not isinstance(config, str | Path | Mapping):
        from dlkit.looking.network import network

        return network(config)
    loaded = load_config(config, overrides, needs_source=data is None)
    load_tensorflow()
    from dlkit.looking.picture import draw
    from dlkit.training.look import look

    with loaded.locating():
        examples = look(loaded.config, data, split=split, count=count)
    for line in examples.table():
        print(line)
    return draw(examples) if examples.pictured else None
