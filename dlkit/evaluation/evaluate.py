"""Evaluation of a saved model on a split, on raw examples, with the losses and metrics that it was compiled with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlkit.config.problems import ConfigError, Problem
from dlkit.data.bound import Spec
from dlkit.data.contract import Split, Splits
from dlkit.data.load import load_splits
from dlkit.evaluation.compiled import Compiled, figures
from dlkit.evaluation.flips import note, with_flips
from dlkit.evaluation.predictions import batch_size, of_split
from dlkit.evaluation.trained import Trained, check_fit, open_trained
from dlkit.runs import RunFolder
from dlkit.schema import loader
from dlkit.schema.loader import Loaded


@dataclass(frozen=True)
class Evaluation:
    """How a model did on a split.

    Attributes:
        model: its file.
        split: train, validation or test.
        examples: how many there were.
        figures: loss and metrics by name.
        notes: lines for the user.
    """

    model: Path
    split: str
    examples: int
    figures: dict[str, float]
    notes: tuple[str, ...] = ()


def evaluate(
    run_or_model: str | Path,
    *,
    loaded: Loaded | None = None,
    split: str = "test",
    data: Any = None,
    runs_folder: Path = Path("runs"),
    flips: str | None = None,
    trust: bool = False,
) -> Evaluation:
    """Loss and metrics of a saved model on a split.

    Args:
        run_or_model: a run's folder, `latest`, the name of a configuration, or the path of a `.keras` file.
        loaded: the configuration whose data are used; the run's own if None.
        split: train, validation or test.
        data: examples given in Python, as for `dlkit.train`.
        runs_folder: where run folders are.
        flips: test-time augmentation, as `with_flips` takes it.
        trust: run the code that comes with the run or model; see `open_trained`.

    Raises:
        ConfigError: if there is no such run or split, or the data do not fit the model.
        RunError: if the model or the data cannot be read.
    """
    trained = with_flips(open_trained(run_or_model, runs_folder, loaded=loaded, trust=trust), flips)
    loaded = loaded or own_config(trained, needs_source=data is None, trust=trust)
    with loaded.locating():
        splits, chosen = load_split(loaded, split, data, trained.spec)
        check_fit(trained.spec, splits.spec)
    parts = of_split(
        trained, compiled := Compiled(trained), chosen, split, batch_size(trained, loaded.config.data.batch_size)
    )
    found, examples = figures(compiled, parts)
    if not examples:
        raise ConfigError(Problem("empty-split", f"split `{split}` has no examples", help="look at what it is made of"))
    return Evaluation(trained.path, split, examples, found, (*splits.notes, *note(trained), *_left_out(loaded)))


def _left_out(loaded: Loaded) -> Iterator[str]:
    """What the figures are not, since a saved model holds Keras's own losses and metrics alone."""
    config, functions = loaded.config, loaded.plugins.functions
    for name, target in config.data.targets.items():
        loss, metrics = target.loss_of(config), target.metrics_of(config) or []
        if loss is not None and loss.name in functions["losses"]:
            yield (
                f"the loss of `{name}` is `{target.default_loss}`: `{loss.name}` of a plug-in is not in the saved model"
            )
        for metric in metrics:
            if metric.name in functions["metrics"]:
                yield f"`{metric.name}` of a plug-in is not in the saved model, and not counted"


def evaluate_run(
    folder: RunFolder, *, split: str = "test", data: Any = None, flips: str | None = None, trust: bool = False
) -> dict[str, float]:
    """Loss and metrics of a run's saved model on a split of its data, by name; see `evaluate`."""
    return evaluate(folder.path, split=split, data=data, flips=flips, trust=trust).figures


def own_config(trained: Trained, *, needs_source: bool = True, trust: bool = False) -> Loaded:
    """The configuration of the run that a model comes from.

    Raises:
        ConfigError: if the model has been moved out of its run.
    """
    if trained.folder is None:
        raise ConfigError(
            Problem(
                "no-config",
                f"{trained.path} is not in a run folder, so nothing says which data to use",
                help="name a configuration with --data CONFIG",
            )
        )
    return loader.load_run_config(trained.folder.config, needs_source=needs_source, trust=trust)


def load_split(loaded: Loaded, split: str, data: Any = None, fitted: Spec | None = None) -> tuple[Splits, Split]:
    """A configuration's data, and one split of it.

    Raises:
        ConfigError: if there is no such split.
    """
    splits = load_splits(loaded.config.data, given=data, fitted=fitted)
    there = splits.by_name
    if split not in there:
        raise ConfigError(
            Problem(
                "no-such-split",
                f"there is no {split} split",
                ("data", "splits"),
                help=f"choose one with --split: {', '.join(there)}",
            )
        )
    return splits, there[split]
