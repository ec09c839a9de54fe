"""One preparation for everything that needs data and a model: training, resuming, `check`, `find-lr` and replays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from dlkit.config.problems import ConfigError, DlkitError, Key, Problem
from dlkit.data.bound import Spec
from dlkit.data.contract import Splits
from dlkit.data.feeding import Feeder, make_feeder
from dlkit.data.load import load_spec, load_splits
from dlkit.data.prepare import Progress, fit_and_stage
from dlkit.data.stream_sizes import with_sizes
from dlkit.data.subset import limited
from dlkit.models.build import BuiltModel, build
from dlkit.models.pretrained import take_pretrained
from dlkit.schema import Config
from dlkit.schema.keras_objects import refusals_of_keras
from dlkit.schema.loader import Loaded
from dlkit.training.best import check_monitor, chosen_monitor, with_mode
from dlkit.training.initial import take_weights
from dlkit.training.limits import shortened
from dlkit.training.notes import Note
from dlkit.training.program.metrics import RunningMetrics
from dlkit.training.program.optimizers import make_optimizer
from dlkit.training.trained import Trained, trained_weights

# Looks at what is known of the data before the model is built, the splits (None where they could not be read) among
# it: lines to be noted, or a ConfigError.
PreCheck = Callable[[Loaded, Spec, Splits | None], Sequence[str]]


@dataclass(frozen=True)
class Prepared:
    """Data and model of a configuration, ready to be trained or looked at.

    Attributes:
        loaded: the configuration as it is run: shortened where `fast_dev_run` asks for it.
        built: the model, its preprocessing fitted where there are data; layers that begin frozen are.
        trained: which of its weights are trained, and how.
        known_splits: the data after the host stage, None where only their Spec is known.
        notes: what is worth a line.
    """

    loaded: Loaded
    built: BuiltModel
    trained: Trained
    known_splits: Splits | None
    notes: tuple[Note, ...] = ()

    @property
    def config(self) -> Config:
        """The configuration as it is run."""
        return self.loaded.config

    @property
    def splits(self) -> Splits:
        """The data after the host stage, which have been read."""
        assert self.known_splits is not None, "prepared without data"
        return self.known_splits

    def training_feeder(self) -> Feeder:
        """Batches of the training split, each that of an update."""
        passes = self.config.training.optimizer.gradient_accumulation_steps or 1
        return make_feeder(self.splits.train, self.splits.spec, self.config.data, training=True, passes=passes)

    def evaluation_feeder(self, split: str) -> Feeder | None:
        """Batches of `validation` or `test`; None where there is no such split."""
        examples = getattr(self.splits, split)
        return None if examples is None else make_feeder(examples, self.splits.spec, self.config.data, training=False)

    def identity(self) -> dict[str, Any]:
        """What a checkpoint must have in common with a run that goes on from it."""
        training = self.config.training
        return {
            # Shapes and types in order; Keras numbers layers by what a process made before, so names do not count.
            "model": _digest([(list(v.shape), v.dtype) for v in self.built.network.weights]),
            "training_data": self.splits.fingerprint.get("train"),
            "batch_size": self.config.data.batch_size,
            "seed": self.config.seed,
            "optimizer": training.optimizer.name,
            "learning_rate": training.optimizer.learning_rate,
            "monitor": chosen_monitor(training, validation=self.splits.validation is not None)[0],
        }


def prepare(
    loaded: Loaded,
    data: Any = None,
    *,
    use_data: bool = True,
    fitted: Spec | None = None,
    pre_check: PreCheck | None = None,
    weights_from: Path | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Read the data, fit the preprocessing on the training split, build the model.

    Args:
        loaded: the configuration, through the text phase.
        data: examples given in Python, as for `dlkit.train`.
        use_data: False builds the model from what is known of the data without reading any.
        fitted: what was fitted on the training rows when the run began; fitted now if None.
        pre_check: looks at both before the model takes any memory.
        weights_from: where the run of `training.init_from` is looked for; None leaves fresh weights everywhere.
        progress: called while examples are decoded and resized.

    Raises:
        ConfigError: with every mistake of data, model and optimizer together, not yet located.
        RunError: if the data cannot be read.
    """
    loaded = replace(loaded, config=shortened(loaded.config))
    mistakes = _Mistakes()
    staged: Splits | None = None
    splits: Splits | None = None
    spec: Spec | None = None
    model: tuple[BuiltModel, Trained, list[Note]] | None = None
    with mistakes.collected():
        if use_data:
            splits, staged = _read(loaded, data, fitted, progress)
            spec = splits.spec
        else:
            spec = _known_spec(loaded)
    with mistakes.collected():
        if mistakes.found and spec is None:
            spec = _guessed_spec(loaded)
        if spec is not None:
            model = _model(loaded, spec, splits, pre_check, weights_from)
            training = with_mode(loaded.config.training, RunningMetrics(model[0]).directions())
            loaded = replace(loaded, config=loaded.config.model_copy(update={"training": training}))
    with mistakes.collected():
        _must_have_optimizer(loaded.config)
    mistakes.raise_if_any()
    assert model is not None
    built, trained, notes = model
    return Prepared(loaded, built, trained, staged, tuple(notes))


