"""Every value in a model file may be wrong: it is used all the same, or refused with a message, and takes no memory."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlkit.config.problems import RunError
from dlkit.data.contract import in_memory
from dlkit.evaluation.compiled import Compiled, figures
from dlkit.evaluation.predictions import batch_size, of_split
from dlkit.evaluation.trained import Trained
from dlkit.models.saving import load_model
from tests.models.crafted import Small, little_memory

WRONG = ["x", 3, -1, 10**9, 2.5, None, [], {}, True, [[1, 2]], "\x1b[2J", {"class_name": "Dense", "config": {}}]
IMAGES, LABELS = np.zeros((5, 8, 8, 1), np.uint8), np.array([0, 1, 2, 0, 1], np.int32)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The key path of every value below one."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in below:
        yield (*path, key)
        yield from places(part, (*path, key))


def changed(root: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        root = root[key]
    root[path[-1]] = copy.deepcopy(value)


# Five has nothing in common with the number of wrong values, so that every one of them is tried.
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_every_value_may_be_wrong(step: int, tmp_path: Path) -> None:
    """A wrong value at every so many places, another one each time; all together were tried once, to the same end."""
    small = Small(tmp_path)
    split = in_memory({"x": IMAGES}, {"y": LABELS})
    used = refused = 0
    for which, base in (("config", small.config), ("about", small.about)):
        for number, path in list(enumerate(places(base)))[::step]:

            def change(config: Any, about: Any, which: str = which, path: Any = path, number: int = number) -> None:
                changed(config if which == "config" else about, path, WRONG[number % len(WRONG)])

            file = small.write(tmp_path / "x.keras", change)
            try:
                with little_memory(), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    trained = Trained(file, *load_model(file), None)
                    compiled = Compiled(trained)
                    figures(compiled, of_split(trained, compiled, split, "test", batch_size(trained, 32)))
                used += 1
            except RunError as error:
                (problem,) = error.problems
                assert problem.code in ("damaged-model", "model-not-trusted", "model-does-not-run")
                assert problem.message.isprintable(), path
                assert len(problem.message) < 600, path
                refused += 1
    assert refused > 150 / step and used > 20 / step
