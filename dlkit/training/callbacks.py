"""Keras callbacks in the loop, with the meaning that Keras gives them under `steps_per_execution`.

The loop runs chunks of updates in one call; a callback's `on_train_batch_*` is called once for each chunk, with
the number of its first or last batch, unless it asks for `every_step`.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras

from dlkit.config.causes import reported_as
from dlkit.config.problems import Key, Problem
from dlkit.files import write_text
from dlkit.schema.keras_objects import Callback, keras_class
from dlkit.schema.plugins import call_plugin
from dlkit.training.checkpoints.files import Progress
from dlkit.training.listeners import RunPlan


class Callbacks:
    """The callbacks of a run.

    Attributes:
        every_step: whether one of them wants to be called after every update.
    """

    def __init__(self, settings: Sequence[Callback], plugins: Mapping[str, Callable[..., Any]]) -> None:
        """Make them.

        Args:
            settings: `training.callbacks`.
            plugins: those of the user's plug-ins, by name.
        """
        self.every_step = any(given.every_step for given in settings)
        self._names = [given.name for given in settings]
        self._all = [_make(given, number, plugins) for number, given in enumerate(settings)]
        self._model: keras.Model | None = None

    def attach(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        directions: Mapping[str, str | None],
    ) -> None:
        """Give them the model, whose optimizer is the loop's, so that they can change its learning rate.

        Args:
            model: raw input to logits.
            optimizer: of the loop.
            directions: `min` or `max` by the name of each loss and metric, for those whose `mode` is left open.
        """
        for callback in self._all:
            if getattr(callback, "mode", None) == "auto":
                found = directions.get(str(getattr(callback, "monitor", "")).removeprefix("val_"))
                callback.mode = found or "auto"
        if self._all:
            self._model, model.optimizer = model, optimizer
            self._call("set_model", model)

    def without_state(self) -> list[str]:
        """Names of those whose state no checkpoint keeps."""
        pairs = zip(self._names, self._all, strict=True)
        return [name for name, c in pairs if not (hasattr(c, "get_state") and hasattr(c, "set_state"))]

    def cut_back(self, epochs: int) -> None:
        """Training goes on after this many epochs: the rows that files have of later ones are dropped.

        Called before `train_begin`, or while training goes on.
        """
        for number, (name, callback) in enumerate(zip(self._names, self._all, strict=True)):
            if isinstance(callback, keras.callbacks.CSVLogger):
                with _blamed(name, "on_train_begin", number):
                    opened = callback.csv_file is not None
                    if opened:
                        callback.csv_file.close()
                    _cut_rows(Path(callback.filename), callback.sep, epochs)
                    callback.append = True
                    if opened:
                        callback.on_train_begin()

    def train_begin(self, plan: RunPlan) -> None:
        """Training begins, or goes on."""
        if self._model is not None:
            self._model.stop_training = False
        self._call("set_params", {"epochs": plan.epochs, "steps": plan.steps, "verbose": 0})
        self._call("on_train_begin", {})

    def epoch_begin(self, epoch: int) -> None:
        """An epoch begins, or goes on; counted from 0, as Keras does."""
        self._call("on_epoch_begin", epoch, {})

    def batch_begin(self, batch: int) -> None:
        """A chunk begins with this batch of the epoch, counted from 0."""
        self._call("on_train_batch_begin", batch, {})

    def batch_end(self, batch: int, logs: dict[str, float], progress: Progress) -> None:
        """A chunk ended with this batch of the epoch, counted from 0."""
        self._call("on_train_batch_end", batch, dict(logs))
        self._see_whether_to_stop(progress)

    def epoch_end(self, row: Mapping[str, Any], progress: Progress) -> None:
        """An epoch and its validation ended."""
        logs = {name: value for name, value in row.items() if name != "epoch" and value is not None}
        self._call("on_epoch_end", row["epoch"] - 1, logs)
        self._see_whether_to_stop(progress)

    def train_end(self) -> None:
        """Training ended."""
        self._call("on_train_end", {})

    def get_state(self) -> list[Any]:
        """What each of them gives to be kept in a checkpoint, None for one that gives nothing."""
        states = []
        for number, (name, callback) in enumerate(zip(self._names, self._all, strict=True)):
            with _blamed(name, "get_state", number):
                # Through JSON, as a checkpoint keeps it: what that cannot keep is refused here.
                states.append(json.loads(json.dumps(callback.get_state())) if hasattr(callback, "get_state") else None)
        return states

    def set_state(self, states: Sequence[Any]) -> None:
        """Give each of them back what it gave; none, where there are others than when the checkpoint was made."""
        if len(states) == len(self._all):
            for number, (name, callback, state) in enumerate(zip(self._names, self._all, states, strict=True)):
                if state is not None and hasattr(callback, "set_state"):
                    with _blamed(name, "set_state", number):
                        callback.set_state(state)

    def _call(self, hook: str, *arguments: Any) -> None:
        for number, (name, callback) in enumerate(zip(self._names, self._all, strict=True)):
            with _blamed(name, hook, number):
                getattr(callback, hook)(*arguments)

    def _see_whether_to_stop(self, progress: Progress) -> None:
        if self._model is not None and self._model.stop_training:
            progress.stop("callback", "a callback set `model.stop_training`")


def _make(given: Callback, number: int, plugins: Mapping[str, Callable[..., Any]]) -> keras.callbacks.Callback:
    if given.name in plugins:
        return call_plugin(f"callback `{given.name}`", _key(number), plugins[given.name], **given.arguments)
    made = keras_class(given.category, given.name)
    assert made is not None
    with _blamed(given.name, "__init__", number):
        return made(**given.arguments)


def _cut_rows(path: Path, separator: str, epochs: int) -> None:
    """Drop the rows of one run at the end of a CSV file that are of later epochs, which Keras counts from 0."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(file)
    last = math.inf
    while len(lines) > 1:
        first = lines[-1].split(separator)[0]
        whole = first.isdigit() and lines[-1].endswith("\n")
        # Rows before a greater number are those of another run in the same file.
        if whole and (int(first) < epochs or int(first) > last):
            break
        last = int(first) if whole else last
        lines.pop()
    write_text(path, "".join(lines))


def monitor_of(given: Callback) -> str | None:
    """The column that one of Keras's callbacks monitors; None for one that monitors none, and for a plug-in's."""
    made = keras_class(given.category, given.name)
    parameter = inspect.signature(made).parameters.get("monitor") if made is not None else None
    return None if parameter is None else str(given.arguments.get("monitor", parameter.default))


def _blamed(name: str, hook: str, number: int) -> AbstractContextManager[None]:
    """Within the block, whatever is raised is reported as the callback's mistake."""
    return reported_as(
        lambda error: Problem(
            "callback-failed",
            f"the callback `{name}` raised {type(error).__name__} in {hook}: {error}",
            key=_key(number),
            help="correct it, and go on from the newest checkpoint with --resume; --debug shows where",
        )
    )


def _key(number: int) -> Key:
    return ("training", "callbacks", number)
