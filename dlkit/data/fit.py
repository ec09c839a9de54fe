"""What inputs and the steps of their preprocessing learn from the training rows.

It is learned in two passes: what the host stage needs from the examples as the source gives them, everything after it
from the prepared ones, so that an image is decoded and resized once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dlkit.config.problems import Key, Problem, RunError
from dlkit.data.bound import Input
from dlkit.data.contract import SOURCE_ORDER, Split, Stream
from dlkit.data.preprocessing import apply_layers, steps_on_host
from dlkit.data.values import RowPlace
from dlkit.elements import elements
from dlkit.schema.source import Piece
from dlkit.schema.step import StepSettings, UnfitError

BATCH = 1024
Fitted = tuple[dict[str, Input], list[str]]


def fit_host(inputs: Mapping[str, Input], train: Split) -> Fitted:
    """The inputs with what the host stage needs, and notes.

    Args:
        inputs: bound to their columns.
        train: the training split, as the source gives it.

    Raises:
        RunError: if an input holds NaN or infinity.
    """
    fitted, notes = {}, []
    for name, bound in inputs.items():
        if bound.settings.fitted and not bound.state:
            bound, more = _fitted_to_stream(bound, train)
            notes += more
        if isinstance(train, Stream):
            notes += bound.settings.notes_of_stream(bound)
        steps = steps_on_host(bound)
        layers = list(bound.settings.host_layers(bound)) if steps else []
        fitted[name], more = _with_steps(bound, train, layers, 0, steps)
        notes += more
    return fitted, notes


def fit_device(inputs: Mapping[str, Input], train: Split) -> Fitted:
    """The inputs with what the steps after the host stage learn, and notes; `train` is after the host stage."""
    fitted, notes = {}, []
    for name, bound in inputs.items():
        fitted[name], more = _with_steps(bound, train, [], steps_on_host(bound), len(bound.settings.preprocess))
        notes += more
    return fitted, notes


def _with_steps(bound: Input, train: Split, layers: list[Any], start: int, stop: int) -> tuple[Input, list[str]]:
    """An input with the states of some of its steps; `layers` are those between `train` and the first of them."""
    states: list[Any] = [*(bound.state.get("steps") or [None] * len(bound.settings.preprocess))]
    notes: list[str] = []
    for number in range(start, stop):
        step = bound.settings.preprocess[number]
        if step.fitted:
            state = _fitted_step(step, _batches(train, bound, layers), (*bound.key, "preprocess", number))
            notes += [f"input `{bound.name}`: {note}" for note in step.notes(state)]
            states[number] = state
        layers = [*layers, step.layer(states[number])]
    return replace(bound, state={**bound.state, "steps": states}), notes


def _fitted_step(step: StepSettings, batches: Iterator[np.ndarray], key: Key) -> dict[str, Any]:
    """What a step learns from the training rows.

    Raises:
        RunError: if it cannot learn from such rows.
    """
    try:
        return dict(step.fit(batches))
    except UnfitError as error:
        message = f"train: input `{key[2]}`: `{step.step}`: {error}"
        raise RunError(Problem(error.code, message, key, help=error.help)) from error


def _fitted_to_stream(bound: Input, train: Split) -> tuple[Input, list[str]]:
    """An input with what its kind learns from the training rows of a stream; those of arrays were seen before."""
    values = np.concatenate([np.asarray(batch) for batch in _inputs_of(train, bound.name)])
    place = RowPlace("train", bound.columns, (Piece("train", 0, None),), bound.key)
    feature, state, notes = bound.settings.fit(values, bound.feature, place)
    bound = replace(bound, feature=feature, state=dict(state))
    return bound, [*notes, *bound.settings.notes(values, bound, place)]


def _batches(split: Split, bound: Input, layers: list[Any]) -> Iterator[np.ndarray]:
    """One input of every training example after some layers, in batches, unshuffled.

    Raises:
        RunError: if one of them is not finite.
    """
    nan_allowed = bound.settings.nan_allowed(bound.feature)
    for batch in _inputs_of(split, bound.name):
        values = np.asarray(apply_layers(layers, batch))
        if values.dtype.kind == "f" and isinstance(split, Stream):
            wrong = np.isinf(values) if nan_allowed else ~np.isfinite(values)
            if wrong.any():
                raise RunError(_not_finite(bound.name))
        yield values


def _not_finite(name: str) -> Problem:
    """The problem of a stream; arrays have been looked through, row by row, before."""
    return Problem(
        "not-finite",
        f"the training split holds NaN or infinity in `{name}`: `normalize` found no mean for it",
        ("data", "inputs", name),
        help="remove those examples or fill them in; with `preprocess: []` training goes on up to one, and names it",
    )


def _inputs_of(split: Split, name: str) -> Iterator[Any]:
    """One input of every example, in batches, unshuffled."""
    if isinstance(split, Stream):
        yield from elements(split.make(0, SOURCE_ORDER).map(lambda inputs, *_: inputs[name]).batch(BATCH))
    elif name in split.held.inputs:
        values = split.held.inputs[name]
        yield from (values[i : i + BATCH] for i in range(0, len(values), BATCH))
    else:
        for start in range(0, split.size, BATCH):
            yield split.read(np.arange(start, min(start + BATCH, split.size))).inputs[name]
