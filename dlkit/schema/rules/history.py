"""Rules on the columns of the history: they differ, and what is monitored and expected is among them."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.problems import Key, Problem
from dlkit.schema import Config
from dlkit.schema.history import BESIDE, Figure, figures, monitor_problems, unknown_figure


def columns_differ(config: Config) -> Iterator[Problem]:
    """Each figure has a name of its own, in the history, in the validation and in the test."""
    owners = {column: (Figure(column, (), f"the column `{column}` of every run"), "") for column in BESIDE}
    reported: set[Key] = set()
    for figure in figures(config):
        for prefix, split in (("", ""), ("val_", " in the validation"), ("test_", " in the test")):
            column = f"{prefix}{figure.column}"
            other, other_split = owners.setdefault(column, (figure, split))
            # `training.metrics` are those of every target.
            if other is figure or figure.key in reported:
                continue
            reported.add(figure.key)
            message = f"two figures would be called `{column}`: {other.words}{other_split}, and {figure.words}{split}"
            if other.words == figure.words:
                message = f"{figure.words} is asked for twice with the same arguments"
            help = "leave one of them out, or give the target or the plug-in's metric another name"
            yield Problem("contradiction", message, figure.key, label="the second one", help=help)


def monitor_is_a_column(config: Config) -> Iterator[Problem]:
    """The monitored column is the loss or a metric; what is decided by `val_` figures needs a validation split."""
    splits, columns = config.data.splits, [figure.column for figure in figures(config)]
    # The splits of a source are not known yet.
    yield from monitor_problems(config.training, columns, validation=splits is None or splits.has("validation"))


def expects_what_the_run_has(config: Config) -> Iterator[Problem]:
    """Expectations are of `test_` or `val_` and the loss or a metric."""
    columns, splits = [figure.column for figure in figures(config)], config.data.splits
    for name in config.expects:
        key: Key = ("expects", name)
        prefix, _, column = name.partition("_")
        if prefix not in ("test", "val") or column not in columns:
            yield unknown_figure(name, [f"{p}_{c}" for c in columns for p in ("test", "val")], key)
        elif splits is not None and not splits.has(split := "test" if prefix == "test" else "validation"):
            yield Problem(
                "contradiction",
                f"`{name}` is expected and there is no {split} split",
                key,
                label=f"needs `data.splits.{split}`",
            )