def _read(loaded: Loaded, data: Any, fitted: Spec | None, progress: Progress | None) -> tuple[Splits, Splits]:
    """The splits with what preprocessing learned from the training rows, and the same after the host stage."""
    raw = with_sizes(limited(load_splits(loaded.config.data, given=data, fitted=fitted), loaded.config))
    # What decodes files may take minutes: the model's mistakes are reported before.
    before = partial(build, loaded.config, functions=loaded.plugins.functions)
    return fit_and_stage(raw, loaded.config.data, fitted=fitted is not None, before=before, progress=progress)


def _model(
    loaded: Loaded,
    spec: Spec,
    splits: Splits | None,
    pre_check: PreCheck | None,
    weights_from: Path | None,
) -> tuple[BuiltModel, Trained, list[Note]]:
    """The model with the weights it begins with, which of them are trained, and what is said of data and weights."""
    settings = loaded.config.training
    looked_at = pre_check(loaded, spec, splits) if pre_check is not None else ()
    built = build(loaded.config, spec, functions=loaded.plugins.functions)
    mistakes, notes = _Mistakes(), [("data", line) for line in (*(splits.notes if splits else ()), *looked_at)]
    with mistakes.collected():
        validation = "validation" in spec.sizes if splits is None else splits.validation is not None
        # What nothing is known of may be there.
        check_monitor(settings, RunningMetrics(built).names(), validation=validation or not spec.sizes)
    with mistakes.collected():
        if weights_from is not None:
            begins = (
                take_pretrained(built.network, built.origins, loaded.config)
                if settings.init_from is None
                else [take_weights(built, settings.init_from, weights_from)]
            )
            notes[:0] = [("initial-weights", line) for line in begins]
    trained: Trained | None = None
    with mistakes.collected():
        trained = trained_weights(built.network, settings)
    mistakes.raise_if_any()
    assert trained is not None
    return built, trained, notes


def _must_have_optimizer(config: Config) -> None:
    """Refuse what Keras refuses of the optimizer's settings."""
    settings = config.training.optimizer
    with refusals_of_keras("the optimizer", ("training", "optimizer"), "optimizer-refused"):
        make_optimizer(settings, settings.learning_rate, config.runtime.precision)


def _known_spec(loaded: Loaded) -> Spec:
    """What is known of the data without reading any example.

    Raises:
        ConfigError: if that is too little for a model.
    """
    data = loaded.config.data
    spec = load_spec(data)
    if spec is not None:
        return spec
    problems = [
        _not_known(settings.from_data, name, (family, name), settings.instead_of_data)
        for family, members in (("inputs", data.inputs), ("targets", data.targets))
        for name, settings in members.items()
        if settings.without_source(name) is None
    ]
    help = "check without --no-data"
    raise ConfigError(problems or Problem("spec-unknown", "too little is known without reading the data", help=help))


def _not_known(what: str, name: str, key: Key, instead: str) -> Problem:
    """What only the data say of an input or target."""
    message = f"the {what} of `{name}` can only be known by reading the data"
    help = f"{instead}, or check without --no-data" if instead else "check without --no-data"
    return Problem("spec-unknown", message, ("data", *key), help=help)


def _guessed_spec(loaded: Loaded) -> Spec | None:
    """What is known although the data could not be read, so that mistakes of the model are reported as well."""
    try:
        return load_spec(loaded.config.data)
    except DlkitError:
        return None


def _digest(content: Any) -> str:
    """The first 16 hexadecimal digits of a JSON value's SHA-256."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class _Mistakes:
    """Errors of several steps, raised together once all steps that can be tried have been."""

    def __init__(self) -> None:
        self.found: list[DlkitError] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Within the block, an error of dlkit's is kept."""
        try:
            yield
        except DlkitError as error:
            self.found.append(error)

    def raise_if_any(self) -> None:
        """Raise what was kept: as one error, of the worst kind."""
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            worst = max((type(error) for error in self.found), key=lambda kind: kind.exit_status)
            raise worst(problem for error in self.found for problem in error.problems)
