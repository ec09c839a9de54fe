"""A source that is opened once, both for its splits and for words that say where its rows are."""

from __future__ import annotations

from typing import Any

from dlkit.data.contract import Splits
from dlkit.data.load import load_splits, open_source
from dlkit.schema import Config
from dlkit.schema.source import SourceData, SourceRows, SourceSettings, Wanted


class _Opened(SourceSettings):
    """A source that is open already."""

    kind: str = "opened"
    opened: Any

    def open(self, wanted: Wanted) -> SourceData:
        """The source."""
        source: SourceData = self.opened
        return source


def read(config: Config, data: Any = None) -> tuple[SourceData, Splits]:
    """The source of a configuration, and its data cut into splits.

    Args:
        config: the configuration.
        data: examples from Python instead of its source.

    Raises:
        ConfigError: if the configuration does not fit the source.
        RunError: if the data cannot be read, or hold what cannot be trained on.
    """
    source = open_source(config.data, given=data)
    return source, load_splits(config.data.model_copy(update={"source": _Opened(opened=source)}))


def place(source: SourceData, number: int) -> str:
    """Words for a row that is counted through all splits of its source."""
    return SourceRows(source.sizes, source.place or (lambda split, row: f"row {row} of `{split}`"))(number)
